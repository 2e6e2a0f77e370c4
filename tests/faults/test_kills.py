"""kill -9, and nothing that was acknowledged is lost or sent twice; what is unknown fits the in-flight window."""

import asyncio
import random
import time

import pytest
from tests.faults.arena import BATCH, SINGLE, Arena
from tests.faults.nemesis import Strike
from tests.faults.recoveries import BUSY, MAX_P50_S, Recoveries, after_kills
from tests.support.installation import Process, until
from tests.support.reporting import Say

from gatepost.dispatch.driven import load
from gatepost.dispatch.runner import Runner
from gatepost.messages.clock import DatabaseClock
from gatepost.sms.ids import IdSource

pytestmark = pytest.mark.faults

KILLS = 20
MISSES = 5
ROWS = 1000
SLOTS = 4
QUEUE_AT_LEAST = 100
FREEZE_TRIES = 200
IN_TRANSACTION = """
    select pid from pg_stat_activity where datname = current_database() and application_name = 'gatepost worker'
       and state = 'idle in transaction'
"""
SOME_FAULTS = {
    "answer": 92,
    "slow": 1,
    "drop": 1,
    "reset": 1,
    "html": 1,
    "cut off": 1,
    "no id": 1,
    "error": 1,
    "vanish": 0.5,
    "refuse": 0.5,
}


async def test_a_group_of_a_thousand_has_every_row_once_though_its_workers_are_killed(arena: Arena, say: Say):
    gateway = arena.add_gateway("one", BATCH, parallel=4)
    arena.script(delay_s=(0.05, 0.15))
    arena.gatepost.start_web()
    arena.ledger.post_until_acknowledged(arena.ledger.order(gateway.pk, ROWS))
    moments = random.Random(arena.seed)
    strikes = []
    worker = arena.gatepost.start_worker()
    for enough in (moments.randint(50, 300), moments.randint(400, 650)):
        await until(lambda enough=enough: arena.count_accepted() >= enough, 60, f"{enough} accepted messages")
        strikes.append(await arena.nemesis.strike(worker, worker.kill, at_most_wait_s=0.1))
        assert arena.count_accepted() < ROWS, "the kill came too late to prove anything"
        worker = arena.gatepost.start_worker()
    arena.settle()

    verdict = arena.verdict()
    met = set().union(*(strike.message_ids for strike in strikes))
    say(f"{verdict}; {len(met)} in flight at the kills; {_recoveries(arena, strikes)}")
    assert not verdict.faults
    assert len(arena.ledger.acknowledged) == ROWS
    assert 0 < verdict.unknown == len(met)
    assert set().union(*verdict.unknown_per_loss.values()) == met
    assert verdict.most_unknown <= arena.window(gateway)


async def test_twenty_kills_of_workers_under_a_faulty_provider(arena: Arena, say: Say):
    for name, wire, parallel in [("a", SINGLE, 8), ("b", SINGLE, 4), ("c", BATCH, 3), ("d", BATCH, 2)]:
        arena.add_gateway(name, wire, parallel)
    arena.script((0.05, 0.3), **SOME_FAULTS)
    arena.gatepost.start_web()
    feeding = asyncio.create_task(_feed(arena))
    try:
        await asyncio.gather(*(_kill_repeatedly(arena, KILLS // SLOTS) for _ in range(SLOTS)))
    finally:
        feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    arena.script(delay_s=(0.0, 0.02))
    await asyncio.to_thread(arena.settle)

    verdict = arena.verdict()
    strikes = arena.nemesis.strikes
    say(f"{len(strikes)} kills under {len(arena.ledger.acknowledged)} messages: {verdict}")
    recoveries = _recoveries(arena, strikes)
    say(str(recoveries))
    assert not verdict.faults
    assert recoveries.p50_s <= BUSY * MAX_P50_S, recoveries
    assert len(strikes) == KILLS
    assert len(arena.ledger.acknowledged) >= 500
    # On a busy machine the last message may land between the look and the blow.
    assert sum(bool(strike.in_flight) for strike in strikes) >= KILLS - MISSES
    for strike in strikes:
        for gateway_id, ids in strike.in_flight.items():
            assert 0 < len(ids) <= arena.window(arena.gateways[gateway_id])
    # What was in flight at a kill is unknown because of it, and nothing else is.
    met = set().union(*(strike.message_ids for strike in strikes))
    assert set().union(*verdict.unknown_per_loss.values()) == met


async def test_killed_web_processes_lose_nothing_that_they_acknowledged(arena: Arena, say: Say):
    gateway = arena.add_gateway("one", BATCH, parallel=4)
    web = arena.gatepost.start_web()
    worker = arena.gatepost.start_worker()
    moments = random.Random(arena.seed)
    is_over = asyncio.Event()
    posters = [asyncio.create_task(_order_until(is_over, arena, gateway.pk, patience)) for patience in (1, 100, 100)]
    for _ in range(4):
        enough = len(arena.ledger.acknowledged) + 100
        await until(lambda enough=enough: len(arena.ledger.acknowledged) >= enough, 60, "acknowledged messages")
        await asyncio.sleep(moments.uniform(0, 0.3))
        web.kill()
        web = arena.gatepost.start_web()
    is_over.set()
    await asyncio.gather(*posters)
    await asyncio.to_thread(arena.settle)

    verdict = arena.verdict()
    given_up = len(arena.ledger.offered) - len(arena.ledger.acknowledged)
    say(f"{verdict}; {arena.ledger.failed_tries} broken requests, {given_up} messages never acknowledged")
    assert not verdict.faults
    assert not arena.ledger.contradictions
    assert verdict.unknown == 0
    assert arena.ledger.failed_tries >= 4
    assert given_up > 0
    assert worker.is_alive


async def test_an_orderly_stop_leaves_nothing_unknown(arena: Arena, say: Say):
    gateway = arena.add_gateway("one", BATCH, parallel=8)
    arena.script(delay_s=(0.4, 0.9))
    arena.gatepost.start_web()
    arena.ledger.post_until_acknowledged(arena.ledger.order(gateway.pk, 600))
    worker = arena.gatepost.start_worker()

    strike = await arena.nemesis.strike(worker, worker.popen.terminate)
    took_s = worker.stop()
    assert arena.nemesis.in_flight([gateway.pk]) == {}
    assert 0 < arena.count_accepted() < 600
    arena.script(delay_s=(0.0, 0.0))
    arena.gatepost.start_worker()
    arena.settle()

    verdict = arena.verdict()
    say(f"{verdict}; {len(strike.message_ids)} in flight at SIGTERM, over in {took_s:.1f} s")
    assert not verdict.faults
    assert verdict.unknown == 0


async def test_a_frozen_worker_sends_nothing_when_it_wakes(arena: Arena, say: Say):
    gateway = arena.add_gateway("one", SINGLE, parallel=6)
    arena.script(delay_s=(0.05, 0.2))
    arena.gatepost.start_web()
    arena.ledger.post_until_acknowledged(arena.ledger.order(gateway.pk, 600))
    frozen = arena.gatepost.start_worker()
    strike = await arena.nemesis.strike(frozen, lambda: _freeze_inside_a_transaction(arena, frozen))
    successor = arena.gatepost.start_worker()
    await until(lambda: arena.nemesis.in_flight(arena.nemesis.driven_by(successor)), 60, "the successor")
    seen = arena.count_accepted()
    frozen.thaw()
    await until(lambda: arena.count_accepted() >= seen + 100, 60, "100 messages beside the one that woke")
    assert arena.nemesis.driven_by(successor) == [gateway.pk]
    assert seen + 100 < 500, "the queue was empty before the frozen one could have sent from it"
    arena.script(delay_s=(0.0, 0.0))
    arena.settle()

    verdict = arena.verdict()
    say(f"{verdict}; {len(strike.message_ids)} in flight when it froze; {_recoveries(arena, [strike])}")
    assert not verdict.faults
    assert 0 < verdict.unknown == len(strike.message_ids) <= arena.window(gateway)
    assert frozen.is_alive, frozen.last_words()


def test_the_engine_and_the_checker_agree_on_the_window(arena: Arena):
    for name, wire, parallel in [("one", SINGLE, 7), ("ten", BATCH, 3)]:
        gateway = arena.add_gateway(name, wire, parallel)
        driven = load(gateway.pk, {})
        assert driven is not None
        runner = Runner(
            driven,
            1,
            pool=None,
            driver=None,
            ids=IdSource(0),
            lease_until=0,
            not_before=0,
            is_sending=bool,
            clock=DatabaseClock(),
        )
        assert runner.window == arena.window(gateway)


async def _kill_repeatedly(arena: Arena, kills: int) -> None:
    worker = arena.gatepost.start_worker()
    for _ in range(kills):
        await arena.nemesis.strike(worker, worker.kill)
        worker = arena.gatepost.start_worker()


def _freeze_inside_a_transaction(arena: Arena, worker: Process) -> None:
    """Where it hurts most: while it holds locks that its successor needs; anywhere, if it is never met there."""
    for _ in range(FREEZE_TRIES):
        worker.freeze()
        time.sleep(0.01)
        if arena.gatepost.rows(IN_TRANSACTION):
            return
        worker.thaw()
        time.sleep(0.01)
    worker.freeze()


async def _feed(arena: Arena) -> None:
    """Keep every gateway's queue filled."""
    while True:
        waiting = dict(arena.gatepost.rows("select gateway_id, count(*) from outbox group by gateway_id"))
        for gateway_id in arena.gateways:
            if waiting.get(gateway_id, 0) < QUEUE_AT_LEAST:
                order = arena.ledger.order(gateway_id, QUEUE_AT_LEAST)
                await asyncio.to_thread(arena.ledger.post_until_acknowledged, order)
        await asyncio.sleep(0.1)


async def _order_until(is_over: asyncio.Event, arena: Arena, gateway_id: int, patience: int) -> None:
    """Order after order; one that fails is repeated up to `patience` tries and then given up."""
    sizes = random.Random(arena.seed + patience)
    while not is_over.is_set():
        order = arena.ledger.order(gateway_id, sizes.randint(1, 20))
        while not await asyncio.to_thread(arena.ledger.post, order):
            if order.tries >= patience:
                break
            await asyncio.sleep(0.1)


def _recoveries(arena: Arena, strikes: list[Strike]) -> Recoveries:
    recoveries = after_kills(strikes, {pk: gateway.name for pk, gateway in arena.gateways.items()}, arena.requests())
    assert not recoveries.never
    return recoveries
