"""What goes over the wire, as values: the request a simulator reads, its answer, and what it pushes to a callback."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, quote_plus, unquote_to_bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a simulator. `path` is below the account's base; header names are lower-case.

    `captured` are the named groups of the route's pattern.
    """

    method: str
    path: str
    query: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    captured: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def query_pairs(self) -> list[tuple[str, bytes]]:
        return split_pairs(self.query)

    def form_pairs(self) -> list[tuple[str, bytes]]:
        """The pairs of a form body; none where the content type says otherwise."""
        return split_pairs(self.body) if self.content_type == "application/x-www-form-urlencoded" else []

    def basic(self) -> tuple[str, str] | None:
        """Login and password of HTTP Basic, None where there is none that can be read."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            login, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (login, password) if colon else None

    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a simulator answers."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = 200, content_type: str = "application/json") -> Answer:
    return Answer(status, json.dumps(value, ensure_ascii=False).encode(), content_type)


def text_answer(text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Answer:
    return Answer(status, text.encode(), content_type)


def without_keys(answer: Answer, *names: str) -> Answer:
    """The JSON answer with these keys removed at every depth."""

    def prune(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: prune(inner) for key, inner in value.items() if key not in names}
        return [prune(inner) for inner in value] if isinstance(value, list) else value

    return Answer(answer.status, json.dumps(prune(json.loads(answer.body))).encode(), answer.content_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """How a provider repeats a callback that was not taken.

    `taken`: whether an answer (status 0 = no answer, body) ends it well. `hopeless`: whether it is never repeated.
    `waits_s`: pauses before the second, third... attempt; afterwards `then_every_s` (0 = no more) until `for_s`.
    """

    taken: Callable[[int, bytes], bool]
    hopeless: Callable[[int], bool] = lambda status: False
    waits_s: tuple[float, ...] = ()
    then_every_s: float = 0.0
    for_s: float = 0.0

    def wait_s(self, attempts: int, elapsed_s: float) -> float | None:
        """The pause after that many attempts and that much time, None where the provider gives up."""
        if attempts <= len(self.waits_s):
            return self.waits_s[attempts - 1]
        return self.then_every_s if self.then_every_s and elapsed_s < self.for_s else None


def is_success(status: int, _body: bytes) -> bool:
    return 200 <= status < 300


NEVER_REPEATED = Repeats(taken=is_success)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A callback of a provider to its customer. `url` is encoded already."""

    kind: Literal["receipt", "inbound", "probe"]
    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    repeats: Repeats = NEVER_REPEATED


def split_pairs(raw: bytes) -> list[tuple[str, bytes]]:
    """Names and values of a query or form, percent-decoded; values stay bytes, their charset is the reader's matter."""
    pairs = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_unquote(name).decode("utf-8", "replace"), _unquote(value)))
    return pairs


def form(pairs: Iterable[tuple[str, str | bytes]]) -> bytes:
    """The pairs as an application/x-www-form-urlencoded body or query, texts in UTF-8."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


def with_query(url: str, pairs: Iterable[tuple[str, str]], safe: str = "") -> str:
    """The URL with the pairs added to its query; characters of `safe` stay as they are."""
    query = "&".join(f"{quote(name)}={quote(value, safe=safe)}" for name, value in pairs)
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _unquote(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))
