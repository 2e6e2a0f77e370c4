"""No spelling, redirect or name server talks the client into a forbidden address."""

import asyncio
import errno
import itertools
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.integration.transport.clients import Make
from tests.integration.transport.hostile_server import HostileServer, always, answer

from gatepost.providers.wire import Link, Request
from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client
from gatepost.transport.egress import Cause

INSIDE = ["127.0.0.1", "127.9.9.9", "169.254.169.254", "10.0.0.1", "192.168.1.1", "0.0.0.0", "100.64.0.1"]
NUMERIC = socket.AI_NUMERICHOST


def ipv4_spellings(ip: str) -> Iterator[str]:
    """Everything that inet_aton, browsers or libraries have been seen to accept for one IPv4 address."""
    a, b, c, d = (int(part) for part in ip.split("."))
    whole = (a << 24) + (b << 16) + (c << 8) + d
    yield from (ip, f"{ip}.", f"{ip}..", str(whole), hex(whole), hex(whole).upper(), f"0{whole:o}", f"0x00{whole:x}")
    yield from (f"{a}.{(b << 16) + (c << 8) + d}", f"{a}.{b}.{(c << 8) + d}", f"{whole + 2**32}")
    for shape in itertools.product(("{}", "0x{:x}", "0{:o}", "00{:o}"), repeat=2):
        first, rest = shape
        yield ".".join([first.format(a), *(rest.format(part) for part in (b, c, d))])
    yield f"{a}.{b}.{c}.{d + 256}"
    yield f"%3{str(a)[0]}{ip[1:]}"
    yield ip.replace(".", "%2e")
    yield ip.replace(".", "。")
    yield ip.replace(".", "．")
    yield "".join(chr(0xFF10 + int(ch)) if ch.isdigit() else ch for ch in ip)
    yield "".join(chr(0x2460 + int(ch) - 1) if ch in "123456789" else ch for ch in ip)


def ipv6_spellings(ip: str) -> Iterator[str]:
    a, b, c, d = (int(part) for part in ip.split("."))
    high, low = f"{(a << 8) + b:x}", f"{(c << 8) + d:x}"
    for address in (f"::{ip}", f"::ffff:{ip}", f"::ffff:{high}:{low}", f"0:0:0:0:0:ffff:{high}:{low}", f"::FFFF:{ip}"):
        yield f"[{address}]"
    yield from (f"[64:ff9b::{ip}]", f"[64:ff9b::{high}:{low}]", f"[2002:{high}:{low}::]", f"[2002:{high}:{low}::1]")
    yield from (f"[::ffff:{ip}%25lo]", f"[::ffff:{ip}%lo]", f"[::ffff:0:{high}:{low}]")


def urls(port: int) -> Iterator[str]:
    for ip in INSIDE:
        for host in (*ipv4_spellings(ip), *ipv6_spellings(ip)):
            yield f"http://{host}:{port}/"
        yield f"https://{ip}:{port}/"
        yield from (
            f"http://api.example@{ip}:{port}/",
            f"http://api.example:x@{ip}:{port}/",
            f"http://{ip}:{port}\\@api.example/",
            f"http://api.example\\@{ip}:{port}/",
            f"http://api.example#@{ip}:{port}/",
            f"http://{ip}:{port}#@api.example/",
            f"http://{ip}:{port}?@api.example/",
            f"http://api.example;@{ip}:{port}/",
            f"http:// {ip}:{port}/",
            f"http://\t{ip}:{port}/",
            f"http:///{ip}:{port}/",
            f"http:/{ip}:{port}/",
            f"http:{ip}:{port}/",
            f"//{ip}:{port}/",
            f"HTTP://{ip}:{port}/",
            f"http://{ip}:0{port}/",
            f"http://{ip}%00.api.example:{port}/",
            f"http://{ip}\x00.api.example:{port}/",
            f"http://[{ip}]:{port}/",
            f"ftp://{ip}:{port}/",
            f"gopher://{ip}:{port}/_x",
            f"file://{ip}/etc/passwd",
            f"http+unix://{ip}:{port}/",
            f"ws://{ip}:{port}/",
        )
    for host in (
        *("localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "ip6-localhost", "api.example"),
        *("[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]", "[fe80::1]", "[fe80::1%25eth0]", "[fec0::1]", "[fd00::1]"),
        *("[ff02::1]", "[2001:0:7f00:1::1]", "[100::1]", "0", "0x0", "00", "127.1", "0177.1", "0x7f.1", "metadata"),
        *("ⓛocalhost", "lo\u00adcalhost", "localhost\u3002", "xn--", "*", "", ".", "..", "-", "a_b", "[", "[]", "[:]"),
    ):
        yield f"http://{host}:{port}/"
        yield f"http://{host}/"


async def worst_case(host: str, port: int) -> list[str]:
    """Numbers as the C library reads them, and every name at all leads to loopback."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=NUMERIC)
    except OSError:
        return ["127.0.0.1"]
    return [str(address[0]) for *_, address in found]


@pytest.fixture
async def attempts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every connection that the event loop was asked to make; those beyond loopback fail here."""
    made: list[object] = []
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def recorded(sock: socket.socket, address: object) -> None:
        made.append(address)
        if isinstance(address, tuple) and not str(address[0]).startswith("127."):
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        await connect(sock, address)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "sock_connect", recorded)
    return made


@pytest.fixture
async def guarded(make: Make) -> AsyncIterator[Client]:
    async with make(lookup=worst_case) as client:
        yield client


async def test_no_spelling_of_an_inside_address_is_connected_to(guarded: Client, attempts: list[object]) -> None:
    link = Link(total_timeout_s=2)
    async with HostileServer(always(answer())) as server:
        spellings = set(urls(server.port))
        for url in spellings:
            reply = await guarded.exchange(Request("GET", url, link=link))
            assert reply.failure is not None, url
            assert not reply.failure.is_sent, url
            assert reply.failure.cause in (Cause.GUARD, Cause.BAD_REQUEST, Cause.DNS), (url, reply.failure)
    assert len(spellings) >= 400
    assert attempts == []
    assert server.connections == 0


async def test_the_recorder_sees_what_is_allowed(make: Make, attempts: list[object]) -> None:
    """Proves that the test above can fail."""
    async with HostileServer(always(answer())) as server:
        allow = parse_allow_list([server.authority])
        async with make(allow, lookup=worst_case) as client:
            reply = await client.exchange(Request("GET", server.url()))
    assert reply.response is not None
    assert attempts == [("127.0.0.1", server.port)]


async def test_another_port_of_an_allowed_host_stays_forbidden(make: Make, attempts: list[object]) -> None:
    other = "127.0.0.1:1"
    async with HostileServer(always(answer())) as server, make(parse_allow_list([other])) as client:
        reply = await client.exchange(Request("GET", server.url()))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.GUARD
    assert attempts == []


async def test_one_inside_answer_among_public_ones_forbids_the_name(make: Make, attempts: list[object]) -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "127.0.0.1"]

    async with HostileServer(always(answer())) as server, make(lookup=mixed) as client:
        reply = await client.exchange(Request("GET", f"http://rebind.example:{server.port}/"))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.GUARD
    assert "127.0.0.1" not in reply.failure.words
    assert attempts == []


async def test_a_name_that_changes_its_answer_is_checked_with_the_answer_that_is_used(
    make: Make, attempts: list[object]
) -> None:
    """First public, then loopback: the public one is tried, the other one never."""
    answers = iter([["192.0.1.1"], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    link = Link(connect_timeout_s=0.2, total_timeout_s=0.5)
    async with HostileServer(always(answer())) as server, make(lookup=rebinding, names_kept_s=0) as client:
        url = f"http://rebind.example:{server.port}/"
        first = await client.exchange(Request("GET", url, link=link))
        second = await client.exchange(Request("GET", url, link=link))
    assert first.failure is not None
    assert not first.failure.is_sent
    assert second.failure is not None
    assert second.failure.cause is Cause.GUARD
    assert len(asked) == 2
    assert server.connections == 0
    assert {address[0] for address in attempts if isinstance(address, tuple)} == {"192.0.1.1"}


async def test_an_allowed_name_may_lead_inside_on_its_port(make: Make, attempts: list[object]) -> None:
    async with HostileServer(always(answer())) as server:
        allow = parse_allow_list([f"modem.lan:{server.port}"])
        async with make(allow, lookup=worst_case) as client:
            by_name = await client.exchange(Request("GET", f"http://modem.lan:{server.port}/"))
            by_other = await client.exchange(Request("GET", f"http://other.lan:{server.port}/"))
    assert by_name.response is not None
    assert server.requests[0].headers["host"] == f"modem.lan:{server.port}"
    assert by_other.failure is not None
    assert by_other.failure.cause is Cause.GUARD


async def test_a_guarded_host_is_not_a_reason_to_try_the_backup(guarded: Client) -> None:
    async with HostileServer(always(answer())) as server:
        reply = await guarded.exchange(Request("GET", server.url(), backup_urls=(server.url("/b"),)))
    assert reply.failure is not None
    assert (reply.failure.cause, reply.url) == (Cause.GUARD, server.url())


@pytest.mark.parametrize("target", ["http://10.0.0.9/", "http://169.254.169.254/latest/", "http://[fd00::1]/"])
async def test_an_allowed_proxy_is_no_way_around_the_guard(make: Make, target: str) -> None:
    async with HostileServer(always(answer())) as proxy:
        link = Link(proxy_url=proxy.url())
        async with make(parse_allow_list([proxy.authority]), lookup=worst_case) as client:
            reply = await client.exchange(Request("GET", target, link=link))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.GUARD
    assert proxy.connections == 0


async def test_the_proxy_itself_is_guarded(make: Make, attempts: list[object]) -> None:
    async with HostileServer(always(answer())) as proxy, make() as client:
        reply = await client.exchange(Request("GET", "http://93.184.216.34/", link=Link(proxy_url=proxy.url())))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.GUARD
    assert attempts == []
