"""What the tests of processes share: asking a database, looking at processes, being another user."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from gatepost.processes.postgres import EmbeddedPostgres

Embedded = Callable[..., EmbeddedPostgres]
"""The fixture `embedded`: makes a server that is stopped at the end of the test."""

NOBODY = 65534


def ask(dsn: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, connect_timeout=30) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def is_running(pid: int) -> bool:
    """Whether the process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually(is_true: Callable[[], bool], timeout_s: float = 120.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def as_other_user(action: Callable[[], object], uid: int = NOBODY) -> str:
    """Run `action` as another user (we must be root); "ok: <result>" or the name and words of its exception.

    A fork and not a program: what is imported stays usable although that user may not read the interpreter's files.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            answer = f"ok: {action()}"
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    return answer
