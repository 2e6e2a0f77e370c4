"""The guarded client on aiohttp.

What aiohttp would do by itself is switched off: cookies, redirects, decompression, environment proxies, and the
repetition of GET, PUT, DELETE ... when a kept connection drops. The request class below writes each request in one
piece and through a gate that opens once, so that a second write of the same exchange is impossible whatever a future
version of the library tries, and so that "bytes left" is known exactly: it is the moment when the gate opens.
"""

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from weakref import WeakSet

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_writer import StreamWriter
from multidict import CIMultiDict
from yarl import URL

from gatepost.providers.wire import Headers, Link, Request, Response
from gatepost.transport.addresses import NOTHING, AllowList
from gatepost.transport.egress import UNREACHABLE, Cause, Failure, Reply
from gatepost.transport.failures import failure_of
from gatepost.transport.sockets import GuardedNames, Lookup, SystemLookup
from gatepost.transport.tls import BadTls, TlsContexts

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
URL_SHAPE = re.compile(
    r"(?i:https?)://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?][\x21\x22\x24-\x7e]*)?"
)
OURS = frozenset(
    {"connection", "content-length", "transfer-encoding", "expect", "upgrade", "te", "trailer", "keep-alive"}
    | {"accept-encoding", "proxy-connection", "proxy-authorization"}
)
"""Headers that frame the message or the connection: an adapter's settings must not reach into them."""

DEFAULT_LINK = Link()
KEEP_ALIVE_S = 15.0
NO_ROUNDING_S = 1e9


class NotSent(Exception):
    """Raised before anything of the request is written."""

    def __init__(self, cause: Cause, words: str) -> None:
        super().__init__(words)
        self.cause = cause
        self.words = words


class _Stale(Exception):
    """A kept connection turned out to be unusable before anything was written to it."""


@dataclass(slots=True)
class _Gate:
    """The line between "not sent" and "maybe sent" of one exchange. `spoken`: connections that carried a request."""

    body: bytes
    deadline: float
    before_write: Callable[[], None] | None
    started: float
    spoken: WeakSet[ResponseHandler]
    connect_ms: float = 0.0
    is_open: bool = False
    is_first_tls13: bool = False

    def open(self) -> None:
        """Let the request out. Raises NotSent, and only then nothing will be written."""
        if self.is_open:
            raise RuntimeError("a request is written once")
        now = time.monotonic()
        self.connect_ms = (now - self.started) * 1000
        if now >= self.deadline:
            raise NotSent(Cause.DEADLINE, "the deadline passed while the connection was made")
        if self.before_write is not None:
            try:
                self.before_write()
            except Exception as refusal:
                raise NotSent(Cause.ABORTED, str(refusal)) from refusal
        self.is_open = True


_gate: ContextVar[_Gate] = ContextVar("gate")


class _GatedRequest(aiohttp.ClientRequest):
    """Writes head and body at once, at the moment the gate opens."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        gate = _gate.get()
        protocol = conn.protocol
        if protocol is None or not protocol.is_connected() or protocol.should_close:
            if protocol in gate.spoken:
                raise _Stale
            raise NotSent(Cause.CONNECT, "the other side hung up or spoke before it was asked")
        target = str(self.url) if self.proxy and not self.is_ssl() else self.url.raw_path_qs
        writer = StreamWriter(protocol, self.loop)
        await writer.write_headers(f"{self.method} {target} HTTP/1.1", self.headers)
        gate.is_first_tls13 = protocol not in gate.spoken and _is_tls13(protocol)
        gate.spoken.add(protocol)
        gate.open()
        await writer.write(gate.body, drain=False)
        writer.set_eof()
        if protocol.transport is not None and protocol.transport.get_write_buffer_size() > 0:
            protocol.force_close()
        return self.response_class(
            self.method,
            self.original_url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=[],
            loop=self.loop,
            session=self.session,
            stream_writer=writer,
        )


def _is_tls13(protocol: ResponseHandler) -> bool:
    tls = protocol.transport.get_extra_info("ssl_object") if protocol.transport is not None else None
    return tls is not None and tls.version() == "TLSv1.3"


@dataclass(slots=True)
class Client:
    """One per process and event loop; its connections are kept per origin, proxy and TLS context.

    `allow`: what may be reached besides the public internet. `connections_per_origin`: so that a slow provider keeps
    only itself waiting; there is no limit over all. `lookup` replaces the system's name resolution.
    """

    allow: AllowList = NOTHING
    connections_per_origin: int = 64
    lookup: Lookup | None = None
    _names: GuardedNames | None = field(default=None, init=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False)
    _tls: TlsContexts = field(default_factory=TlsContexts, init=False)
    _spoken: WeakSet[ResponseHandler] = field(default_factory=WeakSet, init=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection, those in use too."""
        if self._session is not None:
            await self._session.close()
        if self._names is not None:
            await self._names.close()
            await asyncio.sleep(0)  # closed transports say so on the loop's next round
        self._session = self._names = None

    async def exchange(
        self,
        request: Request,
        *,
        deadline: float | None = None,
        before_write: Callable[[], None] | None = None,
    ) -> Reply:
        started = time.monotonic()
        end = started + (request.link or DEFAULT_LINK).total_timeout_s
        gate = _Gate(request.body, end if deadline is None else min(end, deadline), before_write, started, self._spoken)
        for url in (request.url, *request.backup_urls):
            result = await self._attempt(request, url, gate)
            if isinstance(result, Response) or result.cause not in UNREACHABLE or result.is_sent:
                break
        total_ms = (time.monotonic() - started) * 1000
        if isinstance(result, Response):
            return Reply(result, None, url, gate.connect_ms, total_ms)
        return Reply(None, result, url, gate.connect_ms, total_ms)

    async def _attempt(self, request: Request, url: str, gate: _Gate) -> Response | Failure:
        remaining_s = gate.deadline - time.monotonic()
        if remaining_s <= 0:
            return Failure(Cause.DEADLINE, False)
        token = _gate.set(gate)
        try:
            async with asyncio.timeout(remaining_s):
                return await self._talk(request, url)
        except NotSent as fault:
            return Failure(fault.cause, False, fault.words)
        except Exception as fault:
            return failure_of(fault, is_open=gate.is_open, is_first_tls13=gate.is_first_tls13)
        finally:
            _gate.reset(token)

    async def _talk(self, request: Request, url: str) -> Response | Failure:
        headers = _headers(request)
        link = request.link or DEFAULT_LINK
        target = _checked_url(request.method, url)
        context = self._context(link, target)
        proxy = _checked_proxy(link.proxy_url)
        session, names = self._opened()
        if proxy is not None:
            await names.check_behind_proxy(target.raw_host or "", target.port or 0)
        while True:
            try:
                async with session.request(
                    request.method,
                    target,
                    headers=headers,
                    allow_redirects=False,
                    proxy=proxy,
                    ssl=context,
                    timeout=aiohttp.ClientTimeout(connect=link.connect_timeout_s, ceil_threshold=NO_ROUNDING_S),
                ) as answer:
                    return await _read(answer, link.max_bytes)
            except _Stale:
                continue

    def _context(self, link: Link, target: URL) -> ssl.SSLContext | bool:
        if target.scheme != "https":
            return True
        try:
            return self._tls.context_for(link)
        except BadTls as fault:
            raise NotSent(Cause.TLS, str(fault)) from fault

    def _opened(self) -> tuple[aiohttp.ClientSession, GuardedNames]:
        if self._session is None or self._names is None:
            names = self._names = GuardedNames(self.lookup or SystemLookup(), self.allow)
            connector = aiohttp.TCPConnector(
                resolver=names,
                socket_factory=names.open_socket,
                limit=0,
                limit_per_host=self.connections_per_origin,
                keepalive_timeout=KEEP_ALIVE_S,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                request_class=_GatedRequest,
                timeout=aiohttp.ClientTimeout(total=None),
            )
            self._session._retry_connection = False
        return self._session, self._names


def _checked_url(method: str, url: str) -> URL:
    """The URL as it stands, refused rather than repaired where it is not one plain encoded http(s) URL.

    Credentials, fragments, backslashes, blanks and foreign letters are what parsers disagree about.
    """
    if method not in METHODS:
        raise NotSent(Cause.BAD_REQUEST, "the method is not one of HTTP's")
    if not URL_SHAPE.fullmatch(url):
        raise NotSent(
            Cause.BAD_REQUEST,
            "the URL must be http:// or https:// with a plain host, percent-encoded, without login and fragment",
        )
    try:
        return URL(url, encoded=True)
    except ValueError:
        raise NotSent(Cause.BAD_REQUEST, "the URL cannot be read") from None


def _checked_proxy(url: str) -> URL | None:
    """A proxy over plain HTTP; its login may stand in the URL, because it goes to the proxy and nowhere else."""
    if not url:
        return None
    try:
        proxy = URL(url)
        if proxy.scheme == "http" and proxy.host:
            return proxy
    except ValueError:
        pass
    raise NotSent(Cause.BAD_REQUEST, "the proxy must be http://[login:password@]host:port")


def _headers(request: Request) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict(
        (name, value) for name, value in request.headers if name.lower() not in OURS
    )
    headers.setdefault(hdrs.USER_AGENT, "Gatepost")
    headers[hdrs.ACCEPT_ENCODING] = "identity"
    if request.body or request.method not in WITHOUT_BODY:
        headers[hdrs.CONTENT_LENGTH] = str(len(request.body))
    return headers


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> Response | Failure:
    """The whole answer, or why it was not read to its end."""
    encoding = answer.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    if encoding not in ("", "identity"):
        answer.close()
        return Failure(Cause.COMPRESSED, True, "the answer is compressed, which was not asked for")
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > max_bytes:
            answer.close()
            return Failure(Cause.TOO_LARGE, True, f"the answer is longer than {max_bytes} bytes")
        chunks.append(chunk)
    return Response(answer.status, _decoded(answer.raw_headers), b"".join(chunks))


def _decoded(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    return tuple((name.decode("latin-1").lower(), _text(value)) for name, value in raw)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
