"""The reader of answers: framing that cannot be talked round, limits that hold, whatever way the bytes are cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatepost.providers.wire import Response
from gatepost.transport.answers import FRAMING_PER_BODY, MAX_FRAMING, AnswerReader, Result
from gatepost.transport.egress import Cause, Failure

LIMIT = 1000
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Read:
    """What came of the bytes; `taken`: how many the reader took."""

    result: Result
    is_reusable: bool
    taken: int


def read(*pieces: bytes, is_head_request: bool = False, max_bytes: int = LIMIT) -> Read:
    reader = AnswerReader()
    reader.start(is_head_request=is_head_request, max_bytes=max_bytes)
    result = None
    for piece in pieces:
        result = reader.feed(piece)
    is_reusable = reader.is_reusable
    return Read(result or reader.finish(), is_reusable, reader._fed)


def cut(raw: bytes, places: Sequence[int]) -> list[bytes]:
    edges = sorted({0, len(raw), *(place % (len(raw) + 1) for place in places)})
    return [raw[start:end] for start, end in pairwise(edges)]


def failure_of(*pieces: bytes, max_bytes: int = LIMIT) -> Failure:
    result = read(*pieces, max_bytes=max_bytes).result
    assert isinstance(result, Failure), result
    assert result.is_sent
    return result


def response_of(*pieces: bytes, is_head_request: bool = False) -> Response:
    result = read(*pieces, is_head_request=is_head_request).result
    assert isinstance(result, Response), result
    return result


tokens = st.sampled_from(
    [
        *(b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/2.0 ", b"200", b"100", b"101", b"204", b"304", b"500", b"099", b" OK"),
        *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b": ", b";", b",", b"\x00", b"\xff", b"\x80"),
        *(b"Content-Length: ", b"Transfer-Encoding: ", b"chunked", b"identity", b"gzip", b"Connection: ", b"close"),
        *(b"keep-alive", b"Upgrade: ", b"Content-Encoding: ", b"X-Id: ", b"0", b"1", b"3", b"a", b"ff", b"-1", b"+1"),
        *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"1\r\nx\r\n", b"99999999999999999999", b"abc"),
        *(OK, OK + b"Content-Length: 3\r\n\r\nabc", OK + b"Transfer-Encoding: chunked\r\n\r\n"),
        *(b"x" * 600, b"y" * 20_000, b"A: b\r\n" * 3000),
    ]
)
anything = st.one_of(st.lists(tokens, max_size=14).map(b"".join), st.binary(max_size=300))
bodies = st.binary(max_size=LIMIT)
names = st.from_regex(r"X-[A-Za-z0-9_-]{1,20}", fullmatch=True)
values = st.from_regex(r"(?:[!-~](?:[ -~\t]{0,30}[!-~])?)?", fullmatch=True)
headers = st.lists(st.tuples(names, values), max_size=6)
places = st.lists(st.integers(0, 100_000), max_size=12)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, Response, bool]:
    """The bytes of an honest answer, what they mean, and whether its end can be seen in them."""
    status = draw(st.sampled_from([200, 201, 202, 204, 304, 400, 404, 429, 500, 503]))
    body = b"" if status in (204, 304) else draw(bodies)
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    shown = [*draw(headers)]
    if framing == "length":
        shown.append(("Content-Length", str(len(body))))
    elif framing == "chunked":
        shown.append(("Transfer-Encoding", "chunked"))
    eol = draw(st.sampled_from(["\r\n", "\n"]))
    lines = [f"HTTP/1.1 {status} Reason", *(f"{name}: {value}" for name, value in shown), "", ""]
    raw = b"HTTP/1.1 100 Continue\r\n\r\n" * draw(st.integers(0, 2)) + eol.join(lines).encode()
    has_end = framing != "close" or status in (204, 304)
    if status not in (204, 304):
        raw += draw(st.sampled_from(_chunkings(body))) if framing == "chunked" else body
    meant = tuple((name.lower(), value.strip(" \t")) for name, value in shown)
    return raw, Response(status, meant, body), has_end


def _chunkings(body: bytes) -> list[bytes]:
    def chunked(size: int, extension: bytes = b"", trailer: bytes = b"") -> bytes:
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        lines = [b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts]
        return b"".join(lines) + b"0\r\n" + trailer + b"\r\n"

    return [chunked(1), chunked(7, b" "), chunked(300, b";name=value"), chunked(5000, trailer=b"X-Sum: 1\r\n")]


@given(answers(), places)
def test_an_honest_answer_is_read_as_it_was_meant(answer: tuple[bytes, Response, bool], at: list[int]) -> None:
    raw, meant, has_end = answer
    found = read(*cut(raw, at))
    assert found.result == meant
    assert found.is_reusable is has_end
    assert found.taken == len(raw)


@given(answers(), places, st.binary(min_size=1, max_size=40).filter(lambda extra: extra.strip(b"\r\n") != b""))
def test_bytes_after_an_answer_end_the_connection_and_change_nothing(
    answer: tuple[bytes, Response, bool], at: list[int], extra: bytes
) -> None:
    raw, meant, has_end = answer
    if has_end:
        found = read(*cut(raw + extra, at))
        assert found.result == meant
        assert not found.is_reusable


@given(answers(), st.integers(0, 100_000))
def test_an_answer_that_ends_early_is_no_answer(answer: tuple[bytes, Response, bool], place: int) -> None:
    raw, _, has_end = answer
    if has_end:
        result = read(raw[: place % len(raw)]).result
        assert isinstance(result, Failure)
        assert result.cause in (Cause.LOST, Cause.CUT_OFF)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An honest answer with a few pieces replaced by others."""
    raw, _, _ = draw(answers())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        raw = raw[:start] + draw(st.one_of(tokens, st.binary(max_size=3))) + raw[start + draw(st.integers(0, 5)) :]
    return raw


@given(st.one_of(anything, damaged()), places, st.booleans())
@example(OK + b"A: b\r\n" * 6000, [10_000], False)
@example(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 40_000, [30_000], False)
@example(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 999 + b"0\r\n" + b"T: u\r\n" * 9000, [9], False)
def test_whatever_comes_the_result_does_not_depend_on_how_it_is_cut(raw: bytes, at: list[int], is_head: bool) -> None:
    whole = read(raw, is_head_request=is_head)
    assert isinstance(whole.result, Response) or whole.result.is_sent
    if isinstance(whole.result, Response):
        assert len(whole.result.body) <= LIMIT
        assert 200 <= whole.result.status <= 999
    assert read(*cut(raw, at), is_head_request=is_head).result == whole.result
    assert read(*cut(raw, range(min(len(raw), 400))), is_head_request=is_head).result == whole.result


@given(st.lists(tokens, max_size=40).map(b"".join), st.integers(0, 3))
def test_the_reader_takes_no_more_than_its_limits(raw: bytes, times: int) -> None:
    reader = AnswerReader()
    reader.start(is_head_request=False, max_bytes=LIMIT)
    for _ in range(1 + times):
        reader.feed(raw)
    assert reader._fed <= MAX_FRAMING + (1 + FRAMING_PER_BODY) * LIMIT + 1
    assert sum(map(len, reader._chunks)) <= LIMIT


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", Cause.NOT_HTTP),
        (OK + b"Content-Length: 3, 3\r\n\r\nabc", Cause.NOT_HTTP),
        (OK + b"Content-Length: +3\r\n\r\nabc", Cause.NOT_HTTP),
        (OK + b"Content-Length: -3\r\n\r\nabc", Cause.NOT_HTTP),
        (OK + b"Content-Length: 99999999999999999999999\r\n\r\nabc", Cause.NOT_HTTP),
        (OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"Transfer-Encoding: xchunked\r\n\r\nabc", Cause.NOT_HTTP),
        (OK + b"X: a\x00b\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"X: a\rb\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"X\x00: a\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"X : a\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"X: a\r\n folded\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"X: " + b"a" * MAX_FRAMING + b"\r\n\r\n", Cause.NOT_HTTP),
        (OK + b"A: b\r\n" * 10_000, Cause.NOT_HTTP),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, Cause.NOT_HTTP),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Cause.NOT_HTTP),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Cause.NOT_HTTP),
        (b"HTTP/1.1 199 Odd\r\nContent-Length: 3\r\n\r\nabc", Cause.NOT_HTTP),
        (b"HTTP/1.1 099 Odd\r\nContent-Length: 3\r\n\r\nabc", Cause.NOT_HTTP),
        (b"HTTP/1.1 20\r\n\r\n", Cause.NOT_HTTP),
        (b"ICY 200 OK\r\n\r\n", Cause.NOT_HTTP),
        (b"<html>", Cause.NOT_HTTP),
        (b"\x16\x03\x01\x02\x00", Cause.NOT_HTTP),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", Cause.COMPRESSED),
        (OK + b"Content-Length: 1001\r\n\r\n", Cause.TOO_LARGE),
        (OK + b"\r\n" + b"x" * 1001, Cause.TOO_LARGE),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001, Cause.TOO_LARGE),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 50_000, Cause.TOO_LARGE),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * 9000, Cause.TOO_LARGE),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", Cause.CUT_OFF),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd", Cause.CUT_OFF),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", Cause.CUT_OFF),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Cause.CUT_OFF),
        (OK + b"Content-Length: 3\r\n\r\nab", Cause.CUT_OFF),
        (OK + b"Content-Le", Cause.LOST),
        (b"", Cause.LOST),
    ],
)
def test_an_answer_that_two_readers_could_read_differently_is_none(raw: bytes, cause: Cause) -> None:
    assert failure_of(raw).cause is cause
    assert not read(raw).is_reusable


@pytest.mark.parametrize("framing", [b"Content-Length: 99999\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_a_head_request_has_no_body_whatever_is_announced(framing: bytes) -> None:
    assert response_of(OK + framing + b"\r\n", is_head_request=True).body == b""
    assert not read(OK + framing + b"\r\n", is_head_request=True).is_reusable


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_ends_with_its_headers(status: int) -> None:
    raw = b"HTTP/1.1 %d x\r\nContent-Length: 5\r\n\r\n" % status
    assert response_of(raw).body == b""
    assert read(raw).is_reusable
    assert not read(raw + b"hello").is_reusable


@pytest.mark.parametrize(
    ("head", "is_kept"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: Keep-Alive, CLOSE\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/2.0 200 OK\r\n", False),
    ],
)
def test_a_connection_is_kept_when_the_answer_allows_it(head: bytes, is_kept: bool) -> None:
    assert read(head + b"Content-Length: 0\r\n\r\n").is_reusable is is_kept


def test_one_reader_reads_many_answers() -> None:
    reader = AnswerReader()
    for number in range(3):
        reader.start(is_head_request=False, max_bytes=LIMIT)
        result = reader.feed(OK + b"X-Number: %d\r\nContent-Length: 1\r\n\r\n%d" % (number, number))
        assert result == Response(200, (("x-number", str(number)), ("content-length", "1")), b"%d" % number)
        assert reader.is_reusable


def test_a_body_that_ends_with_the_connection_is_whole_only_if_it_ended_in_good_order() -> None:
    reader = AnswerReader()
    reader.start(is_head_request=False, max_bytes=LIMIT)
    assert reader.feed(OK + b"\r\nOK: 12") is None
    assert reader.finish(is_clean=False) == Failure(Cause.CUT_OFF, True)
    assert response_of(OK + b"\r\nOK: 12").body == b"OK: 12"


def test_header_values_are_text_in_utf_8_else_latin_1() -> None:
    found = response_of(OK + b"X-A: \xc3\xa9\r\nX-B: \xe9\r\nContent-Length: 0\r\n\r\n")
    assert (found.header("x-a"), found.header("x-b")) == ("é", "é")
