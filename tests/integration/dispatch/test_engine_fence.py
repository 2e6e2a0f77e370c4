"""A gateway belongs to one worker at a time: the fence guards the database, the lease the line to the provider."""

import asyncio
import time

import pytest
from psycopg import AsyncConnection

from gatepost.dispatch import runner, store
from gatepost.dispatch.slots import Flight
from gatepost.dispatch.store import LeaseLost


async def due_rows(engine, connection):
    return await store.due(connection, engine.gateway.pk, {(1, engine.workspace.pk, 0): None}, 100)


async def test_a_worker_that_was_replaced_writes_nothing_into_the_database(engine):
    ids = await engine.accept(4)
    async with await AsyncConnection.connect(engine.dsn, autocommit=True) as connection:
        fence, _ = await store.take_lease(connection, engine.gateway.pk, "old", 0.0, 0.0)
        due = await due_rows(engine, connection)
        common = {"gateway_id": engine.gateway.pk, "settings_version": 1}
        [opened] = await store.intent(connection, fence=fence, groups=[due[:2]], submission_ids=[1], **common)
        newer, _ = await store.take_lease(connection, engine.gateway.pk, "new", 5.0, 0.0)
        assert newer == fence + 1
        with pytest.raises(LeaseLost):
            await store.intent(connection, fence=fence, groups=[due[2:]], submission_ids=[2], **common)
        closing = store.Closing(opened.id, None, 200, 1, [store.Recorded(opened.id, ids[0], 1, 0, state="submitted")])
        with pytest.raises(LeaseLost):
            await store.record(connection, engine.gateway.pk, fence, [closing])
        assert await store.renew_leases(connection, "old", {engine.gateway.pk: fence}, 5.0, 0.0) == set()
        await store.release_lease(connection, engine.gateway.pk, fence)
        assert engine.rows("select worker_id, fence from gateway_lease") == [("new", newer)]
        [adopted] = await store.adopt(connection, engine.gateway.pk, newer)
        assert adopted[0] == opened.id
        assert adopted[2] == opened.message_ids
    assert set(engine.states(ids).values()) == {"queued"}
    assert engine.rows("select count(*) from outbox") == [(2,)]


async def test_a_worker_that_froze_writes_nothing_to_the_provider(engine):
    worker = engine.start_worker()
    await engine.until(lambda: bool(worker._leads))
    [lead] = worker._leads.values()
    lead.runner.lease_until = time.monotonic() + runner.WRITE_MARGIN_S / 2
    with pytest.raises(LeaseLost):
        lead.runner.check_line(Flight(1, 1, [], lead.driven, is_resend=False))


async def test_what_is_stopped_at_the_line_goes_out_later_and_once(engine, monkeypatch):
    check_line = runner.Runner.check_line
    stops = iter([True, True])

    def checking(self, flight):
        if next(stops, False):
            raise LeaseLost
        check_line(self, flight)

    monkeypatch.setattr(runner.Runner, "check_line", checking)
    ids = await engine.accept(5)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert sorted(engine.accepted_ids()) == sorted(ids)


async def test_the_answer_that_a_frozen_worker_waited_for_is_refused_by_the_database(engine, monkeypatch):
    """It cannot renew its lease; another one takes over while its request is under way."""
    engine.other_side.may_answer = asyncio.Event()
    [message_id] = await engine.accept(1)
    frozen = engine.start_worker()
    await engine.until(lambda: bool(engine.other_side.log))

    async def freeze():
        return None

    monkeypatch.setattr(frozen, "_beat", freeze)
    engine.run("update gateway_lease set expires_at = now() - interval '1 second'")
    engine.start_worker()
    await engine.until_states([message_id], "unknown")
    engine.other_side.may_answer.set()
    await engine.beats(3)
    assert engine.states([message_id]) == {message_id: "unknown"}
    assert engine.accepted_ids() == [message_id]


async def test_a_new_owner_waits_until_the_old_ones_pace_is_over(engine):
    async with await AsyncConnection.connect(engine.dsn, autocommit=True) as connection:
        _, first_wait_s = await store.take_lease(connection, engine.gateway.pk, "old", 60.0, 600.0)
        assert first_wait_s == 0
        assert await store.take_lease(connection, engine.gateway.pk, "new", 60.0, 600.0) is None
        engine.run("update gateway_lease set expires_at = now()")
        _, wait_s = await store.take_lease(connection, engine.gateway.pk, "new", 60.0, 600.0)
        assert 600.0 < wait_s <= 660.0


async def test_a_worker_that_takes_over_writes_nothing_before_that(engine):
    ids = await engine.accept(2)
    began = asyncio.get_running_loop().time()
    async with await AsyncConnection.connect(engine.dsn, autocommit=True) as connection:
        await store.take_lease(connection, engine.gateway.pk, "old", 0.2, 2.0)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert min(engine.other_side.written_at) >= began + 2.2


async def test_after_an_orderly_release_the_gap_is_kept_too(engine):
    async with await AsyncConnection.connect(engine.dsn, autocommit=True) as connection:
        fence, _ = await store.take_lease(connection, engine.gateway.pk, "old", 60.0, 5.0)
        released_at = time.monotonic()
        await store.release_lease(connection, engine.gateway.pk, fence)
        newer, wait_s = await store.take_lease(connection, engine.gateway.pk, "new", 60.0, 5.0)
        assert newer == fence + 1
        assert wait_s + time.monotonic() - released_at > 0.9
        assert wait_s <= 1.0


async def test_of_many_who_reach_for_a_gateway_one_gets_it(engine):
    async def reach(name):
        async with await AsyncConnection.connect(engine.dsn, autocommit=True) as connection:
            return await store.take_lease(connection, engine.gateway.pk, name, 60.0, 0.0)

    for _ in range(3):
        taken = await asyncio.gather(*(reach(f"worker {n}") for n in range(8)))
        assert len([one for one in taken if one is not None]) == 1
        engine.run("update gateway_lease set expires_at = now() - interval '1 second'")


async def test_two_who_open_the_same_messages_share_them_without_overlap(engine):
    await engine.accept(40)

    async def open_all(connection, submission_id):
        due = await due_rows(engine, connection)
        return await store.intent(
            connection,
            gateway_id=engine.gateway.pk,
            fence=1,
            groups=[due],
            submission_ids=[submission_id],
            settings_version=1,
        )

    async with (
        await AsyncConnection.connect(engine.dsn, autocommit=True) as one,
        await AsyncConnection.connect(engine.dsn, autocommit=True) as other,
    ):
        await store.take_lease(one, engine.gateway.pk, "worker", 60.0, 0.0)
        opened = await asyncio.gather(open_all(one, 1), open_all(other, 2))
    message_ids = [message_id for some in opened for submission in some for message_id in submission.message_ids]
    assert len(message_ids) == len(set(message_ids)) == 40


async def test_a_repetition_is_not_opened_while_its_first_attempt_is_not_recorded(engine):
    async with await AsyncConnection.connect(engine.dsn, autocommit=True) as connection:
        await engine.accept(1)
        fence, _ = await store.take_lease(connection, engine.gateway.pk, "worker", 60.0, 0.0)
        due = await due_rows(engine, connection)
        [opened] = await store.intent(
            connection,
            gateway_id=engine.gateway.pk,
            fence=fence,
            groups=[due],
            submission_ids=[1],
            settings_version=1,
        )
        assert await store.repeat(connection, engine.gateway.pk, fence, opened.id) is None
