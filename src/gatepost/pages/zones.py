"""The reader's time zone, as their browser told it: the zone of "today", and of the dates and times that they write."""

from functools import cache
from typing import Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.http import HttpRequest

COOKIE: Final = "zone"
UTC: Final = ZoneInfo("UTC")
_OLD_NAMES: Final = ("Etc/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/", "posix/", "right/", "SystemV/")


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The reader's zone; UTC where the browser has not told it."""
    return named(unquote(request.COOKIES.get(COOKIE, "")))


def named(name: str) -> ZoneInfo:
    """The zone of that name; UTC where there is none."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@cache
def names() -> tuple[str, ...]:
    """The zones to offer: by continent and city, and UTC. Any other name that there is may be written, too."""
    found = (name for name in available_timezones() if "/" in name and not name.startswith(_OLD_NAMES))
    return ("UTC", *sorted(found))
