"""The first half of an exchange: a request checked, and the bytes that go before its body.

Refused rather than repaired: credentials, fragments, backslashes, blanks and foreign letters in a URL are what parsers
disagree about, and a control character in a header is how one request becomes two.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address

from gatepost.providers.wire import Headers, Request
from gatepost.transport.egress import Cause
from gatepost.transport.line import NotSent

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
OURS = frozenset(
    {"connection", "content-length", "transfer-encoding", "expect", "upgrade", "te", "trailer", "keep-alive"}
    | {"accept-encoding", "proxy-connection", "proxy-authorization"}
)
"""Headers that frame the message or the connection: an adapter's settings must not reach into them."""

ORIGIN_SHAPE = re.compile(r"(?i:(https?)://)([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?")
TAIL_SHAPE = re.compile(r"(?:[/?][\x21\x22\x24-\x7e]*)?")
NAME_SHAPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE_SHAPE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
DEFAULT_PORTS = {"http": 80, "https": 443}
ORIGINS_KEPT = 1024
HEADS_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes. `host` in lower case, an IPv6 address without brackets; `authority` for Host."""

    scheme: str
    host: str
    port: int
    authority: str

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"


def check_method(method: str) -> None:
    """Raises NotSent."""
    if method not in METHODS:
        raise NotSent(Cause.BAD_REQUEST, "the method is not one of HTTP's")


def split_url(url: str) -> tuple[Origin, str]:
    """The origin and the target (path and query) as they stand; raises NotSent."""
    end = _authority_end(url)
    tail = url[end:]
    if TAIL_SHAPE.fullmatch(tail) is None:
        raise _odd_url()
    return _origin(url[:end]), tail if tail[:1] == "/" else f"/{tail}"


def head_of(request: Request, origin: Origin, target: str) -> bytes:
    """Everything before the body, the empty line included; raises NotSent."""
    lines = _header_lines(request.headers)
    body = request.body
    length = b"Content-Length: %d\r\n" % len(body) if body or request.method not in WITHOUT_BODY else b""
    host = b"" if lines.has_host else b"Host: %s\r\n" % origin.authority.encode()
    return b"%s %s HTTP/1.1\r\n%s%s%s\r\n" % (request.method.encode(), target.encode(), host, lines.raw, length)


@dataclass(frozen=True, slots=True)
class _Lines:
    raw: bytes
    has_host: bool


@lru_cache(HEADS_KEPT)
def _header_lines(headers: Headers) -> _Lines:
    """An account's headers are the same for every message, so their bytes are kept."""
    lines, names = [], set()
    for name, value in headers:
        lower = name.lower()
        if lower in OURS:
            continue
        if not NAME_SHAPE.fullmatch(name) or not VALUE_SHAPE.fullmatch(value):
            raise NotSent(Cause.BAD_REQUEST, "a header holds a character that would break out of its place")
        names.add(lower)
        lines.append(f"{name}: {value}\r\n")
    if "accept" not in names:
        lines.append("Accept: */*\r\n")
    if "user-agent" not in names:
        lines.append("User-Agent: Gatepost\r\n")
    lines.append("Accept-Encoding: identity\r\n")
    try:
        return _Lines("".join(lines).encode(), "host" in names)
    except UnicodeEncodeError:
        raise NotSent(Cause.BAD_REQUEST, "a header holds half a character") from None


def _authority_end(url: str) -> int:
    """Where the path or the query begins; the length where there is neither."""
    start = url.find("://") + 3
    slash = url.find("/", start)
    end = slash if slash >= 0 else len(url)
    query = url.find("?", start, end)
    return query if query >= 0 else end


@lru_cache(ORIGINS_KEPT)
def _origin(text: str) -> Origin:
    found = ORIGIN_SHAPE.fullmatch(text)
    if found is None:
        raise _odd_url()
    scheme, host = found[1].lower(), found[2].lower()
    port = int(found[3]) if found[3] else DEFAULT_PORTS[scheme]
    if port > 65535:
        raise NotSent(Cause.BAD_REQUEST, "the URL cannot be read")
    bare = host.strip("[]")
    if host.startswith("["):
        try:
            IPv6Address(bare)
        except ValueError:
            raise NotSent(Cause.BAD_REQUEST, "the URL cannot be read") from None
    shown = host.rstrip(".")
    return Origin(scheme, bare, port, shown if port == DEFAULT_PORTS[scheme] else f"{shown}:{port}")


def _odd_url() -> NotSent:
    return NotSent(
        Cause.BAD_REQUEST,
        "the URL must be http:// or https:// with a plain host, percent-encoded, without login and fragment",
    )
