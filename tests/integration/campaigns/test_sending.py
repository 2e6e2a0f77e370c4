"""From a draft to messages: who gets what, who does not and why, and that nobody gets it twice."""

from typing import Any

import pytest
from procrastinate.exceptions import JobAborted
from tests.integration.campaigns.conftest import Killed, Office, Uninterrupted
from tests.support.tenants import ACTOR

from gatepost.audience import segments
from gatepost.campaigns import assembling, expanding, running, services, watching
from gatepost.campaigns.models import Campaign, Recipient
from gatepost.dispatch.models import Outbox
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Lane, Message, Suppression
from gatepost.problems import Problem

pytestmark = pytest.mark.django_db


def test_everybody_meant_gets_the_text_with_their_own_values(office: Office) -> None:
    office.people(3)
    row = office.sent(office.draft())
    assert (row.status, row.taken, row.excluded) == (Campaign.Status.SENDING, 3, {})
    sent = Message.objects.order_by("id")
    assert [one.body for one in sent] == [f"Dear Person{n}, tonight we work on the network." for n in range(3)]
    assert {(one.kind, one.lane, one.campaign_id) for one in sent} == {("mass", Lane.BULK, row.pk)}
    assert set(Recipient.objects.values_list("item_id", flat=True)) == {one.pk for one in sent}


def test_who_gets_nothing_stands_in_the_list_with_the_reason(office: Office) -> None:
    first, second, *_ = office.people(2)
    office.people(1, phones=[])
    office.people(1, phones=[f"+{first.phone}"])
    office.people(1, status="blocked")
    office.people(1, full_name="")
    Suppression.objects.create(workspace=office.workspace, digits=second.phone)
    forecast = office.forecast(row := office.draft(missing="skip"))
    expected = {"no_number": 1, "duplicate": 1, "blocked": 1, "missing_value": 1, "suppressed": 1}
    assert {one.reason: one.count for one in forecast.ways[0].excluded} == expected
    row = office.sent(row)
    assert row.excluded == expected
    assert row.taken == Message.objects.count() == forecast.messages == 1
    assert Recipient.objects.filter(reason="missing_value").get().words == "Without a value: first_name."


def test_a_job_that_is_interrupted_goes_on_where_it_was(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembling, "CHUNK", 2)
    office.people(5)
    row = office.draft()
    office.forecast(row)
    running.send(row, count=5, actor=ACTOR)
    Campaign.objects.update(starts_at="2026-01-01T00:00Z")
    with pytest.raises(JobAborted):
        expanding.run(Killed(), row.pk)  # type: ignore[arg-type]
    assert Message.objects.count() == 2
    assert Campaign.objects.get().status == Campaign.Status.EXPANDING
    row = office.expanded(row)
    assert row.taken == Message.objects.count() == 5
    assert Message.objects.values("to_digits").distinct().count() == 5


class GatewayGoes(Uninterrupted):
    """Surroundings in which the gateway is switched off before that step."""

    def __init__(self, step: int) -> None:
        self.steps_left = step

    def check(self) -> None:
        self.steps_left -= 1
        if not self.steps_left:
            Gateway.objects.update(is_active=False)


@pytest.mark.parametrize(("step", "taken"), [(1, 0), (2, 2)])
def test_where_its_gateway_is_gone_it_pauses_says_why_and_goes_on_once_there_is_one(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: int, taken: int
) -> None:
    monkeypatch.setattr(assembling, "CHUNK", 2)
    office.people(3)
    row = office.draft()
    office.forecast(row)
    running.send(row, count=3, actor=ACTOR)
    Campaign.objects.update(starts_at="2026-01-01T00:00Z")
    expanding.run(GatewayGoes(step), row.pk)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert (row.status, row.taken, row.excluded) == (Campaign.Status.PAUSED, taken, {})
    assert row.trouble.startswith("There is no gateway.")
    Gateway.objects.update(is_active=True)
    row = office.expanded(running.resume(row, actor=ACTOR))
    assert (row.status, row.taken, row.excluded, row.trouble) == (Campaign.Status.SENDING, 3, {}, "")


def test_what_is_sent_is_the_version_that_was_seen(office: Office) -> None:
    office.people(1)
    row = office.draft()
    seen = row.version
    services.save(row, {"text": "Other"}, actor=ACTOR)
    with pytest.raises(Problem) as refused:
        running.send(row, count=1, version=seen, actor=ACTOR)
    assert (refused.value.code, refused.value.more) == ("campaign_changed", {"version": seen + 1})
    said = {"count": 1, "version": seen}
    answer = office.api().post(f"/api/v1/campaigns/{row.pk}/send", said, "application/json")
    assert answer.json()["code"] == "campaign_changed"


@pytest.mark.parametrize("filter_", [{}, {"all": []}, {"not": {"any": [{"all": []}]}}])
def test_a_segment_or_filter_without_a_condition_is_everybody_too(office: Office, filter_: dict[str, Any]) -> None:
    office.people(2)
    segment = segments.save(office.workspace, "All of them", filter_, actor=ACTOR)
    for said in ({"segment_id": segment.pk}, {"filter": filter_}):
        row = office.draft(**said)
        office.forecast(row)
        with pytest.raises(Problem) as refused:
            running.send(row, actor=ACTOR)
        assert refused.value.code == "count_needed"


def test_pause_and_resume_hold_what_waits_and_let_it_go(office: Office) -> None:
    office.people(3)
    row = office.sent(office.draft())
    row = running.pause(row, actor=ACTOR)
    assert set(Outbox.objects.values_list("held", flat=True)) == {"campaign paused"}
    row = running.resume(row, actor=ACTOR)
    assert (row.status, set(Outbox.objects.values_list("held", flat=True))) == (Campaign.Status.SENDING, {None})


def test_cancel_takes_what_waits_out_of_the_queue(office: Office) -> None:
    office.people(3)
    row = running.cancel(office.sent(office.draft()), actor=ACTOR)
    watching.run(row.pk)
    row.refresh_from_db()
    assert (row.status, row.tallies) == (Campaign.Status.CANCELLED, {"sms": {"cancelled": 3}})
    assert not Outbox.objects.exists()


def test_a_draft_that_everybody_fits_wants_the_number_typed(office: Office) -> None:
    office.people(2)
    row = office.draft()
    office.forecast(row)
    with pytest.raises(Problem) as refused:
        running.send(row, actor=ACTOR)
    assert (refused.value.code, refused.value.more) == ("count_needed", {"count": 2})
    row = services.save(row, {"filter": {"all": [{"field": "login", "op": "is", "value": "p0"}]}}, actor=ACTOR)
    office.forecast(row)
    assert running.send(row, actor=ACTOR).planned == 1
