"""What crossed the wire, kept raw and cheap; masked only when somebody wants to see it."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gatepost.providers.wire import Headers, Request
from gatepost.sms.values import quick_dataclass
from gatepost.transport.egress import Failure, Reply
from gatepost.transport.masking import HIDDEN, Masker

EXCERPT = 4096
MARGIN = 16 * 1024
"""Masked before it is cut, so that no secret survives by being cut in two."""

SECRET_HEADERS = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "www-authenticate", "authentication"),
        *("x-api-key", "api-key", "apikey", "x-apikey", "x-auth-token", "x-access-token", "x-auth-key", "x-token"),
        *("token", "access-token", "x-signature", "x-csrf-token", "x-secret", "x-password", "x-session-id"),
    }
)
SCHEME = re.compile(r"(?i:(basic|bearer|digest|token|app|apikey|key|accesskey|ibsso|hmac-sha256)) ")


@dataclass(frozen=True, slots=True)
class Trace:
    """An exchange without its secrets, fit to be stored and shown. Texts are cut at EXCERPT characters.

    `status` None: no answer came, and `failure` says why. `started_at` is aware UTC.
    """

    label: str
    method: str
    url: str
    headers: Headers
    body: str
    status: int | None
    response_headers: Headers
    response_body: str
    failure: str
    is_sent: bool
    started_at: datetime
    connect_ms: float
    total_ms: float


class DeclaredSecrets:
    """The secret settings of one account, the same for every run; the masker is built when it is first needed."""

    __slots__ = ("_masker", "values")

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.values = tuple(values)
        self._masker: Masker | None = None

    @property
    def masker(self) -> Masker:
        if self._masker is None:
            self._masker = Masker(dict.fromkeys(_texts(self.values)))
        return self._masker


class Secrets:
    """The secrets of one run: those declared, and what becomes known bit by bit; every exchange of the run is masked
    with all of them."""

    __slots__ = ("_added", "_declared", "_masker")

    def __init__(self, values: Iterable[Any] = (), of: DeclaredSecrets | None = None) -> None:
        self._declared = of or DeclaredSecrets(values)
        self._added: list[Any] = []
        self._masker: Masker | None = None

    def add(self, *values: Any) -> None:
        """Texts, or whatever holds texts: mappings, sequences, bytes."""
        self._added += values
        self._masker = None

    @property
    def texts(self) -> list[str]:
        return list(dict.fromkeys(_texts((self._declared.values, self._added))))

    @property
    def masker(self) -> Masker:
        if not self._added:
            return self._declared.masker
        if self._masker is None:
            self._masker = Masker(self.texts)
        return self._masker

    def __repr__(self) -> str:
        return f"Secrets({len(self._declared.values) + len(self._added)})"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, Iterable):
        for inner in value:
            yield from _texts(inner)


@quick_dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, unmasked: for the driver's hands only. Others take `trace()`."""

    label: str
    is_send: bool
    started_at: datetime
    request: Request = field(repr=False)
    reply: Reply = field(repr=False)
    secrets: Secrets = field(repr=False)

    def trace(self) -> Trace:
        return redact(self)


def redact(exchange: Exchange) -> Trace:
    """What of the exchange may be stored and shown: no declared, derived or cached secret in any spelling."""
    request, reply, mask = exchange.request, exchange.reply, exchange.secrets.masker.mask
    response, failure = reply.response, reply.failure
    return Trace(
        label=exchange.label,
        method=request.method,
        url=mask(reply.url),
        headers=_masked_headers(request.headers, mask),
        body=_excerpt(request.body, mask),
        status=response.status if response else None,
        response_headers=_masked_headers(response.headers, mask) if response else (),
        response_body=_excerpt(response.body, mask) if response else "",
        failure=mask(_in_words(failure)) if failure else "",
        is_sent=reply.is_sent,
        started_at=exchange.started_at,
        connect_ms=round(reply.connect_ms, 3),
        total_ms=round(reply.total_ms, 3),
    )


def mask_message(trace: Trace, texts: Iterable[str], numbers: Iterable[str]) -> Trace:
    """The trace without message texts and with masked numbers, for logs."""
    mask = Masker((), texts=texts, numbers=numbers).mask
    return replace(
        trace,
        url=mask(trace.url),
        headers=tuple((name, mask(value)) for name, value in trace.headers),
        body=mask(trace.body),
        response_headers=tuple((name, mask(value)) for name, value in trace.response_headers),
        response_body=mask(trace.response_body),
        failure=mask(trace.failure),
    )


def _in_words(failure: Failure) -> str:
    return f"{failure.cause}: {failure.words}" if failure.words else str(failure.cause)


def _masked_headers(headers: Headers, mask: Any) -> Headers:
    return tuple((name, _masked_header(name, value, mask)) for name, value in headers)


def _masked_header(name: str, value: str, mask: Any) -> str:
    if name.lower() not in SECRET_HEADERS:
        return str(mask(value))
    scheme = SCHEME.match(value)
    return f"{scheme[0]}{HIDDEN}" if scheme else HIDDEN


def _excerpt(body: bytes, mask: Any) -> str:
    text = str(mask(decode(body[: EXCERPT + MARGIN])))
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}… ({len(body)} bytes)"


def decode(body: bytes) -> str:
    """The bytes as text for people: UTF-8 (a character cut at the end is dropped), else latin-1."""
    try:
        return body.decode()
    except UnicodeDecodeError as fault:
        if fault.end == len(body) and fault.reason == "unexpected end of data":
            return body[: fault.start].decode()
        return body.decode("latin-1")


def as_curl(exchange: Exchange, names: Mapping[str, str] | None = None) -> str:
    """The request as a command for bash, ready to paste once the variables it asks for are set.

    Secrets are shell variables: `names` maps what stands in the request to its variable, the others are counted. An
    encoded secret has a variable of its own, because the shell does not encode. A body with NUL bytes is left out,
    since a command line cannot carry it.
    """
    request = exchange.request
    shell = _Shell(exchange.secrets.masker, dict(names or {}))
    words = ["curl", "--globoff", "--path-as-is", "-X", request.method, shell.quoted(exchange.reply.url)]
    for name, value in request.headers:
        words += ("-H", shell.header(name, value))
    note = ""
    if b"\0" in request.body:
        note = "# the body holds NUL bytes and is left out\n"
    elif request.body:
        words += ("--data-raw", shell.quoted_body(request.body))
    needed = "".join(f': "${{{name}:?}}"\n' for name in shell.used)
    return f"{needed}{note}{' '.join(words)}"


class _Shell:
    """Quotes for bash, with a variable in the place of each secret."""

    def __init__(self, masker: Masker, names: Mapping[str, str]) -> None:
        self._masker = masker
        self._names = dict(names)
        self.used: dict[str, str] = {}

    def quoted(self, text: str) -> str:
        return "".join(self._pieces(text, shlex.quote)) or "''"

    def quoted_body(self, body: bytes) -> str:
        try:
            return self.quoted(body.decode())
        except UnicodeDecodeError:
            return "".join(self._pieces(body.decode("latin-1"), _ansi_quoted))

    def header(self, name: str, value: str) -> str:
        if name.lower() not in SECRET_HEADERS:
            return self.quoted(f"{name}: {value}")
        scheme = SCHEME.match(value)
        shown = scheme[0] if scheme else ""
        return shlex.quote(f"{name}: {shown}") + self._variable(value[len(shown) :])

    def _pieces(self, text: str, quote: Any) -> Iterator[str]:
        done = 0
        for start, end in self._masker.spans(text):
            if start > done:
                yield quote(text[done:start])
            yield self._variable(text[start:end])
            done = end
        if done < len(text):
            yield quote(text[done:])

    def _variable(self, secret: str) -> str:
        known = next((name for name, value in self.used.items() if value == secret), None)
        name = known or self._names.get(secret) or f"SECRET_{len(self.used) + 1}"
        self.used[name] = secret
        return f'"${name}"'


def _ansi_quoted(text: str) -> str:
    """Bytes, given as latin-1, in bash's $'...'."""
    return "$'" + "".join(c if c.isascii() and c.isalnum() else f"\\x{ord(c):02x}" for c in text) + "'"
