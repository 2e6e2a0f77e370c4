"""Lets out what was opened: at most so many requests at a time, those of lower lanes first."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gatepost.dispatch.driven import Driven
from gatepost.dispatch.ending import end
from gatepost.dispatch.store import Due

AHEAD_S = 0.03
"""What is opened may wait for a slot for about so long, so that slots need not wait for the next intent's commit."""
MEASURED_S = 0.25


@dataclass(slots=True)
class Flight:
    """A submission whose intent is committed: these messages, in this order, may cross the line now.

    `driven`: the gateway as it was when the intent was committed.
    """

    id: int
    serial: int
    items: list[Due]
    driven: Driven
    is_resend: bool


class Slots:
    """`submit` never raises; `on_low` hears when a slot is used or closes and it is time to open more (`is_low`)."""

    def __init__(self, submit: Callable[[Flight], Awaitable[None]], on_low: Callable[[], None]) -> None:
        self._submit = submit
        self._on_low = on_low
        self._ready: dict[int, deque[Flight]] = {}
        self._waiting = 0
        self._serving: set[asyncio.Task[None]] = set()
        self._limit = 1
        self._landed = 0
        self._landed_before = 0
        self._measured_at = time.monotonic()

    @property
    def busy(self) -> int:
        """Requests that are under way or wait for a slot."""
        return len(self._serving) + self._waiting

    @property
    def is_low(self) -> bool:
        """Whether more should be opened by now. What is ready is let run down to a half before: an intent for many
        costs little more than one for a few."""
        return 2 * self._waiting <= self.ahead

    @property
    def ahead(self) -> int:
        """How many more than there are slots may be open, judged by how fast requests landed lately."""
        now = time.monotonic()
        elapsed_s = now - self._measured_at
        if elapsed_s >= MEASURED_S:
            self._landed_before, self._landed = self._landed, 0
            self._measured_at = now
            # After a standstill the speed of before says nothing.
            if elapsed_s >= 4 * MEASURED_S:
                self._landed_before = 0
        return int(max(self._landed_before, self._landed) * AHEAD_S / MEASURED_S)

    def put(self, flight: Flight, limit: int) -> None:
        """To be let out when one of `limit` slots is free."""
        self._limit = limit
        self._ready.setdefault(flight.items[0].lane if flight.items else 0, deque()).append(flight)
        self._waiting += 1
        if len(self._serving) < limit:
            self._serving.add(asyncio.create_task(self._serve()))

    async def landed(self) -> None:
        """Until nothing is under way any more."""
        while self._serving:
            await asyncio.wait(list(self._serving))

    async def cancel(self) -> None:
        self._ready.clear()
        self._waiting = 0
        await end(*self._serving)

    async def _serve(self) -> None:
        """One slot, for as long as there is something to let out."""
        try:
            while len(self._serving) <= self._limit and (flight := self._next()) is not None:
                if self.is_low:
                    self._on_low()
                await self._submit(flight)
                self._landed += 1
            self._on_low()
        finally:
            # At once, so that nothing that is put now waits for a slot that is about to close.
            self._serving.discard(asyncio.current_task())

    def _next(self) -> Flight | None:
        for lane in sorted(self._ready):
            if self._ready[lane]:
                self._waiting -= 1
                return self._ready[lane].popleft()
        return None
