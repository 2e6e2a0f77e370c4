"""The front on a database of its own, without a server around it."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from tests.support import asgi
from tests.support.asgi import Answer
from tests.support.django_database import own_database
from tests.support.echo import PROVIDERS
from tests.support.tenants import Tenant, tenant

from gatepost.dispatch import threads
from gatepost.dispatch.threads import in_thread
from gatepost.gateways.models import Gateway
from gatepost.gateways.services import create_gateway
from gatepost.intake import app, gathering
from gatepost.providers import registry

PATIENCE_S = 60.0
"""How long a busy machine may take for anything."""
AWAY_S = 0.3


@dataclass
class Front:
    """The application with a tenant, a gateway and a key."""

    dsn: str
    owner: Tenant
    gateway: Gateway
    token: str
    connection: psycopg.Connection[Any] | None = field(default=None, repr=False)

    async def post(self, document: Any, path: str = "/api/v1/messages", **headers: str) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return await self.request("POST", path, body, **headers)

    async def request(self, method: str, path: str, body: Any = b"", **headers: str) -> Answer:
        """With key and JSON, unless headers (underscores for dashes) say something else; an empty one is left out."""
        given = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await asgi.request(app.application, method, path, body, [(k, v) for k, v in given.items() if v])

    async def call_back(self, document: Any, kind: str = "any", **options: Any) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        path = f"/cb/{kind}/{self.gateway.callback_token}"
        return await asgi.request(app.application, "POST", path, body, **options)

    async def add_gateway(self, provider: str, **common: Any) -> Gateway:
        name = f"{provider} {time.monotonic_ns()}"
        return await in_thread(create_gateway, [self.owner.workspace], provider, name, {}, common, actor="test")

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connected().execute(statement, parameters or None).fetchall()

    def run(self, statement: str, *parameters: Any) -> None:
        self._connected().execute(statement, parameters or None)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def _connected(self) -> psycopg.Connection[Any]:
        if self.connection is None or self.connection.closed:
            self.connection = psycopg.connect(self.dsn, autocommit=True)
        return self.connection

    @contextlib.contextmanager
    def database_away(self) -> Iterator[None]:
        """Every connection breaks and none is made anew; nobody waits for one for long."""
        name = psycopg.conninfo.conninfo_to_dict(self.dsn)["dbname"]
        self.close()
        assert app.front is not None
        with (
            pytest.MonkeyPatch.context() as patch,
            psycopg.connect(self.dsn, dbname="postgres", autocommit=True) as server,
        ):
            patch.setattr(app.front._pool, "timeout", AWAY_S)
            patch.setattr(gathering, "STORE_TIMEOUT_S", AWAY_S)
            server.execute(f'alter database "{name}" allow_connections false')
            server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            try:
                yield
            finally:
                server.execute(f'alter database "{name}" allow_connections true')

    async def until(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "it did not come about in time"
            await asyncio.sleep(0.02)


@pytest.fixture
def database(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setattr(registry, "all_providers", lambda: PROVIDERS)
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    for name, value in {"POOL_TIMEOUT_S": PATIENCE_S, "RECONNECT_S": 0.05, "REPLAY_S": 0.05}.items():
        monkeypatch.setattr(app, name, value)
    monkeypatch.setattr(gathering, "STORE_TIMEOUT_S", PATIENCE_S)
    # Threads outlive the test, their connections must not.
    monkeypatch.setattr(threads, "close_old_connections", connections.close_all)
    with django_db_blocker.unblock(), own_database() as dsn:
        monkeypatch.setitem(connections["default"].settings_dict, "CONN_MAX_AGE", 0)
        yield dsn


@pytest.fixture
async def front(database: str) -> AsyncIterator[Front]:
    owner = await in_thread(tenant, "Front")
    gateway = await in_thread(create_gateway, [owner.workspace], "caller", "Caller", {}, {}, actor="test")
    front = Front(database, owner, gateway, await in_thread(owner.key))
    async with asgi.running(app.application):
        await _until_ready()
        yield front
    front.close()


async def _until_ready() -> None:
    for _ in range(500):
        if (await asgi.request(app.application, "GET", "/health/ready")).status == 200:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the front does not become ready")
