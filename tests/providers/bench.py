"""Drives an adapter's flows without any I/O: a function stands for the other side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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
    Message,
    Renew,
    Results,
    Send,
    Sent,
    Stop,
)
from gatepost.providers.fields import clean
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import not_sent, throttled, unknown
from gatepost.sms.text import measure

Serve = Callable[[Request, bool], Response]
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@dataclass(slots=True)
class Bench:
    """One run of one operation. `asked`: every request in order, with whether it was the one send."""

    serve: Serve
    asked: list[tuple[Request, bool]] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    cached: dict[str, Any] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)

    @property
    def sends(self) -> list[Request]:
        return [request for request, is_send in self.asked if is_send]

    def run(self, make: Callable[[], Flow[Any]]) -> Any:
        """The value of the flow; a refused cached value is fetched anew once, as the contract says."""
        try:
            return self._run(make())
        except Renew as renewal:
            if renewal.name in self.fetched:
                raise Stop(renewal.otherwise) from None
            self.cached.pop(renewal.name, None)
        try:
            return self._run(make())
        except Renew as renewal:
            raise Stop(renewal.otherwise) from None

    def _run(self, flow: Flow[Any], *, may_send: bool = True) -> Any:
        value: Any = None
        while True:
            try:
                step = flow.send(value)
            except StopIteration as end:
                return end.value
            value = self._take(step, may_send=may_send)

    def _take(self, step: Any, *, may_send: bool) -> Any:
        match step:
            case Call(request):
                return self._exchange(request, is_send=False)
            case Send(request):
                assert may_send, "a cached flow must not send"
                return self._exchange(request, is_send=True)
            case Cached(name, _, flow):
                if name not in self.cached:
                    found = self._run(flow(), may_send=False)
                    self.cached[name] = found[0] if isinstance(found, tuple) else found
                    self.fetched.add(name)
                return self.cached[name]
            case Forget(name):
                self.cached.pop(name, None)
            case Commit():
                self.commits.append(step)
            case _:
                raise AssertionError(f"an adapter may not yield {step!r}")
        return None

    def _exchange(self, request: Request, *, is_send: bool) -> Response:
        check_well_formed(request)
        self.asked.append((request, is_send))
        return self.serve(request, is_send)


def submit(provider: Provider, batch: Batch, gw: Gateway, ctx: Context, serve: Serve) -> tuple[Results, Bench]:
    """What becomes of each message, by the rules that stand above the adapters."""
    bench = Bench(serve)
    manifest = provider.manifest_for(gw.settings)
    last: list[Response] = []

    def remember(request: Request, is_send: bool) -> Response:
        response = serve(request, is_send)
        if is_send:
            last.append(response)
        return response

    bench.serve = remember
    try:
        results = bench.run(lambda: provider.submit(batch, gw, ctx))
    except Stop as stop:
        results = batch.all(stop.outcome)
    except MalformedAnswer as fault:
        results = batch.all(unknown(fault.words) if bench.sends else not_sent(fault.words))
    if last:
        assert len(bench.sends) <= 2, "more than one send and one renewal"
        results = above_the_adapter(manifest.unprocessed_statuses, last[-1], batch, results)
    return {ref: results.get(ref, unknown("not mentioned in the answer")) for ref in batch.refs}, bench


def above_the_adapter(unprocessed: tuple[int, ...], response: Response, batch: Batch, results: Results) -> Results:
    """After bytes left, 408 and 5xx are unknown and 429 is throttled, whatever the adapter says."""
    status = response.status
    if (status == 408 or status >= 500) and status not in unprocessed:
        return batch.all(unknown(f"HTTP status {status}"))
    if status == 429 and not results:
        return batch.all(throttled())
    return results


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
