"""The periods of the log, as spans of days in the reader's zone."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

PERIODS: Final = (
    ("", "Any time"),
    ("today", "Today"),
    ("yesterday", "Yesterday"),
    ("week", "Last 7 days"),
    ("month", "This month"),
    ("last-month", "Last month"),
    ("custom", "From … to …"),
)
Span = tuple[datetime | None, datetime | None]
Days = tuple[date, date]


def between(period: str, now: datetime) -> Span:
    """When the period begins, and when it is over (exclusive); `now` is aware, and its zone decides on the days.

    (None, None) for a period that names no days of its own.
    """
    if period not in _DAYS:
        return None, None
    assert isinstance(now.tzinfo, ZoneInfo)
    return day_span(*_DAYS[period](now.date()), now.tzinfo)


def day_span(first: date | None, last: date | None, zone: ZoneInfo) -> Span:
    """From the beginning of the first day to the end of the last one; None leaves that side open."""
    until = last + timedelta(days=1) if last is not None and last < date.max else None
    return _midnight(first, zone), _midnight(until, zone)


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time.min, zone) if day is not None else None


def _month(day: date) -> Days:
    first = day.replace(day=1)
    return first, _before((first + timedelta(days=31)).replace(day=1))


def _before(day: date) -> date:
    return day - timedelta(days=1)


_DAYS: Final[Mapping[str, Callable[[date], Days]]] = {
    "today": lambda day: (day, day),
    "yesterday": lambda day: (_before(day), _before(day)),
    "week": lambda day: (day - timedelta(days=6), day),
    "month": _month,
    "last-month": lambda day: _month(_before(day.replace(day=1))),
}
