"""kill -9 while a campaign is made into messages, and while these are sent: everybody gets it once, none is missing."""

import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from tests.faults.arena import BATCH, Arena
from tests.faults.checker import SETTLED
from tests.support.installation import wait_until
from tests.support.reporting import Say

from gatepost.campaigns import running, services
from gatepost.campaigns.models import Campaign, Recipient

pytestmark = pytest.mark.faults

PEOPLE = 6_000
MAKE_PEOPLE = """
    insert into contact (workspace_id, kind, status, category, full_name, phones, plans, services, labels, custom,
                         custom_keys, login_key, name_key, email_key, billing_email_key, login, email, billing_email,
                         external_id, billing, language, time_zone)
    select %s, 'customer', 'active', 'person', 'Person ' || n, array[(48600000000 + n)::text], '{}', '{}', '{}', '{}',
           '{}', '', '', '', '', '', '', '', '', '', '', ''
      from generate_series(1, %s) n
"""
BY_NUMBER = "select count(*), count(distinct to_digits), count(distinct id) from message where campaign_id = %s"


def test_killed_twice_a_campaign_reaches_everybody_once(arena: Arena, say: Say, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "UNDO", timedelta(0))
    gateway = arena.add_gateway("one", BATCH, parallel=4)
    arena.script(delay_s=(0.0, 0.005))
    workspace = arena.gatepost.workspace
    with connection.cursor() as cursor:
        cursor.execute(MAKE_PEOPLE, [workspace.pk, PEOPLE])
    said = {"name": "Works", "text": "Dear {{ full_name }}", "gateway": str(gateway.pk), "missing": "skip"}
    row = services.create(workspace, said, actor="test")
    worker = arena.gatepost.start_worker()
    running.send(row, count=PEOPLE, actor="test")

    def taken() -> int:
        row.refresh_from_db()
        return row.taken

    wait_until(lambda: taken() > 0, 60, "the first chunk")
    worker.kill()
    row.refresh_from_db()
    assert (row.status, row.taken < PEOPLE) == (Campaign.Status.EXPANDING, True), "the kill came too late"
    first = row.taken
    killed_at = time.monotonic()
    worker = arena.gatepost.start_worker()
    wait_until(lambda: taken() > first, 60, "the campaign to go on")
    went_on_s = time.monotonic() - killed_at
    wait_until(lambda: arena.count_accepted() > PEOPLE / 3, 60, "a third of it to be sent")
    worker.kill()
    assert arena.count_accepted() < PEOPLE, "the kill came too late to prove anything"
    arena.gatepost.start_worker()
    wait_until(lambda: taken() == PEOPLE and row.status == Campaign.Status.SENT, 90, "the campaign to end")
    arena.settle()

    assert arena.gatepost.rows(BY_NUMBER, row.pk) == [(PEOPLE, PEOPLE, PEOPLE)]
    assert Recipient.objects.filter(campaign=row, reason="").values("address").distinct().count() == PEOPLE
    states = Counter(one[0] for one in arena.gatepost.rows("select state from message"))
    accepted = Counter(ref for one in arena.requests() if one.is_accepted for ref in one.refs)
    say(f"killed at {first} of {PEOPLE}, went on after {went_on_s:.1f} s; {dict(states)}; accepted {len(accepted)}")
    assert set(accepted.values()) == {1}, "somebody got it twice"
    assert set(states) <= SETTLED | {"unknown"}
    assert states["unknown"] <= 2 * arena.window(gateway)
    assert len(accepted) >= PEOPLE - states["unknown"]
