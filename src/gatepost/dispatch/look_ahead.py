"""What of a gateway's queue is due, read ahead into memory: little of each share, so that whoever queued a million
messages does not keep others from being seen."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch import store
from gatepost.dispatch.grouping import NOBODY, Grouping, LaneBuffer
from gatepost.dispatch.store import Due, Place, Share

LANES = (0, 1, 2)
LOOK_AHEAD = 1000
LEAST_AHEAD = 10
POLL_S = 1.0
FRESH_S = 0.01
"""While enough is opened ahead, hints are followed only so often."""
PACED_AHEAD = 4
"""So many pages are read to find what comes behind messages whose sender IDs may not send now."""


class LookAhead:
    """Nothing durable: what is forgotten here is read again.

    A share is read on from where its last full page ended. It is read from its beginning again after a page that was
    not full, and every POLL_S, because what was put off, held or committed late may be due before that place.

    `repeats`: submissions that are to be repeated.
    """

    def __init__(self) -> None:
        self.repeats: set[int] = set()
        self._lanes = {lane: LaneBuffer() for lane in LANES}
        self._places: dict[Share, Place | None] = {}
        self.is_stale = True
        self._polled_at = 0.0
        self._read_at = 0.0

    def __bool__(self) -> bool:
        return bool(self.repeats) or any(self._lanes.values())

    @property
    def is_fresh(self) -> bool:
        """Whether it was looked for hints just now."""
        return time.monotonic() - self._read_at < FRESH_S

    @property
    def is_urgent(self) -> bool:
        """Whether a code waits."""
        return bool(self._lanes[LANES[0]])

    def wake(self) -> None:
        """Something may be due."""
        self.is_stale = True

    def clear(self) -> None:
        for buffer in self._lanes.values():
            buffer.clear()
        self._places.clear()
        self.is_stale = True

    def take(self, grouping: Grouping, blocked: Collection[str] = NOBODY) -> list[Due]:
        """The next messages that go together, those of lower lanes first; empty where there are none.

        `blocked`: sender IDs that may not send now.
        """
        for buffer in self._lanes.values():
            if buffer and (group := buffer.take(grouping, blocked)):
                return group
        return []

    async def fill(
        self,
        pool: AsyncConnectionPool[Any],
        gateway_id: int,
        grouping: Grouping,
        blocked: Collection[str] = NOBODY,
    ) -> None:
        """Read what is missing and may be there."""
        now = self._read_at = time.monotonic()
        is_time = now - self._polled_at >= POLL_S
        if self.is_stale or is_time:
            self.is_stale = False
            async with pool.connection() as connection:
                shares = await store.shares(connection, gateway_id)
            self._places = {share: None if is_time else self._places.get(share) for share in shares}
            self._polled_at = now if is_time else self._polled_at
        page = max(LEAST_AHEAD, grouping.limit, LOOK_AHEAD // max(1, len(self._places)))
        # What was read before is read over once more when a share is read from its beginning.
        for _ in range(PACED_AHEAD + 1 if blocked else 1):
            wanted = {
                share: place for share, place in self._places.items() if self._is_wanted(share, page, grouping, blocked)
            }
            if not wanted:
                return
            async with pool.connection() as connection:
                rows = await store.due(connection, gateway_id, wanted, page)
            self._take_in(wanted, rows, page, grouping)

    def _is_wanted(self, share: Share, page: int, grouping: Grouping, blocked: Collection[str]) -> bool:
        """Whether little of the share is left here that may leave; what may not is read ahead up to a limit."""
        lane, workspace_id, campaign_id = share
        buffer, own = self._lanes[lane], (workspace_id, campaign_id)
        count = buffer.count(own)
        if not blocked or count <= page // 2:
            return count <= page // 2
        return count < PACED_AHEAD * page and buffer.count_free(own, grouping, blocked) <= page // 2

    def _take_in(self, wanted: dict[Share, Place | None], rows: Sequence[Due], page: int, grouping: Grouping) -> None:
        came: dict[Share, list[Due]] = {share: [] for share in wanted}
        for item in rows:
            came[item.lane, item.workspace_id, item.campaign_id].append(item)
        for share, read in came.items():
            lane, workspace_id, campaign_id = share
            self.repeats |= {item.resend_of for item in read if item.resend_of is not None}
            fresh = [item for item in read if item.resend_of is None]
            self._lanes[lane].add((workspace_id, campaign_id), fresh, grouping)
            if len(read) < page:
                # Nothing more of it is due: the next look waits for a wake-up.
                del self._places[share]
            else:
                last = read[-1]
                assert last.due_at is not None
                self._places[share] = (last.due_at, last.message_id)
