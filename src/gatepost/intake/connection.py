"""One connection of the web server: requests off the wire (httptools), answers onto it, as ASGI has them.

A request that came whole costs one task and one write. What does not keep to HTTP is answered with 400 and cut off;
where an answer ends before it is whole, so does the connection.
"""

import asyncio
from collections import deque
from time import monotonic
from typing import Any, Final, cast
from urllib.parse import unquote_to_bytes

import httptools

from gatepost.intake.exchange import MAX_BUFFERED, STATUS_LINES, Application, Event, Exchange

MAX_HEAD = 64 * 1024
MAX_HEADERS = 200
HEAD_S = 10.0
IDLE_S = 75.0
WRITE_S = 60.0
LINGER_S = 2.0
NEVER: Final = float("inf")


class Connection(asyncio.Protocol):
    """The parser's callbacks and the transport's, for one client."""

    def __init__(self, application: Application, others: "set[Connection]") -> None:
        self._application = application
        self._others = others
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._reading: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._active: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._is_paused = False
        self._is_deaf = False
        self._refusal = 0
        self.is_closing = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.deadline = monotonic() + IDLE_S

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._client = _address(transport.get_extra_info("peername"))
        self._server = _address(transport.get_extra_info("sockname"))
        self._others.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._others.discard(self)
        self.is_closing = True
        for exchange in (*self._waiting, self._reading, self._active):
            if exchange is not None:
                exchange.is_gone = True
                exchange.wake()
        self._waiting.clear()
        self.resume_writing()
        self.over.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self.data_received(self._declined() + data[offer.args[0] :])
            return
        except httptools.HttpParserError as error:
            # What one of our callbacks raised comes inside the parser's own error.
            self._refuse(error.__context__.status if isinstance(error.__context__, _Refused) else 400)
        self._begin_next()

    def eof_received(self) -> bool:
        """The client sends no more; what it asked for it still gets."""
        self.is_closing = True
        if self._reading is not None and not self._is_deaf:
            self._transport.abort()
        for exchange in (*self._waiting, self._active):
            if exchange is not None:
                exchange.is_left = True
                exchange.wake()
        return self._active is not None

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()
        self.deadline = monotonic() + WRITE_S

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        if self._active is not None:
            self.deadline = NEVER

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._url, self._headers, self._head_size = b"", [], 0
        if self._active is None:
            self.deadline = monotonic() + HEAD_S

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        if self.is_closing or self._parser.get_method() == b"CONNECT":
            raise _Refused(400)
        if self._parser.should_upgrade():
            return
        version = self._parser.get_http_version()
        target = self._url if self._url.startswith(b"/") else _origin_form(self._url)
        raw_path, _, query = target.partition(b"?")
        names = [name for name, _ in self._headers]
        if names.count(b"host") != 1 and (version == "1.1" or b"host" in names):
            raise _Refused(400)
        scope: Event = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": _decoded(raw_path),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            "client": self._client,
            "server": self._server,
        }
        self._reading = Exchange(
            self,
            scope,
            is_kept=self._parser.should_keep_alive(),
            expects_continue=b"expect" in names and version == "1.1",
        )
        self._waiting.append(self._reading)

    def on_body(self, chunk: bytes) -> None:
        if self._reading is not None:
            self._reading.take(chunk)
            if self._reading.buffered > MAX_BUFFERED:
                self._pause()

    def on_message_complete(self) -> None:
        exchange, self._reading = self._reading, None
        if exchange is not None:
            exchange.is_whole = True
            exchange.wake()

    # What the exchange under way calls.

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        """Once the client has taken enough of what was written."""
        if self._drained is not None:
            await self._drained

    def read_on(self) -> None:
        is_full = self._reading is not None and self._reading.buffered > MAX_BUFFERED
        if self._is_paused and not self._waiting and not is_full:
            self._is_paused = False
            self._transport.resume_reading()

    def answered(self, exchange: Exchange, *, is_complete: bool) -> None:
        """The answer is written; the next request's turn."""
        self._active = None
        if not is_complete:
            self._transport.abort()
        elif exchange.is_kept and not self.is_closing:
            self.deadline = monotonic() + IDLE_S
            self._begin_next()
        else:
            self._hang_up()

    def break_off(self, exchange: Exchange) -> None:
        """There is no whole answer and there will be none."""
        self._active = None
        if exchange.is_begun:
            self._transport.abort()
        else:
            self._refuse(self._refusal or 500)

    # What the server calls.

    def check(self, now: float) -> None:
        """Cut off what has been silent for too long."""
        if now > self.deadline:
            self._transport.abort()

    def cut(self) -> None:
        self._transport.abort()

    def stop(self) -> None:
        """Answer what was asked, then close."""
        self.is_closing = True
        if self._active is None and self._reading is None:
            self._transport.close()

    def _declined(self) -> bytes:
        """The head of a request that offers another protocol, without the offer: the parser reads no body after one,
        and clients do send one (Java's always offer HTTP/2)."""
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        is_kept = not any(name == b"connection" and b"close" in value.lower() for name, value in self._headers)
        kept = [(name, value) for name, value in self._headers if name not in (b"connection", b"upgrade")]
        if not is_kept:
            kept.append((b"connection", b"close"))
        self._parser = httptools.HttpRequestParser(self)
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in kept)
        return method + b" " + self._url + b" HTTP/" + version + b"\r\n" + lines + b"\r\n"

    def _begin_next(self) -> None:
        if self._active is None and self._waiting:
            exchange = self._active = self._waiting.popleft()
            self.deadline = NEVER
            self._task = asyncio.get_running_loop().create_task(exchange.run(self._application))
        if self._waiting:
            self._pause()
        else:
            self.read_on()

    def _pause(self) -> None:
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > MAX_HEAD or len(self._headers) > MAX_HEADERS:
            raise _Refused(431)

    def _refuse(self, status: int) -> None:
        """For what is no request; but what is being answered before it comes first."""
        self.is_closing = self._is_deaf = True
        self._refusal = status
        if self._reading is not None and self._reading in self._waiting:
            self._waiting.remove(self._reading)
        if self._active is not None and self._active is self._reading:
            self._active.is_gone = True
            self._active.wake()
        elif self._active is None and not self._waiting:
            self.write(STATUS_LINES[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self._hang_up()

    def _hang_up(self) -> None:
        """Let the client read the answer before the connection is reset for what is not read of its request."""
        self.is_closing = self._is_deaf = True
        self.deadline = monotonic() + LINGER_S
        if self._transport.can_write_eof() and self._reading is not None:
            self._transport.write_eof()
            self.read_on()
        else:
            self._transport.close()


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _address(address: Any) -> tuple[str, int] | None:
    return (str(address[0]), int(address[1])) if isinstance(address, tuple) else None


def _origin_form(url: bytes) -> bytes:
    """Path and query of an absolute URL; a server has to take those too."""
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        raise _Refused(400) from None
    if parsed.schema is None:
        raise _Refused(400)
    path = parsed.path or b"/"
    return path + b"?" + parsed.query if parsed.query else path


def _decoded(raw_path: bytes) -> str:
    return (unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path).decode("utf-8", "surrogateescape")
