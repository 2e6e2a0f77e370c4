"""Reads answers off a connection, one per request. httptools (llhttp) frames, the limits are ours; no I/O.

Strict where two readers could disagree: Transfer-Encoding beside Content-Length, two lengths, control characters in a
header, anything but `chunked`. Lenient where old gateways are sloppy and nothing is ambiguous: a line that ends in a
bare LF, blanks after a chunk's size. What comes out does not depend on how the bytes were cut on the way.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gatepost.providers.wire import Response
from gatepost.transport.egress import Cause, Failure

MAX_FRAMING = 32 * 1024
"""The most bytes that are not body: headers, interim answers, sizes of chunks, trailers."""
FRAMING_PER_BODY = 6
"""And so many more for each byte of body that has come: a chunk of one byte is framed by five."""
CODINGS = frozenset({"chunked", "identity"})
BODILESS = frozenset({204, 304})

LOST = Failure(Cause.LOST, True)
CUT_OFF = Failure(Cause.CUT_OFF, True)
NOT_HTTP = Failure(Cause.NOT_HTTP, True)
COMPRESSED = Failure(Cause.COMPRESSED, True, "the answer is compressed, which was not asked for")
LONG_HEAD = Failure(Cause.NOT_HTTP, True, f"the headers are longer than {MAX_FRAMING} bytes")
PADDED = Failure(Cause.TOO_LARGE, True, "the answer is mostly padding")
ODD_CODING = Failure(Cause.NOT_HTTP, True, "the answer comes in a transfer coding that was not asked for")
UNASKED_SWITCH = Failure(Cause.NOT_HTTP, True, "the other side switched to another protocol")

Result = Response | Failure


class _Stop(Exception):
    """Tells the parser that there is nothing more to read."""


class AnswerReader:
    """One per connection: `start` before each request, then `feed` until there is a result.

    `is_reusable`: after a result, whether the connection may carry another request.
    """

    __slots__ = (
        *("_chunks", "_fed", "_headers", "_is_body", "_is_head_request", "_is_until_close", "_max_bytes"),
        *("_parser", "_raw", "_result", "_size", "is_reusable"),
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        self.start(is_head_request=False, max_bytes=0)

    def start(self, *, is_head_request: bool, max_bytes: int) -> None:
        """Expect the answer to the next request; `max_bytes` of body at most."""
        self._is_head_request = is_head_request
        self._max_bytes = max_bytes
        self._fed = self._size = 0
        self._raw: list[tuple[bytes, bytes]] = []
        self._headers: tuple[tuple[str, str], ...] = ()
        self._chunks: list[bytes] = []
        self._is_body = self._is_until_close = self.is_reusable = False
        self._result: Result | None = None

    def feed(self, data: bytes) -> Result | None:
        """The result, once there is one. Bytes beyond it make the connection useless, and change nothing else."""
        while data and self._result is None:
            # Framing that would go over its limit does so with the last byte of the piece, never within it.
            room = self._framing_room() + 1
            piece = data if len(data) <= room else data[:room]
            self._fed += len(piece)
            self._parse(piece)
            if self._result is None and self._framing_room() < 0:
                self._result = PADDED if self._is_body else LONG_HEAD
            data = data[len(piece) :]
        if data:
            self.is_reusable = False
        return self._result

    def finish(self, *, is_clean: bool = True) -> Result:
        """The result now that the other side has closed; `is_clean`: in good order, not by a reset."""
        if self._result is None:
            if self._is_until_close and is_clean:
                self._complete()
            else:
                self._result = CUT_OFF if self._is_body else LOST
        self.is_reusable = False
        return self._result or LOST

    def _framing_room(self) -> int:
        return MAX_FRAMING + FRAMING_PER_BODY * self._size - (self._fed - self._size)

    def _parse(self, piece: bytes) -> None:
        try:
            self._parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade):
            self.is_reusable = False
            if self._result is None:
                self._result = CUT_OFF if self._is_body else NOT_HTTP

    def on_message_begin(self) -> None:
        if self._result is not None:
            raise _Stop

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_body:  # trailers say nothing that we asked for
            self._raw.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                self._fail(UNASKED_SWITCH if status == 101 else NOT_HTTP)
            return
        framing = self._read_headers()
        coding = framing.get("transfer-encoding", "identity")
        if coding not in CODINGS:
            self._fail(ODD_CODING)
        if framing.get("content-encoding", "identity") not in ("", "identity"):
            self._fail(COMPRESSED)
        self._is_body = True
        length = framing.get("content-length")
        if status in BODILESS or (length is not None and int(length) == 0):
            return
        if self._is_head_request:
            self._complete()
            raise _Stop  # the parser would wait for the body that a HEAD announces and never gets
        if coding != "chunked":
            self._is_until_close = length is None
            if length is not None and int(length) > self._max_bytes:
                self._fail(too_large(self._max_bytes))

    def on_body(self, chunk: bytes) -> None:
        if not self._is_body:
            self._fail(NOT_HTTP)  # an interim answer has no body
        self._size += len(chunk)
        if self._size > self._max_bytes:
            self._fail(too_large(self._max_bytes))
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        if self._is_body:
            self._complete()
            self.is_reusable = self._parser.should_keep_alive()
        else:
            self._raw.clear()

    def _read_headers(self) -> dict[str, str]:
        """Keep the headers as text; those that say how to read the rest come back."""
        headers = []
        framing: dict[str, str] = {}
        for raw_name, raw_value in self._raw:
            name, value = raw_name.decode("latin-1").lower(), text_of(raw_value)
            headers.append((name, value))
            if name in ("content-length", "transfer-encoding", "content-encoding"):
                before = framing.get(name)
                framing[name] = value.strip().lower() if before is None else f"{before}, {value}"
        self._headers = tuple(headers)
        return framing

    def _complete(self) -> None:
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._result = Response(self._parser.get_status_code(), self._headers, body)

    def _fail(self, failure: Failure) -> None:
        self._result = failure
        raise _Stop


def too_large(max_bytes: int) -> Failure:
    return Failure(Cause.TOO_LARGE, True, f"the answer is longer than {max_bytes} bytes")


def text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
