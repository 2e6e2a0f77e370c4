"""Columns of many rows as PostgreSQL array literals. Dumping lists value by value costs ten times as much, and gives
each statement another type whenever a number needs one byte more.

A column without any value becomes None: `unnest` of several arrays fills the shorter ones up with NULL.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any


def plain(values: Sequence[int | Decimal | bool | None]) -> str | None:
    """Numbers and booleans."""
    if values.count(None) == len(values):
        return None
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def moments(values: Sequence[datetime | None]) -> str | None:
    """Aware times."""
    if values.count(None) == len(values):
        return None
    return "{" + ",".join("NULL" if value is None else value.isoformat() for value in values) + "}"


def texts(values: Sequence[str | None]) -> str | None:
    """Texts without NUL characters."""
    if values.count(None) == len(values):
        return None
    return "{" + ",".join("NULL" if value is None else _quoted(value) for value in values) + "}"


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def transposed(rows: Sequence[Sequence[Any]], width: int) -> list[tuple[Any, ...]]:
    """The columns of rows; so many empty ones where there are no rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
