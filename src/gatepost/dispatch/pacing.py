"""Pace: at most N units in any second at our socket, evenly spaced, with nearly all of N used.

Two gates. Permits decide when the next request is prepared; they are spaced by (1 + guard)/N, and a loop that woke late
catches up at twice that pace, with never more than N permits in 1 + guard seconds. The gate at the socket is exact: it
counts what was written in the last second and turns away what would be one too many, because a connection that takes
long may let requests bunch up after their permits.
"""

from collections import deque

WINDOW_S = 1.0
GUARD_S = 0.03
CATCH_UP_S = 0.5
EARLY_S = 0.005
"""Permits go out so early, so that what is due within one turn of the loop leaves together; how many of them there are
in a second stays the same."""


class TooFast(Exception):
    """Writing now would exceed the pace; nothing was written."""


class _Window:
    """How many units fell into the last so many seconds."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._entries: deque[tuple[float, int]] = deque()
        self._units = 0

    def add(self, now: float, units: int) -> None:
        self._entries.append((now, units))
        self._units += units

    def exceeds(self, now: float, units: int, limit: float) -> bool:
        """Whether so many more would be too many. What is too much by itself goes alone."""
        self._forget(now)
        return bool(self._entries) and self._units + units > max(limit, 1.0)

    def wait_s(self, now: float, units: int, limit: float) -> float:
        """How long until so many more would not be too many."""
        self._forget(now)
        left = self._units
        wait_s = 0.0
        for at, gone in self._entries:
            if left + units <= max(limit, 1.0):
                break
            left -= gone
            wait_s = at + self._length_s - now
        return wait_s

    def _forget(self, now: float) -> None:
        while self._entries and self._entries[0][0] <= now - self._length_s:
            self._units -= self._entries.popleft()[1]


class Pacer:
    """`rate` in units per second, None for no limit. All times are of one monotonic clock, in seconds."""

    def __init__(self, rate: float | None, not_before: float = 0.0) -> None:
        self._rate = rate
        self._next_at = not_before
        self._even_at = not_before
        self._fast_at = not_before
        self._paused_until = not_before
        self._usual_units = 1
        self._permitted = _Window(WINDOW_S + GUARD_S)
        self._written = _Window(WINDOW_S)

    @property
    def rate(self) -> float | None:
        return self._rate

    def change_rate(self, rate: float | None) -> None:
        self._rate = rate

    def pause(self, until: float) -> None:
        """Hand out no permit before `until`."""
        self._paused_until = max(self._paused_until, until)

    def wait_s(self, now: float) -> float:
        """How long until the next permit; 0 when there is one."""
        pause_s = max(0.0, self._paused_until - now)
        if not self._rate:
            return pause_s
        even_s = self._next_at - now
        return max(
            pause_s, even_s if even_s > EARLY_S else 0.0, self._permitted.wait_s(now, self._usual_units, self._rate)
        )

    def permit(self, now: float, units: int = 1) -> bool:
        """Take a permit for `units`, if there is one now; a request larger than the pace makes the next one wait."""
        if self.wait_s(now) > 0:
            return False
        if self._rate:
            spacing = (WINDOW_S + GUARD_S) / self._rate * units
            self._even_at = max(self._even_at, now - CATCH_UP_S) + spacing
            self._fast_at = max(self._fast_at, now) + spacing / 2
            self._next_at = max(self._even_at, self._fast_at)
            self._permitted.add(now, units)
            self._usual_units = units
        return True

    def written(self, now: float, units: int = 1) -> None:
        """Count units that are about to be written; raises TooFast in a pause, and instead of exceeding the pace."""
        if now < self._paused_until:
            raise TooFast
        if not self._rate:
            return
        if self._written.exceeds(now, units, self._rate):
            raise TooFast
        self._written.add(now, units)
