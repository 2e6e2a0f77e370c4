"""What cases are made of: a provider, its own exchanges, and those submits in which everything was accepted."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from defusedxml.ElementTree import ParseError, fromstring
from tests.providers.bench import Bench, batch_of, context_of, gateway_of
from tests.providers.comparing import response_of
from tests.providers.exchange_files import Exchange

from gatepost.providers.base import Batch, Context, Gateway
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Kind, Outcome
from gatepost.transport.egress import Failure

HTML = b"<!DOCTYPE html><html><head><title>Sorry</title></head><body><h1>Something went wrong</h1></body></html>"
HUGE = 2 * 1024 * 1024
DEEP_JSON = b"[" * 100_000
DEEP_OBJECT = b'{"a":' * 50_000
DEEP_XML = b"<a>" * 10_000
BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
MOST_GOOD = 4
NOT_ACCEPTED = (Kind.REFUSED, Kind.THROTTLED, Kind.NOT_SENT, Kind.UNKNOWN)
ANY = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Good:
    """A submit in which everything was accepted, to be spoilt."""

    exchange: Exchange
    gw: Gateway
    batch: Batch
    ctx: Context
    answer: Response
    outcomes: Mapping[str, Outcome]

    @property
    def label(self) -> str:
        return f"[{self.exchange.name}] "

    @property
    def promises_keys(self) -> bool:
        """Whether every message is named by an id of the answer, and not by one of ours or by none."""
        keys = [key.partition(":")[0].encode() for outcome in self.outcomes.values() for key in outcome.keys]
        return all(outcome.keys for outcome in self.outcomes.values()) and all(key in self.answer.body for key in keys)

    @property
    def call_answer(self) -> Response:
        """What the first preparation is answered."""
        return response_of(self.exchange.steps[0]["serve"])

    @property
    def prepares(self) -> bool:
        """Whether something is fetched before the send."""
        return len(self.exchange.steps) > 1

    def kinds_for(self, junk: bytes) -> tuple[Kind, ...]:
        """What junk may become. Where answers are JSON or XML, it is unknown: nobody said that nothing was processed.

        Where an operator describes the answers, a document that fits no description may be declared a refusal.
        """
        if not parses(self.answer.body):
            return NOT_ACCEPTED
        declares = "no_match" in self.gw.settings
        is_refusal = declares and (parses(junk) or self.gw["no_match"] == "fail")
        return NOT_ACCEPTED if is_refusal else (Kind.UNKNOWN,)


@dataclass(slots=True)
class Subject:
    """A provider with what its exchanges give to make cases of."""

    provider: Provider
    exchanges: list[Exchange]
    _goods: list[Good] | None = None

    def goods(self) -> list[Good]:
        """Submits in which everything was accepted: one per request line and single or batch, a few at most."""
        if self._goods is None:
            self._goods = self._found()
        return self._goods

    def _found(self) -> list[Good]:
        found: dict[Any, Good] = {}
        for exchange in self.exchanges:
            if exchange.kind == "submit" and exchange.steps:
                good = self._good(exchange)
                if good:
                    url = exchange.steps[-1]["expect"]["url"].partition("?")[0]
                    found.setdefault((url, len(good.batch.messages) > 1), good)
        return list(found.values())[:MOST_GOOD]

    def _good(self, exchange: Exchange) -> Good | None:
        gw, ctx = gateway_of(self.provider, exchange.settings), context_of(exchange.context)
        batch = batch_of(exchange.given)
        bench = Bench(Replay(exchange))
        outcomes = bench.submit(self.provider, batch, gw, ctx)
        is_good = all(outcome.kind is Kind.ACCEPTED for outcome in outcomes.values())
        if not is_good or ctx.is_resend or len(bench.sends) != 1:
            return None
        return Good(exchange, gw, batch, ctx, response_of(exchange.steps[-1]["serve"]), outcomes)

    def of(self, *kinds: str) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.kind in kinds]

    def submitted(self, good: Good, answer: Response | Failure) -> Mapping[str, Outcome]:
        """What the messages become when the one send is answered so."""
        return Bench(Replay(good.exchange, answer)).submit(self.provider, good.batch, good.gw, good.ctx)


class Replay:
    """The calls of an exchange are answered as written, again and again; the send with `answer`, if given."""

    def __init__(self, exchange: Exchange, answer: Response | Failure | None = None) -> None:
        served = [response_of(step["serve"]) for step in exchange.steps]
        self.answer = answer or (served[-1] if served else Response(200))
        self.calls = served[:-1] or served
        self.taken = 0

    def __call__(self, request: Request, is_send: bool) -> Response | Failure:
        if is_send:
            return self.answer
        self.taken += 1
        return self.calls[(self.taken - 1) % len(self.calls)]


def answered(subject: Subject, good: Good, name: str, answer: Response | Failure, *kinds: Kind) -> Case:
    return Case(good.label + name, lambda: check_outcomes(good, subject.submitted(good, answer), *kinds))


def check_outcomes(good: Good, outcomes: Mapping[str, Outcome], *kinds: Kind) -> None:
    """Each message has one of the kinds; whoever is accepted has the promised key, and one of its own."""
    assert set(outcomes) == set(good.batch.refs), f"outcomes for {sorted(outcomes)}"
    seen: set[str] = set()
    for ref, outcome in outcomes.items():
        assert outcome.kind in kinds, f"{ref}: {outcome}"
        if outcome.kind is Kind.ACCEPTED and good.promises_keys:
            assert outcome.keys, f"{ref} is accepted without a key"
            for key in outcome.keys:
                assert key.strip(": ") not in ("", "None", "null", "[]", "{}"), f"{ref} has the key {key!r}"
                assert not any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in key), f"{ref}: unstorable key"
                assert key not in seen, f"two messages share the key {key!r}"
            seen.update(outcome.keys)


def parses(body: bytes) -> bool:
    """Whether it is a document: a JSON object or list, or XML."""
    try:
        return isinstance(json.loads(body), dict | list)
    except RecursionError:
        return False
    except ValueError:
        pass
    try:
        fromstring(body)
    except (ParseError, ValueError):
        return False
    return True


def tree_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def replaced(tree: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(tree, dict):
        return {name: replaced(value, change) for name, value in tree.items()}
    if isinstance(tree, list):
        return [replaced(value, change) for value in tree]
    return change(tree)


def leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict | list):
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(value)
    else:
        yield tree


def nth_replaced(tree: Any, index: int, value: Any) -> Any:
    at = iter(range(10_000))
    return replaced(tree, lambda leaf: value if next(at) == index else leaf)


def lists_changed(tree: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    if isinstance(tree, dict):
        return {name: lists_changed(value, change) for name, value in tree.items()}
    if isinstance(tree, list):
        return change([lists_changed(value, change) for value in tree])
    return tree
