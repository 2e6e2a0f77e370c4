"""Compares what an adapter did with what an exchange says, and names every difference in one failure."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, quote_plus
from xml.etree.ElementTree import canonicalize

from tests.providers.bench import moment

from gatepost.providers.base import Inbound, Item, Media, Receipt
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Price

BODIES = ("json", "xml", "form", "text", "base64")


def request_differs(expect: Mapping[str, Any], request: Request) -> list[str]:
    """What is wrong with a request; empty when nothing is."""
    faults = _unequal("method", expect["method"], request.method)
    charset = expect.get("charset", "utf-8")
    url, _, query = request.url.partition("?")
    if "query" in expect:
        faults += _unequal("url", expect["url"], url)
        faults += _pairs_differ("query", expect["query"], query, charset)
    else:
        faults += _unequal("url", expect["url"], request.url)
    headers = {name.lower(): value for name, value in request.headers}
    for name, value in expect.get("headers", {}).items():
        faults += _unequal(f"header {name}", None if value is None else str(value), headers.get(name.lower()))
    if "backup_urls" in expect:
        faults += _unequal("backup URLs", expect["backup_urls"], list(request.backup_urls))
    return faults + _body_differs(expect, request.body, charset)


def _body_differs(expect: Mapping[str, Any], body: bytes, charset: str) -> list[str]:
    if "json" in expect:
        return _tree_differs("json", expect["json"], json.loads(body))
    if "form" in expect:
        return _pairs_differ("form", expect["form"], body.decode("ascii"), charset)
    if "xml" in expect:
        wanted, found = (canonicalize(document, strip_text=True) for document in (expect["xml"], body.decode(charset)))
        return _unequal("xml", wanted, found)
    if "text" in expect:
        return _unequal("text", expect["text"], body.decode(charset))
    return _unequal("body", base64.b64decode(expect.get("base64", "")), body)


def _pairs_differ(what: str, wanted: Any, text: str, charset: str) -> list[str]:
    found = parse_qsl(text, keep_blank_values=True, encoding=charset, errors="strict")
    pairs = wanted.items() if isinstance(wanted, Mapping) else [pair for entry in wanted for pair in entry.items()]
    expected = [(str(name), "" if value is None else str(value)) for name, value in pairs]
    missing = [f"{what}: {name}={value!r} is missing" for name, value in expected if (name, value) not in found]
    surplus = [f"{what}: {name}={value!r} is too much" for name, value in found if (name, value) not in expected]
    return missing + surplus or _unequal(f"{what}, number of pairs", len(expected), len(found))


def response_of(serve: Mapping[str, Any]) -> Response:
    headers = tuple((name.lower(), str(value)) for name, value in serve.get("headers", {}).items())
    return Response(int(serve.get("status", 200)), headers, body_of(serve))


def body_of(source: Mapping[str, Any]) -> bytes:
    charset = source.get("charset", "utf-8")
    if "json" in source:
        return json.dumps(source["json"], ensure_ascii=False).encode(charset)
    if "form" in source:
        return "&".join(
            f"{quote_plus(str(name), encoding=charset)}={quote_plus(str(value), encoding=charset)}"
            for name, value in source["form"].items()
        ).encode()
    if "base64" in source:
        return base64.b64decode(source["base64"])
    return str(source.get("xml", source.get("text", ""))).encode(charset)


CONTENT_TYPES = {"form": "application/x-www-form-urlencoded", "json": "application/json", "xml": "text/xml"}


def callback_of(given: Mapping[str, Any], kind: str) -> RawCallback:
    headers = {name.lower(): str(value) for name, value in given.get("headers", {}).items()}
    body = next((name for name in BODIES if name in given), "")
    if body in CONTENT_TYPES:
        headers.setdefault("content-type", CONTENT_TYPES[body])
    return RawCallback(
        given.get("kind", kind),
        given.get("method", "POST" if body else "GET"),
        given.get("url", f"https://gp.example/cb/{kind}/TOK"),
        tuple(headers.items()),
        body_of(given),
        given.get("peer", ""),
        given.get("tail", ""),
        **({"received_at": moment(given["received_at"])} if "received_at" in given else {}),
    )


def attributes_differ(where: str, wanted: Mapping[str, Any], found: object) -> list[str]:
    """Only the attributes that are named are compared."""
    faults = []
    for name, value in wanted.items():
        if name == "media":
            faults += _media_differ(f"{where}.media", value, found)
        else:
            faults += _unequal(f"{where}.{name}", _plain(value), _plain(getattr(found, name)))
    return faults


def _media_differ(where: str, wanted: list[Mapping[str, Any]], found: object) -> list[str]:
    assert isinstance(found, Inbound)
    faults = _unequal(f"{where}, number", len(wanted), len(found.media))
    for i, (expected, media) in enumerate(zip(wanted, found.media, strict=False)):
        faults += attributes_differ(f"{where}[{i}]", expected, media)
    return faults


def items_differ(where: str, wanted: list[Mapping[str, Any]], found: tuple[Item, ...]) -> list[str]:
    faults = _unequal(f"{where}, number", len(wanted), len(found))
    for i, (expected, item) in enumerate(zip(wanted, found, strict=False)):
        [(kind, attributes)] = expected.items()
        actual = {Receipt: "receipt", Inbound: "inbound"}.get(type(item), "opt_out")
        faults += _unequal(f"{where}[{i}]", kind, actual) or attributes_differ(f"{where}[{i}]", attributes, item)
    return faults


def _tree_differs(where: str, wanted: Any, found: Any) -> list[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        names = [*wanted, *(name for name in found if name not in wanted)]
        return [
            fault
            for name in names
            for fault in _tree_differs(f"{where}.{name}", wanted.get(name, "(absent)"), found.get(name, "(absent)"))
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [fault for i, (one, other) in pairs for fault in _tree_differs(f"{where}[{i}]", one, other)]
    is_same_type = isinstance(wanted, bool) == isinstance(found, bool)
    return [] if wanted == found and is_same_type else [f"{where}: expected {wanted!r}, got {found!r}"]


def _unequal(what: str, wanted: Any, found: Any) -> list[str]:
    return [] if _same(wanted, found) else [f"{what}: expected {wanted!r}, got {found!r}"]


def _same(wanted: Any, found: Any) -> bool:
    if wanted == found:
        return True
    if isinstance(found, datetime) and wanted is not None:
        return moment(wanted) == found
    if isinstance(found, Decimal) and wanted is not None:
        try:
            return Decimal(str(wanted)) == found
        except InvalidOperation:
            return False
    if isinstance(found, str) and isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return str(wanted) == found
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, wanted, found))
    return False


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case Price(amount, unit):
            return f"{amount} {unit}".strip()
        case bytes():
            return value.decode("utf-8", "replace")
        case tuple() | list():
            return [_plain(each) for each in value]
        case Media():
            raise AssertionError("media are compared by their attributes")
    return value
