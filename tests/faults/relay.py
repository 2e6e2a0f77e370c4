"""The process of a TCP proxy: `python -m tests.faults.relay <host> <port>`; prints its port and that of its control.

The control takes one line of JSON for a connection, with what is to change: `latency_s`, `is_frozen`, `is_open`, `cut`.
"""

import asyncio
import contextlib
import json
import socket
import struct
import sys
from dataclasses import dataclass, field

PIECE = 64 * 1024
LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Relay:
    """Passes on between whoever connects and one address."""

    host: str
    port: int
    latency_s: float = 0.0
    is_open: bool = True
    is_flowing: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            _reset(writer)
            return
        pair = {writer, far_writer}
        self.writers |= pair
        tasks = [asyncio.create_task(self._pass_on(*ends)) for ends in ((reader, far_writer), (far_reader, writer))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.writers -= pair
            for one in pair:
                one.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            await self.is_flowing.wait()
            writer.write(piece)
            await writer.drain()
        await self.is_flowing.wait()
        if writer.can_write_eof():
            with contextlib.suppress(OSError):
                writer.write_eof()

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wanted = json.loads(await reader.readline())
        self.latency_s = wanted.get("latency_s", self.latency_s)
        self.is_open = wanted.get("is_open", self.is_open)
        if "is_frozen" in wanted:
            (self.is_flowing.clear if wanted["is_frozen"] else self.is_flowing.set)()
        if wanted.get("cut"):
            for one in list(self.writers):
                _reset(one)
        writer.write(b"done\n")
        await writer.drain()
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    held = writer.get_extra_info("socket")
    if held is not None:
        with contextlib.suppress(OSError):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    writer.transport.abort()


async def main(host: str, port: int) -> None:
    relay = Relay(host, port)
    relay.is_flowing.set()
    server = await asyncio.start_server(relay.take, "127.0.0.1", 0)
    control = await asyncio.start_server(relay.control, "127.0.0.1", 0)
    ports = [one.sockets[0].getsockname()[1] for one in (server, control)]
    print(*ports, flush=True)  # noqa: T201 - how the caller learns the ports
    await asyncio.gather(server.serve_forever(), control.serve_forever())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
