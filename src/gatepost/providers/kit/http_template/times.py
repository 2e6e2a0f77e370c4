"""Times as providers write them."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gatepost.providers.kit.answers import timestamp, unix_time
from gatepost.providers.kit.http_template.template import TemplateFault

ISO = "iso"
NAMED = ("iso", "unix", "unix_ms", "YYMMDDhhmm")


def read_time(text: str, pattern: str, zone_name: str) -> datetime | None:
    """The moment in UTC; None for an empty or impossible value. `pattern` is one of NAMED or strptime's."""
    zone = zone_of(zone_name)
    if not text:
        return None
    reader = _READERS.get(pattern or ISO)
    moment = reader(text.strip(), zone) if reader else timestamp(text.strip(), pattern, zone)
    try:
        return None if moment is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo:
    """An IANA time zone; UTC where none is named. Raises TemplateFault."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TemplateFault("The time zone is not known; write it like Europe/Warsaw.") from None


def check_pattern(pattern: str) -> None:
    """Raise TemplateFault for a pattern that can never be read."""
    if pattern in NAMED or not pattern:
        return
    if "%" not in pattern:
        raise TemplateFault(f"Write the time as one of {', '.join(NAMED)}, or like %Y-%m-%d %H:%M:%S.")
    sample = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    try:
        datetime.strptime(sample.strftime(pattern), pattern)  # noqa: DTZ007 - only whether it can be read
    except (ValueError, re.error):
        raise TemplateFault("The time pattern cannot be read back.") from None


def _iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)


def _unix_ms(text: str, _zone: tzinfo) -> datetime | None:
    return unix_time(text[:-3]) if re.fullmatch(r"[0-9]{4,17}", text) else None


_READERS: Mapping[str, Callable[[str, tzinfo], datetime | None]] = {
    "iso": _iso,
    "unix": lambda text, _zone: unix_time(text.partition(".")[0]),
    "unix_ms": _unix_ms,
    "YYMMDDhhmm": lambda text, zone: timestamp(text, "%y%m%d%H%M", zone),
}
