"""Nothing is lost and nothing is doubled, whoever dies, freezes, stops or loses the database in the middle."""

import asyncio
from collections import Counter

import psycopg
import pytest
from psycopg import AsyncConnection, OperationalError

from gatepost.dispatch import recorder, runner, store
from gatepost.dispatch import worker as working

DONE = {"submitted", "unknown"}


async def settled(engine, ids):
    await engine.until_states(ids, *DONE)
    await engine.until(lambda: engine.rows("select count(*) from submission where done_at is null") == [(0,)])


def assert_nothing_lost_or_doubled(engine, ids):
    """What is submitted arrived once, what is unknown at most once, and nothing else did."""
    arrived = Counter(engine.accepted_ids())
    states = engine.states(ids)
    assert {n: count for n, count in arrived.items() if count > 1} == {}
    assert [n for n in ids if states[n] == "submitted" and n not in arrived] == []
    assert set(arrived) <= set(ids)


async def test_a_kill_in_the_middle_loses_and_doubles_nothing_and_leaves_at_most_the_window_unknown(engine):
    engine.other_side.delay_s = 0.02
    await engine.change_gateway(pattern="loop", parallel=10)
    ids = await engine.accept(400)
    window = 10 + runner.RECORD_BUFFER
    for kills, arrived in enumerate((60, 180), 1):
        worker = engine.start_worker()
        await engine.until(lambda arrived=arrived: len(engine.other_side.log) > arrived)
        [lead] = worker._leads.values()
        assert lead.runner.window == window
        await engine.kill_workers()
        engine.run("update gateway_lease set expires_at = now() - interval '1 second'")
        unknown = list(engine.states(ids).values()).count("unknown")
        assert unknown <= kills * window
    engine.start_worker()
    await settled(engine, ids)
    assert_nothing_lost_or_doubled(engine, ids)
    unknown = [n for n, state in engine.states(ids).items() if state == "unknown"]
    assert 0 < len(unknown) <= 2 * window
    assert {engine.events(n)[0][1]["cause"] for n in unknown} == {"worker lost"}


async def test_what_a_recovery_could_not_finish_is_unknown_and_not_sent_again(engine, monkeypatch):
    """The worker that takes over loses the database after it adopted what was open, and once more later on."""
    engine.other_side.delay_s = 60.0
    ids = await engine.accept(20)
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.log) == 20)
    await engine.kill_workers()
    engine.run("update gateway_lease set expires_at = now() - interval '1 second'")
    engine.other_side.delay_s = 0.0
    faults = iter([True, True])
    messages_of = store.messages_of

    async def failing(connection: AsyncConnection, message_ids):
        if next(faults, False):
            raise OperationalError("away")
        return await messages_of(connection, message_ids)

    monkeypatch.setattr(store, "messages_of", failing)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    engine.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatepost worker'")
    await engine.beats(5)
    assert_nothing_lost_or_doubled(engine, ids)
    assert set(engine.states(ids).values()) == {"unknown"}


async def test_what_waits_to_be_recorded_while_the_database_is_away_is_not_sent_again(engine, monkeypatch):
    # One after the other, so that the first one is being recorded while the others wait behind it.
    await engine.change_gateway(pattern="loop", parallel=30, requests_per_second=100)
    ids = await engine.accept(30)
    record, due = store.record, store.due
    is_away = True

    async def failing_record(*arguments):
        if is_away:
            raise OperationalError("away")
        return await record(*arguments)

    async def failing_due(*arguments):
        if is_away and len(engine.other_side.log) == len(ids):
            raise OperationalError("away")
        return await due(*arguments)

    monkeypatch.setattr(store, "record", failing_record)
    monkeypatch.setattr(store, "due", failing_due)
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.log) == len(ids))
    await engine.beats(4)
    is_away = False
    await settled(engine, ids)
    assert set(engine.states(ids).values()) == {"submitted"}
    assert_nothing_lost_or_doubled(engine, ids)


async def test_an_intent_whose_commit_was_not_heard_of_is_sent_once(engine, monkeypatch):
    ids = await engine.accept(30)
    intent = store.intent
    faults = iter([True])

    async def deaf(*arguments, **options):
        opened = await intent(*arguments, **options)
        if next(faults, False):
            raise OperationalError("the connection broke after the commit")
        return opened

    monkeypatch.setattr(store, "intent", deaf)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert_nothing_lost_or_doubled(engine, ids)
    assert len(engine.other_side.log) == 30


@pytest.mark.parametrize("step", ["before", "after"])
async def test_a_record_whose_commit_was_not_heard_of_is_written_once(engine, monkeypatch, step):
    engine.other_side.lost_answers = 1
    ids = await engine.accept(5)
    record = store.record
    faults = iter([True])

    async def deaf(*arguments):
        if step == "after":
            await record(*arguments)
        if next(faults, False):
            raise OperationalError("the connection broke")
        if step == "before":
            await record(*arguments)

    monkeypatch.setattr(store, "record", deaf)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    await engine.beats(3)
    assert [len(engine.events(message_id)) for message_id in ids] == [1] * 5
    assert engine.rows("select count(*) from exchange") == [(1,)]


async def test_what_follows_a_record_is_tried_again_without_recording_twice(engine, monkeypatch):
    engine.other_side.lost_answers = 1
    ids = await engine.accept(2)
    follow_up = recorder.Recorder._claim_receipts
    faults = iter([True])

    async def failing(self, *arguments):
        if next(faults, False):
            raise OperationalError("away")
        await follow_up(self, *arguments)

    monkeypatch.setattr(recorder.Recorder, "_claim_receipts", failing)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    await engine.beats(3)
    assert [len(engine.events(message_id)) for message_id in ids] == [1, 1]


async def test_connections_that_break_again_and_again_lose_and_double_nothing(engine):
    engine.other_side.delay_s = 0.005
    await engine.change_gateway(pattern="loop", parallel=8)
    ids = await engine.accept(300)
    engine.start_worker()
    killer = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gatepost worker'"
    for arrived in range(30, 270, 40):
        await engine.until(lambda arrived=arrived: len(engine.other_side.log) > arrived)
        engine.run(killer)
    await settled(engine, ids)
    assert set(engine.states(ids).values()) == {"submitted"}
    assert_nothing_lost_or_doubled(engine, ids)


async def test_an_orderly_stop_leaves_nothing_unknown_and_nothing_open(engine):
    engine.other_side.delay_s = 0.3
    await engine.change_gateway(pattern="loop", parallel=10)
    ids = await engine.accept(60)
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.log) > 10)
    await engine.stop_workers()
    assert set(engine.states(ids).values()) == {"submitted", "queued"}
    assert engine.rows("select count(*) from submission where done_at is null") == [(0,)]
    assert engine.rows("select worker_id from gateway_lease") == [(None,)]
    assert engine.rows("select count(*) from worker") == [(0,)]
    assert_nothing_lost_or_doubled(engine, ids)
    engine.other_side.delay_s = 0.0
    engine.start_worker()
    await settled(engine, ids)
    assert set(engine.states(ids).values()) == {"submitted"}
    assert_nothing_lost_or_doubled(engine, ids)


class TestTwoWorkers:
    async def test_share_the_gateways_and_rebalance_without_a_message_in_doubt(self, engine):
        engine.other_side.delay_s = 0.05
        gateways = [engine.gateway]
        for _ in range(3):
            await engine.use("echo")
            gateways.append(engine.gateway)
        ids = [message_id for gateway in gateways for message_id in await engine.accept(150, gateway=str(gateway.pk))]
        first = engine.start_worker()
        await engine.until(lambda: len(first._leads) == 4)
        second = engine.start_worker()
        await engine.until(lambda: (len(first._leads), len(second._leads)) == (2, 2))
        assert not set(first._leads) & set(second._leads)
        third = engine.start_worker()
        await engine.until(lambda: sorted(len(one._leads) for one in (first, second, third)) == [1, 1, 2])
        await settled(engine, ids)
        assert set(engine.states(ids).values()) == {"submitted"}
        assert_nothing_lost_or_doubled(engine, ids)

    async def test_keep_the_others_leases_while_one_gateway_takes_long_to_give_up(self, engine, monkeypatch):
        """Its provider hangs for longer than a lease lives."""
        monkeypatch.setattr(working, "LEASE_S", 2.0)
        slow = engine.gateway
        [stuck] = await engine.accept(1)
        await engine.use("echo")
        engine.other_side.may_answer = asyncio.Event()
        first = engine.start_worker()
        await engine.until(lambda: len(engine.other_side.log) == 1 and len(first._leads) == 2)
        assert slow.pk in first._leads
        fences = dict(engine.rows("select gateway_id, fence from gateway_lease"))
        second = engine.start_worker()
        await engine.until(lambda: any(lead.is_leaving for lead in first._leads.values()))
        await asyncio.sleep(1.5 * working.LEASE_S)
        engine.other_side.may_answer.set()
        await engine.until(lambda: bool(second._leads))
        await engine.until_states([stuck], "submitted")
        now = dict(engine.rows("select gateway_id, fence from gateway_lease"))
        assert sum(now.values()) - sum(fences.values()) == 1
        assert engine.rows("select count(*) from message where state = 'unknown'") == [(0,)]

    async def test_one_takes_over_what_the_other_drove_when_it_dies(self, engine):
        engine.other_side.delay_s = 0.02
        await engine.change_gateway(pattern="loop", parallel=4)
        ids = await engine.accept(100)
        first = engine.start_worker()
        await engine.until(lambda: len(engine.other_side.log) > 20)
        assert first._leads
        killed = engine.workers.pop()
        engine.start_worker()
        engine.workers, living = [killed], engine.workers
        await engine.kill_workers()
        engine.workers = living
        await settled(engine, ids)
        assert_nothing_lost_or_doubled(engine, ids)


async def test_the_database_away_for_longer_than_a_lease_lets_nothing_out_and_loses_nothing(engine, monkeypatch):
    """Every connection is refused for a while, as by a server that restarts."""
    monkeypatch.setattr(working, "LEASE_S", 0.8)
    engine.other_side.delay_s = 0.01
    await engine.change_gateway(pattern="loop", parallel=4, requests_per_second=100)
    ids = await engine.accept(120)
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.log) > 20)
    name = psycopg.conninfo.conninfo_to_dict(engine.dsn)["dbname"]
    with psycopg.connect(engine.dsn, dbname="postgres", autocommit=True) as server:
        server.execute(f'alter database "{name}" allow_connections false')
        engine.close()
        server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            await asyncio.sleep(1.0)
            before = len(engine.other_side.log)
            await asyncio.sleep(0.5)
            assert len(engine.other_side.log) == before
        finally:
            server.execute(f'alter database "{name}" allow_connections true')
    await engine.until(lambda: len(engine.other_side.log) > before)
    await settled(engine, ids)
    assert set(engine.states(ids).values()) == {"submitted"}
    assert_nothing_lost_or_doubled(engine, ids)
