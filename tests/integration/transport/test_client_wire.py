"""What leaves the machine, exactly, and what of the answer comes back."""

import pytest
from tests.integration.transport.hostile_server import HostileServer, always, answer

from gatepost.providers.wire import Request
from gatepost.transport.client import Client
from gatepost.transport.egress import Cause
from gatepost.transport.heads import METHODS


async def test_the_request_arrives_as_the_adapter_built_it(client: Client) -> None:
    async with HostileServer(always(answer(b"\xff\x00done", "201 Created", "X-Id: 7", "x-id: 8"))) as server:
        reply = await client.exchange(
            Request(
                "POST",
                server.url("/a%2Fb/../c?x=%20+%41&y=%c3%bc&y=&z"),
                (("Content-Type", "text/xml"), ("X-Twice", "1"), ("X-Twice", "2"), ("Accept-Encoding", "gzip")),
                b"<a>\xc3\xa9</a>",
            )
        )
    (seen,) = server.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/a%2Fb/../c?x=%20+%41&y=%c3%bc&y=&z", b"<a>\xc3\xa9</a>")
    assert seen.headers["content-type"] == "text/xml"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["host"] == server.authority
    assert reply.response is not None
    assert reply.response.status == 201
    assert reply.response.body == b"\xff\x00done"
    assert [value for name, value in reply.response.headers if name == "x-id"] == ["7", "8"]
    assert reply.is_sent
    assert 0 <= reply.connect_ms <= reply.total_ms


async def test_nothing_is_added_but_what_http_needs(client: Client) -> None:
    async with HostileServer(always(answer())) as server:
        await client.exchange(Request("GET", server.url("/")))
        await client.exchange(Request("POST", server.url("/")))
    get, post = server.requests
    assert set(get.headers) == {"host", "accept", "accept-encoding", "user-agent"}
    assert set(post.headers) == {*get.headers, "content-length"}
    assert get.headers["user-agent"] == "Gatepost"


async def test_settings_cannot_reach_into_the_framing(client: Client) -> None:
    smuggled = (("Content-Length", "3"), ("Transfer-Encoding", "chunked"), ("Connection", "close"), ("Expect", "100"))
    async with HostileServer(always(answer())) as server:
        reply = await client.exchange(Request("POST", server.url("/"), smuggled, b"GET /evil HTTP/1.1\r\n\r\n"))
    (seen,) = server.requests
    assert reply.response is not None
    assert seen.body == b"GET /evil HTTP/1.1\r\n\r\n"
    assert not {"transfer-encoding", "connection", "expect"} & set(seen.headers)


@pytest.mark.parametrize(
    ("url_tail", "headers"),
    [
        ("/a b", ()),
        ("/a\r\nX-Evil: 1", ()),
        ("/ü", ()),
        ("/x#part", ()),
        ("/", (("X-A", "1\r\nX-Evil: 1"),)),
        ("/", (("X-A\r\nX-Evil", "1"),)),
        ("/", (("X-A", "1\x00"),)),
    ],
)
async def test_what_could_break_out_of_its_place_is_not_sent(
    client: Client, url_tail: str, headers: tuple[tuple[str, str], ...]
) -> None:
    async with HostileServer(always(answer())) as server:
        reply = await client.exchange(Request("POST", server.url() + url_tail[1:], headers))
    assert reply.failure is not None
    assert (reply.failure.cause, reply.failure.is_sent) == (Cause.BAD_REQUEST, False)
    assert server.requests == []


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "GET /x HTTP/1.1\r\nX:"])
async def test_only_the_usual_methods_are_sent(client: Client, method: str) -> None:
    async with HostileServer(always(answer())) as server:
        reply = await client.exchange(Request(method, server.url()))
    assert reply.failure is not None
    assert reply.failure.cause is Cause.BAD_REQUEST
    assert server.connections == 0


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_every_method_can_carry_a_body_and_keeps_the_connection(client: Client, method: str) -> None:
    raw = answer(b"") if method == "HEAD" else answer(b"ok")
    async with HostileServer(always(raw)) as server:
        for body in (b"", b"some"):
            reply = await client.exchange(Request(method, server.url(), (), body))
            assert reply.response is not None, reply.failure
    assert [seen.body for seen in server.requests] == [b"", b"some"]
    assert server.connections == 1


async def test_no_cookie_is_ever_sent_back(client: Client) -> None:
    async with HostileServer(always(answer(b"", "200 OK", "Set-Cookie: session=1; Path=/"))) as server:
        for _ in range(2):
            await client.exchange(Request("GET", server.url()))
    assert all("cookie" not in seen.headers for seen in server.requests)


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_a_redirect_is_an_answer_and_is_not_followed(client: Client, status: str) -> None:
    there = "Location: http://169.254.169.254/latest/meta-data/"
    async with HostileServer(always(answer(b"", status, there))) as server:
        reply = await client.exchange(Request("GET", server.url()))
    assert reply.response is not None
    assert reply.response.status == int(status[:3])
    assert len(server.requests) == 1


async def test_a_large_body_arrives_whole(client: Client) -> None:
    body = b"0123456789abcdef" * 200_000
    async with HostileServer(always(answer())) as server:
        for _ in range(2):
            reply = await client.exchange(Request("POST", server.url(), (), body))
            assert reply.response is not None, reply.failure
    assert [seen.body == body for seen in server.requests] == [True, True]


async def test_the_environment_names_no_proxy(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with HostileServer(always(answer())) as server, HostileServer(always(answer())) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url())
        monkeypatch.setenv("HTTP_PROXY", proxy.url())
        await client.exchange(Request("GET", server.url()))
    assert (len(server.requests), proxy.connections) == (1, 0)
