"""Readers of answers and callbacks. A missing or odd value is a MalformedAnswer, never a KeyError or a wrong guess."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.wire import RawCallback, Response

EXCERPT = 200
MISSING = object()


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
        value, path = self.value, self.path
        for key in keys:
            inside = isinstance(value, dict) if isinstance(key, str) else isinstance(value, list)
            if not inside:
                return None
            try:
                value = value[key]
            except (KeyError, IndexError):
                return None
            path = f"{path}.{key}"
        return None if value is None else Node(value, path)

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
        node = self.maybe(*keys)
        if node is None:
            return ""
        if isinstance(node.value, str):
            return node.value
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return str(node.value)
        raise self.odd(f"{node.path} is not a text")

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
        return MalformedAnswer(words, excerpt(json.dumps(self.value, ensure_ascii=False, default=str)))

    def _below(self, keys: tuple[str | int, ...]) -> str:
        return ".".join([self.path, *map(str, keys)])


def excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else text[:EXCERPT] + "…"


def to_text(response: Response, charset: str = "utf-8") -> str:
    """The body as text; wrong bytes are an odd answer."""
    try:
        return response.body.decode(charset)
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


def form(raw: RawCallback, charset: str = "utf-8") -> dict[str, str]:
    """The query and a form body as one mapping; the body wins, the first of repeated names wins."""
    values: dict[str, str] = {}
    body = raw.body if raw.content_type in ("", "application/x-www-form-urlencoded") else b""
    for part in (body.decode("latin-1"), raw.query):
        for name, value in parse_qsl(part, keep_blank_values=True, encoding=charset, errors="replace"):
            values.setdefault(name, value)
    return values


def first(values: dict[str, str], *names: str) -> str:
    """The first of the names that has a value, else ""."""
    return next((values[name] for name in names if values.get(name)), "")


def need(values: dict[str, str], *names: str) -> str:
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


def retry_after(response: Response, now: datetime) -> float | None:
    """Retry-After in seconds from `now` (a number or an HTTP date), at most a day; None where absent or odd."""
    text = (response.header("retry-after") or "").strip()
    if text.isdigit():
        return min(float(text), 86_400.0)
    moment = timestamp(text, "%a, %d %b %Y %H:%M:%S GMT", UTC)
    return max(0.0, min((moment - now).total_seconds(), 86_400.0)) if moment else None
