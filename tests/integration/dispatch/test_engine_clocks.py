"""Clocks jump and hosts disagree about the time: nothing expires, leaves early or waits because of it."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.echo import NO_CONNECTION

from gatepost.dispatch import asking, decide, line, outcomes, runner, submitting, worker
from gatepost.messages import clock

TIMED = (asking, clock, decide, line, outcomes, runner, submitting, worker)


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch):
    """From the call on, the clock of the worker's host is so far off."""

    def jump(by: timedelta) -> None:
        class Jumped(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + by

        for module in TIMED:
            if hasattr(module, "datetime"):
                monkeypatch.setattr(module, "datetime", Jumped)
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() + by.total_seconds())

    return jump


@pytest.mark.parametrize("by", [timedelta(days=10), timedelta(days=-10)])
async def test_a_worker_whose_clock_jumps_expires_nothing_and_sends_nothing_early(engine, jump, by):
    engine.other_side.behave = lambda messages: NO_CONNECTION
    [later] = await engine.accept(send_at=datetime.now(UTC) + timedelta(hours=1))
    engine.start_worker()
    [first] = await engine.accept()
    await engine.until_attempted(first)
    jump(by)
    ids = await engine.accept(5)
    for message_id in (first, *ids):
        await engine.until_attempted(message_id)
    engine.other_side.behave = None
    await engine.until_states([first, *ids], "submitted")
    assert engine.states([later]) == {later: "queued"}
    assert sorted(engine.accepted_ids()) == [first, *ids]
    assert engine.rows("select fence from gateway_lease") == [(1,)]


async def test_a_retry_waits_as_long_as_the_provider_says_whatever_the_clock_says(engine, jump):
    jump(timedelta(days=-10))
    engine.other_side.behave = lambda messages: NO_CONNECTION
    engine.start_worker()
    [message_id] = await engine.accept()
    await engine.until_attempted(message_id)
    [(due_at, now)] = engine.rows("select due_at, now() from outbox where message_id = %s", message_id)
    assert abs(due_at - now) < timedelta(minutes=1)


async def test_while_the_databases_clock_is_not_to_be_trusted_nothing_expires(engine):
    ids = await engine.accept(5)
    engine.run("update outbox set expires_at = now() - interval '1 second'")
    worker = engine.start_worker()
    worker._clock.note(datetime.now(UTC) - timedelta(days=10))
    await engine.beats(8)
    assert set(engine.states(ids).values()) == {"queued"}
    worker._clock._steady_from = 0.0
    await engine.until_states(ids, "expired")
    assert engine.accepted_ids() == []
