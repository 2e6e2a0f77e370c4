"""A submit whose answer is broken, hostile or missing, and the operations that only ask."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

from tests.providers.bench import Bench, context_of, gateway_of, sent_of
from tests.providers.exchange_files import Exchange
from tests.providers.hostile.subject import (
    ANY,
    BOMB,
    DEEP_JSON,
    DEEP_OBJECT,
    DEEP_XML,
    HTML,
    HUGE,
    NOT_ACCEPTED,
    Case,
    Good,
    Subject,
    answered,
    check_outcomes,
    leaves,
    lists_changed,
    nth_replaced,
    parses,
    replaced,
    tree_of,
)

from gatepost.providers.base import AdapterError, Found
from gatepost.providers.wire import Response
from gatepost.sms.outcomes import Kind
from gatepost.transport.egress import Cause, Failure

STATUSES = (400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 422, 429, 500, 501, 502, 503, 504, 520)
REDIRECTS = (301, 302, 303, 307, 308)


def statuses(subject: Subject) -> Iterator[Case]:
    """Error statuses with a page of a proxy, and with the body of a success."""
    for good in subject.goods():
        unprocessed = subject.provider.manifest_for(good.gw.settings).unprocessed_statuses
        for status in STATUSES:
            is_uncertain = (status == 408 or status >= 500) and status not in unprocessed
            kinds = (Kind.UNKNOWN,) if is_uncertain else (Kind.THROTTLED,) if status == 429 else NOT_ACCEPTED
            page = Response(status, (("content-type", "text/html"),), HTML)
            yield answered(subject, good, f"{status} with HTML", page, *kinds)
            yield answered(subject, good, f"{status} without a body", Response(status), *kinds)
            if is_uncertain:
                success = replace(good.answer, status=status)
                yield answered(subject, good, f"{status} with a success", success, Kind.UNKNOWN, Kind.ACCEPTED)


def failures(subject: Subject) -> Iterator[Case]:
    """Without an answer it depends on one thing alone: whether bytes of the send had left."""
    for good in subject.goods():
        for cause in Cause:
            for is_sent in (False, True):
                kind = Kind.UNKNOWN if is_sent else Kind.NOT_SENT
                name = f"{cause}, {'sent' if is_sent else 'not sent'}"
                yield answered(subject, good, name, Failure(cause, is_sent), kind)
        for name, answer in {
            "no answer": Failure(Cause.TIMEOUT, is_sent=True),
            "junk": Response(200, (), HTML),
        }.items():
            if good.prepares:
                yield Case(f"{good.label}preparation gets {name}", partial(_check_preparation, subject, good, answer))


def _check_preparation(subject: Subject, good: Good, answer: Response | Failure) -> None:
    bench = Bench(lambda request, is_send: answer)
    outcomes = bench.submit(subject.provider, good.batch, good.gw, good.ctx)
    assert not bench.sends, "sent without what had to be fetched first"
    check_outcomes(good, outcomes, Kind.NOT_SENT, Kind.REFUSED)


def redirects(subject: Subject) -> Iterator[Case]:
    for good in subject.goods():
        for status in REDIRECTS:
            headers = (("location", "http://169.254.169.254/latest/meta-data/"),)
            yield answered(subject, good, f"{status}", Response(status, headers, HTML), *NOT_ACCEPTED)
            yield answered(subject, good, f"{status} without a body", Response(status, headers), *NOT_ACCEPTED)


def retry_after(subject: Subject) -> Iterator[Case]:
    """429 is throttled, and Retry-After is understood or left alone."""
    for good in subject.goods():
        date = format_datetime(good.ctx.now + timedelta(seconds=60), usegmt=True)
        for value in ("30", date, "soon", "-5", "\xb2", "1e9", "9" * 400, "", "Fri, 99 Foo 2026 10:00:00 GMT"):

            def run(value: str = value, good: Good = good, date: str = date) -> None:
                outcomes = subject.submitted(good, Response(429, (("retry-after", value),), HTML))
                check_outcomes(good, outcomes, Kind.THROTTLED)
                for outcome in outcomes.values():
                    seconds = outcome.retry_after_s
                    assert seconds is None or 0 <= seconds <= 86_400, f"{seconds} seconds"
                    assert value != "30" or seconds == 30.0, f"{seconds} seconds"
                    assert value != date or seconds in (59.0, 60.0, 61.0), f"{seconds} seconds"

            yield Case(f"{good.label}Retry-After: {value[:40]}", run)


def bodies(subject: Subject) -> Iterator[Case]:
    """200 and something that is no answer: nobody knows."""
    for good in subject.goods():
        text = good.answer.body.decode("utf-8", "replace")
        junk = {
            "empty": b"",
            "blank": b" \r\n ",
            "HTML": HTML,
            "huge": b"x" * HUGE,
            "huge JSON": b'{"x":"' + b"y" * HUGE + b'"}',
            "deep JSON list": DEEP_JSON,
            "deep JSON object": DEEP_OBJECT,
            "closed deep JSON": b"[" * 900 + b"]" * 900,
            "deep XML": DEEP_XML,
            "XML entities": BOMB,
            "wrong bytes": b"\xff\xfe\xfd\x80\x81",
            "NUL bytes": b"\x00" * 64,
            "JSON list": b"[]",
            "JSON list of lists": b"[[],[]]",
            "JSON list of null": b"[null]",
            "JSON object": b"{}",
            "JSON null": b"null",
            "JSON true": b"true",
            "JSON text": b'"fine"',
            "JSON number too large": b"1e999",
            "JSON not a number": b"NaN",
            "a foreign JSON object": b'{"foo":{"bar":[1,2]},"messages":"x","list":{},"result":7}',
            "a foreign XML document": b"<foo><bar>1</bar></foo>",
        }
        for name, body in junk.items():
            kinds = good.kinds_for(body) if good.promises_keys else (*good.kinds_for(body), Kind.ACCEPTED)
            yield answered(subject, good, name, replace(good.answer, body=body), *kinds)
        for name, body in {
            "with a byte order mark": b"\xef\xbb\xbf" + good.answer.body,
            "in UTF-16": text.encode("utf-16"),
            "in UTF-16 without a mark": text.encode("utf-16-le"),
        }.items():
            yield answered(subject, good, name, replace(good.answer, body=body), *ANY)


def truncated(subject: Subject) -> Iterator[Case]:
    for good in subject.goods():
        body = good.answer.body.strip()
        cuts = sorted({len(body) * i // 12 for i in range(12)} | {max(len(body) - 1, 0)}) if body else []
        for cut in cuts:
            kinds = good.kinds_for(body[:cut]) if parses(body) else ANY
            yield answered(subject, good, f"cut at {cut}", replace(good.answer, body=body[:cut]), *kinds)


def missing_ids(subject: Subject) -> Iterator[Case]:
    """A success without the id that it promises is no success."""
    for good in subject.goods():
        if not good.promises_keys:
            continue
        ids = {key.partition(":")[0] for outcome in good.outcomes.values() for key in outcome.keys}
        blanked = good.answer.body
        for each in sorted(ids, key=len, reverse=True):
            blanked = blanked.replace(each.encode(), b"")
        yield answered(subject, good, "ids blanked", replace(good.answer, body=blanked), *ANY)
        tree = tree_of(good.answer.body)
        if tree is None:
            continue
        for name, value in {"null": None, "empty": "", "a list": [], "an object": {}, "false": False}.items():
            body = json.dumps(replaced(tree, lambda leaf, v=value, ids=ids: v if str(leaf) in ids else leaf)).encode()
            yield answered(subject, good, f"ids are {name}", replace(good.answer, body=body), *NOT_ACCEPTED)


def odd_values(subject: Subject) -> Iterator[Case]:
    """Each value of the answer in turn is of another type, or holds what no database stores."""
    odd = {
        "null": None,
        "a list": [1],
        "an object": {"a": 1},
        "true": True,
        "a huge number": 10**400,
        "a text with NUL and half a surrogate": "a\x00b\ud800",
        "a long text": "9" * 5000,
        "a negative number": -1,
    }
    for good in subject.goods():
        tree = tree_of(good.answer.body)
        if tree is None:
            continue
        count = sum(1 for _ in leaves(tree))
        for name, value in odd.items():

            def run(value: Any = value, good: Good = good, tree: Any = tree, count: int = count) -> None:
                for i in range(min(count, 40)):
                    body = json.dumps(nth_replaced(tree, i, value)).encode()
                    check_outcomes(good, subject.submitted(good, replace(good.answer, body=body)), *ANY)

            yield Case(f"{good.label}each value is {name}", run)


def batch_answers(subject: Subject) -> Iterator[Case]:
    """Items of a batch's answer are dropped, doubled, turned round, or belong to nobody."""
    for good in subject.goods():
        tree = tree_of(good.answer.body)
        if tree is None or len(good.batch.messages) < 2:
            continue
        changes: dict[str, Callable[[list[Any]], list[Any]]] = {
            "dropped": lambda items: items[:-1],
            "all dropped": lambda items: [],
            "doubled": lambda items: [each for each in items for _ in (0, 1)],
            "turned round": lambda items: items[::-1],
            "many strangers": lambda items: items + [{"id": str(i)} for i in range(100)],
        }
        for name, change in changes.items():
            body = json.dumps(lists_changed(tree, change)).encode()
            yield answered(subject, good, f"items {name}", replace(good.answer, body=body), *ANY)


def asking(subject: Subject) -> Iterator[Case]:
    """Query, find, poll, balance and check survive anything, and never take junk for news."""
    for kind in ("query", "find", "poll", "balance", "check"):
        for exchange in subject.of(kind)[:2]:
            for name, answer in _junk_answers():
                yield Case(f"{kind} answered by {name}", lambda e=exchange, a=answer: _check_asking(subject, e, a))


def _junk_answers() -> Iterator[tuple[str, Response]]:
    for status in (400, 401, 403, 404, 408, 429, 500, 503, 302):
        yield f"{status}", Response(status, (), HTML)
    for body in (b"", HTML, DEEP_JSON, DEEP_XML, BOMB, b"[]", b"{}", b"null", b"[null]", b"\xff\xfe\x00", b"x" * HUGE):
        yield f"{body[:12]!r}", Response(200, (), body)


def _check_asking(subject: Subject, exchange: Exchange, answer: Response) -> None:
    gw, ctx = gateway_of(subject.provider, exchange.settings), context_of(exchange.context)
    operation = getattr(subject.provider, exchange.kind)
    bench = Bench(lambda request, is_send: answer)
    try:
        if exchange.kind in ("query", "find"):
            found = bench.run(lambda: operation(sent_of(exchange.given), gw, ctx), subject.provider, gw)
        elif exchange.kind == "poll":
            given = exchange.given or {}
            feed, cursor = str(given.get("feed", "")), str(given.get("cursor", ""))
            found = bench.run(lambda: operation(feed, cursor, gw, ctx), subject.provider, gw)
        else:
            found = bench.run(lambda: operation(gw, ctx), subject.provider, gw)
    except AdapterError:
        found = None
    assert not bench.sends, "asking must not send"
    assert not any(commit.items for commit in bench.commits), "junk was taken for items"
    if exchange.kind == "query":
        assert not found, f"junk was taken for {found}"
    if exchange.kind == "find" and answer.body not in (b"[]", b"{}"):
        seen = [ref for ref, each in (found or {}).items() if isinstance(each, Found)]
        assert not seen, f"junk was taken for knowledge about {seen}"
