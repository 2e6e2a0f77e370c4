"""A disk that fails, a database that stands still, more work than fits: what is acknowledged is on disk, the rest is
told to come again."""

import asyncio
import contextlib
import os
import subprocess
import time
from pathlib import Path

import psycopg
import pytest
from tests.integration.intake.conftest import PATIENCE_S
from tests.support import asgi

from gatepost.intake import app, commit, messages
from gatepost.messages import receipts
from gatepost.providers.base import Receipt
from gatepost.sms.ids import IdSource, from_ref
from gatepost.sms.states import State

ONE = {"to": "+48600100200", "text": "hello"}
# What PostgreSQL says of its disk at the commit, and what it says of a broken file.
DISK_ERRORS = ["53100", "58030", "XX001", "XX002"]
FAIL_AT_COMMIT = """
    create function fail() returns trigger language plpgsql as
        $$ begin raise exception using errcode = tg_argv[0], message = 'the disk'; end $$;
    create constraint trigger fail after insert on {table} deferrable initially deferred
        for each row execute function fail('{code}');
"""
HEAL = "drop function fail cascade"


# A page for each row, so that few rows fill more than a segment of the log, which is a file as well.
FILL = """
    insert into message (id, workspace_id, state, expires_at, to_digits, body, encoding, segments)
    select n, 0, 'delivered', now(), '48600100200', repeat('x', 900), 'gsm7', 1 from generate_series(1, 2500) n
"""
SEGMENT = 16 * 1024 * 1024


@contextlib.contextmanager
def full_for(front, table):
    """The kernel lets the table's file grow no further, as far as those are concerned that are connected now."""
    [(size,)] = front.rows("select pg_relation_size(%s)", table)
    others = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    pids = [pid for (pid,) in front.rows(others)]
    assert size > SEGMENT
    assert pids
    limit_files(pids, size)
    try:
        yield
    finally:
        limit_files(pids, "unlimited")


def limit_files(pids, size):
    """As the owner of those processes, who may do so."""
    owner = Path(f"/proc/{pids[0]}").stat()
    own = {} if owner.st_uid == os.getuid() else {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    for pid in pids:
        subprocess.run(["/usr/bin/prlimit", f"--pid={pid}", f"--fsize={size}:"], check=True, **own)


@contextlib.contextmanager
def standing_still(front, table="message"):
    """Nothing can be written until the end of the block: the statement hangs, as on a disk that does not answer."""
    with psycopg.connect(front.dsn) as connection:
        connection.execute(f"lock table {table} in access exclusive mode")
        yield


@contextlib.contextmanager
def holding_back(monkeypatch, is_meant):
    """Groups whose rows are meant are stored after the block only. Gives an event: one of them waits."""
    held, may_go, insert = asyncio.Event(), asyncio.Event(), commit.insert

    async def hold_back(connection, rows):
        if not may_go.is_set() and is_meant(rows):
            held.set()
            await may_go.wait()
        await insert(connection, rows)

    monkeypatch.setattr(commit, "insert", hold_back)
    try:
        yield held
    finally:
        may_go.set()


async def until_one_is_at_it(front):
    busy = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    await front.until(lambda: front.rows(busy)[0][0] > 0)


def acknowledged(answers):
    return {from_ref(answer.json()["id"])[0] for answer in answers if answer.status == 202}


def stored(front):
    return {row[0] for row in front.rows("select m.id from message m join outbox o on o.message_id = m.id")}


class TestDisk:
    @pytest.mark.parametrize("key", ["", "k1"])
    @pytest.mark.parametrize("code", DISK_ERRORS)
    async def test_an_error_at_the_commit_is_never_a_202(self, front, code, key):
        front.run(FAIL_AT_COMMIT.format(table="outbox", code=code))
        answers = await asyncio.gather(*(front.post(ONE, idempotency_key=key) for _ in range(3)))
        assert {answer.status for answer in answers} <= {500, 503}
        assert stored(front) == set()
        front.run(HEAL)
        again = await front.post(ONE, idempotency_key=key)
        assert again.status == 202
        assert stored(front) == acknowledged([again])

    async def test_a_file_that_cannot_grow_is_never_a_202(self, front):
        front.run("alter table message set (fillfactor = 10)")
        front.run(FILL)
        before = await front.post(ONE)
        many = {"messages": [ONE] * 40}
        with full_for(front, "message"):
            answers = await asyncio.gather(*(front.post(many, idempotency_key=key) for key in ("", "k1", "k2")))
            assert {answer.status for answer in answers} <= {500, 503}
            assert stored(front) == acknowledged([before])
        again = await front.post(many, idempotency_key="k1")
        assert again.status == 202
        ids = {from_ref(one["id"])[0] for one in again.json()["messages"]}
        assert stored(front) == acknowledged([before]) | ids

    async def test_a_callback_that_the_disk_does_not_take_is_refused(self, front, monkeypatch):
        await front.call_back([])
        opened = os.open

        def without_room(path, flags, mode=0o777, **options):
            if str(path).endswith(".part"):
                path, flags = "/dev/full", os.O_WRONLY
            return opened(path, flags, mode, **options)

        with front.database_away():
            with monkeypatch.context() as patch:
                patch.setattr(os, "open", without_room)
                answer = await front.call_back([{"report": "ok", "key": "p1"}])
            assert answer.status == 421
            assert (await front.call_back([{"report": "ok", "key": "p1"}])).status == 200

    @pytest.mark.parametrize("code", DISK_ERRORS)
    async def test_a_callback_is_spooled_or_refused(self, front, code):
        front.run(FAIL_AT_COMMIT.format(table="orphan_receipt", code=code))
        answer = await front.call_back([{"report": "ok", "key": "p1"}])
        spooled = list(app.settings.DATA_DIR.glob("spool/*.json"))
        assert (answer.status == 200) == bool(spooled)
        assert front.rows("select count(*) from orphan_receipt") == [(0,)]
        # Not in the loop: what is replayed just now may hold the table.
        await asyncio.to_thread(front.run, HEAL)
        if spooled:
            await front.until(lambda: front.rows("select count(*) from orphan_receipt") == [(1,)])


class TestStandstill:
    async def test_of_the_database_is_answered_with_503_and_the_connection_is_given_up(self, front, monkeypatch):
        with monkeypatch.context() as patch, standing_still(front):
            patch.setattr(commit, "COMMIT_TIMEOUT_S", 0.3)
            answers = await asyncio.gather(*(front.post(ONE) for _ in range(5)))
            assert {answer.status for answer in answers} == {503}
            assert all(int(answer.header("retry-after")) > 0 for answer in answers)
        assert (await front.post(ONE)).status == 202
        assert len(stored(front)) == 1

    async def test_of_ours_keeps_nobody_from_our_locks(self, front, monkeypatch):
        """An idempotency key that is claimed and not committed would make the next front wait for ever."""
        insert = commit._insert

        async def slow(connection, *rest):
            await connection.execute("set local idle_in_transaction_session_timeout = '100ms'")
            await asyncio.sleep(0.5)
            await insert(connection, *rest)

        await front.post(ONE)
        with monkeypatch.context() as patch:
            patch.setattr(commit, "_insert", slow)
            answer = await front.post(ONE, idempotency_key="k1")
        assert (answer.status, int(answer.header("retry-after")) > 0) == (503, True)
        assert front.rows("select count(*) from idempotency_key") == [(0,)]
        assert (await front.post(ONE, idempotency_key="k1")).status == 202

    async def test_of_ours_in_the_middle_of_a_report_is_given_up(self, front):
        """It holds locks on messages that the engine wants to record."""
        assert app.front is not None
        asked = []

        async def park(connection, *rest):
            cursor = await connection.execute("set local idle_in_transaction_session_timeout = '100ms'")
            asked.append(cursor.statusmessage)
            await asyncio.to_thread(time.sleep, 0.5)
            await connection.execute("select 1")

        async with app.front._pool.connection() as connection:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(receipts, "_park", park)
                report = Receipt(State.DELIVERED, "ok", keys=("p1",))
                with pytest.raises(psycopg.Error, match="idle-in-transaction"):
                    await receipts._apply_known(connection, front.gateway.pk, [report], IdSource(1))
        assert asked

    async def test_every_connection_would_be_given_up(self, front):
        assert app.front is not None
        async with app.front._pool.connection() as connection:
            cursor = await connection.execute("show idle_in_transaction_session_timeout")
            assert await cursor.fetchone() == ("5s",)


class TestOverload:
    async def test_what_does_not_fit_comes_again_and_what_is_acknowledged_is_there(self, front, monkeypatch):
        monkeypatch.setattr(commit, "MAX_WAITING", 20)
        await front.post(ONE)
        with standing_still(front):
            first = asyncio.create_task(front.post(ONE))
            await until_one_is_at_it(front)
            rest = [asyncio.create_task(front.post(ONE)) for _ in range(60)]
            turned_away = await asyncio.wait_for(asyncio.gather(*rest[21:]), PATIENCE_S)
            assert {(answer.status, answer.header("retry-after")) for answer in turned_away} == {(429, "1")}
        answers = await asyncio.gather(first, *rest[:21])
        assert {answer.status for answer in answers} == {202}
        assert acknowledged(answers) < stored(front)
        assert len(stored(front)) == len(answers) + 1

    async def test_bytes_count_too(self, front, monkeypatch):
        monkeypatch.setattr(messages, "MAX_HELD", 5000)
        large = ONE | {"text": "x" * 3000}
        assert (await front.post(large)).status == 202
        with standing_still(front):
            first = asyncio.create_task(front.post(large))
            await until_one_is_at_it(front)
            assert (await front.post(large)).status == 429
            second = asyncio.create_task(front.post(ONE))
            await asyncio.sleep(0.05)
        assert [(await task).status for task in (first, second)] == [202, 202]
        assert (await front.post(large)).status == 202

    async def test_a_body_of_unknown_length_counts_as_the_longest(self, front, monkeypatch):
        monkeypatch.setattr(messages, "MAX_HELD", messages.MAX_BODY - 1)
        headers = [("authorization", f"Bearer {front.token}"), ("content-type", "application/json")]
        answer = await asgi.request(app.application, "POST", "/api/v1/messages", [b"{", b"}"], headers)
        assert answer.status == 429

    async def test_two_groups_are_under_way_at_a_time_and_a_key_is_in_one_of_them(self, front, monkeypatch):
        monkeypatch.setattr(commit, "OVERLAP_FROM", 1)
        monkeypatch.setattr(commit, "MAX_GROUP", 10)
        at_once = []
        insert = commit.insert

        async def counting(connection, rows):
            at_once.append(len(app.front._committer._others.lanes))
            await insert(connection, rows)

        monkeypatch.setattr(commit, "insert", counting)
        await front.post(ONE)
        answers = await asyncio.gather(
            *(front.post(ONE, idempotency_key=f"k{n % 10}") for n in range(50)), *(front.post(ONE) for _ in range(50))
        )
        assert {answer.status for answer in answers} == {202}
        assert len({answer.body for answer in answers[:50]}) == 10
        assert len(stored(front)) == 1 + 10 + 50
        assert max(at_once) == 2

    async def test_a_code_does_not_wait_for_the_groups_of_others(self, front, monkeypatch):
        with holding_back(monkeypatch, lambda rows: len(rows.tables[0][1]) > 10_000) as held:
            others = [asyncio.create_task(front.post({"messages": [ONE] * 500})) for _ in range(4)]
            await held.wait()
            code = await front.post(ONE | {"priority": "code"})
            assert code.status == 202
            assert not any(other.done() for other in others)
        assert [(await other).status for other in others] == [202] * 4

    async def test_a_code_with_the_key_of_another_that_is_under_way_is_answered_after_it(self, front, monkeypatch):
        with holding_back(monkeypatch, lambda rows: True) as held:
            first = asyncio.create_task(front.post(ONE, idempotency_key="k"))
            await held.wait()
            second = asyncio.create_task(front.post(ONE | {"priority": "code"}, idempotency_key="k"))
            await asyncio.sleep(0.05)
            assert not second.done()
        assert (await first).status == 202
        assert (await asyncio.wait_for(second, PATIENCE_S)).status == 409
