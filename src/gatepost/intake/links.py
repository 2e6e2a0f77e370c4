"""Opening short links: `/s/<code>` leads to the address that we kept for it, and nowhere else."""

import re
from typing import Any, Final

from psycopg_pool import AsyncConnectionPool

from gatepost.intake.http import Receive, Scope, Send, answer, header
from gatepost.links import store
from gatepost.links.shortening import CODE, PATH

TEXT: Final = b"text/plain; charset=utf-8"
PLAIN_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
)
ROBOTS: Final = re.compile(
    r"bot\b|crawl|spider|slurp|preview|scan|monitor|headless|facebookexternalhit|whatsapp|telegram|skypeuri|embedly"
    r"|curl|wget|python|go-http|java/|okhttp|axios|node-fetch|libwww|httpclient|barracuda|proofpoint|mimecast",
    re.IGNORECASE,
)
"""What programs call themselves that look at links without a person's doing."""
PREFETCHES: Final = ((b"purpose", "prefetch"), (b"sec-purpose", "prefetch"), (b"x-moz", "prefetch"))


def is_link(path: str) -> bool:
    return path.startswith(PATH)


def is_robot(scope: Scope) -> bool:
    """Whether it is obvious that no person opens the link."""
    agent = header(scope, b"user-agent")
    if scope["method"] == "HEAD" or not agent or ROBOTS.search(agent):
        return True
    return any(word in header(scope, name).lower() for name, word in PREFETCHES)


class LinkEndpoint:
    """Redirects, and counts what people open."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, b"This is a link: open it.\n", TEXT, ((b"allow", b"GET, HEAD"),))
            return
        code = scope["path"].removeprefix(PATH)
        url = await self._target(code, is_robot(scope)) if CODE.fullmatch(code) else None
        if url is None:
            await answer(send, 404, b"This link leads nowhere (any more).\n", TEXT, PLAIN_HEADERS)
        else:
            await answer(send, 302, b"", TEXT, ((b"location", url.encode("ascii")), *PLAIN_HEADERS))

    async def _target(self, code: str, is_robots: bool) -> str | None:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(store.LOOK_UP if is_robots else store.OPEN, {"code": code})
            row = await cursor.fetchone()
        return str(row[0]) if row else None
