"""Runs exchanges: what an adapter asks is compared with what it must ask, then what it makes of the answers."""

from collections.abc import Mapping
from typing import Any

from tests.providers import bench as benches
from tests.providers.bench import Bench
from tests.providers.comparing import (
    attributes_differ,
    callback_of,
    items_differ,
    request_differs,
    response_of,
)
from tests.providers.exchange_files import CALLBACKS, Exchange

from gatepost.providers.base import Callback, MalformedAnswer, Receipt, Stop
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request, Response


class Script:
    """The other side as the exchange writes it: one step after the other."""

    def __init__(self, steps: list[Mapping[str, Any]]) -> None:
        self.steps = steps
        self.faults: list[str] = []
        self.taken = 0

    def __call__(self, request: Request, is_send: bool) -> Response:
        assert self.taken < len(self.steps), f"{self._faults()}asked once more than expected: {request!r} {request.url}"
        step = self.steps[self.taken]
        faults = request_differs(step["expect"], request)
        if "is_send" in step and step["is_send"] is not is_send:
            faults.append("was sent" if is_send else "was not sent but called")
        self.faults += [f"step {self.taken + 1}: {fault}" for fault in faults]
        self.taken += 1
        return response_of(step["serve"])

    def left(self) -> list[str]:
        return [f"step {i + 1} was never asked" for i in range(self.taken, len(self.steps))]

    def _faults(self) -> str:
        return "".join(f"{fault}\n" for fault in self.faults)


def run(exchange: Exchange, provider: Provider) -> None:
    """Raises AssertionError with every difference, one per line."""
    faults = _run_callback(exchange, provider) if exchange.kind in CALLBACKS else _run_flow(exchange, provider)
    assert not faults, f"{exchange.id} ({exchange.file})\n" + "\n".join(faults)


def _run_callback(exchange: Exchange, provider: Provider) -> list[str]:
    gw = benches.gateway_of(provider, exchange.settings)
    raw = callback_of(exchange.given, exchange.kind)
    wanted = exchange.result
    faults = []
    if "verify" in wanted:
        assert provider.verify is not None, f"{provider.slug} has no verify"
        verdict = provider.verify(raw, gw)
        faults += [] if verdict is wanted["verify"] else [f"verify: expected {wanted['verify']}, got {verdict}"]
    assert provider.parse_callback is not None, f"{provider.slug} has no parse_callback"
    if "error" in wanted:
        try:
            provider.parse_callback(raw, gw)
        except MalformedAnswer:
            return faults
        return [*faults, f"expected {wanted['error']}, but it was taken"]
    if "items" in wanted or "ack" in wanted:
        faults += _callback_differs(wanted, provider.parse_callback(raw, gw))
    return faults


def _callback_differs(wanted: Mapping[str, Any], found: Callback) -> list[str]:
    faults = items_differ("items", wanted["items"], found.items) if "items" in wanted else []
    for name, value in wanted.get("ack", {}).items():
        actual: Any = found.ack.body.decode("utf-8") if name == "text" else getattr(found.ack, name)
        actual = dict(actual) if name == "headers" else actual
        faults += [] if actual == value else [f"ack.{name}: expected {value!r}, got {actual!r}"]
    return faults


def _run_flow(exchange: Exchange, provider: Provider) -> list[str]:
    gw = benches.gateway_of(provider, exchange.settings)
    ctx = benches.context_of(exchange.context)
    script = Script(exchange.steps)
    if exchange.kind in ("submit", "sign-in"):
        results = Bench(script).submit(provider, benches.batch_of(exchange.given), gw, ctx)
        differs = [] if set(exchange.result) == set(results) else [f"result is about {sorted(results)}"]
        for ref, outcome in exchange.result.items():
            differs += attributes_differ(ref, outcome, results[ref]) if ref in results else []
    else:
        bench = Bench(script)
        differs = _flow_differs(exchange, provider, bench, gw, ctx)
    return script.faults + script.left() + differs


def _flow_differs(exchange: Exchange, provider: Provider, bench: Bench, gw: Any, ctx: Any) -> list[str]:
    wanted = exchange.result
    try:
        found = bench.run(_flow_of(exchange, provider, gw, ctx), provider, gw)
    except Stop as stop:
        if "stopped" not in wanted:
            return [f"stopped with {stop.outcome}"]
        return attributes_differ("stopped", wanted["stopped"], stop.outcome)
    except MalformedAnswer as fault:
        return [] if wanted.get("error") == "malformed" else [f"malformed answer: {fault.words} {fault.excerpt}"]
    missing = {"stopped", "error"} & set(wanted)
    if missing and exchange.kind != "find":
        return [f"expected {missing}, got {found!r}"]
    if exchange.kind == "query":
        return _receipts_differ(wanted["receipts"], found)
    if exchange.kind == "find":
        return _found_differ(wanted, found)
    if exchange.kind == "poll":
        return _poll_differs(wanted, bench, found)
    if exchange.kind == "check" and wanted.get("balance"):
        rest = {name: value for name, value in wanted.items() if name != "balance"}
        return attributes_differ("check", rest, found) + attributes_differ("balance", wanted["balance"], found.balance)
    if exchange.kind == "check" and wanted.get("outcome"):
        return attributes_differ("outcome", wanted["outcome"], found.outcome)
    return attributes_differ(exchange.kind, wanted, found)


def _flow_of(exchange: Exchange, provider: Provider, gw: Any, ctx: Any) -> Any:
    operation = getattr(provider, exchange.kind)
    assert operation is not None, f"{provider.slug} has no {exchange.kind}"
    if exchange.kind in ("query", "find"):
        return lambda: operation(benches.sent_of(exchange.given), gw, ctx)
    if exchange.kind == "poll":
        given = exchange.given or {}
        return lambda: operation(str(given.get("feed", "")), str(given.get("cursor", "")), gw, ctx)
    return lambda: operation(gw, ctx)


def _receipts_differ(wanted: list[Mapping[str, Any]], found: list[Receipt]) -> list[str]:
    return items_differ("receipts", [{"receipt": receipt} for receipt in wanted], tuple(found))


def _found_differ(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    faults = [] if set(wanted) == set(found) else [f"found is about {sorted(found)}, expected {sorted(wanted)}"]
    for ref, attributes in wanted.items():
        faults += attributes_differ(ref, attributes, found[ref]) if ref in found else []
    return faults


def _poll_differs(wanted: Mapping[str, Any], bench: Bench, found: Any) -> list[str]:
    commits = wanted.get("commits", [])
    faults = [] if len(commits) == len(bench.commits) else [f"expected {len(commits)} commits, got {bench.commits}"]
    for i, (expected, commit) in enumerate(zip(commits, bench.commits, strict=False)):
        faults += items_differ(f"commits[{i}]", expected.get("items", []), commit.items)
        cursor = expected.get("cursor", commit.cursor)
        faults += [] if str(cursor) == commit.cursor else [f"commits[{i}].cursor: {commit.cursor!r}"]
    later = {name: value for name, value in wanted.items() if name != "commits"}
    return faults + attributes_differ("later", later, found)
