"""The provider of the fault tests, a process of its own: `python fake_provider.py <log> <seed>`; prints its port.

    POST /send/<gateway>   {"ref", "to", "text"} or {"messages": [...]} -> {"id"} or {"results": [{"to", "id"}]}
    PUT  /script           {"answer": 90, "drop": 5, "delay_s": [0.005, 0.03]}: weights of behaviours, and the delay

Each request is written to the log before anything is answered: time, gateway, references, behaviour, whether it was
accepted. It is written with one system call, so that the log holds it whatever happens to this process.
"""

import asyncio
import json
import os
import random
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

Json = dict[str, Any]
Writer = asyncio.StreamWriter
BYTE_EVERY_S = 0.002


class Drop(Exception):
    """Nothing more is said on this connection."""


def response(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def plain(answer: Json) -> bytes:
    return response("200 OK", json.dumps(answer).encode())


async def say_plainly(writer: Writer, answer: Json) -> None:
    writer.write(plain(answer))


async def drop(writer: Writer, answer: Json) -> None:
    raise Drop


async def reset(writer: Writer, answer: Json) -> None:
    held = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Drop


async def say_slowly(writer: Writer, answer: Json) -> None:
    for byte in plain(answer):
        writer.write(bytes([byte]))
        await asyncio.sleep(BYTE_EVERY_S)


async def say_garbage(writer: Writer, answer: Json) -> None:
    writer.write(response("200 OK", b"<html><body>It works!</body></html>"))


async def cut_off(writer: Writer, answer: Json) -> None:
    writer.write(plain(answer)[:-5])
    raise Drop


async def say_error(writer: Writer, answer: Json) -> None:
    writer.write(response("500 Internal Server Error", b"{}"))


async def say_nothing_useful(writer: Writer, answer: Json) -> None:
    writer.write(plain({}))


async def throttle(writer: Writer, answer: Json) -> None:
    writer.write(response("429 Too Many Requests", b"{}", "Retry-After: 1"))


Behaviour = Callable[[Writer, Json], Awaitable[None]]
BEHAVIOURS: dict[str, tuple[bool, Behaviour]] = {
    "answer": (True, say_plainly),
    "slow": (True, say_slowly),
    "drop": (True, drop),
    "reset": (True, reset),
    "garbage": (True, say_garbage),
    "cut off": (True, cut_off),
    "no id": (True, say_nothing_useful),
    "error": (True, say_error),
    "vanish": (False, drop),
    "refuse": (False, say_error),
    "throttle": (False, throttle),
}
"""Whether the messages are accepted, and what is said of it."""


class Provider:
    """Accepts, logs and answers by its script."""

    def __init__(self, log: str, seed: int) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._random = random.Random(seed)
        self._weights: dict[str, float] = {"answer": 1}
        self._delay_s = (0.0, 0.0)
        self._served = 0

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            while True:
                await self._one(reader, writer)
                await writer.drain()
        except (Drop, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.splitlines()
        method, path, _ = request_line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))))
        if (method, path) == ("PUT", "/script"):
            self._delay_s = tuple(body.pop("delay_s", (0.0, 0.0)))
            self._weights = body
            writer.write(plain({}))
        else:
            await self._submit(path.rpartition("/")[2], body, writer)

    async def _submit(self, gateway: str, body: Json, writer: Writer) -> None:
        [name] = self._random.choices(list(self._weights), list(self._weights.values()))
        delay_s = self._random.uniform(*self._delay_s)
        is_accepted, behave = BEHAVIOURS[name]
        messages = body.get("messages", [body])
        self._served += 1
        refs = [message["ref"] for message in messages]
        entry = {"at": time.time(), "gateway": gateway, "refs": refs, "did": name, "accepted": is_accepted}
        os.write(self._log, json.dumps(entry).encode() + b"\n")
        ids = [{"to": message["to"], "id": f"{self._served}-{n}"} for n, message in enumerate(messages)]
        await asyncio.sleep(delay_s)
        await behave(writer, {"results": ids} if "messages" in body else {"id": ids[0]["id"]})


async def main(log: str, seed: int) -> None:
    provider = Provider(log, seed)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how the caller learns the port
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
