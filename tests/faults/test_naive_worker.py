"""The checker must catch a worker that is as naive as they are written: a check that cannot fail proves nothing."""

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest
from tests.faults.arena import SINGLE, Arena
from tests.support.installation import Process, spawn
from tests.support.reporting import Say

pytestmark = pytest.mark.faults

MESSAGES = 400
KILLS = 3
LATEST_KILL = 0.6
"""The last one falls about here: even a machine that stands still for a moment leaves something to be sent."""
SCRIPT = Path(__file__).with_name("naive_worker.py")


@pytest.mark.parametrize(("kind", "fault"), [("resend", "duplicates"), ("forget", "lost")])
async def test_the_checker_catches_a_naive_worker(arena: Arena, kind: str, fault: str, say: Say):
    gateway = arena.add_gateway("one", SINGLE, parallel=1)
    arena.script(delay_s=(0.002, 0.006))
    web = arena.gatepost.start_web()
    arena.ledger.post_until_acknowledged(arena.ledger.order(gateway.pk, MESSAGES))
    web.stop()
    moments = random.Random(arena.seed)
    for n in range(1, KILLS + 1):
        worker = _start(arena, kind)
        while arena.count_accepted() < MESSAGES * LATEST_KILL * n / KILLS:
            assert worker.is_alive, worker.last_words()
            await asyncio.sleep(0.005)
        await asyncio.sleep(moments.uniform(0, 0.05))
        worker.kill()
    assert 0 < arena.count_accepted() < MESSAGES
    last = _start(arena, kind)
    arena.settle()
    last.kill()

    verdict = arena.verdict()
    say(f"{kind}: {verdict}")
    assert getattr(verdict, fault)
    assert verdict.faults


async def test_without_kills_the_naive_worker_passes(arena: Arena):
    gateway = arena.add_gateway("one", SINGLE, parallel=1)
    arena.gatepost.start_web()
    arena.ledger.post_until_acknowledged(arena.ledger.order(gateway.pk, 50))
    worker = _start(arena, "resend")
    arena.settle()
    worker.kill()
    assert arena.count_accepted() == 50
    assert not arena.verdict().faults


def _start(arena: Arena, kind: str) -> Process:
    argv = [sys.executable, str(SCRIPT), kind, str(arena.provider_port), "one"]
    env = os.environ | {"DATABASE_URL": arena.gatepost.dsn}
    process = spawn("naive", argv, arena.gatepost.folder, env)
    arena.gatepost.processes.append(process)
    return process
