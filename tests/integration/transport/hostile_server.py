"""A server on loopback that answers as badly as it is told to, and counts what reached it."""

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived; `connection` counts connections from 1, `turn` the requests on that connection."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    turn: int


Behaviour = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


class Drop(Exception):
    """Close the connection now."""


@dataclass
class HostileServer:
    """Serves `behave` until the block ends; `requests` holds every request whose head arrived whole."""

    behave: Behaviour
    tls: ssl.SSLContext | None = None
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}{path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(0.01)  # a connection that was just accepted becomes a task within a few rounds
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        connection, turn = self.connections, 0
        try:
            while True:
                turn += 1
                seen = await _read_request(reader, connection, turn)
                self.requests.append(seen)
                await self.behave(seen, writer)
                await writer.drain()
        except asyncio.CancelledError:
            writer.transport.abort()
        except (Drop, ConnectionError, asyncio.IncompleteReadError):
            writer.close()
        finally:
            with suppress(Exception, asyncio.CancelledError):
                await writer.wait_closed()
            self._tasks.discard(task)


async def _read_request(reader: asyncio.StreamReader, connection: int, turn: int) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, target, headers, body, connection, turn)


def answer(body: bytes = b"ok", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def always(raw: bytes) -> Behaviour:
    """Write these bytes, keep the connection."""

    async def behave(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return behave


def then_close(raw: bytes) -> Behaviour:
    """Write these bytes, close the connection."""

    async def behave(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        raise Drop

    return behave


async def reset(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    raise Drop


async def hang(_: Seen, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def drip(_: Seen, writer: asyncio.StreamWriter) -> None:
    """A head that promises much, then one byte per twentieth of a second."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_head(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Slow: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        await writer.drain()


BOMB = gzip.compress(b"\0" * 50_000_000)
