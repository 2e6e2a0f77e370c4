"""The client: tries the URLs of a request in order, and is the one place that turns what happened into a reply.

Plain exchanges go over our own HTTP/1.1 client, those through a proxy over the library's (docs/decisions/0010).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gatepost.providers.wire import Link, Request, Response
from gatepost.transport.addresses import NOTHING, AllowList
from gatepost.transport.egress import UNREACHABLE, Cause, Failure, Reply
from gatepost.transport.failures import failure_of
from gatepost.transport.http1 import Http1
from gatepost.transport.line import Line, NotSent
from gatepost.transport.sockets import NAMES_KEPT_S, GuardedNames, Lookup, SystemLookup
from gatepost.transport.tls import TlsContexts

if TYPE_CHECKING:
    from gatepost.transport.library import Library

DEFAULT_LINK = Link()


@dataclass(slots=True)
class Client:
    """One per process and event loop; its connections are kept per origin, proxy and TLS context.

    `allow`: what may be reached besides the public internet. `connections_per_origin`: as many as one gateway may have
    requests under way; a slow provider keeps only itself waiting, there is no limit over all. `lookup` replaces the
    system's name resolution, whose answers are used for `names_kept_s`.
    """

    allow: AllowList = NOTHING
    connections_per_origin: int = 2000
    lookup: Lookup | None = None
    names_kept_s: float = NAMES_KEPT_S
    _names: GuardedNames | None = field(default=None, init=False, repr=False)
    _http1: Http1 | None = field(default=None, init=False, repr=False)
    _library: "Library | None" = field(default=None, init=False, repr=False)
    _tls: TlsContexts = field(default_factory=TlsContexts, init=False, repr=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection, those in use too."""
        for way in (self._http1, self._library):
            if way is not None:
                await way.close()
        if self._names is not None:
            self._names.close()
        self._names = self._http1 = self._library = None

    async def exchange(
        self,
        request: Request,
        *,
        deadline: float | None = None,
        before_write: Callable[[], None] | None = None,
    ) -> Reply:
        started = time.monotonic()
        link = request.link or DEFAULT_LINK
        end = started + link.total_timeout_s
        line = Line(started, end if deadline is None else min(end, deadline), before_write)
        for url in (request.url, *request.backup_urls):
            result: Response | Failure
            if time.monotonic() >= line.deadline:
                result = Failure(Cause.DEADLINE, False)
                break
            try:
                result = await self._way(link).attempt(request, link, url, line)
            except NotSent as fault:
                result = Failure(fault.cause, False, fault.words)
            except Exception as fault:
                result = failure_of(fault, is_crossed=line.is_crossed, is_first_tls13=line.is_first_tls13)
            if isinstance(result, Response) or result.cause not in UNREACHABLE or result.is_sent:
                break
        total_ms = (time.monotonic() - started) * 1000
        if isinstance(result, Response):
            return Reply(result, None, url, line.connect_ms, total_ms)
        return Reply(None, result, url, line.connect_ms, total_ms)

    def _way(self, link: Link) -> "Http1 | Library":
        return self._own_way() if not link.proxy_url else self._library_way()

    def _own_way(self) -> Http1:
        if self._http1 is None:
            self._http1 = Http1(self._guarded_names(), self._tls, self.connections_per_origin)
        return self._http1

    def _library_way(self) -> "Library":
        """Loaded when the first proxy is met: most installations have none, and the library is large."""
        if self._library is None:
            from gatepost.transport.library import Library

            self._library = Library(self._guarded_names(), self._tls, self.connections_per_origin)
        return self._library

    def _guarded_names(self) -> GuardedNames:
        if self._names is None:
            self._names = GuardedNames(self.lookup or SystemLookup(), self.allow, self.names_kept_s)
        return self._names
