"""Every way an exchange can fail, and on which side of "bytes left" it falls."""

import asyncio
import resource
import socket
import time

import pytest
from tests.integration.transport.clients import LibraryClient, Make
from tests.integration.transport.hostile_server import (
    BOMB,
    Behaviour,
    Drop,
    HostileServer,
    Seen,
    always,
    answer,
    drip,
    drip_head,
    endless,
    hang,
    reset,
    then_close,
)

from gatepost.providers.wire import Link, Request
from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client
from gatepost.transport.egress import Cause, Failure, Reply
from gatepost.transport.heads import METHODS

SHORT = Link(total_timeout_s=0.5)
LOOPBACK = parse_allow_list(["127.0.0.0/8"])
BUSY_S = 5.0
"""How late a busy machine may make what a deadline ends; without one it would take far longer."""


def failure_of(reply: Reply) -> Failure:
    assert reply.failure is not None, reply.response
    assert reply.response is None
    return reply.failure


OK = b"HTTP/1.1 200 OK\r\n"
AFTER_THE_WRITE: list[tuple[str, Behaviour, Cause]] = [
    ("no answer", hang, Cause.TIMEOUT),
    ("one byte at a time", drip, Cause.TIMEOUT),
    ("one header at a time", drip_head, Cause.TIMEOUT),
    ("endless interim answers", always(b"HTTP/1.1 100 Continue\r\n\r\n" * 3), Cause.TIMEOUT),
    ("reset", reset, Cause.LOST),
    ("closed without a word", then_close(b""), Cause.LOST),
    ("closed within the head", then_close(b"HTTP/1.1 200 OK\r\nConte"), Cause.LOST),
    ("cut off by length", then_close(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), Cause.CUT_OFF),
    ("cut off in a chunk", then_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), Cause.CUT_OFF),
    ("not HTTP", always(b"220 mail.example ESMTP\r\n"), Cause.NOT_HTTP),
    ("a line without end", always(b"HTTP/1.1 200 " + b"x" * 100_000), Cause.NOT_HTTP),
    ("ten thousand headers", always(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000 + b"\r\n"), Cause.NOT_HTTP),
    ("two lengths", always(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), Cause.NOT_HTTP),
    ("a length and chunks", always(OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), Cause.NOT_HTTP),
    ("another coding", then_close(OK + b"Transfer-Encoding: chunked, gzip\r\n\r\nabc"), Cause.NOT_HTTP),
    ("switched protocols", always(b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), Cause.NOT_HTTP),
    ("odd length", always(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc"), Cause.NOT_HTTP),
    ("endless body", endless, Cause.TOO_LARGE),
    ("ten mebibytes", always(answer(b"x" * 10 * 1024 * 1024)), Cause.TOO_LARGE),
    ("a bomb", always(answer(BOMB, "200 OK", "Content-Encoding: gzip")), Cause.COMPRESSED),
    ("brotli", always(answer(b"abc", "200 OK", "Content-Encoding: br")), Cause.COMPRESSED),
]


@pytest.mark.parametrize(("behave", "cause"), [row[1:] for row in AFTER_THE_WRITE], ids=[r[0] for r in AFTER_THE_WRITE])
async def test_after_the_write_a_failure_says_that_bytes_left(client: Client, behave: Behaviour, cause: Cause) -> None:
    async with HostileServer(behave) as server:
        link = SHORT if cause is Cause.TIMEOUT else Link()
        reply = await client.exchange(Request("POST", server.url("/send"), (), b"text", link=link))
        failure = failure_of(reply)
    assert (failure.cause, failure.is_sent) == (cause, True)
    assert reply.is_sent
    assert len(server.requests) == 1
    assert "127.0.0.1" not in failure.words


async def test_garbage_within_chunks_is_a_failure(client: Client) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"
    async with HostileServer(always(raw)) as server:
        failure = failure_of(await client.exchange(Request("POST", server.url())))
    assert failure.is_sent
    assert failure.cause in (Cause.CUT_OFF, Cause.NOT_HTTP)


async def test_the_answer_is_read_up_to_the_limit_and_no_further(client: Client) -> None:
    link = Link(max_bytes=1000)
    async with HostileServer(always(answer(b"x" * 1000))) as server:
        fits = await client.exchange(Request("GET", server.url(), link=link))
    async with HostileServer(always(answer(b"x" * 1001))) as server:
        failure = failure_of(await client.exchange(Request("GET", server.url(), link=link)))
    assert fits.response is not None
    assert failure.cause is Cause.TOO_LARGE


async def test_an_endless_body_does_not_fill_the_memory(client: Client) -> None:
    async with HostileServer(endless) as server:
        await client.exchange(Request("GET", server.url()))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(20):
            await client.exchange(Request("GET", server.url()))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 32 * 1024


async def test_http_1_0_without_a_length_ends_with_the_connection(client: Client) -> None:
    async with HostileServer(then_close(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nOK: 1")) as server:
        replies = [await client.exchange(Request("GET", server.url())) for _ in range(2)]
    assert [reply.response.body if reply.response else None for reply in replies] == [b"OK: 1"] * 2
    assert server.connections == 2


async def test_a_foreign_charset_comes_back_as_bytes(client: Client) -> None:
    raw = answer("пароль".encode("cp1251"), "200 OK", "Content-Type: text/plain; charset=no-such", "X-Odd: \xe9")
    async with HostileServer(always(raw)) as server:
        reply = await client.exchange(Request("GET", server.url()))
    assert reply.response is not None
    assert reply.response.body == "пароль".encode("cp1251")
    assert reply.response.header("x-odd") == "é"


async def test_a_refused_connection_is_not_sent(client: Client) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        failure = failure_of(await client.exchange(Request("POST", f"http://127.0.0.1:{port}/", (), b"x")))
    assert (failure.cause, failure.is_sent) == (Cause.CONNECT, False)


async def test_a_connection_that_hangs_is_not_sent(make: Make) -> None:
    """A listener whose queue is full: the handshake never completes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        async with make(LOOPBACK) as client:
            started = time.monotonic()
            link = Link(connect_timeout_s=0.3)
            failure = failure_of(await client.exchange(Request("POST", f"http://127.0.0.1:{port}/", link=link)))
            elapsed = time.monotonic() - started
        for filler in fillers:
            filler.close()
    assert (failure.cause, failure.is_sent) == (Cause.CONNECT_TIMEOUT, False)
    assert 0.25 < elapsed < BUSY_S


async def test_a_name_that_does_not_resolve_is_not_sent(make: Make) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with make(LOOPBACK, lookup=nowhere) as client:
        failure = failure_of(await client.exchange(Request("POST", "http://no.such.example/")))
    assert failure == Failure(Cause.DNS, False, "Name or service not known")


async def test_the_deadline_covers_the_look_up(make: Make) -> None:
    async def forever(host: str, port: int) -> list[str]:
        await asyncio.sleep(3600)
        return []

    async with make(LOOPBACK, lookup=forever) as client:
        started = time.monotonic()
        reply = await client.exchange(Request("POST", "http://slow.example/"), deadline=started + 0.2)
        elapsed = time.monotonic() - started
    failure = failure_of(reply)
    assert (failure.cause, failure.is_sent) == (Cause.DEADLINE, False)
    assert elapsed < BUSY_S


async def test_a_deadline_in_the_past_writes_nothing(client: Client) -> None:
    async with HostileServer(always(answer())) as server:
        failure = failure_of(await client.exchange(Request("POST", server.url()), deadline=time.monotonic() - 1))
    assert (failure.cause, failure.is_sent) == (Cause.DEADLINE, False)
    assert server.requests == []


async def test_the_deadline_of_the_caller_ends_a_slow_answer(client: Client) -> None:
    async with HostileServer(drip) as server:
        started = time.monotonic()
        failure = failure_of(await client.exchange(Request("POST", server.url()), deadline=started + 0.2))
        elapsed = time.monotonic() - started
    assert (failure.cause, failure.is_sent) == (Cause.TIMEOUT, True)
    assert elapsed < BUSY_S


async def test_the_hook_runs_once_and_before_anything_is_written(client: Client) -> None:
    seen_at_hook: list[int] = []
    async with HostileServer(always(answer())) as server:
        for _ in range(2):
            await client.exchange(
                Request("POST", server.url(), (), b"x"), before_write=lambda: seen_at_hook.append(len(server.requests))
            )
    assert seen_at_hook == [0, 1]


@pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("fault", [RuntimeError("lease too short"), TimeoutError("late"), OSError("x")])
async def test_a_hook_that_raises_stops_the_write(client: Client, warm: bool, fault: Exception) -> None:
    def refuse() -> None:
        raise fault

    async with HostileServer(always(answer())) as server:
        if warm:
            await client.exchange(Request("GET", server.url()))
        reply = await client.exchange(Request("POST", server.url(), (), b"x"), before_write=refuse)
        await asyncio.sleep(0.05)
    assert failure_of(reply) == Failure(Cause.ABORTED, False, str(fault))
    assert len(server.requests) == warm


@pytest.mark.parametrize("body", [b"", b"text"], ids=["bare", "with body"])
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("method", sorted(METHODS))
async def test_a_kept_connection_that_drops_an_answered_request_is_not_tried_again(
    client: Client, method: str, how: str, body: bytes
) -> None:
    """The provider answers once, keeps the connection, takes the second request and drops it unanswered."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 1:
            writer.write(answer(b""))
            return
        if how == "reset":
            writer.transport.abort()
        raise Drop

    async with HostileServer(behave) as server:
        first = await client.exchange(Request(method, server.url(), (), body))
        second = await client.exchange(Request(method, server.url(), (), body))
        await asyncio.sleep(0.02)
    assert first.response is not None
    assert (failure_of(second).cause, failure_of(second).is_sent) == (Cause.LOST, True)
    assert [(seen.method, seen.connection) for seen in server.requests] == [(method, 1), (method, 1)]


async def test_the_library_alone_would_have_tried_again() -> None:
    """Proves that the test above can fail: plain aiohttp makes three requests out of two."""
    import aiohttp

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) != 2:
            writer.write(answer(b""))
            return
        raise Drop

    async with HostileServer(behave) as server, aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.put(server.url(), data=b"text") as response:
                await response.read()
    assert len(server.requests) == 3


async def test_even_a_library_that_tries_again_cannot_write_twice() -> None:
    """With the library's own switch back on, each request still crosses the line once."""

    async def behave(_: Seen, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) > 1:
            raise Drop
        writer.write(answer(b""))

    async with HostileServer(behave) as server, LibraryClient(LOOPBACK) as client:
        await client.exchange(Request("PUT", server.url()))
        assert client._library is not None
        client._library._session._retry_connection = True
        failure = failure_of(await client.exchange(Request("PUT", server.url())))
        await asyncio.sleep(0.02)
    assert (failure.cause, failure.is_sent) == (Cause.FAULT, True)
    assert len(server.requests) == 2


async def test_a_kept_connection_that_closed_in_between_is_replaced(client: Client) -> None:
    async def behave(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        await writer.drain()
        raise Drop

    async with HostileServer(behave) as server:
        for _ in range(3):
            reply = await client.exchange(Request("POST", server.url(), (), b"x"))
            assert reply.response is not None, reply.failure
            await asyncio.sleep(0.05)
    assert server.connections == 3


async def test_an_answer_nobody_asked_for_is_never_taken_for_the_next_one(client: Client) -> None:
    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(seen.target.encode()))
        await writer.drain()
        if seen.target == "/first":
            await asyncio.sleep(0.03)
            writer.write(answer(b"forged"))

    async with HostileServer(behave) as server:
        await client.exchange(Request("GET", server.url("/first")))
        await asyncio.sleep(0.1)
        reply = await client.exchange(Request("GET", server.url("/second")))
    assert reply.response is not None
    assert reply.response.body == b"/second"
    assert [seen.target for seen in server.requests] == ["/first", "/second"]


async def test_a_server_that_speaks_first_is_not_connected_to_again_and_again(client: Client) -> None:
    connections: list[int] = []

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        failure = failure_of(await client.exchange(Request("POST", f"http://127.0.0.1:{port}/")))
        await asyncio.sleep(0.02)
    assert failure.cause in (Cause.CONNECT, Cause.NOT_HTTP, Cause.LOST)
    assert failure.is_sent is (failure.cause is not Cause.CONNECT)
    assert len(connections) == 1


async def test_a_slow_origin_keeps_only_itself_waiting(make: Make) -> None:
    async with (
        make(LOOPBACK, connections_per_origin=2) as client,
        HostileServer(hang) as slow,
        HostileServer(always(answer())) as quick,
    ):
        link = Link(total_timeout_s=2.0, connect_timeout_s=1.5)
        waiting = [asyncio.create_task(client.exchange(Request("POST", slow.url(), link=link))) for _ in range(4)]
        await asyncio.sleep(0.05)
        reply = await client.exchange(Request("POST", quick.url()))
        are_waiting = [not task.done() for task in waiting]
        replies = await asyncio.gather(*waiting)
    assert reply.response is not None
    assert all(are_waiting)
    assert slow.connections == 2
    assert sorted(failure_of(r).is_sent for r in replies) == [False, False, True, True]
    assert {failure_of(r).cause for r in replies if not r.is_sent} == {Cause.CONNECT_TIMEOUT}


async def test_backup_urls_are_tried_in_order_while_nothing_left(client: Client) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        async with HostileServer(always(answer(b"backup"))) as server:
            reply = await client.exchange(Request("POST", dead, (), b"x", backup_urls=(dead, server.url("/b"), dead)))
    assert reply.response is not None
    assert reply.response.body == b"backup"
    assert reply.url == server.url("/b")
    assert len(server.requests) == 1


@pytest.mark.parametrize("behave", [reset, always(answer(b"", "500 Oops")), hang], ids=["reset", "500", "hang"])
async def test_backup_urls_are_left_alone_once_the_host_was_reached(client: Client, behave: Behaviour) -> None:
    async with HostileServer(behave) as first, HostileServer(always(answer())) as backup:
        request = Request("POST", first.url(), (), b"x", backup_urls=(backup.url(),), link=SHORT)
        reply = await client.exchange(request)
    assert reply.is_sent
    assert backup.connections == 0


async def test_a_hook_that_refuses_is_not_asked_again_for_the_backup(client: Client) -> None:
    asked: list[int] = []

    def refuse() -> None:
        asked.append(1)
        raise RuntimeError("no lease")

    async with HostileServer(always(answer())) as first, HostileServer(always(answer())) as backup:
        reply = await client.exchange(Request("POST", first.url(), backup_urls=(backup.url(),)), before_write=refuse)
    assert failure_of(reply).cause is Cause.ABORTED
    assert asked == [1]
    assert backup.connections == 0


async def test_cancelling_the_caller_closes_the_connection(client: Client) -> None:
    arrived = asyncio.Event()

    async def behave(_: Seen, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.sleep(3600)

    async with HostileServer(behave) as server:
        task = asyncio.create_task(client.exchange(Request("POST", server.url())))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(server.requests) == 1
