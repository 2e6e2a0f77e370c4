"""A server with an account per dialect, a client that speaks to it, and a receiver of its callbacks."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from gatepost.simulators.control import TOKEN_HEADER
from gatepost.simulators.engine import Account
from gatepost.simulators.server import Server

QUICK = (0.06, 0.08)
"""Delivery in seconds, from and to."""


@dataclass
class Receiver:
    """Keeps every callback and answers with what `answers` holds, the last one for ever."""

    url: str = ""
    calls: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b"OK")])

    async def handle(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        async with self.came:
            self.calls.append((request.method, request.raw_path, dict(request.headers), body))
            self.came.notify_all()
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, body=answer)

    async def wait_for(self, count: int = 1, within_s: float = 60.0) -> list[tuple[str, str, dict[str, str], bytes]]:
        async with asyncio.timeout(within_s), self.came:
            await self.came.wait_for(lambda: len(self.calls) >= count)
        return self.calls


class Client:
    """Sends exactly what it is given; `control` speaks to the control interface."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def ask(
        self,
        method: str,
        path: str,
        *,
        data: str | bytes | None = None,
        json: Any = None,
        headers: dict[str, str] | None = None,
    ) -> "Got":
        headers = dict(headers or {})
        if isinstance(data, str):
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
            data = data.encode()
        async with self.session.request(
            method,
            URL(self.server.url + path, encoded=True),
            data=data,
            json=json,
            headers=headers,
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
            return Got(answer.status, body, {name.lower(): value for name, value in answer.headers.items()})

    async def control(self, method: str, path: str, body: Any = None) -> "Got":
        return await self.ask(method, path, json=body, headers={TOKEN_HEADER: self.server.token})

    async def switch(self, account: str, **switches: Any) -> dict[str, Any]:
        got = await self.control("POST", f"/_control/{account}", switches)
        assert got.status == 200, got.text
        return got.json

    async def log(self) -> list[dict[str, Any]]:
        return (await self.control("GET", "/_control/log")).json["entries"]

    async def phone(self) -> list[dict[str, Any]]:
        return (await self.control("GET", "/_phone/messages")).json["messages"]


@dataclass(frozen=True)
class Got:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        import json

        return json.loads(self.body)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = web.Server(receiver.handle)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield receiver
    listening.close()
    await server.shutdown(0.1)


@pytest.fixture
async def server(receiver: Receiver) -> AsyncIterator[Server]:
    callbacks: dict[str, Any] = {
        "receipt_url": receiver.url + "/dlr",
        "inbound_url": receiver.url + "/in",
        "delivery_s": QUICK,
    }
    accounts = [
        Account(name="warsaw", slug="smsapi", numbers=("48661000112",), mms_url=receiver.url + "/mms", **callbacks),
        Account(name="cape", slug="bulksms", numbers=("27000000000",), **callbacks),
        Account(name="kannel", slug="generic_http", numbers=("2020",), **callbacks),
        Account(name="jasmin", slug="generic_http", numbers=("3030",), options={"dialect": "jasmin"}, **callbacks),
    ]
    async with Server(accounts, patience=0.001) as server:
        yield server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Client(server, session)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait until an async question is answered truly, and hand back the answer."""

    async def wait(question: Callable[[], Any], within_s: float = 60.0) -> Any:
        ends = time.monotonic() + within_s
        while True:
            answer = await question()
            if answer or time.monotonic() > ends:
                assert answer
                return answer
            await asyncio.sleep(0.01)

    return wait
