"""What `make bench` measures of campaigns: from contacts and a text to the last recorded state."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.large import cookies
from tests.bench.measuring import (
    CODE_CONNECTIONS,
    CODES_FROM,
    CODES_PER_S,
    Bench,
    Sample,
    added,
    delays_ms,
    watched,
)
from tests.bench.ours import Ours, RunningOurs
from tests.bench.results import percentile
from tests.bench.sides import PREFIX, TEXT, Setup, Side, request
from tests.bench.tools import BenchError, Player, wait_until, write_requests

POLL_S = 0.1
LOOKS_PER_S = 2.0
PEOPLE = """
    insert into contact (workspace_id, kind, status, category, login, login_key, full_name, name_key, phones, plans,
                         services, labels, custom, custom_keys, external_id, email, email_key, billing_email,
                         billing_email_key, billing, language, time_zone)
    select w.id, 'customer', 'active', 'person', lpad(n::text, 7, '0'), lpad(n::text, 7, '0'), 'Person ' || n,
           'person ' || n, array[%s || lpad(n::text, 7, '0')], '{}', '{}', '{}', '{}', '{}', '', '', '', '', '', '', '',
           ''
      from workspace w, generate_series(0, %s) n
"""
EMPTY = "truncate contact, campaign, campaign_recipient, campaign_plan cascade"
BEGIN = "update campaign set starts_at = now() where id = %s"
BEGIN_JOB = (
    "update procrastinate_jobs set scheduled_at = now() where task_name = 'campaigns.expand' and status = 'todo'"
)
TOOK = """
    select extract(epoch from expanded_at - started_at)::float8, extract(epoch from now() - started_at)::float8,
           taken, status
      from campaign where id = %s
"""


def one_by_one(bench: Bench, side: Side) -> list[Sample]:
    """F13: how long it takes until all messages are in the queue, while they are being sent."""
    return [_campaign(bench, side, Setup())]


def in_batches(bench: Bench, side: Side) -> list[Sample]:
    """F13 in batches."""
    return [_campaign(bench, side, Setup(is_batching=True))]


def codes(bench: Bench, side: Side) -> list[Sample]:
    """F13 code: like F6, from planning a campaign to its last recorded state, while somebody looks at the history."""
    sizes, provider = bench.sizes, bench.world.provider
    idle_ids = range(CODES_FROM, CODES_FROM + sizes.codes)
    busy_ids = range(CODES_FROM + 100_000, CODES_FROM + 100_000 + int(CODES_PER_S * sizes.timeout_s))
    with _planned(bench, side, Setup()) as (live, number, _):
        idle = _codes(bench, live, idle_ids).finish()
        idle_ms = delays_ms(idle, idle_ids, provider.wait_for(idle_ids, sizes.timeout_s).time_of())
        provider.reset()
        live.mark()
        looking, asking = _looks(bench, live, side), _codes(bench, live, busy_ids)
        try:
            _planned_s(bench, live, number, sizes.campaign)
            _begin(live, number, sizes.campaign)
            sent = "select count(*) from message where campaign_id = %s and state = 'submitted'"
            wait_until(
                lambda: live.rows(sent, number)[0][0] >= sizes.campaign, sizes.timeout_s, "the campaign to end", 0.2
            )
            looking.stop()
            asking.stop()
        except BaseException:
            looking.kill()
            asking.kill()
            raise
        asked, looked = asking.finish(), looking.finish()
        coded = busy_ids[: asked.requests]
        busy_ms = delays_ms(
            asked, coded, provider.wait_for([*range(sizes.campaign), *coded], sizes.timeout_s).time_of()
        )
    page_ms = [(end - begin) / 1e6 for begin, end, _ in looked.per_request]
    sample = added(idle_ms, busy_ms)
    page = f"{percentile(page_ms, 50):.0f}/{percentile(page_ms, 95):.0f} ms, {len(page_ms)} looks"
    return [Sample(sample.value, sample.facts | {"history page p50/p95": page})]


def _campaign(bench: Bench, side: Side, setup: Setup) -> Sample:
    count = bench.sizes.campaign
    with _planned(bench, side, setup) as (live, number, planned_s):
        live.mark()
        cpu_before = live.cpu_seconds()
        _begin(live, number, count)
        with watched(live) as seen:
            live.wait_recorded(range(count), bench.sizes.timeout_s)
            [(expanded_s, whole_s, taken, status)] = live.rows(TOOK, number)
            cpu = live.cpu_seconds()
        if expanded_s is None or taken != count:
            raise BenchError(f"{taken:,} of {count:,} people were written to; the campaign is {status}")
        requests = bench.world.provider.stats()["requests"]
        facts = {
            "sent": f"{count / whole_s:,.0f} messages/s, from the first chunk to the last recorded state",
            "plan": f"{planned_s:.1f} s",
            "processor": " + ".join(f"{role} {cpu[role] - cpu_before.get(role, 0.0):.1f} s" for role in sorted(cpu)),
            "jobs at their highest": f"{max(each.get('jobs', 0) for each in seen) / 1e6:.0f} MB",
            "requests to the provider": f"{requests:,.0f}",
        }
        return Sample(expanded_s, facts)


@contextmanager
def _planned(bench: Bench, side: Side, setup: Setup) -> Iterator[tuple[RunningOurs, int, float]]:
    """A side with people and a campaign to all of them: its id, and how long its plan took in seconds."""
    if not isinstance(side, Ours):
        raise BenchError("it has no campaigns")
    count = bench.sizes.campaign
    bench.world.provider.reset()
    with side.running(setup) as live:
        live.rows(EMPTY)
        live.rows(PEOPLE, PREFIX, count - 1)
        live.rows("analyze contact")
        _wait_for_jobs(bench, live)
        text = TEXT.replace("{n:07d}", "{{ login }}")
        number = live.call("POST", "/api/v1/campaigns", {"name": "Bench", "text": text})["id"]
        yield live, number, _planned_s(bench, live, number, count)


def _begin(live: RunningOurs, number: int, count: int) -> None:
    """Send it. Nobody waits here for those who might want to undo it."""
    live.call("POST", f"/api/v1/campaigns/{number}/send", {"count": count})
    live.rows(BEGIN, number)
    live.rows(BEGIN_JOB)


def _codes(bench: Bench, live: RunningOurs, ids: range) -> Player:
    path = write_requests(bench.world.folder / "codes", (live.single(n, is_code=True) for n in ids))
    return bench.world.tools.play(
        live.port,
        path,
        connections=CODE_CONNECTIONS,
        expect=live.expect,
        rate=CODES_PER_S,
        timeout_s=bench.sizes.timeout_s,
    )


def _looks(bench: Bench, live: RunningOurs, side: Ours) -> Player:
    """Somebody who looks at the history time and again."""
    workspace = live.rows("select min(id) from workspace")[0][0]
    look = request("GET", f"/w/{workspace}/history/", [("Cookie", cookies(live, side))])
    path = write_requests(bench.world.folder / "looks", [look] * int(LOOKS_PER_S * bench.sizes.timeout_s))
    return bench.world.tools.play(
        live.port, path, connections=1, expect=200, rate=LOOKS_PER_S, timeout_s=bench.sizes.timeout_s
    )


def _wait_for_jobs(bench: Bench, live: RunningOurs) -> None:
    """Until the process that runs the jobs has started: a plan for nobody."""
    nobody = {"text": "Hello", "filter": {"field": "login", "op": "is", "value": "nobody"}}
    number = live.call("POST", "/api/v1/campaigns", nobody)["id"]
    _planned_s(bench, live, number, 0)


def _planned_s(bench: Bench, live: RunningOurs, number: int, count: int) -> float:
    """How long the plan takes, which has to say that everybody gets a message."""
    path = f"/api/v1/campaigns/{number}/plan"
    began = time.monotonic()
    live.call("POST", path)
    wait_until(lambda: live.call("GET", path)["state"] != "running", bench.sizes.timeout_s, "the plan", poll_s=POLL_S)
    took_s = time.monotonic() - began
    plan = live.call("GET", path)
    if plan["state"] != "done" or plan["forecast"]["messages"] != count:
        raise BenchError(f"the plan is {plan['state']}: {plan['trouble'] or plan['forecast']['excluded']}")
    return took_s
