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
class Place:
    """Where a page of a timeline begins: at the newest moment that is not after `until`, but for `skipped` of that
    very time, which stand on the pages before."""

    until: datetime
    skipped: int = 0


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


Source = Callable[[Contact, int, datetime | None], Sequence[Moment]]
"""The newest of a contact, at most so many, and where a time is given none after it."""

_SOURCES: Final[list[Source]] = []


def register(source: Source) -> None:
    """Let the timeline of contacts show what this source knows, too."""
    _SOURCES.append(source)


def of(contact: Contact, place: Place | None = None) -> tuple[list[Moment], Place | None]:
    """The newest moments of a contact from that place on, newest first; and the place of the next, where there are.

    Any number of moments may be of one time, as what one request sends is.
    """
    until, skipped = (place.until, place.skipped) if place else (None, 0)
    found = [moment for source in (_sent, *_SOURCES) for moment in source(contact, MOST + 1 + skipped, until)]
    found.sort(key=lambda moment: moment.at, reverse=True)
    shown, rest = found[skipped : skipped + MOST], found[skipped + MOST :]
    if not rest:
        return shown, None
    following = rest[0].at
    return shown, Place(following, sum(moment.at == following for moment in found[: skipped + MOST]))


def _sent(contact: Contact, most: int, until: datetime | None) -> Sequence[Moment]:
    own = Message.objects.filter(workspace=contact.workspace_id, to_digits__in=contact.phones)
    if until:
        own = own.filter(created_at__lte=until)
    rows = list(own.order_by("-pk")[:most])
    standing = standings(rows)
    return [
        Moment(row.created_at, False, "SMS", row.to_digits, row.body, standing[row.pk].state.value, to_ref(row.pk))
        for row in rows
    ]
