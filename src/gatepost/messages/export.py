"""Tables as CSV, row by row, safe to open in a spreadsheet; and the log as one."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from gatepost.messages.log import Standing, standings
from gatepost.messages.models import Message
from gatepost.sms.ids import to_ref

ROWS: Final = 1000
"""How many rows are in memory at a time."""
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet takes for a formula."""
MARK: Final = "\ufeff"
"""Tells spreadsheets that the file is UTF-8."""

COLUMNS: Final = (
    *("id", "type", "state", "word", "to", "sender", "gateway", "text", "segments", "encoding", "client_ref"),
    *("campaign", "accepted_at", "state_at", "provider_ref", "refusal", "code", "words", "price", "price_unit"),
)


def lines(found: QuerySet[Message]) -> Iterator[str]:
    """The lines of the file, newest message first. Reads page by page, so that any size of it takes the same memory."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield MARK + writer.writerow(COLUMNS)
    rows = found.order_by("-pk")
    chunk = list(rows[:ROWS])
    while chunk:
        standing = standings(chunk)
        yield "".join(writer.writerow([cell(value) for value in _values(row, standing[row.pk])]) for row in chunk)
        chunk = list(rows.filter(pk__lt=chunk[-1].pk)[:ROWS])


def table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The lines of a table; any size of it takes the same memory."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield MARK + writer.writerow(columns)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def cell(value: object) -> str:
    """A value as a cell. What would be a formula gets an apostrophe in front, which makes it text."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def uncell(text: str) -> str:
    """What stands in a cell, as it was before `cell` made it safe."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def _values(message: Message, standing: Standing) -> list[object]:
    return [
        *(to_ref(message.pk), message.kind, standing.state.value, standing.word.value, f"+{message.to_digits}"),
        *(message.sender, message.gateway.name if message.gateway else "", message.body, message.segments),
        *(message.encoding, message.client_ref, message.campaign_id, message.created_at, message.state_at),
        *(message.provider_ref, message.refusal, message.code, message.words, message.price, message.price_unit),
    ]


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text
