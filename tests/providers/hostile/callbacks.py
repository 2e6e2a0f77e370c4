"""What anybody may post to a callback URL."""

import json
from collections.abc import Iterator
from dataclasses import replace

from tests.providers.bench import gateway_of
from tests.providers.comparing import callback_of
from tests.providers.exchange_files import Exchange
from tests.providers.hostile.subject import (
    BOMB,
    DEEP_JSON,
    DEEP_XML,
    HTML,
    HUGE,
    Case,
    Subject,
    parses,
    tree_of,
)

from gatepost.providers.base import Callback, Gateway, MalformedAnswer
from gatepost.providers.wire import RawCallback


def callbacks(subject: Subject) -> Iterator[Case]:
    """Anybody may post anything: items, nothing, or MalformedAnswer, and the exact same twice."""
    if subject.provider.parse_callback is None:
        return
    examples = [exchange for exchange in subject.of("receipt", "inbound") if "error" not in exchange.result]
    settings = (examples or subject.exchanges)[0].settings
    gw = gateway_of(subject.provider, settings)
    for kind in ("receipt", "inbound", "media", "stop", "any"):
        for name, content_type, body in _junk_bodies():
            headers = (("content-type", content_type),)
            raw = RawCallback(kind, "POST", f"https://gp.example/cb/{kind}/TOK", headers, body)
            yield Case(f"{kind} callback of {name}", lambda raw=raw: _parse(subject, gw, raw))
        for query in ("", "&&&", "=", "%", "%zz=%ff", "a=%00", "a" * 5000, "\xff\xfe", "#"):
            raw = RawCallback(kind, "GET", f"https://gp.example/cb/{kind}/TOK?{query}")
            yield Case(f"{kind} callback with the query {query[:20]!r}", lambda raw=raw: _parse(subject, gw, raw))
    for exchange in examples[:6]:
        yield from _spoilt_callbacks(subject, exchange)


def _junk_bodies() -> Iterator[tuple[str, str, bytes]]:
    form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=XX"
    for name, body in {
        "nothing": b"",
        "HTML": HTML,
        "wrong bytes": b"\xff\x00=\xfe&%",
        "a huge body": b"x" * HUGE,
    }.items():
        yield f"{name} as a form", form, body
    for body in (b"", b"{", b"[]", b"{}", b"null", b'[1,"a",null,[]]', b'[{"a":{"b":[]}}]', DEEP_JSON, b'"\\ud800"'):
        yield f"JSON {body[:12]!r}", "application/json", body
    for body in (b"", b"<a/>", b"<a><b/></a>", DEEP_XML, BOMB):
        yield f"XML {body[:12]!r}", "text/xml", body
    for body in (
        b"",
        b"--XX",
        b"--XX--",
        b"--XX\r\n\r\n--XX--",
        b"--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX",
    ):
        yield f"multipart {body[:12]!r}", multipart, body
    yield "multipart without a boundary", "multipart/form-data", b"--XX\r\n"
    yield "an odd content type", "text/\xff; charset=klingon", b"a=b"


def _parse(subject: Subject, gw: Gateway, raw: RawCallback) -> Callback | None:
    assert subject.provider.parse_callback is not None
    try:
        found = subject.provider.parse_callback(raw, gw)
    except MalformedAnswer:
        return None
    assert isinstance(found, Callback)
    assert 200 <= found.ack.status < 600
    assert "\ud800" not in repr(found), "what was read cannot be stored"
    return found


def _spoilt_callbacks(subject: Subject, exchange: Exchange) -> Iterator[Case]:
    gw = gateway_of(subject.provider, exchange.settings)
    raw = callback_of(exchange.given, exchange.kind)
    good = _parse(subject, gw, raw)

    def twice() -> None:
        assert good is not None
        assert _parse(subject, gw, raw) == good, "the same callback reads differently the second time"

    yield Case(f"[{exchange.name}] twice", twice)
    length = max(len(raw.body), 1)
    for cut in sorted({length * i // 8 for i in range(8)}):
        cut_raw = replace(raw, body=raw.body[:cut])
        yield Case(f"[{exchange.name}] body cut at {cut}", lambda r=cut_raw: _check_cut(subject, gw, r))
    yield Case(f"[{exchange.name}] an unlisted status", lambda: _check_unlisted(subject, gw, raw, good))
    yield Case(f"[{exchange.name}] items turned round", lambda: _check_reordered(subject, gw, raw, good))


def _check_cut(subject: Subject, gw: Gateway, raw: RawCallback) -> None:
    found = _parse(subject, gw, raw)
    if raw.body.lstrip()[:1] in (b"{", b"[") and not parses(raw.body):
        assert not found or not found.items, "half a document was taken for items"


def _check_unlisted(subject: Subject, gw: Gateway, raw: RawCallback, good: Callback | None) -> None:
    for item in good.items if good else ():
        status = getattr(item, "status", "")
        if not status:
            continue
        body = raw.body.replace(status.encode(), b"zz9status")
        found = _parse(subject, gw, replace(raw, url=raw.url.replace(f"={status}", "=zz9status"), body=body))
        for receipt in found.items if found else ():
            if "zz9status" in getattr(receipt, "status", ""):
                assert receipt.state is None, f"an unlisted status became {receipt.state}"


def _check_reordered(subject: Subject, gw: Gateway, raw: RawCallback, good: Callback | None) -> None:
    tree = tree_of(raw.body)
    if not isinstance(tree, list) or good is None:
        return
    found = _parse(subject, gw, replace(raw, body=json.dumps(tree[::-1] + tree).encode()))
    assert found is not None
    assert found.items == good.items[::-1] + good.items


def signatures(subject: Subject) -> Iterator[Case]:
    """A signature that is wrong, missing, or made with another secret never counts."""
    verify = subject.provider.verify
    if subject.provider.manifest.callback_auth != "signature" or verify is None:
        return
    for exchange in subject.of("receipt", "inbound"):
        if exchange.result.get("verify") is not True:
            continue
        gw, raw = gateway_of(subject.provider, exchange.settings), callback_of(exchange.given, exchange.kind)
        bare = replace(raw, headers=(), body=b"", url=raw.url.partition("?")[0])
        yield Case(f"[{exchange.name}] nothing is left", lambda r=bare, g=gw: _not_proven(verify(r, g)))
        others = [_with_other_secret(gw, name) for name in subject.provider.manifest.secret_names if gw.get(name)]

        def other_secrets(r: RawCallback = raw, gateways: list[Gateway] = others) -> None:
            assert any(verify(r, other) is False for other in gateways), "no secret matters"

        yield Case(f"[{exchange.name}] another secret", other_secrets)

        def each_part(r: RawCallback = raw, g: Gateway = gw) -> None:
            assert any(verify(spoilt, g) is not True for spoilt in _spoilt(r)), "nothing of the callback matters"

        yield Case(f"[{exchange.name}] a spoilt part", each_part)


def _with_other_secret(gw: Gateway, name: str) -> Gateway:
    return Gateway(gw.slug, {**gw.settings, name: f"{gw[name]}x"})


def _not_proven(verdict: bool | None) -> None:
    assert verdict is not True, "an empty callback counts as signed"


def _spoilt(raw: RawCallback) -> Iterator[RawCallback]:
    for i, (name, value) in enumerate(raw.headers):
        headers = list(raw.headers)
        headers[i] = (name, value[:-1] + ("0" if value[-1:] != "0" else "1"))
        yield replace(raw, headers=tuple(headers))
    for i in range(0, len(raw.body), max(1, len(raw.body) // 40)):
        yield replace(raw, body=raw.body[:i] + bytes([raw.body[i] ^ 1]) + raw.body[i + 1 :])
    path, _, query = raw.url.partition("?")
    for i in range(0, len(query), max(1, len(query) // 40)):
        yield replace(raw, url=f"{path}?{query[:i]}{'0' if query[i] != '0' else '1'}{query[i + 1 :]}")
