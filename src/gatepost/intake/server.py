"""The web server: listens, runs one ASGI application, and stops in order.

Our own, because a message that comes by itself costs more in a general server than in everything that is done with it.
"""

import asyncio
import gc
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from gatepost.intake.connection import Connection
from gatepost.intake.exchange import Application

BACKLOG = 2048
MAX_CONNECTIONS = 10_000
YOUNG_OBJECTS = 20_000
"""So many new objects come before garbage is looked for among them: most are requests that wait for their commit."""
CHECK_S = 1.0
FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Server:
    """`async with Server(application, host, port, stop_timeout_s=10) as server: ...`; stops at the end of the block.

    Port 0 is any free one; `port` is the one it became. Raises OSError where it cannot listen.
    """

    def __init__(self, application: Application, host: str, port: int, *, stop_timeout_s: float) -> None:
        self.port = port
        self._application = application
        self._host = host
        self._stop_timeout_s = stop_timeout_s
        self._connections: set[Connection] = set()

    async def __aenter__(self) -> "Server":
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connection, self._host, self.port, backlog=BACKLOG)
        self.port = self._listener.sockets[0].getsockname()[1]
        self._checking = asyncio.create_task(self._check())
        return self

    async def __aexit__(self, *_: object) -> None:
        """What was asked is answered, within the time there is; then everything is closed."""
        self._listener.close()
        for connection in list(self._connections):
            connection.stop()
        if self._connections:
            await asyncio.wait([connection.over for connection in self._connections], timeout=self._stop_timeout_s)
        self._checking.cancel()
        await asyncio.gather(self._checking, return_exceptions=True)
        for connection in list(self._connections):
            connection.cut()

    def _connection(self) -> asyncio.Protocol:
        return Connection(self._application, self._connections) if len(self._connections) < MAX_CONNECTIONS else _Full()

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            now = monotonic()
            for connection in list(self._connections):
                connection.check(now)


class _Full(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(FULL)
        transport.close()


@asynccontextmanager
async def lifespan(application: Application) -> AsyncIterator[None]:
    """Between the startup and the shutdown of the application."""
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[Any] = asyncio.Queue()
    life = asyncio.create_task(_live(application, told, said))
    await told.put({"type": "lifespan.startup"})
    if (await said.get())["type"] != "lifespan.startup.complete":
        await life
        raise RuntimeError("the application did not start")
    try:
        yield
    finally:
        await told.put({"type": "lifespan.shutdown"})
        await life


async def _live(application: Application, told: asyncio.Queue[dict[str, Any]], said: asyncio.Queue[Any]) -> None:
    try:
        await application({"type": "lifespan", "asgi": {"version": "3.0"}}, told.get, said.put)
    finally:
        await said.put({"type": "lifespan.over"})


async def serve(application: Application, host: str, port: int, *, stop_timeout_s: float) -> None:
    """Until SIGTERM or SIGINT. Raises OSError where it cannot listen."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    _allow_many_sockets()
    async with lifespan(application), Server(application, host, port, stop_timeout_s=stop_timeout_s):
        # What is there now stays: looking through it again and again finds no garbage.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, 20, 20)
        await stopping.wait()


def _allow_many_sockets() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + 1000
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
