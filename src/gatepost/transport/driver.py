"""Runs an adapter's flow over an egress, and alone decides between accepted, refused, throttled, not sent and unknown.

The rule: whatever happens before the first byte of the `Send` is `not_sent`; whatever happens after it without a
trustworthy answer is `unknown`. An adapter can be wrong, raise or yield nonsense without breaking that.
"""

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import structlog

from gatepost.providers.base import (
    Batch,
    Cached,
    Call,
    Commit,
    Context,
    Flow,
    Forget,
    Gateway,
    MalformedAnswer,
    Renew,
    Results,
    Send,
    Step,
    Stop,
)
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Link, Request, Response
from gatepost.sms.outcomes import Kind, Outcome, not_sent, unknown
from gatepost.sms.values import quick_dataclass
from gatepost.transport.cache import Entry, FlowCache, account_of
from gatepost.transport.egress import Cause, Egress, Failure
from gatepost.transport.traces import DeclaredSecrets, Exchange, Secrets
from gatepost.transport.weighing import weigh

log = structlog.get_logger(__name__)

T = TypeVar("T")
OnCommit = Callable[[Commit], Awaitable[None]]
MAX_STEPS = 1000
ADAPTER_FAULT = "adapter fault"
NOT_MENTIONED = "not mentioned in the answer"
MISSING = unknown(NOT_MENTIONED)
OUR_CAUSES = frozenset({*map(str, Cause), ADAPTER_FAULT, NOT_MENTIONED})


@quick_dataclass(frozen=True, slots=True)
class SubmitResult:
    """An outcome for every message of the batch. `is_sent`: bytes of a `Send` may have left. `latency_ms`: how long
    the `Send` took until its answer was complete, 0 where there was none."""

    outcomes: dict[str, Outcome]
    exchanges: list[Exchange]
    is_sent: bool
    latency_ms: float


@dataclass(frozen=True, slots=True)
class FlowResult(Generic[T]):
    """What a query, poll, look-up, balance or check brought: a value, or the outcome that came instead of it."""

    value: T | None
    outcome: Outcome | None
    exchanges: list[Exchange]


class _Failed(Exception):
    """The transport brought no answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


class _CommitFailed(Exception):
    """What the caller's `on_commit` raised; it is the caller's to handle."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault


@dataclass(slots=True)
class _Run:
    """One operation while it runs. `answer` is what came back to the `Send` of the present pass."""

    provider: Provider
    gateway: Gateway
    link: Link | None
    deadline: float | None
    secrets: Secrets
    may_send: bool = False
    before_write: Callable[[], None] | None = None
    on_commit: OnCommit | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    used: dict[str, Entry] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    has_asked: bool = False
    is_sent: bool = False
    answer: Response | None = None
    latency_ms: float = 0.0
    steps: int = 0
    account: str = ""

    def key(self, name: str) -> tuple[str, str, str]:
        self.account = self.account or account_of(self.gateway)
        return self.provider.slug, self.account, name

    def start_over(self) -> None:
        """The first `Send` was answered "not processed": the next pass is judged by its own."""
        self.has_asked = self.is_sent = False
        self.answer = None


@dataclass(slots=True)
class Driver:
    """Runs flows. `now` gives aware UTC for traces; `cache` holds what outlives a flow."""

    egress: Egress
    cache: FlowCache = field(default_factory=FlowCache)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def run_submit(
        self,
        provider: Provider,
        batch: Batch,
        gateway: Gateway,
        ctx: Context,
        *,
        before_write: Callable[[], None] | None = None,
        deadline: float | None = None,
        link: Link | None = None,
    ) -> SubmitResult:
        """Submit the batch. Never raises for what an adapter or a provider does.

        `before_write` runs immediately before the `Send` leaves, and stops it by raising. `deadline`: on
        `time.monotonic()`, for each exchange. `link`: the gateway's, for
        requests that bring none of their own; its switched-off TLS verification holds for those that do, too.
        """
        run = _Run(provider, gateway, link, deadline, _declared(provider, gateway), True, before_write)
        results: Results = {}
        missing = MISSING
        try:
            results = _plausible(
                await self._with_renewal(lambda: provider.submit(batch, gateway, ctx), run), batch, run
            )
        except Stop as stop:
            results = batch.all(stop.outcome)
        except Renew as refusal:
            results = batch.all(refusal.otherwise)
        except Exception as failure:
            missing = _instead(failure, run)
        outcomes = weigh(results, missing, run.answer, batch, provider, gateway, ctx)
        return SubmitResult(
            {ref: _without_secrets(told, run.secrets) for ref, told in outcomes.items()},
            run.exchanges,
            run.is_sent or any(exchange.is_send and exchange.reply.is_sent for exchange in run.exchanges),
            run.latency_ms,
        )

    async def run_flow(
        self,
        flow: Callable[[], Flow[T]],
        provider: Provider,
        gateway: Gateway,
        *,
        on_commit: OnCommit | None = None,
        before_write: Callable[[], None] | None = None,
        deadline: float | None = None,
        link: Link | None = None,
    ) -> FlowResult[T]:
        """Run a query, poll, look-up, balance or check. What `on_commit` raises is raised; a `Send` is a fault.

        `before_write` runs immediately before each request leaves, and stops it by raising.
        """
        declared = _declared(provider, gateway)
        run = _Run(provider, gateway, link, deadline, declared, before_write=before_write, on_commit=on_commit)
        try:
            return FlowResult(await self._with_renewal(flow, run), None, run.exchanges)
        except _CommitFailed as failed:
            raise failed.fault from None
        except Stop as stop:
            outcome = stop.outcome
        except Renew as refusal:
            outcome = refusal.otherwise
        except Exception as failure:
            outcome = _instead(failure, run)
        return FlowResult(None, _without_secrets(outcome, run.secrets), run.exchanges)

    async def _with_renewal(self, flow: Callable[[], Flow[T]], run: _Run) -> T:
        """Run the flow, and once more when a cached value that an earlier flow had fetched was refused."""
        try:
            return await self._drive(flow(), run)
        except Renew as refusal:
            key = run.key(refusal.name)
            self.cache.forget(key, run.used.get(refusal.name))
            if refusal.name in run.fetched:
                raise
            run.start_over()
        return await self._drive(flow(), run)

    async def _drive(self, flow: Flow[T], run: _Run, *, is_inner: bool = False) -> T:
        brought: Any = None
        try:
            while True:
                step = flow.send(brought)
                run.steps += 1
                if run.steps > MAX_STEPS:
                    raise RuntimeError("a flow without end")
                if isinstance(step, Send):
                    brought = await self._send(step.request, run, is_inner)
                else:
                    brought = await self._perform(step, run, is_inner)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            flow.close()

    async def _perform(self, step: Step, run: _Run, is_inner: bool) -> Any:
        match step:
            case Call(request, label):
                return _answer(await self._exchange(request, label, run))
            case Cached():
                return await self._cached(step, run)
            case Forget(name):
                return self.cache.forget(run.key(name))
            case Commit() if run.on_commit is not None and not is_inner:
                return await _commit(step, run.on_commit)
        raise RuntimeError(f"{type(step).__name__} has no place here")

    async def _send(self, request: Request, run: _Run, is_inner: bool) -> Response:
        """The one request that may cost money. Should the egress break its word and raise, bytes may have left."""
        if not run.may_send or run.has_asked or is_inner:
            raise RuntimeError("Send has no place here")
        run.has_asked = run.is_sent = True
        exchange = await self._exchange(request, "send", run, is_send=True)
        run.is_sent = exchange.reply.is_sent
        run.latency_ms = exchange.reply.total_ms
        run.answer = exchange.reply.response
        return _answer(exchange)

    async def _exchange(self, request: Request, label: str, run: _Run, *, is_send: bool = False) -> Exchange:
        if run.link is not None and request.link is not run.link:
            request = _over(request, _joined(request.link, run.link))
        if request.sensitive:
            run.secrets.add(*request.sensitive)
        started_at = self.now()
        before_write = run.before_write if is_send or not run.may_send else None
        reply = await self.egress.exchange(request, deadline=run.deadline, before_write=before_write)
        exchange = Exchange(label, is_send, started_at, request, reply, run.secrets)
        run.exchanges.append(exchange)
        return exchange

    async def _cached(self, step: Cached, run: _Run) -> Any:
        async def fetch() -> tuple[Any, float]:
            brought = await self._drive(step.flow(), run, is_inner=True)
            match brought:
                case (value, int() | float() as ttl_s) if isinstance(brought, tuple):
                    return value, ttl_s
            return brought, step.ttl_s

        entry, is_fresh = await self.cache.get(run.key(step.name), fetch)
        run.used[step.name] = entry
        if is_fresh:
            run.fetched.add(step.name)
        run.secrets.add(entry.value)
        return entry.value


def _declared(provider: Provider, gateway: Gateway) -> Secrets:
    return Secrets(of=gateway.once(DeclaredSecrets, lambda: DeclaredSecrets(_secret_settings(provider, gateway))))


def _secret_settings(provider: Provider, gateway: Gateway) -> list[Any]:
    return [gateway.settings.get(name) for name in provider.manifest.secret_names]


def _answer(exchange: Exchange) -> Response:
    if exchange.reply.response is not None:
        return exchange.reply.response
    raise _Failed(exchange.reply.failure or Failure(Cause.FAULT, exchange.reply.is_sent))


async def _commit(step: Commit, on_commit: OnCommit) -> None:
    try:
        await on_commit(step)
    except Exception as fault:
        raise _CommitFailed(fault) from fault


def _plausible(results: Any, batch: Batch, run: _Run) -> Results:
    """The adapter's results, if they are results, and if they can be true: without a `Send` nothing was accepted, and
    everything must be accounted for."""
    if not isinstance(results, dict) or not all(isinstance(outcome, Outcome) for outcome in results.values()):
        raise TypeError("a submit returns outcomes by reference")
    if not run.has_asked:
        outcomes = [results.get(ref) for ref in batch.refs]
        if any(outcome is None or outcome.kind is Kind.ACCEPTED for outcome in outcomes):
            raise RuntimeError("nothing was sent")
    return results


def _instead(failure: Exception, run: _Run) -> Outcome:
    """The outcome where a flow ended without results, on the side of the line where it ended."""
    match failure:
        case _Failed():
            cause, words = str(failure.failure.cause), failure.failure.words
        case MalformedAnswer():
            cause, words = failure.words, failure.excerpt
        case _:
            cause, words = ADAPTER_FAULT, type(failure).__name__
            _report(failure, run)
    return unknown(cause, words=words) if run.is_sent else replace(not_sent(cause), words=words)


def _report(fault: Exception, run: _Run) -> None:
    """A programming error of an adapter. Its text may quote an answer or a setting, so only its place is logged."""
    frames = traceback.extract_tb(fault.__traceback__)[-4:]
    log.error(
        "adapter_fault",
        provider=run.provider.slug,
        gateway=run.gateway.name,
        error=type(fault).__name__,
        places=[f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames],
        is_sent=run.is_sent,
    )


def _without_secrets(outcome: Outcome, secrets: Secrets) -> Outcome:
    """Providers quote what they were sent: words and codes are masked before anyone stores them. Our own causes are
    not, because they are counted."""
    if not (outcome.words or outcome.code or outcome.cause):
        return outcome
    mask = secrets.masker.mask
    cause = outcome.cause if outcome.cause in OUR_CAUSES else mask(outcome.cause)
    return replace(outcome, words=mask(outcome.words), code=mask(outcome.code), cause=cause)


def _over(request: Request, link: Link) -> Request:
    """The request over that link; `replace` takes three times as long, and this is done for every message."""
    return Request(
        request.method, request.url, request.headers, request.body, request.sensitive, request.backup_urls, link
    )


def _joined(own: Link | None, gateways: Link) -> Link:
    """An adapter sets limits and certificates; only the operator switches the verification off."""
    if own is None:
        return gateways
    return own if gateways.verify_tls else replace(own, verify_tls=False)
