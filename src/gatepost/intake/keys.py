"""API keys as the front needs them: looked up once a second at most, so that a revoked key dies within a second."""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool

from gatepost.problems import Problem
from gatepost.workspaces.permissions import Right, of_scopes

FRESH_S = 1.0
MAX_CACHED = 10_000
USED_EVERY_S = 60.0

LOOK_UP = """
    select id, workspace_id, scopes from api_key
     where hash = %s and revoked_at is null and (expires_at is null or expires_at > now())
"""
USED = "update api_key set last_used_at = %s where id = %s"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was valid a moment ago."""

    id: int
    workspace_id: int
    rights: frozenset[Right]


class KeyCache:
    """Tokens to keys."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._known: dict[bytes, tuple[float, Key | None]] = {}
        self._noted: dict[int, float] = {}
        self._asked: dict[bytes, asyncio.Task[Key | None]] = {}

    async def authenticate(self, authorization: str, right: Right) -> Key:
        """The key of an Authorization header; raises Problem where there is none, or it lacks the right."""
        scheme, _, token = authorization.partition(" ")
        challenge = {"WWW-Authenticate": "Bearer"}
        if not authorization:
            raise Problem("unauthenticated", headers=challenge)
        key = await self._key(token.strip()) if scheme.lower() == "bearer" and token else None
        if key is None:
            raise Problem("invalid_key", headers=challenge)
        if right not in key.rights:
            raise Problem("forbidden", f"This needs the right {right}.")
        return key

    async def _key(self, token: str) -> Key | None:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        now = time.monotonic()
        fresh_until, key = self._known.get(digest, (0.0, None))
        if now < fresh_until:
            return key
        # However many requests bring the key in this moment, it is looked up once.
        asked = self._asked.get(digest)
        if asked is None:
            asked = self._asked[digest] = asyncio.create_task(self._look_up(digest))
            asked.add_done_callback(lambda _: self._asked.pop(digest))
        return await asyncio.shield(asked)

    async def _look_up(self, digest: bytes) -> Key | None:
        now = time.monotonic()
        async with self._pool.connection() as connection:
            cursor = await connection.execute(LOOK_UP, [digest])
            row = await cursor.fetchone()
            key = Key(row[0], row[1], of_scopes(row[2])) if row else None
            if key and now - self._noted.get(key.id, -USED_EVERY_S) >= USED_EVERY_S:
                self._noted[key.id] = now
                await connection.execute(USED, [datetime.now(UTC), key.id])
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[digest] = (now + FRESH_S, key)
        return key
