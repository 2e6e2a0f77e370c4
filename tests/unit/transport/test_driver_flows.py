"""Queries, polls, look-ups, balances and checks."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.transport.flows import AUTH, GATEWAY, SUBMIT, ScriptedEgress, a_provider, failed, ok

from gatepost.providers.base import (
    Balance,
    Cached,
    Commit,
    Flow,
    Inbound,
    Later,
    MalformedAnswer,
    Renew,
    Stop,
    call,
    send,
)
from gatepost.sms.outcomes import Refusal, not_sent, refused
from gatepost.transport.driver import Driver, FlowResult
from gatepost.transport.egress import Cause

PROVIDER = a_provider(lambda batch, gateway, ctx: iter(()))  # type: ignore[arg-type,return-value]
DENIED = refused(Refusal.AUTH, 401, "denied")


async def run(flow: Any, *replies: Any, **kw: Any) -> FlowResult[Any]:
    return await Driver(ScriptedEgress(list(replies))).run_flow(flow, PROVIDER, GATEWAY, **kw)


def balance() -> Flow[Balance]:
    answer = yield call(AUTH, "balance")
    return Balance(Decimal(answer.body.decode()), "points")


async def test_a_flow_brings_its_value() -> None:
    result = await run(balance, ok(b"12.5"))
    assert result.value == Balance(Decimal("12.5"), "points")
    assert result.outcome is None
    assert [exchange.label for exchange in result.exchanges] == ["balance"]


@pytest.mark.parametrize("is_sent", [True, False])
async def test_without_an_answer_the_outcome_says_why(is_sent: bool) -> None:
    result = await run(balance, failed(Cause.LOST, is_sent))
    assert result.value is None
    assert result.outcome == not_sent(Cause.LOST)


async def test_an_unreadable_answer_and_a_stop_come_as_outcomes() -> None:
    def odd() -> Flow[Balance]:
        yield call(AUTH)
        raise MalformedAnswer("the body is not JSON", "<html> tok-secret-1")

    def denied() -> Flow[Balance]:
        yield call(AUTH)
        raise Stop(DENIED)

    result = await run(odd, ok())
    assert result.outcome is not None
    assert (result.outcome.cause, result.outcome.words) == ("the body is not JSON", "<html> •••")
    assert (await run(denied, ok())).outcome == DENIED


async def test_a_refused_value_is_renewed_once() -> None:
    def flow() -> Flow[str]:
        def sign_in() -> Flow[str]:
            return str((yield call(AUTH)).body.decode())

        token = yield Cached("token", 60, sign_in)
        answer = yield call(SUBMIT)
        if answer.status == 401:
            raise Renew("token", DENIED)
        return f"read with {token}"

    egress = ScriptedEgress([ok(b"t1"), ok(), ok(b"", 401), ok(b"t2"), ok(), ok(b"", 401), ok(b"t3"), ok(b"", 401)])
    driver = Driver(egress)
    seen = [await driver.run_flow(flow, PROVIDER, GATEWAY) for _ in range(3)]
    assert [result.value for result in seen] == ["read with t1", "read with t2", None]
    assert seen[2].outcome == DENIED


async def test_only_a_submit_may_send() -> None:
    def flow() -> Flow[None]:
        yield send(SUBMIT)

    egress = ScriptedEgress([ok()])
    result = await Driver(egress).run_flow(flow, PROVIDER, GATEWAY)
    assert result.outcome is not None
    assert result.outcome.cause == "adapter fault"
    assert egress.asked == []


def poll() -> Flow[Later]:
    yield call(AUTH, "page 1")
    yield Commit((Inbound("48100", "7000", "hi"),), "c1")
    yield call(AUTH, "confirm 1")
    return Later(5, "c1")


async def test_a_commit_is_stored_before_the_flow_goes_on() -> None:
    egress = ScriptedEgress([ok(), ok()])
    stored: list[tuple[Commit, int]] = []

    async def store(commit: Commit) -> None:
        stored.append((commit, len(egress.asked)))

    result = await Driver(egress).run_flow(poll, PROVIDER, GATEWAY, on_commit=store)
    assert result.value == Later(5, "c1")
    assert stored == [(Commit((Inbound("48100", "7000", "hi"),), "c1"), 1)]


async def test_what_storing_raises_is_the_callers_and_nothing_is_confirmed() -> None:
    class DatabaseIsAway(Exception):
        pass

    async def store(commit: Commit) -> None:
        raise DatabaseIsAway

    egress = ScriptedEgress([ok(), ok()])
    with pytest.raises(DatabaseIsAway):
        await Driver(egress).run_flow(poll, PROVIDER, GATEWAY, on_commit=store)
    assert len(egress.asked) == 1


async def test_a_commit_that_nobody_stores_is_a_fault() -> None:
    result = await run(poll, ok(), ok())
    assert result.outcome is not None
    assert result.outcome.cause == "adapter fault"
