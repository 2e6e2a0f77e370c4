"""Recipients of a campaign, those whom it leaves out, and the price list as CSV, safe to open in a spreadsheet."""

from collections.abc import Iterator
from typing import Any, Final

from gatepost.campaigns import planning, prices
from gatepost.campaigns.history import Line, all_recipients
from gatepost.campaigns.models import Campaign
from gatepost.channels.base import REASONS
from gatepost.messages.export import table
from gatepost.workspaces.models import Workspace

COLUMNS: Final = (
    *("contact", "name", "channel", "address", "state", "word", "since", "read", "left_out", "why"),
    *("gateway", "subject", "text"),
)
LEFT_OUT: Final = ("contact", "name", "login", "channel", "address", "reason", "left_out", "why")


def lines_of(row: Campaign, **wanted: Any) -> Iterator[str]:
    """The lines of the file with those who are `wanted` (as history.recipients says it); any size of it takes the same
    memory."""
    return table(COLUMNS, map(_values, all_recipients(row, **wanted)))


def left_out_lines(row: Campaign) -> Iterator[str]:
    """All who would get nothing of a draft, looked at while the file is read. Raises Problem as left_out does."""
    return table(
        LEFT_OUT,
        (
            (contact.pk, contact, contact.login, channel.name, address, why.reason, REASONS[why.reason], why.words)
            for channel, contact, address, why in planning.left_out(row)
        ),
    )


def price_lines(workspace: Workspace) -> Iterator[str]:
    """The lines of the price list, by prefix; they may be imported again."""
    found = prices.listed(workspace).iterator(chunk_size=1000)
    return table(
        prices.COLUMNS,
        ((one.prefix, prices.plain(one.amount), one.currency, one.gateway and one.gateway.name) for one in found),
    )


def _values(line: Line) -> list[object]:
    recipient, standing = line.recipient, line.standing
    found: list[object] = [recipient.contact_id, line.contact or "", recipient.channel, recipient.address]
    if standing is None:
        return [*found, "", "", "", "", line.reason, recipient.words, "", "", ""]
    return [
        *(*found, standing.state.value, standing.word.value, standing.at, standing.read_at, "", standing.cause),
        *(standing.gateway, standing.subject, standing.text),
    ]
