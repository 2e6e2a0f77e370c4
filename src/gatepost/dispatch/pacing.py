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
LEAST_RATE = 0.2
RISE_PER_S = 0.05
UNLIMITED_AGAIN = 4.0
"""Without a limit of its own a gateway is free again at so many times the pace at which it was asked to slow down."""


class TooFast(Exception):
    """Writing now would exceed the pace; nothing was written."""


class _Window:
    """How many units fell into the last so many seconds."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._entries: deque[tuple[float, int]] = deque()
        self._units = 0

    def add(self, now: float, units: int) -> None:
        self._forget(now)
        self._entries.append((now, units))
        self._units += units

    def units(self, now: float) -> int:
        self._forget(now)
        return self._units

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
    """`rate` in units per second, None for no limit. All times are of one monotonic clock, in seconds.

    Where the provider asks for a slower pace, half of what was really written lately becomes the pace; it rises again
    by a twentieth of the limit each second (without a limit, of what it fell from), and never above the limit.
    """

    def __init__(self, rate: float | None, not_before: float = 0.0) -> None:
        self._limit = rate
        self._not_before = not_before
        self._slowed_to: float | None = None
        self._fell_from = 0.0
        self._fell_at = 0.0
        self._raised_at = 0.0
        self._next_at = not_before
        self._even_at = not_before
        self._fast_at = not_before
        self._paused_until = not_before
        self._usual_units = 1
        self._permitted = _Window(WINDOW_S + GUARD_S)
        self._written = _Window(WINDOW_S)

    @property
    def rate(self) -> float | None:
        """The pace that is kept now."""
        return self._limit if self._slowed_to is None else self._slowed_to

    @property
    def slowed_to(self) -> float | None:
        """The pace while it is slower than the limit."""
        return self._slowed_to

    def change_rate(self, rate: float | None) -> None:
        """A new limit; what the provider asked for stays so."""
        self._limit = rate
        if rate and self._slowed_to and self._slowed_to >= rate:
            self._slowed_to = None

    def slow_down(self, now: float, pause_s: float) -> None:
        """The provider asked for a slower pace, and for none at all during `pause_s`."""
        self.pause(now + pause_s)
        # Several answers to what was under way together say it once.
        if now < self._fell_at + WINDOW_S:
            return
        pace = max(1.0, float(self._written.units(now)))
        self._fell_from = max(pace, self._slowed_to or 0.0)
        self._slowed_to = max(LEAST_RATE, min(pace, self.rate or pace) / 2)
        self._fell_at = now
        self._raised_at = now + pause_s

    def recover(self, now: float) -> None:
        """Raise a lowered pace as the time that has passed allows."""
        if self._slowed_to is None or now <= self._raised_at:
            return
        target = self._limit or self._fell_from * UNLIMITED_AGAIN
        self._slowed_to += (now - self._raised_at) * RISE_PER_S * (self._limit or self._fell_from)
        self._raised_at = now
        if self._slowed_to >= target:
            self._slowed_to = None

    def resume(self) -> None:
        """End a pause, except the one in which the owner before may still send."""
        self._paused_until = self._not_before

    def pause(self, until: float) -> None:
        """Hand out no permit before `until`."""
        self._paused_until = max(self._paused_until, until)

    def wait_s(self, now: float) -> float:
        """How long until the next permit; 0 when there is one."""
        pause_s = max(0.0, self._paused_until - now)
        self.recover(now)
        rate = self.rate
        if not rate:
            return pause_s
        even_s = self._next_at - now
        return max(pause_s, even_s if even_s > EARLY_S else 0.0, self._permitted.wait_s(now, self._usual_units, rate))

    def permit(self, now: float, units: int = 1) -> bool:
        """Take a permit for `units`, if there is one now; a request larger than the pace makes the next one wait."""
        if self.wait_s(now) > 0:
            return False
        rate = self.rate
        if rate:
            spacing = (WINDOW_S + GUARD_S) / rate * units
            self._even_at = max(self._even_at, now - CATCH_UP_S) + spacing
            self._fast_at = max(self._fast_at, now) + spacing / 2
            self._next_at = max(self._even_at, self._fast_at)
            self._permitted.add(now, units)
            self._usual_units = units
        return True

    def check(self, now: float, units: int = 1) -> None:
        """Raises TooFast where units may not be written now: in a pause, and where they would exceed the pace."""
        rate = self.rate
        if now < self._paused_until or (rate and self._written.exceeds(now, units, rate)):
            raise TooFast

    def written(self, now: float, units: int = 1) -> None:
        """Count units that are about to be written. Raises TooFast, and then does not count them."""
        self.check(now, units)
        self._written.add(now, units)
