"""What our own client promises beyond what both do: nothing unasked is ever an answer, and a request costs no timer."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.integration.transport.hostile_server import HostileServer, Seen, always, answer, hang

from gatepost.providers.wire import Link, Request
from gatepost.transport import connections
from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client
from gatepost.transport.egress import Cause
from gatepost.transport.heads import METHODS

LOOPBACK = parse_allow_list(["127.0.0.0/8"])


class BlockingServer:
    """Answers from a thread, so that bytes can reach the kernel while the client's loop stands still.

    After the first answer of each connection it writes `extra` (None: it hangs up) and says so; the test waits for it.
    """

    def __init__(self, extra: bytes | None) -> None:
        self.extra = extra
        self.targets: list[str] = []
        self.has_written = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "BlockingServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        kept = []
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                kept.append(connection)
                connection.settimeout(5)
                self._converse(connection)
        for connection in kept:
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        target = connection.recv(65536).split(b" ")[1]
        self.targets.append(target.decode())
        connection.sendall(answer(target))
        if self.extra is None:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(self.extra)
        self.has_written.set()


FORGED = answer(b"forged")


@given(st.one_of(st.none(), st.binary(min_size=1, max_size=60).filter(lambda extra: extra.strip(b"\r\n") != b"")))
@example(FORGED)
@example(FORGED[:9])
@example(None)
@settings(max_examples=25, deadline=None)
def test_what_came_before_the_request_is_never_its_answer(extra: bytes | None) -> None:
    """The kernel holds it already, the loop has not seen it: the socket itself is asked before every write."""

    async def scenario() -> None:
        async with Client(LOOPBACK) as client:
            with BlockingServer(extra) as server:
                first = await client.exchange(Request("POST", f"http://127.0.0.1:{server.port}/first"))
                assert server.has_written.wait(5)
                second = await client.exchange(Request("POST", f"http://127.0.0.1:{server.port}/second"))
                assert [first.response and first.response.body, second.response and second.response.body] == [
                    b"/first",
                    b"/second",
                ]
                assert server.targets == ["/first", "/second"]

    asyncio.run(scenario())


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_a_connection_that_ended_in_the_kernel_is_replaced_before_anything_is_written(method: str) -> None:
    async with Client(LOOPBACK) as client:
        with BlockingServer(None) as server:
            for target in ("/first", "/second"):
                reply = await client.exchange(
                    Request("POST" if target == "/first" else method, f"http://127.0.0.1:{server.port}{target}")
                )
                assert server.has_written.wait(5)
                assert reply.response is not None, reply.failure
    assert server.targets == ["/first", "/second"]


async def test_an_answer_before_the_body_left_ends_the_connection() -> None:
    """The rest of the body would be taken for the next request."""

    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"enough", "413 Too Large"))
        await writer.drain()
        await gone.wait()
        writer.transport.abort()

    gone = asyncio.Event()
    async with await asyncio.start_server(impatient, "127.0.0.1", 0, limit=1024) as server, Client(LOOPBACK) as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(2):
            reply = await client.exchange(Request("POST", url, (), b"x" * 30_000_000))
            assert reply.response is not None, reply.failure
            assert reply.response.status == 413
        gone.set()
        await asyncio.sleep(0)


async def test_a_side_that_stops_reading_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        async with Client(LOOPBACK) as client:
            reply = await client.exchange(Request("POST", url, (), b"x" * 30_000_000, link=Link(total_timeout_s=0.3)))
    assert reply.failure is not None
    assert (reply.failure.cause, reply.failure.is_sent) == (Cause.TIMEOUT, True)


async def test_many_share_few_connections() -> None:
    async with HostileServer(always(answer())) as server, Client(LOOPBACK, connections_per_origin=3) as client:
        replies = await asyncio.gather(*(client.exchange(Request("POST", server.url(f"/{n}"))) for n in range(60)))
    assert all(reply.response is not None for reply in replies)
    assert server.connections == 3
    assert sorted(seen.target for seen in server.requests) == sorted(f"/{n}" for n in range(60))


@pytest.mark.parametrize("last", ["answer", "close", "hang"])
async def test_whoever_stops_waiting_in_line_takes_no_place_along(last: str) -> None:
    """Cancelled at every stage of the way, the others still get through."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        if last == "hang" and len(server.requests) % 3 == 0:
            await hang(seen, writer)
        writer.write(answer(b"", "200 OK", *(["Connection: close"] if last == "close" else [])))

    link = Link(total_timeout_s=0.5, connect_timeout_s=5)
    async with HostileServer(behave) as server, Client(LOOPBACK, connections_per_origin=2) as client:
        tasks = [asyncio.create_task(client.exchange(Request("POST", server.url(), link=link))) for _ in range(40)]
        for n, task in enumerate(tasks):
            if n % 2:
                await asyncio.sleep(0.002)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        reply = await client.exchange(Request("POST", server.url(), link=Link(total_timeout_s=5)))
        pool = next(iter(client._http1._pools.values()))  # type: ignore[union-attr]
        assert pool._count <= 2
        assert not pool._waiting
    assert reply.is_sent


async def test_a_connection_that_nobody_needs_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEEP_ALIVE_S", 0.05)
    async with HostileServer(always(answer())) as server, Client(LOOPBACK) as client:
        await client.exchange(Request("POST", server.url()))
        watch = client._http1._watch  # type: ignore[union-attr]
        assert len(watch.connections) == 1
        async with asyncio.timeout(5):
            await watch._emptied.wait()
        assert not watch.connections


@contextmanager
def counted_timers(loop: asyncio.AbstractEventLoop) -> Iterator[list[float]]:
    made: list[float] = []
    call_later, call_at = loop.call_later, loop.call_at

    def later(delay: float, callback: Callable[..., object], *args: object, **kw: object) -> asyncio.TimerHandle:
        made.append(delay)
        return call_later(delay, callback, *args, **kw)  # type: ignore[arg-type]

    def at(when: float, callback: Callable[..., object], *args: object, **kw: object) -> asyncio.TimerHandle:
        made.append(when)
        return call_at(when, callback, *args, **kw)  # type: ignore[arg-type]

    loop.call_later, loop.call_at = later, at  # type: ignore[method-assign,assignment]
    try:
        yield made
    finally:
        loop.call_later, loop.call_at = call_later, call_at  # type: ignore[method-assign]


async def test_a_request_over_a_kept_connection_sets_no_timer() -> None:
    async with HostileServer(always(answer())) as server, Client(LOOPBACK) as client:
        await client.exchange(Request("POST", server.url()))
        with counted_timers(asyncio.get_running_loop()) as made:
            for _ in range(50):
                await client.exchange(Request("POST", server.url()))
    assert made == []


async def test_deadlines_of_different_lengths_are_all_kept() -> None:
    loop = asyncio.get_running_loop()
    took: dict[float, float] = {}

    async def one(total_s: float, client: Client, url: str) -> None:
        started = loop.time()
        reply = await client.exchange(Request("POST", url, link=Link(total_timeout_s=total_s)))
        took[total_s] = loop.time() - started
        assert reply.failure is not None
        assert reply.failure.cause is Cause.TIMEOUT

    async with HostileServer(hang) as server, Client(LOOPBACK) as client:
        await asyncio.gather(*(one(total_s, client, server.url()) for total_s in (0.5, 0.1, 0.3, 0.2, 0.4)))
    # Late by what a busy machine is late.
    assert all(total_s <= elapsed < total_s + 5.0 for total_s, elapsed in took.items()), took


async def test_closing_the_client_ends_what_is_under_way() -> None:
    has_arrived = asyncio.Event()

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        has_arrived.set()
        await hang(seen, writer)

    async with HostileServer(behave) as server:
        client = Client(LOOPBACK)
        task = asyncio.create_task(client.exchange(Request("POST", server.url())))
        await has_arrived.wait()
        await client.close()
        reply = await task
    assert reply.failure is not None
    assert (reply.failure.cause, reply.failure.is_sent) == (Cause.LOST, True)


def test_the_library_is_not_loaded_without_a_proxy() -> None:
    """It costs a worker more memory and start-up time than everything else here together."""
    code = "import sys, gatepost.transport.client, gatepost.transport.driver; assert 'aiohttp' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
