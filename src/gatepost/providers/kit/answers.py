"""Readers of answers and callbacks. A missing or odd value is a MalformedAnswer, never a KeyError or a wrong guess."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.multipart import read_multipart
from gatepost.providers.wire import RawCallback, Response
from gatepost.sms.outcomes import Price

EXCERPT = 200
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
T = TypeVar("T")
U = TypeVar("U")


class Node:
    """A place in a parsed JSON document that knows its path, so that complaints name it."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "answer") -> None:
        self.value = value
        self.path = path

    def __repr__(self) -> str:
        return f"Node({self.path})"

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def __iter__(self) -> "Iterator[Node]":
        return iter(self.items())

    def node(self, *keys: str | int) -> "Node":
        """The node below; raises when it is absent. An absent last key may be looked up with `maybe`."""
        found = self.maybe(*keys)
        if found is None:
            raise self.odd(f"{self._below(keys)} is missing")
        return found

    def maybe(self, *keys: str | int) -> "Node | None":
        """The node below, or None where it (or anything above it) is absent or null."""
        value = self._found(keys)
        return None if value is None else Node(value, self._below(keys))

    def _found(self, keys: tuple[str | int, ...]) -> Any:
        """What stands below, None where it (or anything above it) is absent or null."""
        value = self.value
        for key in keys:
            inside = isinstance(value, dict) if isinstance(key, str) else isinstance(value, list)
            if not inside:
                return None
            try:
                value = value[key]
            except (KeyError, IndexError):
                return None
        return value

    def items(self, *keys: str | int) -> "list[Node]":
        """The elements of a list."""
        node = self.node(*keys) if keys else self
        if not isinstance(node.value, list):
            raise self.odd(f"{node.path} is not a list")
        return [Node(value, f"{node.path}[{i}]") for i, value in enumerate(node.value)]

    def text(self, *keys: str | int) -> str:
        """A text; whole numbers are accepted as text (ids come as both), empty is missing."""
        text = self.maybe_text(*keys)
        if not text:
            raise self.odd(f"{self._below(keys)} is missing")
        return text

    def maybe_text(self, *keys: str | int) -> str:
        value = self._found(keys)
        if value is None:
            return ""
        if isinstance(value, str):
            return storable(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        raise self.odd(f"{self._below(keys)} is not a text")

    def texts(self) -> dict[str, str]:
        """The members of an object that are texts or numbers, by name."""
        if not isinstance(self.value, dict):
            raise self.odd(f"{self.path} is not an object")
        plain = (name for name, value in self.value.items() if isinstance(value, str | int | float))
        return {name: self.maybe_text(name) for name in plain if not isinstance(self.value[name], bool)}

    def integer(self, *keys: str | int) -> int:
        number = self.maybe_integer(*keys)
        if number is None:
            raise self.odd(f"{self._below(keys)} is missing")
        return number

    def maybe_integer(self, *keys: str | int) -> int | None:
        text = self.maybe_text(*keys)
        return whole(text, self._below(keys)) if text else None

    def decimal(self, *keys: str | int) -> Decimal:
        return to_decimal(self.text(*keys), self._below(keys))

    def maybe_decimal(self, *keys: str | int) -> Decimal | None:
        text = self.maybe_text(*keys)
        return to_decimal(text, self._below(keys)) if text else None

    def odd(self, words: str) -> MalformedAnswer:
        try:
            said = json.dumps(self.value, ensure_ascii=False, default=str)
        except RecursionError:
            said = "…"
        return MalformedAnswer(words, excerpt(said))

    def _below(self, keys: tuple[str | int, ...]) -> str:
        return ".".join([self.path, *map(str, keys)])


def storable(text: str) -> str:
    """Text that a database takes: NUL and lone surrogates, which a hostile answer may hold, become U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return UNSTORABLE.sub("\ufffd", text)


def excerpt(text: str) -> str:
    return storable(text if len(text) <= EXCERPT else text[:EXCERPT] + "…")


def to_text(response: Response, charset: str = "utf-8") -> str:
    """The body as text; wrong bytes are an odd answer."""
    try:
        return storable(response.body.decode(charset))
    except UnicodeDecodeError:
        raise MalformedAnswer(f"the answer is not {charset}", excerpt(repr(response.body[:100]))) from None


def read_json(source: Response | RawCallback | bytes) -> Node:
    """The body as JSON, whatever its Content-Type says."""
    body = source if isinstance(source, bytes) else source.body
    try:
        return Node(json.loads(body))
    except (ValueError, RecursionError):
        raise MalformedAnswer("the body is not JSON", excerpt(repr(body[:100]))) from None


def maybe_json(response: Response) -> Node | None:
    """The body as JSON, or None where it is something else (an HTML page of a proxy)."""
    try:
        return read_json(response)
    except MalformedAnswer:
        return None


def objects(raw: RawCallback) -> list[Node]:
    """What a callback holds, where its form is not known: the objects of a JSON body, one or a list of them, else the
    fields of its form and query as one object."""
    said = read_json(raw) if raw.body.lstrip().startswith((b"{", b"[")) else Node(form(raw))
    return said.items() if isinstance(said.value, list) else [said]


def readable(sources: Iterable[T], read: Callable[[T], U]) -> list[U]:
    """What `read` makes of each source; one that makes no sense is left out, unless none does."""
    found: list[U] = []
    faults: list[MalformedAnswer] = []
    for source in sources:
        try:
            found.append(read(source))
        except MalformedAnswer as fault:
            faults.append(fault)
    if faults and not found:
        raise faults[0]
    return found


def pairs(raw: RawCallback, charset: str = "utf-8") -> list[tuple[str, str]]:
    """The fields of the body, then those of the query, in order, repeats and empty ones kept.

    A body that is neither a form nor multipart is left alone. Bytes that are wrong in `charset` become U+FFFD.
    """
    query = query_pairs(raw, charset)
    if raw.content_type == "multipart/form-data":
        parts = [part for part in read_multipart(raw) if not part.filename]
        return [(part.name, storable(part.body.decode(charset, "replace"))) for part in parts] + query
    body = raw.body if raw.content_type in ("", "application/x-www-form-urlencoded") else b""
    return _pairs(body, charset) + query


def query_pairs(raw: RawCallback, charset: str = "utf-8") -> list[tuple[str, str]]:
    """The fields of the query alone, likewise."""
    return _pairs(_raw_bytes(raw.query), charset)


def byte_pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of a form or query as decoded bytes, in order, repeats and empty ones kept: what signatures cover."""
    split = (field.replace(b"+", b" ").partition(b"=") for field in data.split(b"&") if field)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in split]


def _pairs(data: bytes, charset: str) -> list[tuple[str, str]]:
    return [(_text(name, charset), _text(value, charset)) for name, value in byte_pairs(data)]


def _text(data: bytes, charset: str) -> str:
    return storable(data.decode(charset, "replace"))


def _raw_bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def form(raw: RawCallback, charset: str = "utf-8") -> dict[str, str]:
    """The fields of body and query as one mapping; the body wins, the first of repeated names wins."""
    return dict(reversed(pairs(raw, charset)))


def first(values: Mapping[str, str], *names: str) -> str:
    """The first of the names that has a value, else ""."""
    return next((values[name] for name in names if values.get(name)), "")


def need(values: Mapping[str, str], *names: str) -> str:
    """The first of the names that has a value; raises MalformedAnswer naming them, never the values."""
    value = first(values, *names)
    if not value:
        raise MalformedAnswer(f"{' or '.join(names)} is missing")
    return value


def whole(text: str, what: str = "number") -> int:
    try:
        return int(text)
    except ValueError:
        raise MalformedAnswer(f"{what} is not a whole number", excerpt(text)) from None


def to_decimal(text: str, what: str = "amount") -> Decimal:
    try:
        value = Decimal(text.replace(",", ".").replace(" ", ""))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise MalformedAnswer(f"{what} is not a number", excerpt(text))
    return value


def amount(text: str) -> Decimal | None:
    """A number beside the point of a report (its price); None for an empty or odd value."""
    try:
        return to_decimal(text)
    except MalformedAnswer:
        return None


def price(value: str | Decimal | None, unit: str) -> Price | None:
    """What a provider charged; None for an empty or odd value, because a report without a price is still a report."""
    found = value if isinstance(value, Decimal) else amount(value or "")
    return None if found is None else Price(found, unit)


def some(*texts: str) -> tuple[str, ...]:
    """Those that are not empty: keys of which a provider may leave any out."""
    return tuple(text for text in texts if text)


def unix_time(text: str) -> datetime | None:
    """Seconds since 1970; None for an empty or impossible value, because a report without a time is still a report."""
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def timestamp(text: str, pattern: str, zone: tzinfo) -> datetime | None:
    """A provider's local time with its explicit zone; None for an empty or impossible value."""
    try:
        parsed = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is set on the next line
    except ValueError:
        return None
    return parsed.replace(tzinfo=parsed.tzinfo or zone)


def iso_time(text: str) -> datetime | None:
    """ISO 8601 with an offset; None for an empty or impossible value, UTC where the offset is missing."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def json_date(text: str) -> datetime | None:
    """`/Date(1294045911353)/`, milliseconds since 1970 as older .NET programs write them; None for anything else."""
    found = re.fullmatch(r"/Date\((\d{1,15})(?:[+-]\d{4})?\)/", text, re.ASCII)
    return unix_time(str(int(found[1]) // 1000)) if found else None


def retry_after(response: Response, now: datetime) -> float | None:
    """Retry-After in seconds from `now` (a number or an HTTP date), at most a day; None where absent or odd."""
    text = (response.header("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), 86_400.0)
    moment = timestamp(text, "%a, %d %b %Y %H:%M:%S GMT", UTC)
    return max(0.0, min((moment - now).total_seconds(), 86_400.0)) if moment else None
