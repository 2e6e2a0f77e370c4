"""Builders of requests: JSON, form, XML and query, with the usual ways to sign in."""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from gatepost.providers.wire import Headers, Link, Request

Pairs = Iterable[tuple[str, str]]


def get(url: str, params: Pairs = (), *, headers: Headers = (), sensitive: Iterable[str] = (), **kw: Any) -> Request:
    """`params` are percent-encoded in UTF-8 and added to the URL, in order."""
    return Request("GET", with_query(url, params), headers, sensitive=_derived(headers, sensitive), **kw)


def post_form(
    url: str,
    params: Pairs,
    *,
    headers: Headers = (),
    charset: str = "utf-8",
    sensitive: Iterable[str] = (),
    backup_urls: tuple[str, ...] = (),
    link: Link | None = None,
) -> Request:
    """A form body in `charset`; characters that the charset lacks raise UnicodeEncodeError."""
    body = encode_pairs(params, charset).encode("ascii")
    content_type = ("content-type", "application/x-www-form-urlencoded")
    return Request("POST", url, (content_type, *headers), body, _derived(headers, sensitive), backup_urls, link)


def post_json(
    url: str,
    value: Any,
    *,
    headers: Headers = (),
    method: str = "POST",
    content_type: str = "application/json",
    sensitive: Iterable[str] = (),
    link: Link | None = None,
) -> Request:
    """A JSON body in UTF-8, compact, keys in the given order."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    sent = (("content-type", content_type), *headers)
    return Request(method, url, sent, body, _derived(headers, sensitive), link=link)


def post_xml(
    url: str,
    document: str,
    *,
    headers: Headers = (),
    content_type: str = "text/xml; charset=utf-8",
    sensitive: Iterable[str] = (),
    link: Link | None = None,
) -> Request:
    sent = (("content-type", content_type), *headers)
    return Request("POST", url, sent, document.encode(), _derived(headers, sensitive), link=link)


def _derived(headers: Headers, sensitive: Iterable[str]) -> tuple[str, ...]:
    """What must be masked: what the adapter names, and the credentials of an Authorization header in its own coding."""
    found = (value.rpartition(" ")[2] for name, value in headers if name.lower() == "authorization")
    return (*sensitive, *found)


def encode_pairs(params: Pairs, charset: str = "utf-8") -> str:
    return "&".join(
        f"{quote_plus(name, encoding=charset)}={quote_plus(value, encoding=charset)}" for name, value in params
    )


def with_query(url: str, params: Pairs) -> str:
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params)
    return url if not query else f"{url}{'&' if '?' in url else '?'}{query}"


def basic(login: str, password: str) -> tuple[str, str]:
    """The Authorization header of HTTP Basic, sent at once (no wait for a challenge)."""
    return "authorization", "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


def bearer(token: str, scheme: str = "Bearer") -> tuple[str, str]:
    return "authorization", f"{scheme} {token}"


def segment(text: str) -> str:
    """One segment of a path, whatever the text holds."""
    return quote(text, safe="").replace(".", "%2E") if set(text) <= {"."} else quote(text, safe="")


def only_for(base_url: str, url: str, headers: Headers) -> Headers:
    """The headers where `url` has the scheme, host and port of `base_url`, else none: a credential goes nowhere else,
    whoever wrote the URL."""
    wanted, asked = _origin(base_url), _origin(url)
    return headers if wanted and wanted == asked else ()


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        return (parts.scheme, parts.hostname, parts.port) if parts.hostname else None
    except ValueError:
        return None


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a JSON object that hold something: None and empty texts, lists and objects are left out."""
    return {name: value for name, value in values.items() if value or (value is not None and value not in ("", [], {}))}


def present(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs that have a value: None and "" are left out, True is "1", False is left out."""
    return [
        (name, "1" if value is True else str(value))
        for name, value in params.items()
        if value is not None and value != "" and value is not False
    ]
