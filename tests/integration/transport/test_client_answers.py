"""Answers that are odd but honest come back as they are; it is the adapter that judges them."""

import asyncio

import pytest
from tests.integration.transport.hostile_server import Behaviour, HostileServer, Seen, always, answer, then_close

from gatepost.providers.wire import Link, Request
from gatepost.transport.client import Client

HTML = b"<html><body>502 Bad Gateway</body></html>"

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nT: x\r\n\r\n"
ANSWERS: list[tuple[str, bytes, int, bytes]] = [
    ("HTML", answer(HTML, "200 OK", "Content-Type: text/html"), 200, HTML),
    ("truncated JSON", answer(b'{"id": "1', "200 OK", "Content-Type: application/json"), 200, b'{"id": "1'),
    ("wrong charset", answer("Ж".encode("cp1251"), "200 OK", "Content-Type: text/plain; charset=utf-8"), 200, b"\xc6"),
    ("no content", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ("no content with a length", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, b""),
    ("not modified", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n", 304, b""),
    ("client error", answer(b"no", "400 Bad Request"), 400, b"no"),
    ("server error", answer(b"oops", "503 Service Unavailable"), 503, b"oops"),
    ("throttled", answer(b"slow down", "429 Too Many Requests", "Retry-After: 7"), 429, b"slow down"),
    ("a status nobody knows", answer(b"?", "799 Whatever"), 799, b"?"),
    ("no reason", b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    ("bare line feeds", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, b"ok"),
    (
        "interim answers first",
        INTERIM + answer(),
        200,
        b"ok",
    ),
    (
        "chunks",
        OK + CHUNKS,
        200,
        b"ok",
    ),
    ("HTTP/1.0 that keeps", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
]


@pytest.mark.parametrize(("raw", "status", "body"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
async def test_an_odd_answer_comes_back_and_the_connection_is_kept(
    client: Client, raw: bytes, status: int, body: bytes
) -> None:
    async with HostileServer(always(raw)) as server:
        for _ in range(2):
            reply = await client.exchange(Request("POST", server.url(), (), b"x"))
            assert reply.response is not None, reply.failure
            assert (reply.response.status, reply.response.body) == (status, body)
    assert (len(server.requests), server.connections) == (2, 1)


async def test_what_an_answer_says_about_waiting_comes_back(client: Client) -> None:
    raw = answer(b"", "429 Too Many Requests", "Retry-After: 7")
    async with HostileServer(always(raw)) as server:
        reply = await client.exchange(Request("POST", server.url()))
    assert reply.response is not None
    assert reply.response.header("Retry-After") == "7"


async def test_an_answer_in_many_pieces_is_one_answer(client: Client) -> None:
    raw = answer(b"0123456789" * 20)

    async def behave(_: Seen, writer: asyncio.StreamWriter) -> None:
        for at in range(0, len(raw), 7):
            writer.write(raw[at : at + 7])
            await writer.drain()
            await asyncio.sleep(0)

    async with HostileServer(behave) as server:
        reply = await client.exchange(Request("POST", server.url()))
    assert reply.response is not None
    assert reply.response.body == b"0123456789" * 20


@pytest.mark.parametrize(
    "behave",
    [
        always(answer(b"ok", "200 OK", "Connection: close")),
        always(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        then_close(b"HTTP/1.1 200 OK\r\n\r\nok"),
        always(answer() + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"),
    ],
    ids=["asked to close", "HTTP/1.0", "no length", "more than one answer"],
)
async def test_a_connection_is_not_used_again_when_its_answer_was_the_last(client: Client, behave: Behaviour) -> None:
    async with HostileServer(behave) as server:
        for _ in range(2):
            reply = await client.exchange(Request("POST", server.url()))
            assert reply.response is not None, reply.failure
            assert reply.response.body == b"ok"
    assert server.connections == 2


async def test_a_head_request_takes_no_body_even_if_one_is_announced(client: Client) -> None:
    async with HostileServer(always(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")) as server:
        for _ in range(2):
            reply = await client.exchange(Request("HEAD", server.url(), link=Link(total_timeout_s=5)))
            assert reply.response is not None, reply.failure
            assert reply.response.body == b""
    assert len(server.requests) == 2
