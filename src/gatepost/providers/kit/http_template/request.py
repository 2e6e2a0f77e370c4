"""A whole request from templates: URL, query, headers, body."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from gatepost.providers.kit.http_template import json_body, pairs, xml_body
from gatepost.providers.kit.http_template.escape import HEADER_NAME, Unrenderable, header
from gatepost.providers.kit.http_template.pairs import Pair, compile_pairs, pairs_of
from gatepost.providers.kit.http_template.scope import Scope
from gatepost.providers.kit.http_template.template import (
    Template,
    TemplateFault,
    parse,
    placeholders,
    split_literals,
)
from gatepost.providers.kit.signatures import hash_hex
from gatepost.providers.wire import Headers, Identity, Link, Request
from gatepost.sms.outcomes import Refusal

CONTENT_TYPES = {
    "form": "application/x-www-form-urlencoded",
    "json": "application/json",
    "xml": "text/xml",
    "text": "text/plain",
    "multipart": "multipart/form-data",
}
OURS = frozenset(("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect"))
_PYTHON_CHARSET = {"utf-16be": "utf-16-be"}

CONNECT_S, READ_S, MAX_BYTES = 5, 30, 65_536
_LINK_NAMES = (
    *("ca_pem", "client_cert_pem", "client_key_pem", "client_key_password", "proxy_url", "proxy_username"),
    *("proxy_password", "connect_timeout_s", "read_timeout_s", "max_response_bytes"),
)
_PLAIN = Link(connect_timeout_s=CONNECT_S, total_timeout_s=CONNECT_S + READ_S, max_bytes=MAX_BYTES)


@dataclass(frozen=True, slots=True)
class Shape:
    """One request as the settings describe it; every text may hold placeholders. `headers`: `Name: value`,
    `query`: `name=value`. `ways`: how to reach the provider (`link`), where that was found out before."""

    method: str
    url: str
    body_format: str = "none"
    body: str = ""
    content_type: str = ""
    headers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    ways: tuple[Link | None, ...] = ()


@dataclass(frozen=True, slots=True)
class UrlTemplate:
    """`origin` is literal, so that no message can choose the host. `path` and `pairs` may hold placeholders."""

    origin: str
    path: Template
    pairs: tuple[Pair, ...]
    has_query: bool
    has_open_path: bool


def sending(settings: Mapping[str, Any], *, is_unicode: bool) -> Shape:
    """The request of a submit; the Unicode variants stand in where they are set."""

    def variant(name: str) -> str:
        return str((is_unicode and settings.get(f"unicode_{name}")) or settings.get(name) or "")

    return Shape(
        method=str(settings.get("method") or "POST"),
        url=variant("url"),
        body_format=str(settings.get("body_format") or "none"),
        body=variant("body"),
        content_type=str(settings.get("content_type") or ""),
        headers=tuple(settings.get("headers") or ()),
        query=tuple(settings.get("query") or ()),
        ways=(link(settings),),
    )


def body_format_of(body: str) -> str:
    """The format of a small body by its first character: "{" or "[" JSON, "<" XML, else a form."""
    text = body.lstrip()
    if not text:
        return "none"
    if text.startswith("<"):
        return "xml"
    return "json" if text.startswith("[") or (text.startswith("{") and not text.startswith("{{")) else "form"


def build(shape: Shape, scope: Scope) -> Request:
    """The request without its sign-in. Raises Unrenderable."""
    try:
        return _build(shape, scope)
    except TemplateFault as fault:
        raise Unrenderable(Refusal.CONFIG, fault.words) from None
    except UnicodeError:
        raise Unrenderable(Refusal.BAD_CONTENT, "The text is not valid Unicode.") from None


def _build(shape: Shape, scope: Scope) -> Request:
    is_query_form = shape.method == "GET" and shape.body_format == "form"
    url = render_url(shape.url, _added_pairs(shape.query, shape.body if is_query_form else ""), scope)
    headers = rendered_headers(shape.headers, scope)
    body = b""
    if shape.body_format in BODIES and not is_query_form:
        body, content_type = BODIES[shape.body_format](shape, scope)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = (("content-type", content_type), *headers)
    sensitive = tuple(sorted(scope.derived)) if scope.derived else ()
    way = shape.ways[0] if shape.ways else link(scope.settings)
    return Request(shape.method, url, headers, body, sensitive, link=way)


@lru_cache(maxsize=512)
def _added_pairs(query: tuple[str, ...], body: str) -> tuple[Pair, ...]:
    """What stands in the query besides what the address brings: the lines of the setting, and a form that is sent
    there."""
    return (*(pair for line in query for pair in query_pair(line)), *compile_pairs(body))


@lru_cache(maxsize=512)
def query_pair(line: str) -> tuple[Pair, ...]:
    """One line of the query setting: a "&" in it belongs to the value."""
    name, *value = split_literals(parse(line), "=", 1)
    return (Pair(name, value[0] if value else ()),)


def render_url(text: str, extra: tuple[Pair, ...], scope: Scope) -> str:
    template = compile_url(text)
    path = pairs.encoded(template.path, scope, is_plus=False)
    if template.has_open_path and {".", ".."} & set(path.split("/")) - set(text.split("/")):
        raise Unrenderable(Refusal.BAD_CONTENT, "A value of dots alone would change the path of the address.")
    query = pairs.render(
        (*template.pairs, *extra) if template.pairs else extra,
        scope,
        is_plus=scope.settings.get("space_as_plus") is not False,
    )
    return f"{template.origin}{path or '/'}{'?' if query or template.has_query else ''}{query}"


@lru_cache(maxsize=512)
def compile_url(text: str) -> UrlTemplate:
    """Raises TemplateFault where scheme or host are not literal, or the URL holds a login or a fragment."""
    match = re.match(r"(?P<origin>https?://(?P<host>[^/?#{}%\s]+))(?P<rest>.*)\Z", text, re.DOTALL)
    if match is None:
        raise TemplateFault("Write the full address: http:// or https:// and a host, without placeholders in them.")
    try:
        parts = urlsplit(match["origin"])
        is_host = bool(parts.hostname) and match["host"].isascii() and (parts.port is None or parts.port > 0)
    except ValueError:
        is_host = False
    if not is_host:
        raise TemplateFault("The host is not valid; write names of other alphabets in their xn-- form.")
    if parts.username is not None or parts.password is not None:
        raise TemplateFault("Put login and password into their own fields, not into the URL.")
    path, *query = split_literals(parse(match["rest"]), "?", 1)
    for token in (*path, *(query[0] if query else ())):
        if isinstance(token, str) and "#" in token:
            raise TemplateFault("A URL cannot hold a # here; write %23 where the character itself is meant.")
    if path and (not isinstance(path[0], str) or not path[0].startswith("/")):
        raise TemplateFault("After the host the path begins with a slash.")
    is_open = any(True for _ in placeholders(path))
    return UrlTemplate(match["origin"], path, pairs_of(query[0]) if query else (), bool(query), is_open)


def literal_url(text: str) -> str:
    """The URL up to its first placeholder, without its query: an address that holds no message."""
    template = compile_url(text)
    first = template.path[0] if template.path and isinstance(template.path[0], str) else "/"
    return template.origin + (first.rpartition("/")[0] + "/" if template.has_open_path else first)


@lru_cache(maxsize=512)
def header_line(line: str) -> tuple[str, str]:
    """(name, value template) of `Name: value`. Raises TemplateFault."""
    name, colon, value = line.partition(":")
    name = name.strip()
    if not colon or not HEADER_NAME.fullmatch(name):
        raise TemplateFault("Write a header as Name: value.")
    if name.lower() in OURS:
        raise TemplateFault(f"The header {name} is set by the connection itself.")
    return name.lower(), value.strip()


def rendered_headers(lines: tuple[str, ...], scope: Scope) -> Headers:
    rendered = []
    for line in lines:
        name, template = header_line(line)
        tokens = parse(template)
        if not pairs.is_left_out(tokens, scope):
            value = "".join(token if isinstance(token, str) else header(scope.value(token)) for token in tokens)
            rendered.append((name, header(value)))
    return tuple(rendered)


def link(settings: Mapping[str, Any]) -> Link | None:
    """How to reach the provider; None where nothing differs from the defaults, so that the gateway's own way stands
    (its TLS verification above all)."""
    return _link(*(settings.get(name) for name in _LINK_NAMES))


@lru_cache(maxsize=512)
def _link(*values: Any) -> Link | None:
    settings = dict(zip(_LINK_NAMES, values, strict=True))
    chosen = Link(
        ca_pem=str(settings.get("ca_pem") or ""),
        identity=_identity(settings),
        proxy_url=_proxy(settings),
        connect_timeout_s=float(settings.get("connect_timeout_s") or CONNECT_S),
        total_timeout_s=float(
            (settings.get("connect_timeout_s") or CONNECT_S) + (settings.get("read_timeout_s") or READ_S)
        ),
        max_bytes=settings.get("max_response_bytes") or MAX_BYTES,
    )
    return None if chosen == _PLAIN else chosen


def _identity(settings: Mapping[str, Any]) -> Identity | None:
    certificate, key = settings.get("client_cert_pem"), settings.get("client_key_pem")
    if not certificate or not key:
        return None
    password = str(settings.get("client_key_password") or "")
    return Identity(certificate_pem=str(certificate), key_pem=str(key), key_password=password)


def _proxy(settings: Mapping[str, Any]) -> str:
    url, login = str(settings.get("proxy_url") or ""), str(settings.get("proxy_username") or "")
    if not url or not login:
        return url
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{quote(login, safe='')}:{quote(str(settings.get('proxy_password') or ''), safe='')}@{rest}"


def _form(shape: Shape, scope: Scope) -> tuple[bytes, str]:
    is_plus = scope.settings.get("space_as_plus") is not False
    return pairs.render(compile_pairs(shape.body), scope, is_plus=is_plus).encode("ascii"), _type(shape)


def _json(shape: Shape, scope: Scope) -> tuple[bytes, str]:
    return json_body.render(shape.body, scope).encode(), _type(shape)


def _xml(shape: Shape, scope: Scope) -> tuple[bytes, str]:
    body = xml_body.render(shape.body, scope).encode(scope.charset, "xmlcharrefreplace")
    return body, _type(shape, scope.charset)


def _text(shape: Shape, scope: Scope) -> tuple[bytes, str]:
    charset = scope.text("charset") or "utf-8"
    return pairs.to_bytes_of(parse(shape.body), scope, _PYTHON_CHARSET.get(charset, charset)), _type(shape, charset)


def _multipart(shape: Shape, scope: Scope) -> tuple[bytes, str]:
    boundary = "gatepost" + hash_hex(f"{scope.ctx.nonce}:{scope.ctx.serial}".encode(), "sha256")[:32]
    values = pairs.multipart(compile_pairs(shape.body), scope, boundary)
    return values, f"{shape.content_type or CONTENT_TYPES['multipart']}; boundary={boundary}"


def _type(shape: Shape, charset: str = "") -> str:
    default = CONTENT_TYPES[shape.body_format]
    return shape.content_type or (f"{default}; charset={charset}" if charset else default)


BODIES: Mapping[str, Callable[[Shape, Scope], tuple[bytes, str]]] = {
    "form": _form,
    "json": _json,
    "xml": _xml,
    "text": _text,
    "multipart": _multipart,
}
