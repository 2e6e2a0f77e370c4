"""The reader's time zone, as their browser told it: the zone of "today", and of the dates and times that they write."""

from typing import Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest

COOKIE: Final = "zone"
UTC: Final = ZoneInfo("UTC")


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The reader's zone; UTC where the browser has not told it."""
    return named(unquote(request.COOKIES.get(COOKIE, "")))


def named(name: str) -> ZoneInfo:
    """The zone of that name; UTC where there is none."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
