"""Values that outlive a flow: one sign-in for all, renewed when it is refused, hidden in every trace."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.unit.transport.flows import AUTH, BATCH, CTX, GATEWAY, SUBMIT, ScriptedEgress, a_provider, failed, ok

from gatepost.providers.base import (
    Batch,
    Cached,
    Context,
    Flow,
    Forget,
    Gateway,
    MalformedAnswer,
    Renew,
    Results,
    Stop,
    call,
    send,
)
from gatepost.providers.wire import Request
from gatepost.sms.outcomes import Kind, Refusal, accepted, not_sent, refused, unknown
from gatepost.transport.cache import FlowCache
from gatepost.transport.driver import Driver
from gatepost.transport.egress import Cause, Reply

DENIED = refused(Refusal.AUTH, 401, "denied")


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Sleepy:
    """An egress that answers a sign-in with a new session each time, and lets others run meanwhile."""

    def __init__(self, *, fails: bool = False) -> None:
        self.sign_ins = 0
        self.sends: list[Request] = []
        self.fails = fails
        self.refused: set[bytes] = set()

    async def exchange(self, request: Request, **_: Any) -> Reply:
        await asyncio.sleep(0.005)
        if request is AUTH:
            self.sign_ins += 1
            return failed(Cause.CONNECT, False) if self.fails else ok(f"session-{self.sign_ins}".encode())
        self.sends.append(request)
        return ok(b"", 401 if request.body in self.refused else 200)


def sign_in() -> Flow[str]:
    answer = yield call(AUTH, "sign in")
    return str(answer.body.decode())


def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
    session = yield Cached("session", 60, sign_in)
    answer = yield send(replace(SUBMIT, body=session.encode()))
    if answer.status == 401:
        raise Renew("session", DENIED)
    return batch.all(accepted(session))


PROVIDER = a_provider(submit)


async def test_a_value_is_fetched_once_and_kept_for_its_time() -> None:
    clock, egress = Clock(), Sleepy()
    driver = Driver(egress, FlowCache(clock))
    keys = []
    for clock.now_s in (1000.0, 1059.9, 1060.1):
        result = await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
        keys.append(result.outcomes["r1"].keys[0])
    assert keys == ["session-1", "session-1", "session-2"]


async def test_the_answer_may_say_how_long_the_value_lives() -> None:
    def brief(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        def fetch() -> Flow[tuple[str, float]]:
            return (yield from sign_in()), 5

        session = yield Cached("session", 60, fetch)
        yield send(SUBMIT)
        return batch.all(accepted(session))

    clock, egress = Clock(), Sleepy()
    driver, provider = Driver(egress, FlowCache(clock)), a_provider(brief)
    for clock.now_s in (1000.0, 1004.9, 1005.1):
        result = await driver.run_submit(provider, BATCH, GATEWAY, CTX)
    assert egress.sign_ins == 2
    assert result.outcomes["r1"] == accepted("session-2")


async def test_concurrent_submits_share_one_sign_in() -> None:
    egress = Sleepy()
    driver = Driver(egress)
    results = await asyncio.gather(*(driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX) for _ in range(20)))
    assert egress.sign_ins == 1
    assert {result.outcomes["r1"] for result in results} == {accepted("session-1")}
    assert sorted(len(result.exchanges) for result in results) == [1] * 19 + [2]


async def test_a_failed_sign_in_fails_all_who_wait_and_is_tried_by_the_next() -> None:
    egress = Sleepy(fails=True)
    driver = Driver(egress)
    results = await asyncio.gather(*(driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX) for _ in range(5)))
    assert egress.sign_ins == 1
    assert {result.outcomes["r1"] for result in results} == {not_sent(Cause.CONNECT)}
    assert not egress.sends
    egress.fails = False
    assert (await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)).outcomes["r1"].kind is Kind.ACCEPTED


async def test_a_cancelled_sign_in_is_taken_over_by_one_who_waits() -> None:
    egress = Sleepy()
    driver = Driver(egress)
    first = asyncio.create_task(driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX))
    await asyncio.sleep(0)
    others = [asyncio.create_task(driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)) for _ in range(3)]
    await asyncio.sleep(0.001)
    first.cancel()
    results = await asyncio.gather(*others)
    assert first.cancelled()
    assert {result.outcomes["r1"].kind for result in results} == {Kind.ACCEPTED}
    assert egress.sign_ins == 1


async def test_accounts_do_not_share_a_value() -> None:
    egress = Sleepy()
    driver = Driver(egress)
    other = Gateway("acme", {**GATEWAY.settings, "login": "someone else"}, GATEWAY.name)
    for gateway in (GATEWAY, other, GATEWAY):
        await driver.run_submit(PROVIDER, BATCH, gateway, CTX)
    assert egress.sign_ins == 2


async def test_a_refused_value_is_renewed_and_the_flow_run_once_more() -> None:
    egress = Sleepy()
    driver = Driver(egress)
    await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    egress.refused.add(b"session-1")
    result = await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    assert result.outcomes["r1"] == accepted("session-2")
    assert [sent.body for sent in egress.sends] == [b"session-1", b"session-1", b"session-2"]
    assert [e.label for e in result.exchanges] == ["send", "sign in", "send"]


async def test_a_value_that_this_very_flow_fetched_is_not_renewed_again() -> None:
    egress = Sleepy()
    egress.refused.add(b"session-1")
    result = await Driver(egress).run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    assert result.outcomes == BATCH.all(DENIED)
    assert egress.sign_ins == 1
    assert len(egress.sends) == 1


async def test_a_renewed_value_that_is_refused_too_ends_in_the_other_outcome() -> None:
    egress = Sleepy()
    driver = Driver(egress)
    await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    egress.refused |= {b"session-1", b"session-2"}
    result = await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    assert result.outcomes == BATCH.all(DENIED)
    assert len(egress.sends) == 3


async def test_renewing_does_not_throw_away_what_another_has_renewed_meanwhile() -> None:
    egress = Sleepy()
    driver = Driver(egress)
    await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    egress.refused.add(b"session-1")
    results = await asyncio.gather(*(driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX) for _ in range(8)))
    assert {result.outcomes["r1"] for result in results} == {accepted("session-2")}
    assert egress.sign_ins == 2


async def test_after_a_renewal_the_second_pass_is_judged_by_its_own_send() -> None:
    replies = [ok(b"s1"), ok(), ok(b"", 401), ok(b"s2"), failed(Cause.CONNECT, False)]
    driver = Driver(ScriptedEgress(replies))
    await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    result = await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    assert result.outcomes == BATCH.all(not_sent(Cause.CONNECT))
    assert result.is_sent
    driver.egress = ScriptedEgress([ok(b"", 401), ok(b"s3"), failed(Cause.TIMEOUT, True)])
    result = await driver.run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    assert result.outcomes == BATCH.all(unknown(Cause.TIMEOUT))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Stop(DENIED), Kind.REFUSED), (MalformedAnswer("odd"), Kind.NOT_SENT), (KeyError(), Kind.NOT_SENT)],
)
async def test_what_a_nested_flow_raises_ends_the_outer_one(fault: Exception, kind: Kind) -> None:
    def outer(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        def inner() -> Flow[str]:
            yield call(AUTH)
            raise fault

        yield Cached("session", 60, inner)
        yield send(SUBMIT)
        return batch.all(accepted())

    egress = ScriptedEgress([ok(), ok()])
    result = await Driver(egress).run_submit(a_provider(outer), BATCH, GATEWAY, CTX)
    assert result.outcomes["r1"].kind is kind
    assert len(egress.asked) == 1


async def test_a_nested_flow_may_not_send() -> None:
    def outer(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        def inner() -> Flow[str]:
            yield send(SUBMIT)
            return "x"

        yield Cached("session", 60, inner)
        return batch.all(accepted())

    egress = ScriptedEgress([ok()])
    result = await Driver(egress).run_submit(a_provider(outer), BATCH, GATEWAY, CTX)
    assert result.outcomes["r1"].cause == "adapter fault"
    assert egress.asked == []


async def test_nested_flows_may_nest() -> None:
    def outer(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        def inner() -> Flow[str]:
            document = yield Cached("wsdl", 600, sign_in)
            return f"{document}!"

        value = yield Cached("session", 60, inner)
        yield send(SUBMIT)
        return batch.all(accepted(value))

    result = await Driver(Sleepy()).run_submit(a_provider(outer), BATCH, GATEWAY, CTX)
    assert result.outcomes["r1"] == accepted("session-1!")


async def test_forget_drops_the_value() -> None:
    def forgetful(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        first = yield Cached("session", 60, sign_in)
        yield Forget("session")
        second = yield Cached("session", 60, sign_in)
        yield send(SUBMIT)
        return batch.all(accepted(first, second))

    result = await Driver(Sleepy()).run_submit(a_provider(forgetful), BATCH, GATEWAY, CTX)
    assert result.outcomes["r1"].keys == ("session-1", "session-2")


async def test_cached_values_are_hidden_in_every_trace_of_the_run() -> None:
    result = await Driver(Sleepy()).run_submit(PROVIDER, BATCH, GATEWAY, CTX)
    traces = [exchange.trace() for exchange in result.exchanges]
    assert [trace.label for trace in traces] == ["sign in", "send"]
    assert traces[0].response_body == "•••"
    assert "session-1" not in str(traces)


async def test_expired_values_do_not_pile_up() -> None:
    clock = Clock()
    cache = FlowCache(clock)

    async def fetch() -> tuple[str, float]:
        return "x", 1.0

    for number in range(50):
        clock.now_s += 2
        await cache.get(("acme", str(number), "session"), fetch)
    assert len(cache._entries) == 1
