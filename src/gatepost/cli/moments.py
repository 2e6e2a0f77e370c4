"""Moments as people write and read them at a terminal: in the zone of this machine."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from gatepost.cli.terminal import Exit, Refusal

FORMS: Final = "Write 2026-11-20, 2026-11-20T09:30, or 30m, 2h, 7d for so long ago."
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def moment(text: str | None) -> str | None:
    """The moment in ISO 8601 and UTC, for the API. Raises Refusal for what is not in one of FORMS."""
    if text is None:
        return None
    ago = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if ago:
        return (datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).isoformat()
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise Refusal(f"{text!r} is not a moment.", FORMS, code=Exit.USAGE) from None


def clock(text: str | None, *, exact: bool = False) -> str:
    """A moment of the API, in the zone of this machine; with milliseconds where `exact`."""
    if not text:
        return ""
    local = datetime.fromisoformat(text).astimezone()
    return local.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds" if exact else "seconds")
