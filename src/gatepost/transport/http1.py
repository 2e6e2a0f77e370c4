"""Our own HTTP/1.1 client for plain exchanges: kept connections, one request on each at a time, nothing ever repeated.

What it can say for certain is the point: a request was not written, or it may have been. A kept connection that ended
before its next request is replaced; after the line was crossed, whatever happens is the answer.
"""

import asyncio
import socket
import ssl
import time
from ipaddress import ip_address

from gatepost.providers.wire import Link, Request, Response
from gatepost.transport.addresses import Guarded
from gatepost.transport.connections import Connection, Pool, Watch
from gatepost.transport.egress import Cause, Failure
from gatepost.transport.failures import failure_of
from gatepost.transport.heads import Origin, check_method, head_of, split_url
from gatepost.transport.line import Line, NotSent
from gatepost.transport.sockets import GuardedNames
from gatepost.transport.tls import BadTls, TlsContexts

SHUTDOWN_S = 1.0
"""How long a TLS connection waits for the other side's goodbye."""
SETTLING_ROUNDS = 8
"""Rounds of the event loop in which a new connection may still be read empty (TLS tickets)."""
POOLS_KEPT = 1024

PoolKey = tuple[Origin, ssl.SSLContext | None]


class Http1:
    """The plain way: no proxy. One per event loop."""

    def __init__(self, names: GuardedNames, tls: TlsContexts, connections_per_origin: int) -> None:
        self._names = names
        self._tls = tls
        self._limit = connections_per_origin
        self._watch = Watch()
        self._pools: dict[PoolKey, Pool] = {}

    async def attempt(self, request: Request, link: Link, url: str, line: Line) -> Response | Failure:
        """One try at one URL. Raises NotSent, and whatever else goes wrong on either side of the line."""
        check_method(request.method)
        origin, target = split_url(url)
        data = head_of(request, origin, target) + request.body
        context = self._context(link) if origin.is_tls else None
        pool = self._pools.get((origin, context)) or self._new_pool(origin, context)
        connection = pool.take() or await self._obtain(pool, link, line)
        try:
            line.cross()
        except BaseException:
            pool.give_back(connection)
            raise
        line.is_first_tls13 = connection.is_first_tls13
        try:
            return await connection.send(
                data, is_head_request=request.method == "HEAD", max_bytes=link.max_bytes, due=line.deadline
            )
        except BaseException:
            connection.abort()
            raise

    async def close(self) -> None:
        """Close every connection, those in use too."""
        await self._watch.close()
        self._pools.clear()

    def _context(self, link: Link) -> ssl.SSLContext:
        try:
            return self._tls.context_for(link)
        except BadTls as fault:
            raise NotSent(Cause.TLS, str(fault)) from fault

    def _new_pool(self, origin: Origin, context: ssl.SSLContext | None) -> Pool:
        if len(self._pools) >= POOLS_KEPT:
            self._pools = {key: pool for key, pool in self._pools.items() if not pool.is_empty}

        async def open_connection(pool: Pool) -> Connection:
            return await self._open(pool, origin, context)

        pool = self._pools[(origin, context)] = Pool(self._limit, open_connection, self._watch)
        return pool

    async def _obtain(self, pool: Pool, link: Link, line: Line) -> Connection:
        remaining_s = line.deadline - time.monotonic()
        try:
            async with asyncio.timeout(min(link.connect_timeout_s, remaining_s)):
                return await pool.obtain()
        except TimeoutError:
            cause = Cause.CONNECT_TIMEOUT if link.connect_timeout_s < remaining_s else Cause.DEADLINE
            raise NotSent(cause, "") from None

    async def _open(self, pool: Pool, origin: Origin, context: ssl.SSLContext | None) -> Connection:
        sock = await self._connected(origin)
        connection = Connection(pool, sock)
        try:
            await pool.loop.create_connection(
                lambda: connection,
                sock=sock,
                ssl=context,
                server_hostname=origin.host.rstrip(".") if context is not None else None,
                ssl_shutdown_timeout=SHUTDOWN_S if context is not None else None,
            )
            await _settle(connection)
        except BaseException as fault:
            connection.disown()
            sock.close()
            if isinstance(fault, OSError):
                failure = failure_of(fault, is_crossed=False)
                raise NotSent(failure.cause, failure.words) from fault
            raise
        return connection

    async def _connected(self, origin: Origin) -> socket.socket:
        """A socket that is connected to a checked address."""
        try:
            ips = await self._addresses(origin)
        except Guarded as refusal:
            raise NotSent(Cause.GUARD, str(refusal)) from refusal
        except OSError as fault:
            raise NotSent(Cause.DNS, fault.strerror or "") from fault
        try:
            return await self._names.connect(ips, origin.port)
        except Guarded as refusal:
            raise NotSent(Cause.GUARD, str(refusal)) from refusal
        except OSError as fault:
            raise NotSent(Cause.CONNECT, fault.strerror or "") from fault

    async def _addresses(self, origin: Origin) -> list[str]:
        try:
            ip_address(origin.host)
        except ValueError:
            return await self._names.addresses(origin.host, origin.port)
        return [origin.host]


async def _settle(connection: Connection) -> None:
    """Read what belongs to TLS; a side that speaks or hangs up before it is asked is of no use."""
    for _ in range(SETTLING_ROUNDS):
        if connection.is_fit():
            return
        await asyncio.sleep(0)
    raise NotSent(Cause.CONNECT, "the other side hung up or spoke before it was asked")
