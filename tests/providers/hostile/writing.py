"""What people write, and what must stay hidden: the requests that adapters make of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.providers.bench import Bench, batch_of, submit
from tests.providers.hostile.subject import (
    Case,
    Good,
    Replay,
    Subject,
    check_outcomes,
)
from tests.providers.recovering import holds_text

from gatepost.providers.base import AdapterError, Gateway, Stop
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Kind

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
    outcomes, bench = submit(subject.provider, batch_of(given), good.gw, good.ctx, Replay(good.exchange))
    assert len(bench.sends) <= 1
    if bench.sends:
        assert holds_text(bench.sends[0], text), "the text cannot be read back from the request"
    else:
        check_outcomes(good, outcomes, Kind.REFUSED, Kind.NOT_SENT)


def secrets(subject: Subject) -> Iterator[Case]:
    """No declared secret shows in a repr or an exception, also when the other side echoes the request."""
    for good in subject.goods():
        values = _secret_values(subject.provider, good.gw)

        def reprs(good: Good = good, values: tuple[str, ...] = values) -> None:
            _, bench = submit(subject.provider, good.batch, good.gw, good.ctx, Replay(good.exchange))
            _check_absent(values, repr(good.gw), repr(bench.asked), *(repr(request.link) for request, _ in bench.asked))

        yield Case(f"{good.label}in reprs", reprs)

        def exceptions(good: Good = good, values: tuple[str, ...] = values) -> None:
            bench = Bench(lambda request, _: Response(200, (), _echo(request)))
            try:
                bench.run(lambda: subject.provider.submit(good.batch, good.gw, good.ctx))
            except Stop:
                return
            except AdapterError as fault:
                _check_absent(values, str(fault), repr(fault))

        yield Case(f"{good.label}in exceptions", exceptions)


def _echo(request: Request) -> bytes:
    return f"{request.method} {request.url} {request.headers} ".encode() + request.body


def _secret_values(provider: Provider, gw: Gateway) -> tuple[str, ...]:
    return tuple(str(gw[name]) for name in provider.manifest.secret_names if gw.get(name) and len(str(gw[name])) > 3)


def _check_absent(values: Iterable[str], *shown: str) -> None:
    for text in shown:
        assert not any(value in text for value in values), "a secret shows"
