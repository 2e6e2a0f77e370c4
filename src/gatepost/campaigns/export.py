"""Recipients of a campaign, those whom it leaves out, and the price list as CSV, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterator
from typing import Final

from gatepost.campaigns import planning, prices
from gatepost.campaigns.history import Line, all_recipients
from gatepost.campaigns.models import Campaign
from gatepost.channels.base import REASONS
from gatepost.messages.export import MARK, cell
from gatepost.workspaces.models import Workspace

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


LEFT_OUT: Final = ("contact", "name", "login", "channel", "address", "reason", "left_out", "why")


def left_out_lines(row: Campaign) -> Iterator[str]:
    """All who would get nothing of a draft, looked at while the file is read. Raises Problem `invalid` at once."""
    found = planning.left_out(row)

    def written() -> Iterator[str]:
        writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
        yield MARK + writer.writerow(LEFT_OUT)
        for channel, contact, address, why in found:
            who = (contact.pk, str(contact), contact.login, channel.name, address)
            yield writer.writerow([cell(value) for value in (*who, why.reason, REASONS[why.reason], why.words)])

    return written()


def price_lines(workspace: Workspace) -> Iterator[str]:
    """The lines of the price list, by prefix; they may be imported again."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield MARK + writer.writerow(prices.COLUMNS)
    for row in prices.listed(workspace).iterator(chunk_size=1000):
        gateway = row.gateway.name if row.gateway else ""
        yield writer.writerow([cell(value) for value in (row.prefix, prices.plain(row.amount), row.currency, gateway)])


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
