"""Time as the database has it. What is due and what has expired is decided there, so whatever is compared with it later
is made of the same clock; the clock of this host may be wrong or jump without any effect.

Should the database's own clock jump, everything in the queue might seem to have expired: until it has been steady for
a while, nobody ends messages for good because of what it says.
"""

import time
from datetime import UTC, datetime, timedelta

import structlog

log = structlog.get_logger()

JUMP_S = 30.0
STEADY_AFTER_S = 300.0


class DatabaseClock:
    """The database's time at the last look, carried on by the monotonic clock. Before the first look: this host's."""

    def __init__(self) -> None:
        self._seen: tuple[datetime, float] | None = None
        self._steady_from = 0.0

    @property
    def is_steady(self) -> bool:
        """Whether it has not jumped for a while."""
        return time.monotonic() >= self._steady_from

    def note(self, database_now: datetime) -> None:
        """The database has just said what time it is."""
        jumped_s = (database_now - self.now()).total_seconds() if self._seen else 0.0
        if abs(jumped_s) > JUMP_S:
            log.error("database_clock_jumped", seconds=round(jumped_s))
            self._steady_from = time.monotonic() + STEADY_AFTER_S
        self._seen = (database_now, time.monotonic())

    def now(self) -> datetime:
        """Aware UTC."""
        if self._seen is None:
            return datetime.now(UTC)
        database_now, at = self._seen
        return database_now + timedelta(seconds=time.monotonic() - at)
