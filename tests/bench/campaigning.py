"""What `make bench` measures of campaigns: from contacts and a text to the last recorded state."""

import time

from tests.bench.measuring import Bench, Sample, watched
from tests.bench.ours import Ours, RunningOurs
from tests.bench.sides import PREFIX, TEXT, Setup, Side
from tests.bench.tools import BenchError, wait_until

POLL_S = 0.1
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


def _campaign(bench: Bench, side: Side, setup: Setup) -> Sample:
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
        planned_s = _planned_s(bench, live, number, count)
        live.call("POST", f"/api/v1/campaigns/{number}/send", {"count": count})
        live.mark()
        cpu_before = live.cpu_seconds()
        # Nobody waits here for those who might want to undo it.
        live.rows(BEGIN, number)
        live.rows(BEGIN_JOB)
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
