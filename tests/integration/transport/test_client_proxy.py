"""Through an HTTP proxy: absolute form for http, CONNECT for https, and what that means for "bytes left"."""

import asyncio
import ssl
from base64 import b64encode
from contextlib import suppress

import pytest
import trustme
from tests.integration.transport.clients import Make
from tests.integration.transport.hostile_server import Behaviour, HostileServer, Seen, always, answer, then_close

from gatepost.providers.wire import Link, Request
from gatepost.transport.client import Client
from gatepost.transport.egress import Cause

CA = trustme.CA()


@pytest.fixture
def make() -> Make:
    """One is enough: whatever the kind, a proxy is the library's."""
    return Client


def tunnel(port: int) -> Behaviour:
    """Answer CONNECT and pass bytes both ways to a port on loopback."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        assert seen.method == "CONNECT"
        there_reader, there = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        here_reader: asyncio.StreamReader = writer._reader  # type: ignore[attr-defined]

        async def pump(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                while data := await reader.read(65536):
                    out.write(data)
                    await out.drain()
            out.close()

        try:
            await asyncio.gather(pump(here_reader, there), pump(there_reader, writer))
        finally:
            there.transport.abort()

    return behave


async def test_plain_http_goes_to_the_proxy_in_absolute_form(client: Client) -> None:
    async with HostileServer(always(answer(b"via"))) as proxy:
        link = Link(proxy_url=f"http://me:p%40ss@{proxy.authority}")
        reply = await client.exchange(Request("POST", "http://127.0.0.9:1/a%20b?c=%2F", (), b"x", link=link))
    assert reply.response is not None, reply.failure
    (seen,) = proxy.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "http://127.0.0.9:1/a%20b?c=%2F", b"x")
    assert seen.headers["host"] == "127.0.0.9:1"
    assert seen.headers["proxy-authorization"] == "Basic " + b64encode(b"me:p@ss").decode()


async def test_https_goes_through_a_tunnel_and_the_proxy_sees_nothing(client: Client) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("127.0.0.1").configure_cert(context)
    hooks: list[int] = []
    async with HostileServer(always(answer(b"secret")), context) as server, HostileServer(tunnel(server.port)) as proxy:
        link = Link(proxy_url=f"http://me:pw@{proxy.authority}", ca_pem=CA.cert_pem.bytes().decode())
        reply = await client.exchange(
            Request("POST", server.url("/x"), (("Authorization", "Bearer t"),), b"x", link=link),
            before_write=lambda: hooks.append(len(proxy.requests)),
        )
    assert reply.response is not None, reply.failure
    assert reply.response.body == b"secret"
    (seen,) = proxy.requests
    assert seen.target == server.authority
    assert "authorization" not in seen.headers
    assert seen.headers["proxy-authorization"].startswith("Basic ")
    assert "proxy-authorization" not in server.requests[0].headers
    assert hooks == [1]


@pytest.mark.parametrize(
    ("raw", "causes"),
    [
        (answer(b"", "407 Proxy Authentication Required"), {Cause.PROXY}),
        (answer(b"", "502 Bad Gateway"), {Cause.PROXY}),
        (b"nonsense\r\n\r\n", {Cause.PROXY}),
        (b"", {Cause.CONNECT, Cause.PROXY}),
    ],
    ids=["407", "502", "nonsense", "closed"],
)
async def test_a_proxy_that_opens_no_tunnel_means_not_sent(client: Client, raw: bytes, causes: set[Cause]) -> None:
    async with HostileServer(then_close(raw)) as proxy:
        link = Link(proxy_url=proxy.url())
        reply = await client.exchange(Request("POST", "https://127.0.0.9/", (), b"x", link=link))
    assert reply.failure is not None
    assert not reply.failure.is_sent
    assert reply.failure.cause in causes


async def test_a_proxy_that_hangs_is_a_connection_that_timed_out(client: Client) -> None:
    async def silent(_: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with HostileServer(silent) as proxy:
        link = Link(proxy_url=proxy.url(), connect_timeout_s=0.2)
        reply = await client.exchange(Request("POST", "https://127.0.0.9/", (), b"x", link=link))
    assert reply.failure is not None
    assert (reply.failure.cause, reply.failure.is_sent) == (Cause.CONNECT_TIMEOUT, False)


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1", "https://127.0.0.1:1", "127.0.0.1:1", "http://", "http://[::1"]
)
async def test_only_plain_http_proxies_are_spoken_to(client: Client, proxy: str) -> None:
    reply = await client.exchange(Request("GET", "http://127.0.0.9/", link=Link(proxy_url=proxy)))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.BAD_REQUEST
