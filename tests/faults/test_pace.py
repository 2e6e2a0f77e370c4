"""The configured rate, kept by four workers of which two are restarted, and used."""

import sys
from itertools import pairwise
from pathlib import Path

import pytest
from tests.faults.arena import SINGLE, Arena
from tests.faults.proxy import module_env
from tests.faults.timed_worker import read_written
from tests.support.installation import Process, spawn, wait_until
from tests.support.reporting import Say

pytestmark = pytest.mark.faults

RATE = 49
WORKERS = 4
STRETCH = 75
"""So many requests between two restarts."""
LEAST_USED = 0.95
LONGEST_GAP_S = 10.0
DRIVER = "select split_part(worker_id, '-', -2)::int from gateway_lease where expires_at > now()"


def worst_second(moments: list[float]) -> int:
    """The most requests in any second."""
    worst = start = 0
    for n, at in enumerate(moments):
        while moments[start] <= at - 1.0:
            start += 1
        worst = max(worst, n - start + 1)
    return worst


def test_forty_nine_a_second_with_four_workers_and_two_restarts(arena: Arena, say: Say):
    log = arena.gatepost.folder / "written"
    gateway = arena.add_gateway("one", SINGLE, parallel=8, per_second=RATE)
    arena.ledger.accept(arena.ledger.order(gateway.pk, 6 * STRETCH))
    workers = [timed_worker(arena, log) for _ in range(WORKERS)]

    def wait_for_another_stretch() -> None:
        enough = len(read_written(log)) + STRETCH
        wait_until(lambda: len(read_written(log)) >= enough, 60, f"{STRETCH} more requests")

    wait_for_another_stretch()
    for end in (Process.stop, Process.kill):
        [(pid,)] = arena.gatepost.rows(DRIVER)
        end(next(worker for worker in workers if worker.pid == pid))
        workers.append(timed_worker(arena, log))
        wait_for_another_stretch()

    for worker in workers:
        worker.kill()
    written = read_written(log)
    assert len(arena.requests()) == len(written)
    moments = [at for _, at in written]
    gaps = [later - earlier for (before, earlier), (after, later) in pairwise(written) if before != after]
    used = (len(moments) - 1 - len(gaps)) / (RATE * (moments[-1] - moments[0] - sum(gaps)))
    say(f"{len(moments)} requests, {worst_second(moments)} in the worst second, {used:.1%} used, gaps {gaps}")
    assert worst_second(moments) <= RATE
    assert used >= LEAST_USED
    assert len(gaps) == 2
    assert max(gaps) <= LONGEST_GAP_S


def timed_worker(arena: Arena, log: Path) -> Process:
    argv = [sys.executable, "-m", "tests.faults.timed_worker", str(log)]
    process = spawn("worker", argv, arena.gatepost.folder, module_env() | arena.gatepost.env)
    arena.gatepost.processes.append(process)
    return process
