"""What the fake provider tells by itself: delivery reports in every order and number, and bursts of inbound messages.

It behaves as providers do: what is not answered with 2xx is said again, up to some end.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]

AGAIN_S = 0.5
TRIES = 120
ANSWER_TIMEOUT_S = 10.0
EARLY_S = 0.5
LATE_S = 6.0

ORDERS: dict[str, tuple[tuple[float, str], ...]] = {
    "none": (),
    "once": ((0.1, "final"),),
    "early": ((0.0, "final"),),
    "late": ((LATE_S, "final"),),
    "twice": ((0.1, "final"), (0.3, "final")),
    "in order": ((0.05, "sent"), (0.3, "final")),
    "reordered": ((0.1, "final"), (0.3, "sent"), (0.4, "queued")),
}
"""The delays in seconds after a message was accepted, and what is said of it; `early` comes before the answer."""


class Reporter:
    """Sends callbacks and writes to the log which were answered well."""

    def __init__(self, log: Callable[[Json], None], chance: random.Random) -> None:
        self._log = log
        self._chance = chance
        self._tasks: set[asyncio.Task[None]] = set()
        self.weights: dict[str, float] = {"once": 1}

    async def accepted(self, messages: list[Json]) -> None:
        """Report each of these messages that says where; returns after those that come early."""
        early = []
        for message in messages:
            if not message.get("report_to"):
                continue
            [order] = self._chance.choices(list(self.weights), list(self.weights.values()))
            final = "DELIVRD" if self._chance.random() < 0.9 else "UNDELIV"
            for delay_s, word in ORDERS[order]:
                said = {"ref": message["ref"], "status": final if word == "final" else word}
                task = self._start(message["report_to"], said, delay_s)
                if order == "early":
                    early.append(task)
        if early:
            await asyncio.wait(early, timeout=EARLY_S)

    def burst(self, url: str, messages: list[Json]) -> None:
        """All of these inbound messages at once, and each twice."""
        for message in [*messages, *messages]:
            self._start(url, message, 0.0)

    @property
    def waiting(self) -> int:
        return len(self._tasks)

    def _start(self, url: str, said: Json, delay_s: float) -> asyncio.Task[None]:
        task = asyncio.create_task(self._say(url, said, delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _say(self, url: str, said: Json, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        kind = "report" if "ref" in said else "inbound"
        self._log({"at": time.time(), kind: said, "heard": False})
        for _ in range(TRIES):
            try:
                status = await asyncio.wait_for(_post(url, said), ANSWER_TIMEOUT_S)
            except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                status = 0
            if 200 <= status < 300:
                self._log({"at": time.time(), kind: said, "heard": True})
                return
            await asyncio.sleep(AGAIN_S)


async def _post(url: str, said: Json) -> int:
    """The status of the answer. A connection each: providers seldom keep theirs."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        body = json.dumps(said).encode()
        target = f"{address.path}?{address.query}" if address.query else address.path
        head = f"POST {target} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        return int((await reader.readline()).split(b" ")[1].decode()) if not reader.at_eof() else 0
    except IndexError:
        return 0
    finally:
        writer.close()


def append_only(path: str) -> Callable[[Json], None]:
    """Writes entries, each with one system call, so that the log holds them whatever happens to this process."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def log(entry: Json) -> None:
        os.write(descriptor, json.dumps(entry).encode() + b"\n")

    return log
