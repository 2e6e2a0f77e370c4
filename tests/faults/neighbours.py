"""A provider that hangs must not slow down the messages to another one."""

import asyncio
import time
from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path

from tests.faults.arena import Arena
from tests.faults.evidence import percentile
from tests.faults.schedule import quiet
from tests.faults.siege import Say, siege

from gatepost.sms.ids import from_ref

PHASE_S = 45.0
WARM_UP_S = 15.0
PER_SECOND = 20.0
MOST_TIMES = 1.2
NOISE_S = 0.02
"""What the scheduler of a busy machine does to a percentile of some milliseconds."""


@dataclass(slots=True)
class Neighbours:
    """Seconds from the acknowledgement of a message until its provider got it, while the other one answers, and while
    it hangs."""

    usual_s: list[float] = field(default_factory=list)
    beside_s: list[float] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        before, beside = percentile(self.usual_s, 0.99), percentile(self.beside_s, 0.99)
        if isfinite(beside) and beside <= max(MOST_TIMES * before, before + NOISE_S):
            return []
        return [f"slow neighbour: p99 {beside * 1000:.0f} ms beside a provider that hangs, {before * 1000:.0f} ms else"]

    def __str__(self) -> str:
        before, beside = percentile(self.usual_s, 0.99), percentile(self.beside_s, 0.99)
        return (
            f"p99 {beside * 1000:.0f} ms beside a provider that hangs, {before * 1000:.0f} ms beside one that answers "
            f"({len(self.beside_s)} and {len(self.usual_s)} messages)"
        )


def slow_neighbour(folder: Path, seed: int, say: Say) -> Neighbours:
    """Two gateways and two workers; half of the messages go to each."""
    with siege(folder, quiet(seed), 2, say) as one:
        for _ in range(2):
            one.arena.gatepost.start_worker()
        usual, beside = asyncio.run(_measure(one.arena))
        requests = one.arena.requests()
    arrived = {parsed[0]: request.at for request in requests for ref in request.refs if (parsed := from_ref(ref))}
    return Neighbours(_latencies(usual, arrived), _latencies(beside, arrived))


async def _measure(arena: Arena) -> tuple[dict[int, float], dict[int, float]]:
    slow, quick = arena.gateways
    arena.script((0.01, 0.05))
    await _offer(arena, slow, quick, WARM_UP_S)
    usual = await _offer(arena, slow, quick, PHASE_S)
    arena.script((0.0, 0.0), arena.gateways[slow].name, hang=1)
    await _offer(arena, slow, quick, WARM_UP_S)
    return usual, await _offer(arena, slow, quick, PHASE_S)


async def _offer(arena: Arena, slow: int, quick: int, for_s: float) -> dict[int, float]:
    """Ids of what was posted for the quick gateway, with the moment of its acknowledgement."""
    acknowledged: dict[int, float] = {}
    began = time.monotonic()
    for n in range(int(for_s * PER_SECOND)):
        await asyncio.sleep(max(0.0, began + n / PER_SECOND - time.monotonic()))
        order = arena.ledger.order((quick, slow)[n % 2])
        await asyncio.to_thread(arena.ledger.post_until_acknowledged, order)
        if n % 2 == 0:
            acknowledged[arena.ledger.acknowledged[order.messages[0]["client_ref"]]] = time.time()
    await asyncio.sleep(1.0)
    return acknowledged


def _latencies(acknowledged: dict[int, float], arrived: dict[int, float]) -> list[float]:
    # A message that never arrived is as slow as can be.
    return [max(0.0, arrived.get(message_id, inf) - at) for message_id, at in acknowledged.items()]
