"""An engine on a database of its own, with a provider whose other side the test plays."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import connections
from tests.support.django_database import own_database
from tests.support.echo import PROVIDERS, EchoProvider

from gatepost.dispatch import asking, brakes, decide, driven, look_ahead, recorder, runner, threads
from gatepost.dispatch import worker as working
from gatepost.dispatch.ending import end
from gatepost.dispatch.threads import in_thread
from gatepost.dispatch.worker import Worker
from gatepost.gateways.models import Gateway
from gatepost.gateways.services import create_gateway, update_gateway
from gatepost.messages import receipts
from gatepost.messages.services import accept_now
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Denied, Wish
from gatepost.providers import registry
from gatepost.providers.base import Item, Receipt
from gatepost.sms.ids import IdSource, from_ref
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
    connection: psycopg.Connection[Any] | None = None

    def start_worker(self, **options: Any) -> Worker:
        worker = Worker(self.dsn, Driver(self.other_side), _store_receipts, **({"provider_limits": {}} | options))
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
            leads = [one for lead in worker._leads.values() for one in lead.tasks]
            worker._leads.clear()
            await end(*leads, task)
            await worker._pool.close()
        self.workers.clear()

    async def accept(self, count: int = 1, **wish: Any) -> list[int]:
        """Ids of that many accepted messages, to numbers of their own."""
        values = {"text": "hello", "gateway": str(self.gateway.pk)} | wish
        wishes = [Wish(**({"to": f"+4860010{n:04d}"} | values)) for n in range(count)]
        return await in_thread(_accept, self.workspace.pk, wishes)

    async def use(self, provider: str, **common: Any) -> None:
        """From now on messages go to a new gateway at this provider."""
        self.gateway = await in_thread(
            create_gateway, [self.workspace], provider, f"{provider} {time.monotonic_ns()}", {}, common, actor="test"
        )

    async def change_gateway(self, **common: Any) -> None:
        """As an operator does, with the notice that goes with it."""
        await in_thread(update_gateway, self.gateway, actor="test", common_values=common)

    async def change_silently(self, **columns: Any) -> None:
        """As if the notice had been lost, or for what the form does not offer."""
        row = Gateway.objects.filter(pk=self.gateway.pk)
        await in_thread(row.update, **columns, updated_at=datetime.now(UTC))

    async def report(self, *reports: Receipt) -> receipts.Applied:
        """Receipts come in, as from a callback."""
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            return await receipts.apply(connection, self.gateway.pk, reports, _receipt_ids)

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connected().execute(statement, parameters or None).fetchall()

    def run(self, statement: str, *parameters: Any) -> None:
        self._connected().execute(statement, parameters or None)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def _connected(self) -> psycopg.Connection[Any]:
        """One connection is kept: signing in takes longer than a query."""
        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(self.dsn, autocommit=True)
        return self.connection

    def states(self, ids: Sequence[int]) -> dict[int, str]:
        return dict(self.rows("select id, state from message where id = any(%s)", list(ids)))

    def events(self, message_id: int) -> list[tuple[str, dict[str, Any]]]:
        return self.rows("select kind, detail from message_event where message_id = %s order by id", message_id)

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "it did not come about in time"
            await asyncio.sleep(0.02)

    async def until_states(self, ids: Sequence[int], *wanted: str, seconds: float = 60.0) -> None:
        await self.until(lambda: set(self.states(ids).values()) <= set(wanted), seconds)

    async def until_attempted(self, message_id: int) -> None:
        await self.until(lambda: bool(self.rows("select 1 from message where id = %s and attempts > 0", message_id)))

    async def beats(self, count: int) -> None:
        """Long enough for anything that was to happen by itself."""
        for _ in range(count):
            beat = self.rows("select max(seen_at) from worker")
            await self.until(lambda beat=beat: self.rows("select max(seen_at) from worker") != beat)

    def accepted_ids(self) -> list[int]:
        return [parsed[0] for ref in self.other_side.accepted_refs() if (parsed := from_ref(ref))]


_receipt_ids = IdSource(4000)


def _accept(workspace_id: int, wishes: list[Wish]) -> list[int]:
    answers = accept_now(Origin(workspace_id), wishes)
    assert not [answer for answer in answers if isinstance(answer, Denied)], answers
    return [answer[0] for answer in answers if not isinstance(answer, Denied)]


async def _store_receipts(connection: Any, gateway_id: int, items: Sequence[Item]) -> None:
    await receipts.apply(connection, gateway_id, [item for item in items if isinstance(item, Receipt)], _receipt_ids)


@pytest.fixture
def echo_database(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(registry, "all_providers", lambda: PROVIDERS)
    with django_db_blocker.unblock(), own_database() as dsn:
        monkeypatch.setattr("gatepost.messages.services._ids", None)
        # Threads outlive the test, their connections must not.
        monkeypatch.setattr(threads, "close_old_connections", connections.close_all)
        yield dsn


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for minutes here. What a test proves does not hang on how long these are."""
    short = {
        working: {"LEASE_S": 2.0, "BEAT_S": 0.1, "PACE_GAP_S": 0.1, "RECONNECT_S": 0.05, "UNDRIVEN_EVERY_S": 0.2},
        runner: {"HOUSEKEEPING_S": 0.2, "WRITE_MARGIN_S": 0.2, "RECONNECT_S": 0.05},
        look_ahead: {"POLL_S": 0.1},
        brakes: {"PROBE_EVERY_S": 0.3},
        recorder: {"RETRY_S": 0.05},
        decide: {"BACKOFF_BASE_S": 0.05, "BACKOFF_CAP_S": 0.2},
        driven: {"CLOCKS_DIFFER_S": 0.0},
        asking: {"LOOK_S": 0.1, "FIRST_AGAIN_S": 0.1, "AFTER_FAILURE_S": 0.1},
    }
    for module, values in short.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


@pytest.fixture
async def engine(echo_database: str) -> AsyncIterator[Engine]:
    workspace, gateway = await in_thread(_prepare)
    engine = Engine(echo_database, workspace, gateway)
    yield engine
    await engine.kill_workers()
    engine.close()


def _prepare() -> tuple[Workspace, Gateway]:
    workspace = Workspace.objects.create(name="Engine")
    gateway = create_gateway([workspace], "echo", "Echo one", {}, {}, actor="test")
    return workspace, gateway
