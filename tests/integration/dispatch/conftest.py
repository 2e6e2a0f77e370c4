"""An engine on a database of its own, with a provider whose other side the test plays."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.db import connections
from tests.support.django_database import own_database
from tests.support.echo import ECHO, FINDER, EchoProvider

from gatepost.dispatch import threads
from gatepost.dispatch.threads import in_thread
from gatepost.dispatch.worker import Worker
from gatepost.gateways.models import Gateway
from gatepost.gateways.services import create_gateway
from gatepost.messages.accept import Denied, Wish
from gatepost.messages.services import accept_now
from gatepost.messages.store import Origin
from gatepost.providers import registry
from gatepost.providers.base import Item
from gatepost.sms.ids import from_ref
from gatepost.transport.driver import Driver
from gatepost.workspaces.models import Workspace


@dataclass
class Engine:
    """What a test needs of an engine."""

    dsn: str
    workspace: Workspace
    gateway: Gateway
    other_side: EchoProvider = field(default_factory=EchoProvider)
    workers: list[tuple[Worker, asyncio.Task[None]]] = field(default_factory=list)

    def start_worker(self, **options: Any) -> Worker:
        worker = Worker(self.dsn, Driver(self.other_side), _store_nothing, provider_limits={}, **options)
        self.workers.append((worker, asyncio.create_task(worker.run())))
        return worker

    async def stop_workers(self) -> None:
        for worker, _ in self.workers:
            worker.stop()
        await asyncio.gather(*(task for _, task in self.workers))
        self.workers.clear()

    async def kill_workers(self) -> None:
        """As SIGKILL would: nothing is finished, recorded or released."""
        for worker, task in self.workers:
            for lead in worker._leads.values():
                for one in lead.tasks:
                    one.cancel()
            worker._leads.clear()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await worker._pool.close()
        self.workers.clear()

    async def accept(self, count: int = 1, **wish: Any) -> list[int]:
        """Ids of that many accepted messages, to numbers of their own."""
        values = {"text": "hello", "gateway": str(self.gateway.pk)} | wish
        wishes = [Wish(**({"to": f"+4860010{n:04d}"} | values)) for n in range(count)]
        return await in_thread(_accept, self.workspace.pk, wishes)

    async def change_gateway(self, **values: Any) -> None:
        await in_thread(Gateway.objects.filter(pk=self.gateway.pk).update, **values)

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(statement, parameters or None).fetchall()

    def run(self, statement: str, *parameters: Any) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement, parameters or None)

    def states(self, ids: Sequence[int]) -> dict[int, str]:
        return dict(self.rows("select id, state from message where id = any(%s)", list(ids)))

    def events(self, message_id: int) -> list[tuple[str, dict[str, Any]]]:
        return self.rows("select kind, detail from message_event where message_id = %s order by id", message_id)

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "it did not come about in time"
            await asyncio.sleep(0.02)

    async def until_states(self, ids: Sequence[int], *wanted: str, seconds: float = 10.0) -> None:
        await self.until(lambda: set(self.states(ids).values()) <= set(wanted), seconds)

    def accepted_ids(self) -> list[int]:
        return [parsed[0] for ref in self.other_side.accepted_refs() if (parsed := from_ref(ref))]


def _accept(workspace_id: int, wishes: list[Wish]) -> list[int]:
    answers = accept_now(Origin(workspace_id), wishes)
    assert not [answer for answer in answers if isinstance(answer, Denied)], answers
    return [answer[0] for answer in answers if not isinstance(answer, Denied)]


async def _store_nothing(connection: Any, gateway_id: int, items: Sequence[Item]) -> None:
    raise AssertionError(f"nothing was to arrive: {items}")


@pytest.fixture
def echo_database(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(registry, "all_providers", lambda: {"echo": ECHO, "finder": FINDER})
    with django_db_blocker.unblock(), own_database() as dsn:
        monkeypatch.setattr("gatepost.messages.services._ids", None)
        # Threads outlive the test, their connections must not.
        monkeypatch.setattr(threads, "close_old_connections", connections.close_all)
        yield dsn


@pytest.fixture
async def engine(echo_database: str) -> AsyncIterator[Engine]:
    workspace, gateway = await in_thread(_prepare)
    engine = Engine(echo_database, workspace, gateway)
    yield engine
    await engine.kill_workers()


def _prepare() -> tuple[Workspace, Gateway]:
    workspace = Workspace.objects.create(name="Engine")
    gateway = create_gateway([workspace], "echo", "Echo one", {}, {}, actor="test")
    return workspace, gateway
