"""What PostgreSQL can keep of what JSON can say."""

import math
from typing import Any


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
