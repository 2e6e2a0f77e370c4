"""Connections that are kept, per origin, and one timer that watches over all of them.

A connection carries one request at a time. It is used again only when the answer before was complete, framed beyond
doubt, said nothing against it, and nothing has come since: that is asked of the socket itself right before a write,
because what the kernel holds and the event loop has not yet read would otherwise be taken for the next answer.
"""

import asyncio
import select
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf
from typing import cast

from gatepost.providers.wire import Response
from gatepost.transport.answers import AnswerReader
from gatepost.transport.egress import Cause, Failure
from gatepost.transport.failures import failure_of

KEEP_ALIVE_S = 15.0
SHORTEST_WAIT_S = 0.001

Result = Response | Failure


class Watch:
    """Calls `expire` on every connection whose time is up. Deadlines mostly move forward, so a request sets no timer
    of its own unless it is to end before all others."""

    __slots__ = ("_armed_for", "_emptied", "_handle", "connections")

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self._emptied = asyncio.Event()
        self._armed_for = inf
        self._handle: asyncio.TimerHandle | None = None

    def expect(self, due: float) -> None:
        """Look again at `due` (on `time.monotonic()`) at the latest."""
        if due < self._armed_for:
            self._arm(due)

    def forget(self, connection: "Connection") -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._emptied.set()

    async def close(self) -> None:
        """Close every connection; each says on one of the loop's next rounds that it is closed."""
        for connection in tuple(self.connections):
            connection.abort()
        while self.connections:
            self._emptied.clear()
            await self._emptied.wait()
        self._disarm()

    def _arm(self, due: float) -> None:
        self._disarm()
        self._armed_for = due
        wait_s = max(due - time.monotonic(), SHORTEST_WAIT_S)
        self._handle = asyncio.get_running_loop().call_later(wait_s, self._look)

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for, self._handle = inf, None

    def _look(self) -> None:
        self._armed_for, self._handle = inf, None
        now = time.monotonic()
        for connection in [each for each in self.connections if each.due <= now]:
            connection.expire()
        self.expect(min((each.due for each in self.connections), default=inf))


class Connection(asyncio.Protocol):
    """One connection. `due`: when it is to be looked at, on `time.monotonic()`.

    `is_first_tls13`: speaks TLS 1.3 and has carried no request yet.
    """

    __slots__ = ("_answer", "_poll", "_pool", "_reader", "_transport", "due", "is_closed", "is_first_tls13")

    def __init__(self, pool: "Pool", sock: socket.socket) -> None:
        self._pool = pool
        self._reader = AnswerReader()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._answer: asyncio.Future[Result] | None = None
        self._transport: asyncio.Transport | None = None
        self.due = inf
        self.is_closed = self.is_first_tls13 = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pool.watch.connections.add(self)
        tls = transport.get_extra_info("ssl_object")
        self.is_first_tls13 = tls is not None and tls.version() == "TLSv1.3"

    def is_fit(self) -> bool:
        """Whether a request may be written: open, and neither a word nor an end has come unasked."""
        return not self.is_closed and not self._poll.poll(0)

    def send(self, data: bytes, *, is_head_request: bool, max_bytes: int, due: float) -> asyncio.Future[Result]:
        """Write `data`, once; the result follows. The caller has crossed the line."""
        assert self._transport is not None
        assert self._answer is None
        self._answer = answer = self._pool.loop.create_future()
        self._reader.start(is_head_request=is_head_request, max_bytes=max_bytes)
        self.due = due
        self._transport.write(data)
        self._pool.watch.expect(due)
        return answer

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nobody asked
            return
        result = self._reader.feed(data)
        if result is not None:
            self._end(result)

    def eof_received(self) -> None:
        if self._answer is not None:
            self._end(self._reader.finish())
        else:
            self.close()

    def connection_lost(self, fault: Exception | None) -> None:
        self._pool.watch.forget(self)
        self._leave()
        if self._answer is not None:
            result = self._reader.finish(is_clean=fault is None)
            if isinstance(result, Failure) and isinstance(fault, OSError):
                told = failure_of(fault, is_crossed=True, is_first_tls13=self.is_first_tls13)
                result = told if told.cause is Cause.TLS else Failure(result.cause, True, told.words)
            self._settle(result)

    def expire(self) -> None:
        """The answer did not come in time, or nobody needed the connection for long."""
        self.due = inf
        if self._answer is not None:
            self.abort()
            self._settle(Failure(Cause.TIMEOUT, True))
        else:
            self.close()

    def close(self) -> None:
        """In good order: for a connection on which nothing is open."""
        self._leave()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """At once: for a connection that cannot be trusted, or whose answer nobody waits for any more."""
        self._leave()
        if self._transport is not None:
            self._transport.abort()

    def disown(self) -> None:
        """It never became one: the pool does not count it."""
        self.is_closed = True
        self.abort()

    def _end(self, result: Result) -> None:
        assert self._transport is not None
        self.is_first_tls13 = False
        if not self._reader.is_reusable or self._transport.get_write_buffer_size() > 0:
            self.abort()
        self._settle(result)
        if not self.is_closed:
            self._pool.give_back(self)

    def _settle(self, result: Result) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(result)

    def _leave(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._pool.left(self)


Opener = Callable[["Pool"], Awaitable[Connection]]


class Pool:
    """The connections of one origin and TLS context: at most `limit`; whoever finds none waits in line.

    `opener` makes a connection that is fit for a request, or raises and leaves nothing behind.
    """

    __slots__ = ("_count", "_idle", "_limit", "_open", "_waiting", "loop", "watch")

    def __init__(self, limit: int, opener: Opener, watch: Watch) -> None:
        self.loop = asyncio.get_running_loop()
        self.watch = watch
        self._limit = limit
        self._open = opener
        self._count = 0
        self._idle: dict[Connection, None] = {}
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()

    @property
    def is_empty(self) -> bool:
        return self._count == 0 and not self._waiting

    def take(self) -> Connection | None:
        """A kept connection that is fit for a request, the one used last first."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_fit():
                connection.due = inf
                return connection
            connection.abort()
        return None

    async def obtain(self) -> Connection:
        """A kept connection, or a new one, or the first that becomes free. Raises what the opener raises."""
        while True:
            connection = self.take()
            if connection is not None:
                return connection
            if self._count < self._limit:
                return await self._opened()
            connection = await self._wait()
            if connection is not None:
                if connection.is_fit():
                    return connection
                connection.abort()

    def give_back(self, connection: Connection) -> None:
        """The connection is free: to the first in line, else to those that are kept."""
        waiter = self._next_waiter()
        if waiter is not None:
            connection.due = inf
            waiter.set_result(connection)
            return
        connection.due = time.monotonic() + KEEP_ALIVE_S
        self._idle[connection] = None
        self.watch.expect(connection.due)

    def left(self, connection: Connection) -> None:
        """The connection is gone, so another one may be opened."""
        self._idle.pop(connection, None)
        self._free_slot()

    async def _opened(self) -> Connection:
        self._count += 1
        try:
            return await self._open(self)
        except BaseException:
            self._free_slot()
            raise

    def _free_slot(self) -> None:
        self._count -= 1
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(None)

    def _next_waiter(self) -> asyncio.Future[Connection | None] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    async def _wait(self) -> Connection | None:
        """A connection that became free, or None: there is room for a new one."""
        waiter: asyncio.Future[Connection | None] = self.loop.create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self._pass_on(waiter.result())
            raise

    def _pass_on(self, connection: Connection | None) -> None:
        """Whoever was given something has gone meanwhile."""
        if connection is None:
            waiter = self._next_waiter()
            if waiter is not None:
                waiter.set_result(None)
        elif not connection.is_closed:
            self.give_back(connection)
