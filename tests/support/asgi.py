"""The front in this process: requests are handed to the ASGI application as a server would."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

GONE = object()
"""In the chunks of a body: the client goes away."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    is_whole: bool

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


async def request(
    application: Any,
    method: str,
    target: str,
    body: bytes | Iterable[Any] = b"",
    headers: Iterable[tuple[str, str]] = (),
    *,
    client: tuple[str, int] | None = ("127.0.0.1", 50000),
    pause_s: float = 0.0,
) -> Answer:
    """`body` may be chunks, with `pause_s` before each; `target` is the raw path and query as they are on the wire."""
    path, _, query = target.partition("?")
    if isinstance(body, bytes):
        headers = [*headers, ("content-length", str(len(body)))]
    chunks = [body] if isinstance(body, bytes) else list(body)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path, errors="surrogateescape"),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": client,
        "server": ("127.0.0.1", 8000),
    }
    sent: list[dict[str, Any]] = []
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        await asyncio.sleep(pause_s)
        chunk = left.pop(0)
        if chunk is GONE:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await application(scope, receive, send)
    return _answer(sent)


def _answer(sent: list[dict[str, Any]]) -> Answer:
    if not sent:
        return Answer(0, [], b"", False)
    start, *bodies = sent
    assert start["type"] == "http.response.start"
    assert {event["type"] for event in bodies} <= {"http.response.body"}
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    is_whole = bool(bodies) and not bodies[-1].get("more_body")
    return Answer(start["status"], headers, b"".join(event.get("body", b"") for event in bodies), is_whole)


@asynccontextmanager
async def running(application: Any) -> AsyncIterator[None]:
    """Between the startup and the shutdown of ASGI's lifespan."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    task = asyncio.create_task(application({"type": "lifespan"}, inbox.get, outbox.put))
    inbox.put_nowait({"type": "lifespan.startup"})
    assert await outbox.get() == {"type": "lifespan.startup.complete"}
    try:
        yield
    finally:
        inbox.put_nowait({"type": "lifespan.shutdown"})
        assert await outbox.get() == {"type": "lifespan.shutdown.complete"}
        await task
