"""Time as the database has it. What is due and what has expired is decided there, so whatever is compared with it later
is made of the same clock; the clock of this host may be wrong or jump without any effect."""

import time
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """The database's time at the last look, carried on by the monotonic clock. Before the first look: this host's."""

    def __init__(self) -> None:
        self._seen: tuple[datetime, float] | None = None

    def note(self, database_now: datetime) -> None:
        """The database has just said what time it is."""
        self._seen = (database_now, time.monotonic())

    def now(self) -> datetime:
        """Aware UTC."""
        if self._seen is None:
            return datetime.now(UTC)
        database_now, at = self._seen
        return database_now + timedelta(seconds=time.monotonic() - at)
