"""The simulated providers in a thread of their own, for tests that are busy with something else."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gatepost.simulators.control import TOKEN_HEADER
from gatepost.simulators.engine import Account
from gatepost.simulators.server import Server

START_TIMEOUT_S = 60.0
CONTROL_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a test may ask the providers' side from another thread."""

    url: str
    token: str
    server: Server

    @property
    def address(self) -> str:
        return urlsplit(self.url).netloc

    def credentials(self, account: str) -> dict[str, str]:
        return dict(self.server.accounts[account].credentials)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The control interface; fails where it refuses."""
        connection = http.client.HTTPConnection(self.address, timeout=CONTROL_TIMEOUT_S)
        try:
            content = json.dumps(body) if body is not None else None
            connection.request(method, path, content, {TOKEN_HEADER: self.token})
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status == 200, f"{method} {path}: {text}"
            return json.loads(text)
        finally:
            connection.close()


@contextmanager
def simulated(accounts: Sequence[Account]) -> Iterator[Simulated]:
    """A server with these accounts, on a free port, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulated providers")
    thread.start()

    def run(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(START_TIMEOUT_S)

    try:
        server = Server(accounts)
        run(server.start())
        try:
            yield Simulated(server.url, server.token, server)
        finally:
            run(server.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
