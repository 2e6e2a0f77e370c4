"""Pace: at most N units in any second at our socket, evenly spaced, with nearly all of N used.

Two gates. Permits decide when the next request is prepared; they are spaced by (1 + guard)/N. The gate at the socket is
exact: it counts what was written in the last second and turns away what would be one too many, because a connection
that takes long may let requests bunch up after their permits.
"""

from collections import deque

WINDOW_S = 1.0
GUARD_S = 0.03
BURST_S = 0.02


class TooFast(Exception):
    """Writing now would exceed the pace; nothing was written."""


class Pacer:
    """`rate` in units per second, None for no limit. All times are of one monotonic clock, in seconds."""

    def __init__(self, rate: float | None, not_before: float = 0.0) -> None:
        self._rate = rate
        self._next_at = not_before
        self._paused_until = not_before
        self._written: deque[tuple[float, int]] = deque()
        self._written_units = 0

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
        return max(0.0, self._paused_until - now, self._next_at - now if self._rate else 0.0)

    def permit(self, now: float, units: int = 1) -> bool:
        """Take a permit for `units`, if there is one now; a request larger than the pace makes the next one wait."""
        if self.wait_s(now) > 0:
            return False
        if self._rate:
            spacing = (WINDOW_S + GUARD_S) / self._rate
            # A loop that wakes late may catch up a little, never a window's worth.
            self._next_at = max(self._next_at, now - min(BURST_S, spacing)) + units * spacing
        return True

    def written(self, now: float, units: int = 1) -> None:
        """Count units that are about to be written; raises TooFast instead of exceeding the pace."""
        if not self._rate:
            return
        while self._written and self._written[0][0] <= now - WINDOW_S:
            self._written_units -= self._written.popleft()[1]
        if self._written and self._written_units + units > max(self._rate, 1.0):
            raise TooFast
        self._written.append((now, units))
        self._written_units += units
