"""What was written to a contact and what came back, on every channel: each slice that knows some gives it here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gatepost.audience.models import Contact
from gatepost.messages.log import standings
from gatepost.messages.models import Message
from gatepost.sms.ids import to_ref

MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Moment:
    """One message. `ref`: of its page in the log, or `url`: the path of its page elsewhere; `state` of those that were
    sent; `note`: what else is known of it."""

    at: datetime
    is_inbound: bool
    channel: str
    number: str
    text: str
    state: str = ""
    ref: str = ""
    url: str = ""
    note: str = ""


Source = Callable[[Contact, int], Sequence[Moment]]
"""The newest of a contact, at most so many."""

_SOURCES: Final[list[Source]] = []


def register(source: Source) -> None:
    """Let the timeline of contacts show what this source knows, too."""
    _SOURCES.append(source)


def of(contact: Contact) -> list[Moment]:
    """The newest moments of a contact, newest first."""
    found = [moment for source in (_sent, *_SOURCES) for moment in source(contact, MOST)]
    return sorted(found, key=lambda moment: moment.at, reverse=True)[:MOST]


def _sent(contact: Contact, most: int) -> Sequence[Moment]:
    own = Message.objects.filter(workspace=contact.workspace_id, to_digits__in=contact.phones)
    rows = list(own.order_by("-pk")[:most])
    standing = standings(rows)
    return [
        Moment(row.created_at, False, "SMS", row.to_digits, row.body, standing[row.pk].state.value, to_ref(row.pk))
        for row in rows
    ]
