"""The client on aiohttp, for what our own does not speak: HTTP proxies.

What aiohttp would do by itself is switched off: cookies, redirects, decompression, environment proxies, and the
repetition of GET, PUT, DELETE ... when a kept connection drops. The request class below writes each request in one
piece and across a line that is crossed once, so that a second write of the same exchange is impossible whatever a
future version of the library tries, and so that "bytes left" is known exactly: it is the moment of crossing.
"""

import asyncio
import socket
import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass
from weakref import WeakSet

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_writer import StreamWriter
from multidict import CIMultiDict
from yarl import URL

from gatepost.providers.wire import Headers, Link, Request, Response
from gatepost.transport.answers import CODINGS, COMPRESSED, ODD_CODING, UNASKED_SWITCH, text_of, too_large
from gatepost.transport.connections import KEEP_ALIVE_S
from gatepost.transport.egress import Cause, Failure
from gatepost.transport.failures import Table, failure_of
from gatepost.transport.heads import OURS, WITHOUT_BODY, check_method, split_url
from gatepost.transport.line import Line, NotSent
from gatepost.transport.sockets import GuardedNames
from gatepost.transport.tls import BadTls, TlsContexts

NO_ROUNDING_S = 1e9

BEFORE: Table = (
    (aiohttp.ConnectionTimeoutError, Cause.CONNECT_TIMEOUT),
    (TimeoutError, Cause.DEADLINE),
    (aiohttp.ClientConnectorDNSError, Cause.DNS),
    (aiohttp.ClientConnectorCertificateError, Cause.TLS),
    (aiohttp.ClientSSLError, Cause.TLS),
    (ssl.SSLError, Cause.TLS),
    (aiohttp.ClientHttpProxyError, Cause.PROXY),
    (aiohttp.ClientProxyConnectionError, Cause.CONNECT),
    (aiohttp.ClientConnectionError, Cause.CONNECT),
    (aiohttp.ClientResponseError, Cause.PROXY),
    (ValueError, Cause.BAD_REQUEST),
    (OSError, Cause.CONNECT),
)
AFTER: Table = (
    (TimeoutError, Cause.TIMEOUT),
    (aiohttp.ClientPayloadError, Cause.CUT_OFF),
    (aiohttp.ClientConnectionError, Cause.LOST),
    (aiohttp.ClientResponseError, Cause.NOT_HTTP),
    (OSError, Cause.LOST),
)


class _Stale(Exception):
    """A kept connection turned out to be unusable before anything was written to it."""


@dataclass(slots=True)
class _Passage:
    """What one exchange brings to the write. `spoken`: connections that carried a request."""

    body: bytes
    line: Line
    spoken: WeakSet[ResponseHandler]


_passage: ContextVar[_Passage] = ContextVar("passage")


class _OneWrite(aiohttp.ClientRequest):
    """Writes head and body at once, at the moment the line is crossed."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        passage = _passage.get()
        line, spoken = passage.line, passage.spoken
        protocol = conn.protocol
        if protocol is None or not protocol.is_connected() or protocol.should_close:
            if protocol in spoken:
                raise _Stale
            raise NotSent(Cause.CONNECT, "the other side hung up or spoke before it was asked")
        target = str(self.url) if self.proxy and not self.is_ssl() else self.url.raw_path_qs
        writer = StreamWriter(protocol, self.loop)
        await writer.write_headers(f"{self.method} {target} HTTP/1.1", self.headers)
        line.is_first_tls13 = protocol not in spoken and _is_tls13(protocol)
        spoken.add(protocol)
        line.cross()
        await writer.write(passage.body, drain=False)
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


class _Resolver(AbstractResolver):
    """The guarded names, as aiohttp asks for them. It connects to what it gets here and never looks a name up again."""

    def __init__(self, names: GuardedNames) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=ip,
                port=port,
                family=socket.AF_INET6 if ":" in ip else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for ip in await self._names.addresses(host, port)
        ]

    async def close(self) -> None:
        """The names belong to the client."""


class Library:
    """The way through a proxy, and a second one for everything else. One per event loop."""

    def __init__(self, names: GuardedNames, tls: TlsContexts, connections_per_origin: int) -> None:
        self._names = names
        self._tls = tls
        self._spoken: WeakSet[ResponseHandler] = WeakSet()
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(names),
            socket_factory=names.open_socket,
            use_dns_cache=False,
            limit=0,
            limit_per_host=connections_per_origin,
            keepalive_timeout=KEEP_ALIVE_S,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            request_class=_OneWrite,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        self._session._retry_connection = False

    async def close(self) -> None:
        """Close every connection, those in use too."""
        await self._session.close()
        await asyncio.sleep(0)  # closed transports say so on the loop's next round

    async def attempt(self, request: Request, link: Link, url: str, line: Line) -> Response | Failure:
        """One try at one URL. Raises NotSent."""
        token = _passage.set(_Passage(request.body, line, self._spoken))
        try:
            async with asyncio.timeout(line.deadline - time.monotonic()):
                return await self._talk(request, link, url)
        except NotSent:
            raise
        except Exception as fault:
            return failure_of(
                fault,
                is_crossed=line.is_crossed,
                is_first_tls13=line.is_first_tls13,
                before=BEFORE,
                after=AFTER,
                words_of=_words,
            )
        finally:
            _passage.reset(token)

    async def _talk(self, request: Request, link: Link, url: str) -> Response | Failure:
        check_method(request.method)
        origin, _ = split_url(url)
        context = self._context(link) if origin.is_tls else True
        proxy = _checked_proxy(link.proxy_url)
        if proxy is not None:
            await self._names.check_behind_proxy(origin.host, origin.port)
        while True:
            try:
                async with self._session.request(
                    request.method,
                    URL(url, encoded=True),
                    headers=_headers(request),
                    allow_redirects=False,
                    proxy=proxy,
                    ssl=context,
                    timeout=aiohttp.ClientTimeout(connect=link.connect_timeout_s, ceil_threshold=NO_ROUNDING_S),
                ) as answer:
                    return await _read(answer, link.max_bytes)
            except _Stale:
                continue

    def _context(self, link: Link) -> ssl.SSLContext:
        try:
            return self._tls.context_for(link)
        except BadTls as fault:
            raise NotSent(Cause.TLS, str(fault)) from fault


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
    if answer.status == 101 or answer.headers.get(hdrs.TRANSFER_ENCODING, "chunked").lower() not in CODINGS:
        answer.close()
        return UNASKED_SWITCH if answer.status == 101 else ODD_CODING
    encoding = answer.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower()
    if encoding not in ("", "identity"):
        answer.close()
        return COMPRESSED
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > max_bytes:
            answer.close()
            return too_large(max_bytes)
        chunks.append(chunk)
    return Response(answer.status, _decoded(answer.raw_headers), b"".join(chunks))


def _decoded(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    return tuple((name.decode("latin-1").lower(), text_of(value)) for name, value in raw)


def _words(fault: BaseException) -> str:
    return f"the proxy answered {fault.status}" if isinstance(fault, aiohttp.ClientHttpProxyError) else ""
