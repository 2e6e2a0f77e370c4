"""Whose turn it is: whoever has had least since they came (start-time fair queueing).

Nobody saves up turns by staying away, and nobody gets more of them by coming and going.
"""

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
KEPT = 1000


class Turns(Generic[K]):
    """Those who wait, each once."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, K]] = []
        self._had: dict[K, float] = {}
        self._now = 0.0
        self._arrivals = count()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def enter(self, key: K) -> None:
        """Wait from now on. Not to be called for one who waits already."""
        had = max(self._now, self._had.pop(key, 0.0))
        heapq.heappush(self._waiting, (had, next(self._arrivals), key))

    @property
    def next(self) -> K:
        """Who is to be served; raises IndexError where nobody waits."""
        return self._waiting[0][2]

    def served(self, cost: float, *, waits_on: bool) -> None:
        """The next one has had `cost` more, and waits on or leaves."""
        had, _, key = self._waiting[0]
        self._now = had
        if waits_on:
            heapq.heapreplace(self._waiting, (had + cost, next(self._arrivals), key))
            return
        heapq.heappop(self._waiting)
        self._had[key] = had + cost
        if len(self._had) > KEPT:
            # Who has had no more than the others by now starts like a newcomer anyway.
            self._had = {one: had for one, had in self._had.items() if had > self._now}

    def clear(self) -> None:
        self._waiting.clear()
        self._had.clear()
