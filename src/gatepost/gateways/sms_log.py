"""The debug log: each request and answer of the gateways that have it on, as JSON lines, without secrets, texts and
numbers. It lies on the node that made the request; rotated, and readable by its owner alone."""

import contextlib
import fcntl
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog
from django.conf import settings

from gatepost.sms.msisdn import InvalidNumber, national
from gatepost.transport.traces import Trace, mask_message

MAX_BYTES: Final = 10 * 2**20
OLD_FILES: Final = 5

log = structlog.get_logger()


def path() -> Path:
    """Where the log is; older parts are beside it with a number behind the name, the newest of them `.1`."""
    return Path(settings.CONFIG["SMS_LOG"] or settings.DATA_DIR / "logs" / "sms.log")


def write(
    gateway_id: int, name: str, traces: Iterable[Trace], *, texts: Iterable[str] = (), numbers: Iterable[str] = ()
) -> None:
    """Write them down. A disk that is full must not stop the sending: what cannot be written is dropped."""
    digits = {form for number in numbers for form in _forms(number)}
    hidden = list(texts)
    lines = "".join(_line(gateway_id, name, mask_message(trace, hidden, digits)) for trace in traces)
    try:
        _append(lines.encode(errors="replace"))
    except OSError as error:
        log.warning("sms_log_not_written", cause=error.strerror)


def read(gateway_id: int, *, wanted: str = "", limit: int = 200) -> list[dict[str, Any]]:
    """The newest entries of a gateway that hold `wanted`, newest first."""
    found = deque((line for line in lines(gateway_id) if wanted.lower() in line.lower()), maxlen=limit)
    return [json.loads(line) for line in reversed(found)]


def lines(gateway_id: int) -> Iterator[str]:
    """Every line of a gateway, oldest first."""
    mark = f'{{"gateway": {gateway_id}, '
    for part in [_old(number) for number in range(OLD_FILES, 0, -1)] + [path()]:
        with contextlib.suppress(FileNotFoundError), part.open(encoding="utf-8") as file:
            yield from (line for line in file if line.startswith(mark))


def _forms(number: str) -> tuple[str, ...]:
    """The number as providers may write it: with its country code, and without."""
    digits = "".join(character for character in number if character.isdecimal())
    try:
        return (number, digits, national(digits))
    except InvalidNumber:
        return (number, digits)


def _line(gateway_id: int, name: str, trace: Trace) -> str:
    at = trace.started_at.isoformat()
    entry = {"gateway": gateway_id, "name": name, "at": at, **asdict(trace), "started_at": at}
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _append(content: bytes) -> None:
    if not content:
        return
    path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone():
        if path().exists() and path().stat().st_size + len(content) > MAX_BYTES:
            _rotate()
        descriptor = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process of this node at a time."""
    descriptor = os.open(path().with_name(path().name + ".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _rotate() -> None:
    for number in range(OLD_FILES - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            _old(number).replace(_old(number + 1))
    path().replace(_old(1))


def _old(number: int) -> Path:
    return path().with_name(f"{path().name}.{number}")
