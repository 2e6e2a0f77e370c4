"""Runs an adapter over the real driver, with a function for the other side and no I/O."""

import asyncio
import atexit
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from gatepost.providers.base import AdapterError, Batch, Commit, Context, Flow, Gateway, Message, Renew, Sent, Stop
from gatepost.providers.fields import clean
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome
from gatepost.sms.text import measure
from gatepost.transport.driver import ADAPTER_FAULT, Driver
from gatepost.transport.egress import Cause, Failure, Reply
from gatepost.transport.traces import Exchange as Traced

Serve = Callable[[Request, bool], Response | Failure]
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LOOP = asyncio.new_event_loop()
atexit.register(LOOP.close)


@dataclass(slots=True)
class Bench:
    """One operation against `serve`, which gets each request and whether it is the one send.

    `asked`: every request in order, with that flag. `exchanges`: what the driver kept for traces.
    """

    serve: Serve
    asked: list[tuple[Request, bool]] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    exchanges: list[Traced] = field(default_factory=list)
    raised: list[Exception] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)

    @property
    def sends(self) -> list[Request]:
        return [request for request, is_send in self.asked if is_send]

    def submit(self, provider: Provider, batch: Batch, gw: Gateway, ctx: Context) -> Mapping[str, Outcome]:
        """An outcome per message. Raises whatever but AdapterError the adapter raises."""
        watched = replace(provider, submit=lambda *given: self._watched(provider.submit(*given)))
        run = Driver(Egress(self)).run_submit(watched, batch, gw, ctx, before_write=lambda: None)
        result = _now(run)
        self.exchanges = result.exchanges
        self._complain([outcome.cause for outcome in result.outcomes.values()])
        return result.outcomes

    def run(self, make: Callable[[], Flow[Any]], provider: Provider, gw: Gateway) -> Any:
        """The value of the flow. Raises what the adapter raises; a refused value that was just fetched is a Stop."""
        result = _now(
            Driver(Egress(self)).run_flow(lambda: self._watched(make()), provider, gw, on_commit=self._commit)
        )
        self.exchanges = result.exchanges
        if result.outcome is None:
            return result.value
        self._complain([result.outcome.cause])
        if self.raised and not isinstance(self.raised[-1], Renew):
            raise self.raised[-1]
        raise Stop(result.outcome)

    def _watched(self, flow: Flow[Any]) -> Flow[Any]:
        try:
            return (yield from flow)
        except Exception as fault:
            self.raised.append(fault)
            raise

    async def _commit(self, commit: Commit) -> None:
        self.commits.append(commit)

    def _complain(self, causes: list[str]) -> None:
        """What the driver swallows to keep messages safe is a failure here."""
        for fault in (*self.broken, *(each for each in self.raised if not isinstance(each, AdapterError))):
            raise fault
        assert ADAPTER_FAULT not in causes, "the adapter breaks the contract"


@dataclass(frozen=True, slots=True)
class Egress:
    """Hands every request to the bench."""

    bench: Bench

    async def exchange(
        self, request: Request, *, deadline: float | None = None, before_write: Callable[[], None] | None = None
    ) -> Reply:
        is_send = before_write is not None
        try:
            check_well_formed(request)
            self.bench.asked.append((request, is_send))
            found = self.bench.serve(request, is_send)
        except Exception as fault:
            self.bench.broken.append(fault)
            found = Failure(Cause.FAULT, is_send)
        if isinstance(found, Failure):
            return Reply(None, found, request.url, 0.0, 0.0)
        return Reply(found, None, request.url, 0.0, 0.0)


def _now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return LOOP.run_until_complete(coroutine)


def check_well_formed(request: Request) -> None:
    """No header or request line can be split, and everything is encoded."""
    assert request.method.isascii(), request.method
    assert request.method.isalpha(), request.method
    assert request.url.isascii(), "the URL is not encoded"
    assert not any(c <= " " or c == "\x7f" for c in request.url), "the URL holds a space or a control character"
    assert isinstance(request.body, bytes)
    for name, value in request.headers:
        assert name.replace("-", "").replace("_", "").isalnum(), f"odd header name {name!r}"
        assert name.isascii(), f"odd header name {name!r}"
        assert not any(c in value for c in "\r\n\x00"), f"header {name} can be split"
        value.encode("latin-1")


def gateway_of(provider: Provider, settings: Mapping[str, Any]) -> Gateway:
    """Settings as they are after saving: cleaned by the manifest's fields, then prepared."""
    cleaned, faults = clean(provider.manifest.fields, settings)
    assert not faults, f"{provider.slug}: " + "; ".join(f"{fault.field}: {fault.words}" for fault in faults)
    return Gateway(provider.slug, dict(provider.prepare(cleaned) if provider.prepare else cleaned))


def moment(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromisoformat(str(value))


def context_of(values: Mapping[str, Any]) -> Context:
    return Context(**{**values, "now": moment(values.get("now", NOW))})


def batch_of(given: list[Mapping[str, Any]]) -> Batch:
    return Batch(tuple(message_of(values) for values in given))


def message_of(values: Mapping[str, Any]) -> Message:
    size = measure(values["text"].replace("\x00", ""))
    base: dict[str, Any] = {"encoding": size.encoding, "segments": size.segments}
    return Message(**{**base, **values, "to": str(values["to"]), "send_at": moment(values.get("send_at"))})


def sent_of(given: list[Mapping[str, Any]]) -> tuple[Sent, ...]:
    return tuple(
        Sent(
            **{
                **values,
                "to": str(values.get("to", "")),
                "keys": tuple(map(str, values.get("keys", ()))),
                "submitted_at": moment(values.get("submitted_at")),
            }
        )
        for values in given
    )
