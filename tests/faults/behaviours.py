"""Everything that the fake provider can do to a submit, and what an honest sender makes of it."""

import asyncio
import json
import socket
import struct
from asyncio import StreamWriter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Leaves = Literal["accepted", "unknown", "rejected", "again"]

BYTE_EVERY_S = 0.002
TRICKLE_EVERY_S = 1.0
HANG_S = 120.0
CHUNK = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
METADATA = "http://169.254.169.254/latest/meta-data/"


class Drop(Exception):
    """Nothing more is said on this connection."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`is_accepted`: whether the messages are taken. `leaves`: what a sender who was told this may conclude: they are
    accepted, unknown or rejected, or may be tried again."""

    is_accepted: bool
    leaves: Leaves
    say: Callable[[StreamWriter, Json], Awaitable[None]]


def response(status: str, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def plain(answer: Json) -> bytes:
    return response("200 OK", json.dumps(answer).encode())


def always(content: bytes) -> Callable[[StreamWriter, Json], Awaitable[None]]:
    """Says the same whatever was asked."""

    async def say(writer: StreamWriter, answer: Json) -> None:
        writer.write(content)

    return say


def status(line: str, *headers: str) -> Callable[[StreamWriter, Json], Awaitable[None]]:
    return always(response(line, b"{}", *headers))


async def say_plainly(writer: StreamWriter, answer: Json) -> None:
    writer.write(plain(answer))


def byte_by_byte(every_s: float) -> Callable[[StreamWriter, Json], Awaitable[None]]:
    async def say(writer: StreamWriter, answer: Json) -> None:
        for byte in plain(answer):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(every_s)

    return say


async def drop(writer: StreamWriter, answer: Json) -> None:
    raise Drop


async def reset(writer: StreamWriter, answer: Json) -> None:
    held = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Drop


async def hang(writer: StreamWriter, answer: Json) -> None:
    """Until long after the other side has had enough."""
    await asyncio.sleep(HANG_S)
    raise Drop


async def say_without_end(writer: StreamWriter, answer: Json) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(CHUNK)
        await writer.drain()


async def say_too_much(writer: StreamWriter, answer: Json) -> None:
    writer.write(response("200 OK", json.dumps(answer).encode().ljust(10 * 1024 * 1024)))
    await writer.drain()


async def cut_off(writer: StreamWriter, answer: Json) -> None:
    writer.write(plain(answer)[:-5])
    raise Drop


async def say_half(writer: StreamWriter, answer: Json) -> None:
    """A whole answer of half a document."""
    text = json.dumps(answer).encode()
    writer.write(response("200 OK", text[: len(text) // 2]))


async def say_in_another_charset(writer: StreamWriter, answer: Json) -> None:
    """Says UTF-8 and is EBCDIC."""
    text = json.dumps(answer).encode("cp500")
    writer.write(response("200 OK", text, kind="application/json; charset=utf-8"))


HTML = response("200 OK", b"<html><body>It works!</body></html>", kind="text/html")

BEHAVIOURS: dict[str, Behaviour] = {
    "answer": Behaviour(True, "accepted", say_plainly),
    "slow": Behaviour(True, "accepted", byte_by_byte(BYTE_EVERY_S)),
    "same id": Behaviour(True, "accepted", say_plainly),
    "trickle": Behaviour(True, "unknown", byte_by_byte(TRICKLE_EVERY_S)),
    "hang": Behaviour(True, "unknown", hang),
    "drop": Behaviour(True, "unknown", drop),
    "reset": Behaviour(True, "unknown", reset),
    "vanish": Behaviour(False, "unknown", drop),
    "endless": Behaviour(True, "unknown", say_without_end),
    "huge": Behaviour(True, "unknown", say_too_much),
    "html": Behaviour(True, "unknown", always(HTML)),
    "cut off": Behaviour(True, "unknown", cut_off),
    "half": Behaviour(True, "unknown", say_half),
    "bad json": Behaviour(True, "unknown", always(response("200 OK", b'{"id": '))),
    "charset": Behaviour(True, "unknown", say_in_another_charset),
    "no id": Behaviour(True, "unknown", always(response("200 OK", b"{}"))),
    "empty": Behaviour(True, "unknown", always(response("200 OK", b""))),
    "error": Behaviour(True, "unknown", status("500 Internal Server Error")),
    "refuse": Behaviour(False, "unknown", status("500 Internal Server Error")),
    "unavailable": Behaviour(False, "unknown", status("503 Service Unavailable")),
    "too late": Behaviour(False, "unknown", status("408 Request Timeout")),
    "reject": Behaviour(False, "rejected", status("400 Bad Request")),
    "forbid": Behaviour(False, "again", status("403 Forbidden")),
    "redirect": Behaviour(False, "again", status("302 Found", f"Location: {METADATA}")),
    "throttle": Behaviour(False, "again", status("429 Too Many Requests", "Retry-After: 1")),
}
