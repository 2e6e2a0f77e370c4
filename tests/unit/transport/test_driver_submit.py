"""What became of a submit, for everything an adapter, a provider or the network may do."""

import time
from dataclasses import replace
from typing import Any

import pytest
import structlog.testing
from tests.unit.transport.flows import (
    AUTH,
    BATCH,
    CTX,
    GATEWAY,
    NOW,
    RESEND,
    SUBMIT,
    ScriptedEgress,
    a_provider,
    failed,
    ok,
)

from gatepost.providers.base import (
    Batch,
    Commit,
    Context,
    Flow,
    Forget,
    Gateway,
    MalformedAnswer,
    Message,
    Results,
    Stop,
    call,
    send,
)
from gatepost.providers.manifest import Dedupe
from gatepost.providers.wire import Link
from gatepost.sms.outcomes import Kind, Outcome, Refusal, accepted, not_sent, refused, throttled, unknown
from gatepost.transport.driver import Driver, SubmitResult
from gatepost.transport.egress import Cause

BOTH_ACCEPTED: Results = {"r1": accepted("k1"), "r2": accepted("k2")}
TEMPORARY = refused(Refusal.TEMPORARY, "77", "later please")


def answering(results: Results) -> Any:
    """An adapter that sends and returns these results whatever the answer."""

    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield send(SUBMIT)
        return results

    return submit


def raising(fault: Exception, *, before: bool = False) -> Any:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        if not before:
            yield send(SUBMIT)
        else:
            yield call(AUTH)
        raise fault

    return submit


async def run(submit: Any, *replies: Any, ctx: Context = CTX, before_write: Any = None, **kw: Any) -> SubmitResult:
    egress = ScriptedEgress(list(replies))
    return await Driver(egress).run_submit(a_provider(submit, **kw), BATCH, GATEWAY, ctx, before_write=before_write)


async def outcome(submit: Any, *replies: Any, **kw: Any) -> Outcome:
    """The outcome of both messages, which must be alike."""
    result = await run(submit, *replies, **kw)
    assert set(result.outcomes) == {"r1", "r2"}
    assert result.outcomes["r1"] == result.outcomes["r2"]
    return result.outcomes["r1"]


async def test_the_adapters_results_are_the_outcomes() -> None:
    result = await run(answering(BOTH_ACCEPTED), ok())
    assert result.outcomes == BOTH_ACCEPTED
    assert result.is_sent
    assert result.latency_ms == 2.0
    assert [(e.label, e.is_send) for e in result.exchanges] == [("send", True)]


async def test_calls_come_before_the_send_and_receive_their_answers() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        token = (yield call(AUTH, "sign in")).body
        answer = yield send(replace(SUBMIT, body=token))
        return batch.all(accepted(answer.body.decode()))

    egress = ScriptedEgress([ok(b"t0"), ok(b"id9")])
    result = await Driver(egress).run_submit(a_provider(submit), BATCH, GATEWAY, CTX, deadline=5.0)
    assert result.outcomes["r2"] == accepted("id9")
    assert egress.asked[1].body == b"t0"
    assert egress.deadlines == [5.0, 5.0]
    assert [e.label for e in result.exchanges] == ["sign in", "send"]


async def test_a_failed_call_means_nothing_was_sent_even_when_its_own_bytes_left() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield call(AUTH)
        raise AssertionError("never resumed")

    result = await run(submit, failed(Cause.TIMEOUT, True, "slow"))
    assert result.outcomes["r1"] == replace(not_sent("no answer in time"), words="slow")
    assert not result.is_sent
    assert result.latency_ms == 0


@pytest.mark.parametrize("cause", [Cause.DNS, Cause.CONNECT, Cause.TLS, Cause.GUARD, Cause.DEADLINE])
async def test_a_send_that_never_left_is_not_sent(cause: Cause) -> None:
    result = await run(answering(BOTH_ACCEPTED), failed(cause, False))
    assert result.outcomes == BATCH.all(not_sent(cause))
    assert not result.is_sent


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.LOST, Cause.CUT_OFF, Cause.TOO_LARGE, Cause.NOT_HTTP])
async def test_a_send_that_left_without_an_answer_is_unknown(cause: Cause) -> None:
    result = await run(answering(BOTH_ACCEPTED), failed(cause, True))
    assert result.outcomes == BATCH.all(unknown(cause))
    assert result.is_sent


async def test_a_hook_that_refuses_stops_the_send_but_no_call() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield call(AUTH)
        yield send(SUBMIT)
        return BOTH_ACCEPTED

    def refuse() -> None:
        raise RuntimeError("the lease is too short")

    result = await run(submit, ok(), ok(), before_write=refuse)
    assert result.outcomes["r1"] == replace(not_sent("stopped before sending"), words="the lease is too short")
    assert not result.is_sent
    assert len(result.exchanges) == 2


async def test_a_second_send_is_a_fault_and_the_first_one_stays_unknown() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield send(SUBMIT)
        yield send(SUBMIT)
        return BOTH_ACCEPTED

    egress = ScriptedEgress([ok(), ok()])
    result = await Driver(egress).run_submit(a_provider(submit), BATCH, GATEWAY, CTX)
    assert len(egress.asked) == 1
    assert result.outcomes == BATCH.all(unknown("adapter fault", words="RuntimeError"))


async def test_a_call_that_fails_after_the_send_leaves_everything_unknown() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield send(SUBMIT)
        yield call(AUTH)
        return BOTH_ACCEPTED

    assert (await outcome(submit, ok(), failed(Cause.DNS, False))).kind is Kind.UNKNOWN


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
@pytest.mark.parametrize(
    "given",
    [TEMPORARY, throttled(5, "77", "later please"), replace(not_sent("x"), code="77", words="later please")],
    ids=["temporary", "throttled", "not_sent"],
)
async def test_408_and_5xx_turn_what_would_be_repeated_into_unknown(status: int, given: Outcome) -> None:
    got = await outcome(answering(BATCH.all(given)), ok(status=status))
    assert got == unknown(f"HTTP {status}", "77", "later please")


@pytest.mark.parametrize("given", [{}, BATCH.all(accepted())], ids=["not mentioned", "accepted without a key"])
async def test_5xx_without_proof_is_unknown(given: Results) -> None:
    got = await outcome(answering(given), ok(status=500))
    assert (got.kind, got.cause, got.code) == (Kind.UNKNOWN, "HTTP 500", "500")


@pytest.mark.parametrize(
    "given",
    [
        accepted("k"),
        unknown("odd"),
        *(refused(r, 1, "no") for r in Refusal if r not in (Refusal.TEMPORARY, Refusal.DUPLICATE)),
    ],
)
async def test_definite_words_stand_whatever_the_status(given: Outcome) -> None:
    for status in (200, 408, 429, 500, 503):
        assert await outcome(answering(BATCH.all(given)), ok(status=status)) == given


async def test_a_documented_unprocessed_status_stays_repeatable() -> None:
    kept = await outcome(answering(BATCH.all(TEMPORARY)), ok(status=503), unprocessed_statuses=[503])
    assert kept == TEMPORARY
    silent = await outcome(answering({}), ok(status=503), unprocessed_statuses=[503])
    assert (silent.refusal, silent.code) == (Refusal.TEMPORARY, "503")
    other = await outcome(answering(BATCH.all(TEMPORARY)), ok(status=502), unprocessed_statuses=[503])
    assert other.kind is Kind.UNKNOWN


async def test_what_is_unprocessed_depends_on_the_settings() -> None:
    def capabilities(settings: Any) -> Any:
        return {"unprocessed_statuses": (503,) if settings["login"] == "me" else ()}

    got = await outcome(answering(BATCH.all(TEMPORARY)), ok(status=503), capabilities=capabilities)
    assert got == TEMPORARY


async def test_dedupe_does_not_make_a_5xx_certain() -> None:
    dedupe = Dedupe("message", 3600, "same")
    assert (await outcome(answering({}), ok(status=500), dedupe=dedupe)).kind is Kind.UNKNOWN


async def test_429_is_throttled_with_what_the_answer_says() -> None:
    wait = ("retry-after", "17")
    assert await outcome(answering({}), ok(b"", 429, wait)) == throttled(17, 429, "")
    assert await outcome(answering(BATCH.all(TEMPORARY)), ok(b"", 429, wait)) == throttled(17, "77", "later please")
    assert await outcome(answering(BATCH.all(throttled())), ok(b"", 429, wait)) == throttled(17)
    assert await outcome(answering(BATCH.all(throttled(3))), ok(b"", 429, wait)) == throttled(3)
    assert await outcome(answering({}), ok(b"", 429)) == throttled(None, 429, "")
    unreadable = await outcome(raising(MalformedAnswer("not JSON", "<html>")), ok(b"", 429, wait))
    assert unreadable == throttled(17, 429, "<html>")


async def test_retry_after_as_a_date_counts_from_the_contexts_now() -> None:
    got = await outcome(answering({}), ok(b"", 429, ("retry-after", "Fri, 20 Nov 2026 10:01:00 GMT")))
    assert got.retry_after_s == 60


async def test_an_unreadable_answer_is_unknown_after_and_not_sent_before_the_send() -> None:
    odd = MalformedAnswer("the id is missing", '{"error": "bad token tok-secret-1"}')
    after = await outcome(raising(odd), ok())
    assert (after.kind, after.cause) == (Kind.UNKNOWN, "the id is missing")
    assert after.words == '{"error": "bad token •••"}'
    before = await outcome(raising(odd, before=True), ok())
    assert (before.kind, before.cause) == (Kind.NOT_SENT, "the id is missing")


@pytest.mark.parametrize(
    "fault", [KeyError("tok-secret-1"), RecursionError(), UnicodeDecodeError("utf-8", b"", 0, 1, "")]
)
async def test_a_fault_of_the_adapter_is_contained_and_logged_without_its_text(fault: Exception) -> None:
    with structlog.testing.capture_logs() as logs:
        after = await outcome(raising(fault), ok())
        before = await outcome(raising(fault, before=True), ok())
    assert after == unknown("adapter fault", words=type(fault).__name__)
    assert (before.kind, before.cause) == (Kind.NOT_SENT, "adapter fault")
    assert [entry["is_sent"] for entry in logs] == [True, False]
    assert "test_driver_submit.py" in str(logs[0]["places"])
    assert "tok-secret-1" not in str(logs)


@pytest.mark.parametrize("returned", [None, [], "ok", {"r1": "accepted", "r2": accepted("k")}])
async def test_a_result_of_the_wrong_kind_is_a_fault(returned: Any) -> None:
    assert (await outcome(answering(returned), ok())) == unknown("adapter fault", words="TypeError")


async def test_a_submit_that_is_no_flow_is_a_fault() -> None:
    got = await outcome(lambda batch, gateway, ctx: BOTH_ACCEPTED)
    assert (got.kind, got.cause) == (Kind.NOT_SENT, "adapter fault")


@pytest.mark.parametrize("results", [BOTH_ACCEPTED, {}, {"r1": refused(Refusal.AUTH)}])
async def test_nothing_is_accepted_that_was_not_sent(results: Results) -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield call(AUTH)
        return results

    assert (await outcome(submit, ok())).kind is Kind.NOT_SENT


async def test_a_refusal_needs_no_send() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield call(AUTH)
        return batch.all(refused(Refusal.BAD_CONTENT, "", "the text does not fit the charset"))

    assert (await outcome(submit, ok())).refusal is Refusal.BAD_CONTENT


@pytest.mark.parametrize("step", [None, "send", Commit((), ""), object()])
async def test_a_step_that_is_none_is_a_fault(step: Any) -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield step
        return BOTH_ACCEPTED

    assert (await outcome(submit)).cause == "adapter fault"


async def test_a_flow_without_end_is_stopped() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        while True:
            yield Forget("x")

    assert (await outcome(submit)).cause == "adapter fault"


async def test_an_egress_that_raises_after_the_send_leaves_unknown() -> None:
    result = await run(answering(BOTH_ACCEPTED), ValueError("bug"))
    assert result.outcomes == BATCH.all(unknown("adapter fault", words="ValueError"))
    assert result.is_sent


async def test_messages_that_are_not_mentioned_are_unknown_and_strangers_ignored() -> None:
    result = await run(answering({"r1": accepted("k1"), "stranger": accepted("k3")}), ok())
    assert result.outcomes == {"r1": accepted("k1"), "r2": unknown("not mentioned in the answer")}


@pytest.mark.parametrize("before", [True, False])
async def test_stop_is_the_outcome_of_all(before: bool) -> None:
    denied = refused(Refusal.AUTH, 401, "no such user")
    assert await outcome(raising(Stop(denied), before=before), ok(status=401)) == denied


async def test_stop_after_a_5xx_is_weighed_like_any_other_word() -> None:
    assert (await outcome(raising(Stop(TEMPORARY)), ok(status=503))).kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("dedupe", "ctx", "kind"),
    [
        (Dedupe("message", 3600, "refuses"), RESEND, Kind.ACCEPTED),
        (Dedupe("message", 3600, "refuses", when=("dedupe", True)), RESEND, Kind.ACCEPTED),
        (Dedupe("message", 3600, "refuses", when=("dedupe", False)), RESEND, Kind.REFUSED),
        (Dedupe("message", 3600, "refuses"), CTX, Kind.REFUSED),
        (Dedupe("message", 3600, "same"), RESEND, Kind.REFUSED),
        (None, RESEND, Kind.REFUSED),
    ],
)
async def test_a_duplicate_means_accepted_only_where_a_resend_proves_it(
    dedupe: Dedupe | None, ctx: Context, kind: Kind
) -> None:
    duplicate = BATCH.all(refused(Refusal.DUPLICATE, 53, "reference was used"))
    got = await outcome(answering(duplicate), ok(), ctx=ctx, dedupe=dedupe)
    assert got.kind is kind
    assert got.keys == ()


async def test_the_providers_words_are_stored_without_secrets() -> None:
    told = refused(Refusal.AUTH, "tok-secret-1", "token tok%2Dsecret%2D1 is not valid")
    got = await outcome(answering(BATCH.all(told)), ok())
    assert (got.words, got.code) == ("token ••• is not valid", "•••")


async def test_the_gateways_link_is_for_requests_without_one_and_its_unverified_tls_for_all() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        yield call(AUTH)
        yield send(replace(SUBMIT, link=Link(total_timeout_s=99)))
        return BOTH_ACCEPTED

    egress = ScriptedEgress([ok(), ok()])
    link = Link(verify_tls=False)
    await Driver(egress).run_submit(a_provider(submit), BATCH, GATEWAY, CTX, link=link)
    assert [asked.link for asked in egress.asked] == [link, Link(total_timeout_s=99, verify_tls=False)]


async def test_exchanges_carry_their_start_and_no_secret() -> None:
    result = await Driver(ScriptedEgress([ok(b"token tok-secret-1")]), now=lambda: NOW).run_submit(
        a_provider(answering(BOTH_ACCEPTED)), BATCH, GATEWAY, CTX
    )
    (exchange,) = result.exchanges
    trace = exchange.trace()
    assert trace.started_at == NOW
    assert trace.response_body == "token •••"
    assert "tok-secret-1" not in str(trace) + repr(exchange) + repr(result)


async def test_a_finally_that_misbehaves_does_not_escape() -> None:
    def submit(batch: Batch, gateway: Gateway, ctx: Context) -> Flow[Results]:
        try:
            yield send(SUBMIT)
        finally:
            yield call(AUTH)
        return BOTH_ACCEPTED

    assert (await outcome(submit, failed(Cause.LOST, True))).kind is Kind.UNKNOWN


async def test_the_driver_itself_costs_little() -> None:
    """Well below 100 microseconds per submit; measured with a wide margin for busy machines."""
    driver = Driver(ScriptedEgress([ok() for _ in range(3000)]))
    provider, batch = a_provider(answering({"r1": accepted("k1")})), Batch((Message("r1", "48100200300", "one"),))
    best = float("inf")
    for _ in range(10):
        started = time.process_time()
        for _ in range(300):
            await driver.run_submit(provider, batch, GATEWAY, CTX)
        best = min(best, (time.process_time() - started) / 300)
    assert best < 100e-6
