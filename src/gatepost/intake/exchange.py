"""A request and its answer between the wire and the application, as ASGI has them."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from time import time
from typing import Any, Final, Protocol
from wsgiref.handlers import format_date_time

import structlog

from gatepost.intake.http import WHOLE_BODY

log = structlog.get_logger()

Event = MutableMapping[str, Any]
Application = Callable[[Event, Callable[[], Awaitable[Event]], Callable[[Event], Awaitable[None]]], Awaitable[None]]

MAX_BUFFERED = 256 * 1024
STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("latin-1") for status in HTTPStatus
}
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Wire(Protocol):
    """The connection, as an exchange needs it."""

    is_closing: bool

    def write(self, data: bytes) -> None: ...
    async def drained(self) -> None: ...
    def read_on(self) -> None: ...
    def answered(self, exchange: "Exchange", *, is_complete: bool) -> None: ...
    def break_off(self, exchange: "Exchange") -> None: ...


class Exchange:
    """A request and its answer."""

    __slots__ = (
        "_chunks",
        "_expects_continue",
        "_is_chunked",
        "_left",
        "_start",
        "_waiter",
        "buffered",
        "connection",
        "is_answered",
        "is_begun",
        "is_delivered",
        "is_gone",
        "is_kept",
        "is_left",
        "is_whole",
        "scope",
    )

    def __init__(self, connection: Wire, scope: Event, *, is_kept: bool, expects_continue: bool) -> None:
        self.connection = connection
        self.scope = scope
        self.is_kept = is_kept
        self.is_whole = self.is_delivered = self.is_begun = self.is_answered = False
        self.is_gone = self.is_left = False
        self.buffered = 0
        self._chunks: list[bytes] = []
        self._expects_continue = expects_continue
        self._waiter: asyncio.Future[None] | None = None
        self._start: Event | None = None
        self._is_chunked = False
        self._left: int | None = None

    def take(self, chunk: bytes) -> None:
        """More of the body."""
        self._chunks.append(chunk)
        self.buffered += len(chunk)
        self.wake()

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def run(self, application: Application) -> None:
        """Answer it; an answer that is not whole is cut off."""
        if self.is_whole and self.buffered <= MAX_BUFFERED:
            self.scope[WHOLE_BODY] = b"".join(self._chunks)
        try:
            await application(self.scope, self.receive, self.send)
        except Exception as error:
            if not self.is_gone:
                log.error("answer_broken_off", cause=type(error).__name__)
        finally:
            if not self.is_answered:
                self.connection.break_off(self)

    async def receive(self) -> Event:
        while (is_short := not self._chunks and (self.is_delivered or not self.is_whole)) and not self._is_over:
            if self._expects_continue:
                self._expects_continue = False
                self.connection.write(_CONTINUE)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if is_short or self.is_gone:
            return {"type": "http.disconnect"}
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self.buffered = 0
        self.is_delivered = self.is_whole
        self.connection.read_on()
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    @property
    def _is_over(self) -> bool:
        """Nothing more will come: the client is gone, or has left and may still read."""
        return self.is_gone or self.is_left

    async def send(self, event: Event) -> None:
        """Raises ConnectionResetError once the client is gone, or has its answer."""
        if self.is_gone or self.is_answered:
            raise ConnectionResetError
        if event["type"] == "http.response.start":
            self._start = event
            return
        body, is_last = event.get("body", b""), not event.get("more_body")
        head = b""
        if self._start is not None:
            head = self._head(self._start, len(body) if is_last else None)
            self._start, self.is_begun = None, True
        self.connection.write(head + self._framed(body, is_last=is_last))
        if is_last:
            self.is_answered = True
            self.connection.answered(self, is_complete=not self._left)
        else:
            await self.connection.drained()

    def _head(self, start: Event, whole_length: int | None) -> bytes:
        status = start["status"]
        lines = [STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n".encode()]
        length: int | None = None
        for name, value in start.get("headers", ()):
            if b"\n" in value or b"\r" in value:
                raise ValueError("a header with a line break")
            if name == b"content-length":
                length = int(value)
            lines += (name, b": ", value, b"\r\n")
        has_body = self.scope["method"] != "HEAD" and status >= 200 and status not in (204, 304)
        if length is None and has_body:
            if whole_length is not None:
                length = whole_length
                lines.append(b"content-length: %d\r\n" % length)
            elif self.scope["http_version"] == "1.1":
                self._is_chunked = True
                lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self.is_kept = False
        self._left = length if has_body else 0
        # What was not read of the request would be taken for the next one.
        self.is_kept = self.is_kept and self.is_whole and not self.connection.is_closing
        if not self.is_kept:
            lines.append(b"connection: close\r\n")
        elif self.scope["http_version"] == "1.0":
            lines.append(b"connection: keep-alive\r\n")
        lines += (b"date: ", _date(), b"\r\n\r\n")
        return b"".join(lines)

    def _framed(self, body: bytes, *, is_last: bool) -> bytes:
        if self._is_chunked:
            end = b"0\r\n\r\n" if is_last else b""
            return (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + end
        if self._left is not None:
            body = body[: self._left]
            self._left -= len(body)
        return body


_date_of: tuple[int, bytes] = (0, b"")


def _date() -> bytes:
    global _date_of  # noqa: PLW0603 - it changes once a second and is written with every answer
    now = int(time())
    if _date_of[0] != now:
        _date_of = (now, format_date_time(now).encode())
    return _date_of[1]
