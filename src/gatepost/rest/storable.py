"""What PostgreSQL can keep of what a client can say."""

import math
from typing import Any, Final

LARGEST: Final = 2**63 - 1
"""No id of a row is larger."""


def is_storable(value: Any) -> bool:
    """False for NUL, halves of surrogate pairs, and numbers that are not finite, however deep they are."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            if "\x00" in item or not _is_whole(item):
                return False
        elif isinstance(item, float):
            if not math.isfinite(item):
                return False
        elif isinstance(item, dict):
            left.extend(item.keys())
            left.extend(item.values())
        elif isinstance(item, (list, tuple)):
            left.extend(item)
    return True


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_id(text: str) -> int | None:
    """The number of a row as a form, a header or a cursor writes it; None for everything that cannot be one.

    Whoever calls `int` on digits without looking how many there are gets a ValueError beyond a few thousand.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))):
        return None
    number = int(text)
    return number if 0 < number <= LARGEST else None
