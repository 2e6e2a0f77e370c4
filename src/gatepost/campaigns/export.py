"""The recipients of a campaign as CSV, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterator
from typing import Final

from gatepost.campaigns.history import Line, all_recipients
from gatepost.campaigns.models import Campaign
from gatepost.messages.export import MARK, cell

COLUMNS: Final = (
    *("contact", "name", "channel", "address", "state", "word", "since", "read", "left_out", "why"),
    *("gateway", "subject", "text"),
)


def lines_of(row: Campaign) -> Iterator[str]:
    """The lines of the file; any size of it takes the same memory."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield MARK + writer.writerow(COLUMNS)
    for line in all_recipients(row):
        yield writer.writerow([cell(value) for value in _values(line)])


def _values(line: Line) -> list[object]:
    recipient, standing = line.recipient, line.standing
    found: list[object] = [recipient.contact_id, line.contact or "", recipient.channel, recipient.address]
    if standing is None:
        return [*found, "", "", "", "", line.reason, recipient.words, "", "", ""]
    return [
        *(*found, standing.state.value, standing.word.value, standing.at, standing.read_at, "", standing.cause),
        *(standing.gateway, standing.subject, standing.text),
    ]


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text
