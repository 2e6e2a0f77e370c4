"""Answers as a sick provider gives them, down to the bytes and the socket."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from gatepost.simulators.engine import Simulator
from gatepost.simulators.faults import Faults
from gatepost.simulators.wire import Answer

HUGE: Final = 10 * 1024 * 1024
MAINTENANCE: Final = (
    b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>"
)
NO_LINGER: Final = struct.pack("ii", 1, 0)

Spoiler = Callable[[web.BaseRequest, Answer, Faults], Awaitable[web.StreamResponse]]


def respond(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type, **answer.headers}
    )


async def spoil(request: web.BaseRequest, answer: Answer, faults: Faults, simulator: Simulator) -> web.StreamResponse:
    """Answer as the fault `answer` says."""
    if faults.answer == "ok_without_id":
        return respond(simulator.without_id(answer) if answer.status < 300 else answer)
    return await _SPOILERS[faults.answer](request, answer, faults)


async def drop(request: web.BaseRequest, _answer: Answer, _faults: Faults) -> web.StreamResponse:
    """End the connection in order, without an answer."""
    if request.transport:
        request.transport.close()
    return web.Response()


async def _reset(request: web.BaseRequest, _answer: Answer, _faults: Faults) -> web.StreamResponse:
    if request.transport:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        request.transport.abort()
    return web.Response()


async def _slow_bytes(request: web.BaseRequest, answer: Answer, _faults: Faults) -> web.StreamResponse:
    response = await _begin(request, answer, len(answer.body))
    for position in range(len(answer.body)):
        await response.write(answer.body[position : position + 1])
        await asyncio.sleep(1.0)
    return response


async def _endless(request: web.BaseRequest, answer: Answer, _faults: Faults) -> web.StreamResponse:
    response = await _begin(request, answer, None)
    await response.write(answer.body)
    while True:
        await response.write(b" " * 16_384)
        await asyncio.sleep(0.01)


async def _huge(_request: web.BaseRequest, answer: Answer, _faults: Faults) -> web.StreamResponse:
    return respond(_with_body(answer, answer.body.ljust(HUGE)))


async def _html(_request: web.BaseRequest, _answer: Answer, _faults: Faults) -> web.StreamResponse:
    return respond(Answer(200, MAINTENANCE, "text/html; charset=utf-8"))


async def _truncated(request: web.BaseRequest, answer: Answer, _faults: Faults) -> web.StreamResponse:
    response = await _begin(request, answer, len(answer.body))
    await response.write(answer.body[: len(answer.body) // 2])
    return await drop(request, answer, _faults)


async def _bad_json(_request: web.BaseRequest, answer: Answer, _faults: Faults) -> web.StreamResponse:
    return respond(_with_body(answer, answer.body[: len(answer.body) // 2]))


async def _wrong_charset(_request: web.BaseRequest, answer: Answer, _faults: Faults) -> web.StreamResponse:
    return respond(_with_body(answer, answer.body.decode().encode("utf-16")))


async def _status(_request: web.BaseRequest, _answer: Answer, faults: Faults) -> web.StreamResponse:
    wait = faults.retry_after_s
    return respond(
        Answer(
            faults.status,
            f"Status {faults.status}".encode(),
            headers={} if wait is None else {"Retry-After": str(wait)},
        )
    )


async def _redirect(_request: web.BaseRequest, _answer: Answer, faults: Faults) -> web.StreamResponse:
    return respond(Answer(302, b"", headers={"Location": faults.location}))


_SPOILERS: Final[Mapping[str, Spoiler]] = {
    "drop_after_accept": drop,
    "reset": _reset,
    "slow_bytes": _slow_bytes,
    "endless": _endless,
    "huge": _huge,
    "html": _html,
    "truncated": _truncated,
    "bad_json": _bad_json,
    "wrong_charset": _wrong_charset,
    "status": _status,
    "redirect": _redirect,
}


def _with_body(answer: Answer, body: bytes) -> Answer:
    return Answer(answer.status, body, answer.content_type, answer.headers)


async def _begin(request: web.BaseRequest, answer: Answer, length: int | None) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    response.content_length = length
    await response.prepare(request)
    return response
