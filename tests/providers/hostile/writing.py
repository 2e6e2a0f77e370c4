"""What people write, and what must stay hidden: the requests that adapters make of it."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

from tests.providers.bench import Bench, batch_of
from tests.providers.hostile.subject import Case, Good, Replay, Subject, check_outcomes, replaced, tree_of
from tests.providers.recovering import holds_text

from gatepost.providers.base import Gateway
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Kind

SHORTEST_SECRET = 4
TEXTS = {
    "CR and LF": "one\r\nX-Evil: 1\r\n\r\nGET / HTTP/1.1",
    "NUL": "before\x00after",
    "emoji": "👍🏽 fine 🇵🇱",
    "double quotes": 'He said "no" \\ "yes"',
    "single quotes": "it's 'so'",
    "form characters": "a&to=1&b=c;d+e%20f#g?h",
    "markup": "<b>&amp;</b> ]]> <!-- <!ENTITY x 'y'>",
    "a placeholder": "%TO% %MESSAGE% %s %d",
    "a template": "{{password}} {{ to }} {% raw %} ${login} {0}",
    "a JSON end": '"}],"to":"1"',
    "separators": "a|b;c,d\te:f=g",
    "extension characters": "^{}[]~\\|€",
    "letters of Poland and Russia": "Zażółć gęślą jaźń, Съешь ещё",
    "line separators": "a\u2028b\u2029c\u0085d",
    "right to left": "\u202eabc\u202c שלום",
    "a long one": "x" * 1500,
}


def texts(subject: Subject) -> Iterator[Case]:
    """Whatever people write arrives as they wrote it, or is refused by us; the request stays one request."""
    for good in subject.goods():
        for name, text in TEXTS.items():

            def run(text: str = text, good: Good = good) -> None:
                given = [{**dict(message), "text": text} for message in good.exchange.given]
                _check_sent(subject, good, given, text)

            yield Case(f"{good.label}text with {name}", run)


def senders(subject: Subject) -> Iterator[Case]:
    for good in subject.goods():
        for name, sender in TEXTS.items():

            def run(sender: str = sender, good: Good = good) -> None:
                given = [{**dict(message), "sender": sender[:40]} for message in good.exchange.given]
                _check_sent(subject, good, given, "")

            yield Case(f"{good.label}sender with {name}", run)


def _check_sent(subject: Subject, good: Good, given: list[Mapping[str, Any]], text: str) -> None:
    bench = Bench(Replay(good.exchange))
    outcomes = bench.submit(subject.provider, batch_of(given), good.gw, good.ctx)
    assert len(bench.sends) <= 1
    if bench.sends:
        assert holds_text(bench.sends[0], text), "the text cannot be read back from the request"
    else:
        check_outcomes(good, outcomes, Kind.REFUSED, Kind.NOT_SENT)


def secrets(subject: Subject) -> Iterator[Case]:
    """No declared secret shows, also when the other side quotes the whole request back."""
    for good in subject.goods():
        for name, status in {"in an answer": 200, "in a refusal": 400, "in a fault": 500}.items():
            yield Case(f"{good.label}quoted {name}", partial(_check_hidden, subject, good, status))


def _check_hidden(subject: Subject, good: Good, status: int) -> None:
    bench = Bench(lambda request, is_send: _quoted(good, request, status) if is_send else good.call_answer)
    outcomes = bench.submit(subject.provider, good.batch, good.gw, good.ctx)
    shown = [repr(good.gw), repr(bench.asked), repr(outcomes), repr(bench.exchanges)]
    shown += [f"{fault} {fault!r}" for fault in bench.raised]
    shown += [repr(exchange.trace()) for exchange in bench.exchanges]
    for value in _secret_values(subject.provider, good.gw):
        for text in shown:
            assert not any(spelling in text for spelling in _spellings(value)), "a secret shows"


def _quoted(good: Good, request: Request, status: int) -> Response:
    """An error page that quotes the request, in the provider's own form where that is JSON."""
    quoted = f"{request.method} {request.url} {dict(request.headers)} {request.body.decode('latin-1')}"
    tree = tree_of(good.answer.body)
    if not isinstance(tree, dict | list):
        return Response(status, good.answer.headers, quoted.encode())
    spoilt = replaced(tree, lambda leaf: quoted if isinstance(leaf, str) else leaf)
    more = {"error": 8, "message": quoted, "detail": quoted, "description": quoted}
    document = spoilt | more if isinstance(spoilt, dict) else spoilt
    return Response(status, good.answer.headers, json.dumps(document).encode())


def _secret_values(provider: Provider, gw: Gateway) -> list[str]:
    values = [str(gw[name]) for name in provider.manifest.secret_names if gw.get(name)]
    return [value for value in values if len(value) >= SHORTEST_SECRET]


def _spellings(value: str) -> set[str]:
    return {
        value,
        quote(value, safe=""),
        quote_plus(value),
        b64encode(value.encode()).decode(),
        json.dumps(value)[1:-1],
    }
