"""Takes the callbacks of the accounts to their customers: gathers receipts, posts, repeats as the provider would."""

import asyncio
import ipaddress
import time
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from gatepost.simulators.engine import LiveAccount, Report
from gatepost.simulators.wire import Push

GATHERED_FOR_S = 0.02
"""Receipts that become due this close together go out in one callback, where the protocol has such."""

PARALLEL = 32
ANSWER_WITHIN_S = 30.0


class Courier:
    """One for all accounts of a server; start() and stop() in a running loop.

    `hosts`: where callbacks may go beside the loopback interface, so that a simulator is no way out of a machine.
    `patience`: what the pauses between repeats are multiplied with.
    """

    def __init__(self, hosts: Iterable[str] = (), patience: float = 1.0) -> None:
        self._hosts = frozenset(hosts)
        self._patience = patience
        self._due: defaultdict[LiveAccount, list[Report]] = defaultdict(list)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self._slots = asyncio.Semaphore(PARALLEL)
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S),
            connector=aiohttp.TCPConnector(limit=PARALLEL),
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )

    async def stop(self) -> None:
        self._due.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def gather(self, live: LiveAccount, report: Report) -> None:
        """Send the report with others that become due at the same moment."""
        if not self._due[live]:
            asyncio.get_running_loop().call_later(GATHERED_FOR_S, self._send_due, live)
        self._due[live].append(report)

    async def send_early(self, live: LiveAccount) -> None:
        """Send the reports that overtake the answer, and wait until they were answered."""
        reports, live.early = live.early, []
        pushes = live.simulator.receipts(reports, live) if reports else ()
        await asyncio.gather(*[self.deliver(live, push) for push in pushes])

    async def deliver(self, live: LiveAccount, push: Push) -> tuple[int, bytes]:
        """The outcome of the first attempt, (0, reason) where there was no answer; repeats follow by themselves."""
        first: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._spawn(self._repeat(live, push, first))
        return await first

    async def try_once(self, live: LiveAccount, push: Push) -> tuple[int, bytes]:
        """One attempt without repeats."""
        status, answer = await self._attempt(push)
        live.callbacks.append(
            {
                "at": time.time(),
                "kind": push.kind,
                "method": push.method,
                "url": push.url,
                "status": status,
                "answer": answer[:200].decode("utf-8", "replace"),
            }
        )
        return status, answer

    def _send_due(self, live: LiveAccount) -> None:
        self._spawn(self._send_in_order(live, self._due.pop(live, [])))

    async def _send_in_order(self, live: LiveAccount, reports: list[Report]) -> None:
        """Intermediate reports first: out of order is a fault that is switched on, not a race."""
        for is_interim in (True, False):
            chosen = [report for report in reports if (report.state == "sent") is is_interim]
            pushes = live.simulator.receipts(chosen, live) if chosen else ()
            await asyncio.gather(*[self.deliver(live, push) for push in pushes])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _repeat(self, live: LiveAccount, push: Push, first: "asyncio.Future[tuple[int, bytes]]") -> None:
        began = time.monotonic()
        generation = live.generation
        attempts = 0
        while live.generation == generation:
            status, answer = await self.try_once(live, push)
            attempts += 1
            if not first.done():
                first.set_result((status, answer))
            if push.repeats.taken(status, answer) or push.repeats.hopeless(status):
                return
            wait_s = push.repeats.wait_s(attempts, (time.monotonic() - began) / (self._patience or 1.0))
            if wait_s is None:
                return
            await asyncio.sleep(wait_s * self._patience)

    async def _attempt(self, push: Push) -> tuple[int, bytes]:
        if not self._may_go_to(push.url):
            return 0, b"This host is not allowed: callbacks go to the loopback interface unless the start says more."
        try:
            async with (
                self._slots,
                self._session.request(
                    push.method,
                    URL(push.url, encoded=True),
                    data=push.body or None,
                    headers=dict(push.headers),
                    allow_redirects=False,
                ) as answer,
            ):
                return answer.status, await answer.content.read(65_536)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            return 0, f"{type(problem).__name__}: {problem}".encode()

    def _may_go_to(self, url: str) -> bool:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            return False
        return host in self._hosts or is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name or address; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
