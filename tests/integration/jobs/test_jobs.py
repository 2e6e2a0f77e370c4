"""Background jobs: asked for in a transaction, done once, given up in order, taken up again."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job
from tests.support.django_database import own_database
from tests.support.installation import until, wait_until

from gatepost.jobs import app, child, process
from gatepost.jobs.app import ATTEMPTS, Work, _Retry, defer, job

DONE: list[str] = []
GOING_ON = threading.Event()
MAY_END = threading.Event()


@job("test.note")
def note(work: Work, *, word: str) -> None:
    DONE.append(word)


@job("test.long")
def long(work: Work, *, word: str) -> None:
    GOING_ON.set()
    while not MAY_END.wait(0.01):
        work.check()
    DONE.append(word)


@pytest.fixture
def dsn(django_db_setup: None, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    # What the slices do every so often is not what is looked at here.
    monkeypatch.setattr(app.app.periodic_registry, "periodic_tasks", {})
    DONE.clear()
    GOING_ON.clear()
    MAY_END.clear()
    with django_db_blocker.unblock(), own_database() as dsn:
        yield dsn


def waiting() -> int:
    return ProcrastinateJob.objects.filter(status="todo").count()


async def in_order(dsn: str, condition: Any, what: str) -> None:
    """Run jobs until the condition holds, and stop."""
    stopping = asyncio.Event()
    running = asyncio.create_task(process.run(dsn, stopping))
    try:
        await until(condition, 20, what)
    finally:
        stopping.set()
        await running


def test_a_job_is_asked_for_with_the_transaction_and_once(dsn: str) -> None:
    with transaction.atomic():
        defer("test.note", word="never")
        transaction.set_rollback(True)
    with transaction.atomic():
        assert defer("test.note", only_once="one", word="one")
    assert not defer("test.note", only_once="one", word="two")
    assert waiting() == 1
    asyncio.run(in_order(dsn, lambda: DONE, "the job"))
    assert DONE == ["one"]
    assert not ProcrastinateJob.objects.exists()


def test_what_waits_already_is_not_brought_to_the_server_to_be_refused_and_logged_there(dsn: str) -> None:
    assert defer("test.note", only_once="one", word="one")
    with CaptureQueriesContext(connection) as queries:
        assert not defer("test.note", only_once="one", word="two")
    assert [query["sql"][:6].lower() for query in queries] == ["select"]


def test_of_two_who_ask_at_the_same_time_one_is_told_that_it_waits_already(dsn: str) -> None:
    answers: list[bool] = []

    def ask() -> None:
        answers.append(defer("test.note", only_once="one", word="two"))
        connection.close()

    def is_blocked() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("select exists (select from pg_locks where not granted)")
            return bool(cursor.fetchone()[0])

    other = threading.Thread(target=ask)
    with transaction.atomic():
        assert defer("test.note", only_once="one", word="one")
        other.start()
        wait_until(is_blocked, 60, "the other one to come to the same lock")
    other.join()
    assert (answers, waiting()) == ([False], 1)


def test_a_job_that_is_interrupted_is_done_by_the_next_process(dsn: str) -> None:
    defer("test.long", word="long")
    asyncio.run(in_order(dsn, GOING_ON.is_set, "the job to begin"))
    assert DONE == []
    assert waiting() == 1
    MAY_END.set()
    asyncio.run(in_order(dsn, lambda: DONE, "the job to end"))
    assert DONE == ["long"]


def test_what_a_dead_process_was_at_is_taken_up_again(dsn: str) -> None:
    defer("test.note", word="stalled")
    with connection.cursor() as cursor:
        cursor.execute("update procrastinate_jobs set status = 'doing'")
    asyncio.run(in_order(dsn, lambda: DONE, "the stalled job"))
    assert DONE == ["stalled"]


def test_a_dead_process_keeps_nobody_from_a_job_that_was_asked_for_again(dsn: str) -> None:
    defer("test.note", lock="one", only_once="one", word="stalled")
    with connection.cursor() as cursor:
        cursor.execute("update procrastinate_jobs set status = 'doing'")
    assert defer("test.note", lock="one", only_once="one", word="asked for again")
    asyncio.run(in_order(dsn, lambda: DONE, "the one that waits"))
    assert DONE == ["asked for again"]
    assert not ProcrastinateJob.objects.exists()


def test_a_job_that_fails_is_tried_again_later_and_given_up_at_last() -> None:
    def decision(attempts: int, error: BaseException) -> Any:
        row = Job(id=1, queue="default", lock=None, queueing_lock=None, task_name="x", attempts=attempts)
        return _Retry().get_retry_decision(exception=error, job=row)

    waits = [decision(n, ValueError()).retry_at for n in range(ATTEMPTS - 1)]
    assert waits == sorted(waits)
    assert decision(ATTEMPTS - 1, ValueError()) is None
    assert decision(ATTEMPTS + 10, JobAborted()) is not None


def test_a_job_that_is_done_every_so_often_is_not_asked_for(dsn: str) -> None:
    @job("test.tick", every="* * * * * *")
    def tick(work: Work) -> None:
        DONE.append("tick")

    try:
        asyncio.run(in_order(dsn, lambda: len(DONE) >= 2, "it to be done twice"))
    finally:
        del app.app.periodic_registry.periodic_tasks["test.tick", ""]
    assert set(DONE) == {"tick"}


def test_every_job_has_a_name_of_its_slice() -> None:
    ours = {name for name in app.app.tasks if not name.startswith(("builtin:", "procrastinate.", "test."))}
    assert all("." in name for name in ours)


async def test_the_process_begins_once_the_engine_has_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign = tmp_path / "began"
    script = f"import os, pathlib, time; pathlib.Path({str(sign)!r}).write_text(str(os.nice(0))); time.sleep(60)"
    monkeypatch.setattr(child, "ARGV", (sys.executable, "-c", script))
    may_begin, stopping = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(child.keep_running(may_begin, stopping))
    await asyncio.sleep(0.1)
    assert not sign.exists()
    may_begin.set()
    await until(lambda: sign.exists() and sign.read_text(), 60, "the process to begin")
    assert int(sign.read_text()) == min(19, os.nice(0) + child.NICE)
    stopping.set()
    await running


async def test_a_process_that_is_stopped_before_it_began_never_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "ARGV", ("/no/such/program",))
    stopping = asyncio.Event()
    stopping.set()
    await child.keep_running(asyncio.Event(), stopping)
