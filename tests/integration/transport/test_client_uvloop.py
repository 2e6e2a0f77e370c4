"""The same promises on uvloop, which the workers run on."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

import pytest
import trustme
import uvloop
from tests.integration.transport.clients import Make
from tests.integration.transport.hostile_server import Drop, HostileServer, Seen, always, answer, endless, hang, reset

from gatepost.providers.wire import Link, Request
from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client
from gatepost.transport.egress import Cause
from gatepost.transport.heads import METHODS

LOOPBACK = parse_allow_list(["127.0.0.0/8"])


def on_uvloop(make: Make, scenario: Callable[[Client], Awaitable[None]]) -> None:
    async def main() -> None:
        async with make(LOOPBACK) as client:
            await scenario(client)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_answers_come_back_over_a_kept_connection(make: Make) -> None:
    async def scenario(client: Client) -> None:
        async with HostileServer(always(answer(b"hello"))) as server:
            for _ in range(3):
                reply = await client.exchange(Request("POST", server.url(), (), b"x" * 300_000))
                assert reply.response is not None, reply.failure
                assert reply.response.body == b"hello"
        assert len(server.requests) == 3

    on_uvloop(make, scenario)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_dropped_request_is_not_tried_again(make: Make, method: str) -> None:
    async def scenario(client: Client) -> None:
        async def behave(_: Seen, writer: asyncio.StreamWriter) -> None:
            if len(server.requests) > 1:
                raise Drop
            writer.write(answer(b""))

        async with HostileServer(behave) as server:
            await client.exchange(Request(method, server.url()))
            reply = await client.exchange(Request(method, server.url()))
        assert reply.failure is not None
        assert (reply.failure.cause, reply.failure.is_sent) == (Cause.LOST, True)
        assert len(server.requests) == 2

    on_uvloop(make, scenario)


def test_failures_fall_on_the_same_side_of_the_line(make: Make) -> None:
    async def scenario(client: Client) -> None:
        short = Link(total_timeout_s=0.3)
        for behave, cause, link in (
            (reset, Cause.LOST, Link()),
            (hang, Cause.TIMEOUT, short),
            (endless, Cause.TOO_LARGE, Link()),
        ):
            async with HostileServer(behave) as server:
                reply = await client.exchange(Request("POST", server.url(), (), b"x", link=link))
            assert reply.failure is not None
            assert (reply.failure.cause, reply.failure.is_sent) == (cause, True)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            reply = await client.exchange(Request("POST", f"http://127.0.0.1:{unused.getsockname()[1]}/"))
        assert reply.failure is not None
        assert (reply.failure.cause, reply.failure.is_sent) == (Cause.CONNECT, False)
        guarded = await client.exchange(Request("POST", "http://10.0.0.1/"))
        assert guarded.failure is not None
        assert (guarded.failure.cause, guarded.failure.is_sent) == (Cause.GUARD, False)

    on_uvloop(make, scenario)


def test_tls_is_checked(make: Make) -> None:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)

    async def scenario(client: Client) -> None:
        async with HostileServer(always(answer(b"secure")), context) as server:
            link = Link(ca_pem=ca.cert_pem.bytes().decode())
            trusted = await client.exchange(Request("GET", server.url(), link=link))
            strange = await client.exchange(Request("GET", server.url()))
        assert trusted.response is not None
        assert strange.failure is not None
        assert (strange.failure.cause, strange.failure.is_sent) == (Cause.TLS, False)

    on_uvloop(make, scenario)
