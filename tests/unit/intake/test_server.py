"""The web server on the wire: what it makes of requests, of what is none, and of clients that dawdle or leave."""

import asyncio
import contextlib
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.installation import until

from gatepost.intake import connection as wire
from gatepost.intake import server as serving
from gatepost.intake.server import Server, lifespan

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
NO_REQUESTS = [
    (b"hello\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    (b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    (b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 300 + b"\r\n", 431),
]


async def read(receive):
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ConnectionResetError
        body, more = body + event["body"], event["more_body"]
    return body


class App:
    """Tells what it was asked; its paths are ways to answer."""

    def __init__(self):
        self.seen = []
        self.gone = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, scope, receive, send):
        how = scope["path"].strip("/")
        self.seen.append(scope)
        if how == "early":
            await self.answer(send, b"no", 401)
            return
        body = await read(receive)
        if how == "gone":
            await receive()
            self.gone.set()
        elif how == "raise":
            raise ZeroDivisionError
        elif how in ("stream", "cut", "endless"):
            await self.stream(send, how)
        elif how == "short":
            await self.answer(send, b"short", headers=[(b"content-length", b"9")])
        elif how == "split":
            await self.answer(send, b"", headers=[(b"x", b"a\r\nset-cookie: b")])
        else:
            if how == "wait":
                await self.go_on.wait()
            await self.answer(send, scope["method"].encode() + b" " + scope["raw_path"] + b" " + body)

    async def answer(self, send, body, status=200, headers=()):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def stream(self, send, how):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"part" * 10_000, "more_body": True})
                if how != "endless":
                    break
        finally:
            self.gone.set()
        if how == "cut":
            raise ZeroDivisionError
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def client(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


@asynccontextmanager
async def running(app=None, stop_timeout_s=5.0):
    async with Server(app or App(), "127.0.0.1", 0, stop_timeout_s=stop_timeout_s) as server:
        yield server


async def said(port, *parts, until_closed=True, pause_s=0.0):
    """Everything that comes back; `until_closed`: the server has to close by itself."""
    async with client(port) as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause_s)
        if not until_closed:
            writer.write_eof()
        async with asyncio.timeout(60):
            return await reader.read()


async def until_closed(reader):
    """What comes until the server closes the connection, or breaks it off."""
    got = b""
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionResetError):
            while part := await reader.read(65536):
                got += part
    return got


def bodies(answers):
    """Bodies of answers with a Content-Length, one after the other."""
    found = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        found.append(rest[:length])
        answers = rest[length:]
    return found


async def test_requests_on_one_connection_are_answered_in_order():
    app = App()
    async with running(app) as server:
        posts = b"".join(b"POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n%02d" % (n, n) for n in range(30))
        answers = await said(server.port, posts + GET[:-2] + b"Connection: close\r\n\r\n")
    assert bodies(answers) == [b"POST /%d %02d" % (n, n) for n in range(30)] + [b"GET / "]
    assert answers.count(b"connection: close") == 1


async def test_what_the_application_is_told():
    app = App()
    async with running(app) as server:
        await said(
            server.port,
            b"GET /a%2Fb/%C3%A9%ff?x=%20 HTTP/1.1\r\nHost: h\r\nX-Foo: \xe9\r\nX-FOO: two\r\nConnection: close\r\n\r\n",
        )
        await said(server.port, b"GET http://h.example/p?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    scope, absolute = app.seen
    assert scope["raw_path"] == b"/a%2Fb/%C3%A9%ff"
    assert scope["path"] == "/a/b/é\udcff"
    assert scope["query_string"] == b"x=%20"
    assert [value for name, value in scope["headers"] if name == b"x-foo"] == [b"\xe9", b"two"]
    assert scope["client"][0] == "127.0.0.1"
    assert (absolute["raw_path"], absolute["query_string"]) == (b"/p", b"q")


@given(st.lists(st.integers(1, 400), max_size=20))
@settings(max_examples=30)
def test_it_does_not_matter_how_the_bytes_are_cut(cuts):
    wanted = (
        b"POST /one?q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        b"POST /two HTTP/1.1\r\nHost: h\r\nContent-Length: 300\r\nConnection: close\r\n\r\n" + b"x" * 300
    )
    parts, rest = [], wanted
    for cut in cuts:
        parts.append(rest[:cut])
        rest = rest[cut:]

    async def check():
        async with running() as server:
            answers = await said(server.port, *parts, rest)
        assert bodies(answers) == [b"POST /one abcde", b"POST /two " + b"x" * 300]

    asyncio.run(check())


@pytest.mark.parametrize(("sent", "status"), NO_REQUESTS)
async def test_what_is_no_request_is_refused_and_cut_off(sent, status):
    app = App()
    async with running(app) as server:
        answer = await said(server.port, sent)
        assert bodies(await said(server.port, GET, until_closed=False)) == [b"GET / "]
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert [scope["path"] for scope in app.seen if scope["path"] != "/"] == []


@given(st.binary(max_size=300), st.sampled_from([b"", GET, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"]))
@settings(max_examples=60)
def test_no_bytes_bring_it_down(garbage, before):
    async def check():
        async with running(stop_timeout_s=1) as server:
            await said(server.port, before + garbage, until_closed=False)
            assert bodies(await said(server.port, GET, until_closed=False)) == [b"GET / "]

    asyncio.run(check())


async def test_a_refusal_comes_after_the_answers_to_what_came_before():
    async with running() as server:
        answers = await said(server.port, GET + b"nonsense\r\n\r\n")
    assert bodies(answers)[0] == b"GET / "


async def test_a_body_that_turns_into_nonsense_is_refused():
    async with running() as server:
        answer = await said(
            server.port,
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"nonsense\r\n",
            pause_s=0.05,
        )
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_an_answer_before_the_body_was_read_ends_the_connection_and_arrives():
    async with running() as server:
        head = b"POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n"
        answer = await said(server.port, head, b"x" * 1_000_000, pause_s=0.05, until_closed=False)
    assert bodies(answer) == [b"no"]
    assert b"connection: close" in answer


async def test_who_asks_before_sending_a_body_is_told_to_go_on():
    async with running() as server, client(server.port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ab")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "body", [b"Content-Length: 2\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"]
)
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
async def test_an_offer_of_another_protocol_is_passed_over(body, protocol):
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + b"\r\nHTTP2-Settings: AAMAAABk\r\n"
    async with running() as server:
        for pause_s, parts in ((0, [body + GET]), (0.02, [body[:-3], body[-3:] + GET])):
            head = b"POST /x HTTP/1.1\r\nHost: h\r\n" + offer
            assert bodies(
                await said(server.port, head + parts[0], *parts[1:], pause_s=pause_s, until_closed=False)
            ) == [
                b"POST /x ab",
                b"GET / ",
            ]


async def test_head_has_the_head_only():
    async with running() as server:
        answer = await said(server.port, b"HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


async def test_a_stream_is_chunked_or_for_old_clients_ends_with_the_connection():
    async with running() as server:
        new = await said(server.port, b"GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        old = await said(server.port, b"GET /stream HTTP/1.0\r\n\r\n")
        kept = await said(server.port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", until_closed=False)
    assert b"transfer-encoding: chunked" in new
    assert new.endswith(b"part\r\n0\r\n\r\n")
    assert old.endswith(b"part")
    assert b"connection: keep-alive" in kept


@pytest.mark.parametrize(
    ("path", "begins", "ends"),
    [(b"cut", b"HTTP/1.1 200", b"part\r\n"), (b"short", b"HTTP/1.1 200", b"short"), (b"raise", b"HTTP/1.1 500", b"")],
)
async def test_an_answer_that_is_not_whole_does_not_look_whole(path, begins, ends):
    async with running() as server, client(server.port) as (reader, writer):
        writer.write(b"GET /" + path + b" HTTP/1.1\r\nHost: h\r\n\r\n")
        got = await until_closed(reader)
    assert got.startswith(begins)
    assert got.endswith(ends)


async def test_a_header_cannot_be_split():
    async with running() as server:
        answer = await said(server.port, b"GET /split HTTP/1.1\r\nHost: h\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in answer


async def test_the_application_learns_that_the_client_left():
    app = App()
    async with running(app) as server:
        for path in (b"/gone", b"/endless"):
            app.gone.clear()
            async with client(server.port) as (reader, writer):
                writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: h\r\n\r\n")
                if path == b"/endless":
                    await reader.read(1000)
                else:
                    await asyncio.sleep(0.05)
            await asyncio.wait_for(app.gone.wait(), 60)


async def test_who_does_not_read_is_not_written_to_for_ever(monkeypatch):
    monkeypatch.setattr(wire, "WRITE_S", 0.1)
    monkeypatch.setattr(serving, "CHECK_S", 0.05)
    app = App()
    async with running(app) as server, client(server.port) as (_, writer):
        writer.write(b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
        await asyncio.wait_for(app.gone.wait(), 60)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", GET])
async def test_who_dawdles_is_cut_off(monkeypatch, begun):
    for name in ("HEAD_S", "IDLE_S"):
        monkeypatch.setattr(wire, name, 0.1)
    monkeypatch.setattr(serving, "CHECK_S", 0.05)
    async with running() as server, client(server.port) as (reader, writer):
        writer.write(begun)
        await until_closed(reader)


async def test_stopping_answers_what_was_asked_and_takes_nothing_more():
    app = App()
    async with running(app) as server:
        idle = await asyncio.open_connection("127.0.0.1", server.port)
        asked = await asyncio.open_connection("127.0.0.1", server.port)
        asked[1].write(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        await until(lambda: bool(app.seen), 60, "the request to be read")
        asyncio.get_running_loop().call_later(0.1, app.go_on.set)
    assert bodies(await asked[0].read()) == [b"GET /wait "]
    assert await idle[0].read() == b""
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", server.port)
    for _, writer in (idle, asked):
        writer.close()


async def test_stopping_does_not_wait_for_ever():
    app = App()
    async with running(app, stop_timeout_s=0.1) as server, client(server.port) as (reader, writer):
        writer.write(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        await until(lambda: bool(app.seen), 60, "the request to be read")
        await server.__aexit__()
        assert await reader.read() == b""


async def test_one_client_too_many_is_told_to_come_again(monkeypatch):
    monkeypatch.setattr(serving, "MAX_CONNECTIONS", 1)
    async with running() as server, client(server.port):
        await until(lambda: bool(server._connections), 60, "the first client to be counted")
        answer = await said(server.port, GET)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer


async def test_the_application_lives_as_long_as_the_server():
    told = []

    async def app(scope, receive, send):
        while not told or told[-1] != "lifespan.shutdown":
            told.append((await receive())["type"])
            await send({"type": f"{told[-1]}.complete"})

    async with lifespan(app):
        assert told == ["lifespan.startup"]
    assert told == ["lifespan.startup", "lifespan.shutdown"]


async def test_an_application_that_does_not_start_is_not_served():
    async def app(scope, receive, send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with lifespan(app):
            pytest.fail("it did not start")
