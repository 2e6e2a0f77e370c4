"""Django behind the bridge: what it sees of a request, and that nobody holds its threads."""

import asyncio
import io
import threading

import pytest
from tests.support import asgi
from tests.support.asgi import GONE

from gatepost.intake import app, bridge
from gatepost.intake.bridge import Bridge


class Seen:
    """A WSGI application that remembers what it was asked, and answers 200."""

    def __init__(self, chunks=(b"fine",), headers=()):
        self.environ = {}
        self.body = b""
        self.in_file = False
        self.threads = set()
        self.chunks = chunks
        self.headers = list(headers)
        self.is_closed = False

    def __call__(self, environ, start_response):
        self.environ = environ
        self.in_file = getattr(environ["wsgi.input"], "_rolled", False)
        self.body = environ["wsgi.input"].read()
        self.threads.add(threading.get_ident())
        start_response("200 OK", [("Content-Type", "text/plain"), *self.headers])
        return self

    def __iter__(self):
        yield from self.chunks

    def close(self):
        self.is_closed = True


@pytest.fixture
def bridged():
    built = []

    def build(application):
        built.append(Bridge(application))
        return built[-1]

    yield build
    for one in built:
        one.close()


async def test_a_binary_body_arrives_as_it_was_sent(bridged):
    seen = Seen()
    body = bytes(range(256)) * 50
    answer = await asgi.request(bridged(seen), "POST", "/x", [body[:100], b"", body[100:]])
    assert (answer.status, answer.body) == (200, b"fine")
    assert seen.body == body
    assert seen.environ["CONTENT_LENGTH"] == str(len(body))
    assert seen.is_closed


async def test_the_length_is_what_came_and_not_what_was_claimed(bridged):
    seen = Seen()
    await asgi.request(bridged(seen), "POST", "/x", b"abc", [("content-length", "9999")])
    assert seen.environ["CONTENT_LENGTH"] == "3"
    assert "HTTP_CONTENT_LENGTH" not in seen.environ


async def test_path_and_query_are_bytes_as_they_came(bridged):
    seen = Seen()
    await asgi.request(bridged(seen), "GET", "/caf%C3%A9/%2F?q=\xe9%20a+b&r=%ff&s='\"<>")
    assert seen.environ["PATH_INFO"].encode("latin-1") == "/café//".encode()
    assert seen.environ["QUERY_STRING"] == "q=%E9%20a+b&r=%ff&s='%22%3C%3E"
    assert seen.environ["QUERY_STRING"].isascii()


async def test_repeated_headers_are_joined_and_cookies_in_their_own_way(bridged):
    seen = Seen()
    headers = [("accept", "a"), ("accept", "b"), ("cookie", "x=1"), ("cookie", "y=2")]
    await asgi.request(bridged(seen), "GET", "/", b"", headers)
    assert seen.environ["HTTP_ACCEPT"] == "a,b"
    assert seen.environ["HTTP_COOKIE"] == "x=1; y=2"


async def test_a_header_with_an_underscore_cannot_pose_as_another(bridged):
    seen = Seen()
    headers = [("x_forwarded_for", "6.6.6.6"), ("x-real", "1"), ("x_real", "2"), ("content_length", "9")]
    await asgi.request(bridged(seen), "GET", "/", b"", headers)
    assert seen.environ["HTTP_X_REAL"] == "1"
    assert "HTTP_X_FORWARDED_FOR" not in seen.environ
    assert seen.environ["CONTENT_LENGTH"] == "0"


async def test_a_large_upload_goes_to_disk_and_a_larger_one_is_refused(bridged, monkeypatch):
    monkeypatch.setattr(bridge, "IN_MEMORY", 1000)
    monkeypatch.setattr(bridge, "MAX_BODY", 100_000)
    seen = Seen()
    assert (await asgi.request(bridged(seen), "POST", "/x", [b"a" * 500] * 10)).status == 200
    assert (len(seen.body), seen.in_file) == (5000, True)

    async def front(scope, receive, send):
        with pytest.raises(bridge.Problem) as problem:
            await bridged(seen)(scope, receive, send)
        assert problem.value.status == 413

    await asgi.request(front, "POST", "/x", [b"a" * 60_000] * 2)


async def test_slow_uploads_hold_no_thread(bridged, monkeypatch):
    monkeypatch.setattr(bridge, "THREADS", 1)
    seen = Seen()
    application = bridged(seen)
    slow = [asyncio.create_task(asgi.request(application, "POST", "/slow", [b"a"] * 5, pause_s=0.2)) for _ in range(10)]
    await asyncio.sleep(0.05)
    assert seen.threads == set()
    assert (await asgi.request(application, "GET", "/")).status == 200
    assert not any(task.done() for task in slow)
    assert {answer.status for answer in await asyncio.gather(*slow)} == {200}


async def test_an_upload_that_breaks_off_never_reaches_django(bridged):
    seen = Seen()

    async def front(scope, receive, send):
        with pytest.raises(bridge.Disconnected):
            await bridged(seen)(scope, receive, send)

    await asgi.request(front, "POST", "/x", [b"a", GONE])
    assert seen.environ == {}


async def test_an_answer_leaves_piece_by_piece(bridged):
    came = []
    go_on = threading.Event()

    def pieces():
        yield b"one"
        assert go_on.wait(60)
        yield b""
        yield b"two"

    async def front(scope, receive, send):
        async def sending(event):
            came.append(event)
            await send(event)
            if event.get("body") == b"one":
                go_on.set()

        await bridged(Seen(pieces(), [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]))(scope, receive, sending)

    answer = await asgi.request(front, "GET", "/")
    assert [event.get("body") for event in came] == [None, b"one", b"two", b""]
    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert answer.is_whole


async def test_an_answer_without_a_body_is_an_answer(bridged):
    answer = await asgi.request(bridged(Seen(())), "GET", "/")
    assert (answer.status, answer.body, answer.is_whole) == (200, b"", True)


async def test_an_application_that_fails_before_it_answers_is_a_500(front, bridged, monkeypatch):
    def failing(environ, start_response):
        raise ZeroDivisionError

    monkeypatch.setattr(app.front, "_bridge", bridged(failing))
    answer = await front.request("GET", "/x")
    assert (answer.status, answer.json()["code"]) == (500, "internal_error")


async def test_an_application_that_fails_in_the_middle_of_its_answer_breaks_off(front, bridged, monkeypatch):
    def breaking(environ, start_response):
        start_response("200 OK", [])
        yield b"half"
        raise ZeroDivisionError

    monkeypatch.setattr(app.front, "_bridge", bridged(breaking))
    came = []

    async def watched(scope, receive, send):
        async def sending(event):
            came.append(event)
            await send(event)

        await app.application(scope, receive, sending)

    with pytest.raises(ZeroDivisionError):
        await asgi.request(watched, "GET", "/x")
    assert [event.get("body") for event in came] == [None, b"half"]


async def test_django_answers_behind_it(front):
    answer = await front.request("GET", "/api/v1/messages?to=%2B48\xff")
    assert answer.status == 200
    assert answer.json()["items"] == []
    assert (await front.request("GET", "/api/v1/nothing-here")).status == 404
    assert (await front.request("PUT", "/api/v1/messages", b"{}")).status == 405


def test_what_wsgi_asks_for_is_there():
    scope = {"method": "GET", "path": "/é", "headers": [(b"host", b"gp.example")], "query_string": b""}
    variables = bridge.environ(scope, io.BytesIO(), 0)
    assert variables["wsgi.version"] == (1, 0)
    assert variables["PATH_INFO"].encode("latin-1") == "/é".encode()
    assert variables["HTTP_HOST"] == "gp.example"
    assert (variables["SERVER_PORT"], variables["REMOTE_ADDR"]) == ("80", "")


async def test_a_large_upload_may_take_longer_than_a_small_body(bridged, monkeypatch):
    monkeypatch.setattr(bridge, "BODY_DEADLINE_S", 0.2)
    monkeypatch.setattr(bridge, "SLOWEST", 1024)
    seen = Seen()
    chunks = [b"x" * 1024] * 4
    answer = await asgi.request(bridged(seen), "POST", "/x", chunks, pause_s=0.1)
    assert (answer.status, len(seen.body)) == (200, 4096)


async def test_an_upload_that_trickles_is_given_up(bridged, monkeypatch):
    monkeypatch.setattr(bridge, "BODY_DEADLINE_S", 0.05)
    with pytest.raises(TimeoutError):
        await asgi.request(bridged(Seen()), "POST", "/x", [b"x"] * 100, pause_s=0.02)
