"""The one ASGI application: messages and callbacks are served here, everything else by Django behind the bridge."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import django
import structlog
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402

from gatepost.intake.bridge import Bridge  # noqa: E402
from gatepost.intake.callbacks import CallbackEndpoint  # noqa: E402
from gatepost.intake.commit import Committer  # noqa: E402
from gatepost.intake.fixed_paths import FixedPathEndpoint, is_fixed  # noqa: E402
from gatepost.intake.gathering import Gathering  # noqa: E402
from gatepost.intake.http import (  # noqa: E402
    AWAY,
    Disconnected,
    Receive,
    Scope,
    Send,
    answer,
    answer_problem,
    unavailable,
)
from gatepost.intake.keys import KeyCache  # noqa: E402
from gatepost.intake.links import LinkEndpoint, is_link  # noqa: E402
from gatepost.intake.messages import MessagesEndpoint  # noqa: E402
from gatepost.intake.snapshots import SnapshotCache  # noqa: E402
from gatepost.intake.spool import Spool  # noqa: E402
from gatepost.messages.clock import DatabaseClock  # noqa: E402
from gatepost.problems import Problem  # noqa: E402
from gatepost.processes.liveness import lively  # noqa: E402
from gatepost.sms.ids import IdSource  # noqa: E402

log = structlog.get_logger()

POOL_SIZE = 6
POOL_TIMEOUT_S = 2.0
RECONNECT_S = 0.5
REPLAY_S = 2.0
CLOCK_EVERY_S = 10.0
STANDSTILL_S = 5.0

Endpoint = Callable[[Scope, Receive, Send], Awaitable[None]]


class Front:
    """Everything the front keeps while it runs."""

    def __init__(self) -> None:
        self._dsn = lively(settings.CONFIG["DATABASE_URL"])
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self._dsn,
            min_size=1,
            max_size=POOL_SIZE,
            open=False,
            timeout=POOL_TIMEOUT_S,
            # The pool's own patience doubles; giving up at once lets the next who asks try anew.
            reconnect_timeout=RECONNECT_S,
            kwargs={"autocommit": True, "application_name": "gatepost web"},
            configure=_let_go_of_locks,
        )
        self._clock = DatabaseClock()
        self._snapshots = SnapshotCache()
        self._bridge = Bridge(get_wsgi_application())
        self._tasks: list[asyncio.Task[None]] = []
        self._messages: Endpoint | None = None
        self._committer: Committer | None = None
        self._gathering: Gathering | None = None
        self._callbacks: CallbackEndpoint | None = None
        self._fixed_paths: FixedPathEndpoint | None = None
        self._links = LinkEndpoint(self._pool)
        self._spool = Spool(settings.DATA_DIR / "spool")

    async def start(self) -> None:
        await self._pool.open()
        self._tasks.append(asyncio.create_task(self._connect()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A task that was stopped while it connected holds a connection that the server would wait for.
        self._tasks.clear()
        if self._committer:
            await self._committer.stop()
        if self._gathering:
            await self._gathering.stop()
        await self._pool.close()
        # Not on the loop: a request that is still being answered waits for the loop.
        await asyncio.to_thread(self._bridge.close)

    async def _connect(self) -> None:
        """Ids need the database once; until it answers, messages are turned away with 503."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    cursor = await connection.execute("select nextval('node_number')")
                    row = await cursor.fetchone()
                    await self._look_at_the_clock(connection)
                break
            except OperationalError:
                await asyncio.sleep(RECONNECT_S)
        ids = IdSource(row[0] if row else 0)
        self._committer = committer = Committer(self._pool, self._snapshots.get, ids, self._clock.now)
        public_url = settings.CONFIG["PUBLIC_URL"]
        self._gathering = Gathering(self._pool, ids)
        self._callbacks = CallbackEndpoint(self._gathering, self._spool, public_url)
        self._fixed_paths = FixedPathEndpoint(self._pool, self._callbacks, public_url)
        self._messages = MessagesEndpoint(KeyCache(self._pool), committer)
        self._tasks += [asyncio.create_task(run()) for run in (self._listen, self._replay, self._keep_time)]

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_EVERY_S)
            with contextlib.suppress(*AWAY):
                async with self._pool.connection() as connection:
                    await self._look_at_the_clock(connection)

    async def _look_at_the_clock(self, connection: AsyncConnection[Any]) -> None:
        cursor = await connection.execute("select clock_timestamp()")
        row = await cursor.fetchone()
        if row:
            self._clock.note(row[0])

    async def _listen(self) -> None:
        """A changed gateway or workspace is seen at once; a lost notice costs a few seconds."""
        while True:
            try:
                async with await AsyncConnection.connect(self._dsn, autocommit=True) as connection:
                    await connection.execute("listen gatepost_config")
                    async for _ in connection.notifies():
                        self._snapshots.forget()
                        if self._callbacks:
                            self._callbacks.forget()
            except OperationalError:
                await asyncio.sleep(RECONNECT_S)

    async def _replay(self) -> None:
        while True:
            with contextlib.suppress(*AWAY):
                for path in self._spool.waiting():
                    await self._replay_one(path)
            await asyncio.sleep(REPLAY_S)

    async def _replay_one(self, path: Path) -> None:
        """What cannot be read any more is set aside, and holds up nothing that came after it."""
        assert self._callbacks is not None
        try:
            token, raw = self._spool.read(path)
            await self._callbacks.replay(token, raw)
        except FileNotFoundError:
            return
        except AWAY:
            raise
        except Exception as error:
            log.error("spooled_callback_set_aside", file=path.name, cause=type(error).__name__)
            self._spool.set_aside(path)
        else:
            self._spool.done(path)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path == "/api/v1/messages" and method == "POST":
            await self._ready(self._messages)(scope, receive, send)
        elif path.startswith("/cb/"):
            await self._ready(self._callbacks)(scope, receive, send)
        elif is_link(path):
            await self._links(scope, receive, send)
        elif is_fixed(path):
            await self._ready(self._fixed_paths)(scope, receive, send)
        elif path == "/health/live":
            await answer(send, 200, b"live\n", b"text/plain; charset=utf-8")
        elif path == "/health/ready":
            await self._answer_ready(send)
        else:
            await self._bridge(scope, receive, send)

    def _ready(self, endpoint: Endpoint | None) -> Endpoint:
        if endpoint is None:
            raise unavailable()
        return endpoint

    async def _answer_ready(self, send: Send) -> None:
        try:
            async with self._pool.connection() as connection:
                await connection.execute("select 1")
        except OperationalError:
            raise unavailable() from None
        self._ready(self._messages)
        await answer(send, 200, b"ready\n", b"text/plain; charset=utf-8")


async def _let_go_of_locks(connection: AsyncConnection[Any]) -> None:
    """A front that stands still inside a transaction must not keep others from its idempotency keys and messages."""
    await connection.execute(f"set idle_in_transaction_session_timeout = '{STANDSTILL_S:g}s'")


front: Front | None = None


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI entry point."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http":
        await _http(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    global front  # noqa: PLW0603 - ASGI has no other place for what lives as long as the server
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            front = Front()
            await front.start()
            await send({"type": "lifespan.startup.complete"})
        elif event["type"] == "lifespan.shutdown":
            if front:
                await front.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _http(scope: Scope, receive: Receive, send: Send) -> None:
    assert front is not None, "the server does not speak ASGI's lifespan"
    is_started = False

    async def sending(event: MutableMapping[str, Any]) -> None:
        nonlocal is_started
        is_started = True
        await send(event)

    try:
        await front.handle(scope, receive, sending)
    except (Disconnected, ConnectionResetError):
        return
    except Exception as error:
        problem = _problem(error, scope)
        if is_started:
            # The server breaks the answer off, which tells the client that it is not whole.
            raise
        await answer_problem(send, problem)


def _problem(error: Exception, scope: Scope) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, AWAY):
        return unavailable()
    if isinstance(error, TimeoutError):
        return Problem("bad_request", "The body did not come in time.")
    log.error("request_failed", path=scope["path"].partition("/cb/")[0] or "/cb/", exc_info=error)
    return Problem("internal_error")
