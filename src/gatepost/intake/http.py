"""As much HTTP on ASGI as the front needs: reading a body within limits, answering bytes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from django.db import OperationalError as OrmOperationalError
from psycopg import OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout

from gatepost.problems import Problem, document

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_DEADLINE_S = 30.0
RETRY_AFTER_S = "2"
AWAY = (OperationalError, OrmOperationalError, IdleInTransactionSessionTimeout)
"""What says that the database is away, or has let go of us, whether it was asked by the pool or by the ORM."""


class Disconnected(Exception):
    """The client went away before its request was complete."""


WHOLE_BODY = "gatepost.body"
"""In the scope, from a server that has the whole body already: it need not be waited for."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises Problem where it is too large or too slow, Disconnected where it breaks off."""
    whole: bytes | None = scope.get(WHOLE_BODY)
    if whole is not None and len(whole) <= limit:
        return whole
    chunks: list[bytes] = []
    size = 0
    async with asyncio.timeout(BODY_DEADLINE_S):
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise Disconnected
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise Problem("body_too_large", f"At most {limit // 1024} KiB.")
            chunks.append(chunk)
            if not event.get("more_body"):
                return b"".join(chunks)


def header(scope: Scope, name: bytes) -> str:
    """The first header of that (lower-case) name, empty where it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


async def answer(
    send: Send, status: int, body: bytes, content_type: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    head = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def answer_problem(send: Send, problem: Problem) -> None:
    body = json.dumps(document(problem)).encode()
    extra = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    await answer(send, problem.status, body, b"application/problem+json", extra)


def unavailable() -> Problem:
    return Problem("unavailable", headers={"Retry-After": RETRY_AFTER_S})
