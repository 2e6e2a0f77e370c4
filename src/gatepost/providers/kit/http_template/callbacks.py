"""What providers send to us: proof of origin, reading the body, the answer they get."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gatepost.providers.base import Ack, Gateway, MalformedAnswer
from gatepost.providers.kit import xml
from gatepost.providers.kit.answers import pairs, query_pairs
from gatepost.providers.kit.http_template.documents import Document, Json, Pairs, Xml, parse_json, parse_xml
from gatepost.providers.kit.http_template.lookups import Answer
from gatepost.providers.kit.http_template.template import Placeholder, parse
from gatepost.providers.kit.signatures import Encoding, equal, hmac_sign
from gatepost.providers.wire import RawCallback
from gatepost.sms.values import quick_dataclass

MAX_FIELDS = 1000
MAX_ITEMS = 1000
BARE_MODES = frozenset(("", "auto", "form"))
"""Ways of reading in which a callback without a body is a form."""


def verify(raw: RawCallback, gw: Gateway) -> bool | None:
    """Whether the callback proves its origin in the way that the gateway asks for; None where the unguessable URL
    is all there is."""
    proof = _PROOFS.get(gw.text("callback_auth"))
    return proof(raw, gw) if proof else None


def _by_header(raw: RawCallback, gw: Gateway) -> bool:
    return equal(raw.header(gw.text("callback_header")), gw.text("callback_secret"))


def _by_basic(raw: RawCallback, gw: Gateway) -> bool:
    login = f"{gw.text('callback_username')}:{gw.text('callback_secret')}"
    scheme, _, given = (raw.header("authorization") or "").partition(" ")
    return scheme.lower() == "basic" and equal(given.strip(), b64encode(login.encode()).decode())


def _by_hmac(raw: RawCallback, gw: Gateway) -> bool:
    stamp = (raw.header(gw.text("callback_timestamp_header")) or "").encode()
    signed = {"body": raw.body, "body_timestamp": raw.body + stamp, "timestamp_dot_body": stamp + b"." + raw.body}
    data = signed[gw.text("callback_hmac_input") or "body"]
    encoding: Encoding = "base64" if gw.text("callback_hmac_encoding") == "base64" else "hex"
    expected = hmac_sign(gw.text("callback_secret"), data, gw.text("callback_hmac_algo") or "sha256", encoding)
    given = raw.header(gw.text("callback_header")) or ""
    given = given.partition("=")[2] if given.lower().startswith(("sha1=", "sha256=", "sha512=")) else given
    return bool(gw.text("callback_secret")) and equal(given.lower() if encoding == "hex" else given, expected)


_PROOFS: Mapping[str, Callable[[RawCallback, Gateway], bool]] = {
    "header": _by_header,
    "basic": _by_basic,
    "hmac": _by_hmac,
}


@quick_dataclass(frozen=True, slots=True)
class Item:
    """One report or message of a callback; names are looked for in it, then in the query of the URL."""

    document: Document
    query: Document

    def values(self, path: str) -> list[str]:
        return self.document.values(path) or self.query.values(path)

    def value(self, *paths: str) -> str | None:
        """The first of the paths that is there; an empty value counts only where no other path has one."""
        found = [value for path in paths if path for value in self.values(path)[:1]]
        return next((value for value in found if value), found[0] if found else None)

    def text(self, *paths: str) -> str:
        return (self.value(*paths) or "").strip()


def items_of(raw: RawCallback, mode: str, items_path: str, charset: str = "utf-8") -> list[Item]:
    """The items of a callback, at most MAX_ITEMS. Raises MalformedAnswer where a path finds nothing."""
    query = _query_of(raw, charset)
    document = query if _is_bare(raw, mode) else document_of(raw, mode, charset)
    found = document.items(re.sub(r"^(json|xml|form):", "", items_path)) if items_path else [document]
    if found is None:
        raise MalformedAnswer("the callback has no items at the path of the settings")
    if len(found) > MAX_ITEMS:
        raise MalformedAnswer(f"the callback has more than {MAX_ITEMS} items")
    return [Item(item, query) for item in found]


def document_of(raw: RawCallback, mode: str, charset: str) -> Document:
    """The body by the chosen form, or by its Content-Type; the query where the body is empty."""
    kind = mode if mode and mode != "auto" else _kind(raw)
    if kind == "json":
        return parse_json(raw.body)
    if kind == "xml":
        return parse_xml(raw.body)
    if raw.content_type != "multipart/form-data":
        raw = replace(raw, headers=())
    return _by_name(pairs(raw, charset))


def as_answer(raw: RawCallback, mode: str, charset: str) -> Answer:
    """The callback as something that rules can look into."""
    document = document_of(raw, mode, charset)
    kinds = {
        "json": document if isinstance(document, Json) else None,
        "xml": document if isinstance(document, Xml) else None,
    }
    form = document if isinstance(document, Pairs) else _query_of(raw, charset)
    return Answer(200, raw.headers, raw.body, "utf-8", raw.query, _parsed={**kinds, "form": form})


def _is_bare(raw: RawCallback, mode: str) -> bool:
    """Whether the query is all there is."""
    return not raw.body and mode in BARE_MODES and raw.content_type != "multipart/form-data"


def _kind(raw: RawCallback) -> str:
    if not raw.body:
        return "form"
    if raw.content_type.endswith(("/json", "+json")):
        return "json"
    if raw.content_type.endswith(("/xml", "+xml")):
        return "xml"
    return "form"


def _query_of(raw: RawCallback, charset: str) -> Pairs:
    return _by_name(query_pairs(raw, charset))


def _by_name(fields: list[tuple[str, str]]) -> Pairs:
    if len(fields) > MAX_FIELDS:
        raise MalformedAnswer("the callback has too many fields")
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return Pairs(found)


def ack(gw: Gateway, prefix: str, identifier: str = "", ref: str = "") -> Ack:
    """The answer of the settings; {{id}} and {{ref}} are escaped for its type."""
    content_type = gw.text(f"{prefix}_reply_type") or "text/plain"
    values = {"id": identifier, "ref": ref}
    escape = _ESCAPES.get(content_type, str)
    body = "".join(
        escape(values.get(token.name, "")) if isinstance(token, Placeholder) else token
        for token in parse(gw.text(f"{prefix}_reply_body"))
    )
    status = gw.get(f"{prefix}_reply_status")
    return Ack(int(status or 200), body.encode(), f"{content_type}; charset=utf-8")


def is_method_allowed(raw: RawCallback, allowed: Any) -> bool:
    listed = [method.strip().upper() for method in str(allowed or "GET, POST, PUT").split(",")]
    return raw.method.upper() in listed


_ESCAPES: Mapping[str, Callable[[str], str]] = {
    "application/json": lambda text: json.dumps(text)[1:-1],
    "application/xml": xml.escape,
    "text/xml": xml.escape,
}
METHOD_NOT_ALLOWED = Ack(405, b"Method not allowed")
NOT_FOUND = Ack(404, b"Not found")
