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

    def in_order(self) -> list[K]:
        """Everyone who waits, whose turn comes first first."""
        return [key for _, _, key in sorted(self._waiting)]

    def served(self, key: K, cost: float, *, waits_on: bool) -> None:
        """That one, mostly the next one, has had `cost` more, and waits on or leaves."""
        if self._waiting[0][2] != key:
            self._served_before_others(key, cost, waits_on=waits_on)
            return
        had, _, key = self._waiting[0]
        self._now = had
        if waits_on:
            heapq.heapreplace(self._waiting, (had + cost, next(self._arrivals), key))
            return
        heapq.heappop(self._waiting)
        self._left(key, had + cost)

    def _served_before_others(self, key: K, cost: float, *, waits_on: bool) -> None:
        """The others could not be served; their turn is still theirs."""
        place = next(n for n, (_, _, one) in enumerate(self._waiting) if one == key)
        had, _, _ = self._waiting.pop(place)
        if waits_on:
            self._waiting.append((had + cost, next(self._arrivals), key))
        heapq.heapify(self._waiting)
        if not waits_on:
            self._left(key, had + cost)

    def _left(self, key: K, had: float) -> None:
        self._had[key] = had
        if len(self._had) > KEPT:
            # Who has had no more than the others by now starts like a newcomer anyway.
            self._had = {one: had for one, had in self._had.items() if had > self._now}

    def clear(self) -> None:
        self._waiting.clear()
        self._had.clear()
