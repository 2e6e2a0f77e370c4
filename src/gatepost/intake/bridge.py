"""Django behind the front: the whole request is read before a thread is taken, so that slow uploads hold none."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

import structlog

from gatepost.intake.http import BODY_DEADLINE_S, Disconnected, Receive, Scope, Send
from gatepost.intake.peers import client_address
from gatepost.problems import Problem

log = structlog.get_logger()

MAX_BODY = 256 * 1024 * 1024
IN_MEMORY = 1024 * 1024
SLOWEST = 32 * 1024
"""Bytes per second that an upload has to bring beyond the deadline of a small body."""
THREADS = 8
QUERY_SAFE = "!$&'()*+,;=:@/?-._~%"

StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Bridge:
    """An ASGI application that runs a WSGI application in a bounded set of threads."""

    def __init__(self, application: Wsgi) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="django")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as body:
            size = await _spool(receive, body)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._run, environ(scope, body, size), send, loop)

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    def _run(self, variables: dict[str, Any], send: Send, loop: asyncio.AbstractEventLoop) -> None:
        started: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            started["status"] = int(status.split(" ", 1)[0])
            started["headers"] = [(k.lower().encode("latin-1"), v.strip().encode("latin-1")) for k, v in headers]

        def emit(event: dict[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(_sent(send, event), loop).result()

        chunks = self._application(variables, start_response)
        try:
            is_started = False
            for chunk in chunks:
                if not is_started:
                    emit({"type": "http.response.start", **started})
                    is_started = True
                if chunk:
                    emit({"type": "http.response.body", "body": chunk, "more_body": True})
            if not is_started:
                emit({"type": "http.response.start", **started})
            emit({"type": "http.response.body", "body": b""})
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()


async def _sent(send: Send, event: dict[str, Any]) -> None:
    await send(event)


async def _spool(receive: Receive, body: IO[bytes]) -> int:
    size = 0
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(BODY_DEADLINE_S) as deadline:
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise Disconnected
            chunk = event.get("body", b"")
            size += len(chunk)
            if size > MAX_BODY:
                raise Problem("body_too_large", f"At most {MAX_BODY // 1024 // 1024} MiB.")
            body.write(chunk)
            deadline.reschedule(began + BODY_DEADLINE_S + size / SLOWEST)
            if not event.get("more_body"):
                body.seek(0)
                return size


def environ(scope: Scope, body: IO[bytes], size: int) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333): text that is really bytes, as latin-1."""
    raw_path = (scope.get("raw_path") or quote(scope["path"]).encode()).split(b"?", 1)[0]
    server = scope.get("server") or ("localhost", 80)
    variables: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": quote_from_bytes(scope.get("query_string", b""), safe=QUERY_SAFE),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1] or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": client_address(scope),
        "CONTENT_LENGTH": str(size),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        _add_header(variables, name.decode("latin-1"), value.decode("latin-1"))
    return variables


def _add_header(variables: dict[str, Any], name: str, value: str) -> None:
    """Names with an underscore could pose as another header, so they are left out."""
    if "_" in name or name == "content-length":
        return
    key = "CONTENT_TYPE" if name == "content-type" else "HTTP_" + name.upper().replace("-", "_")
    joint = "; " if name == "cookie" else ","
    variables[key] = f"{variables[key]}{joint}{value}" if key in variables else value
