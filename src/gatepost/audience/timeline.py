"""What was written to a contact and what came back, on every channel: each slice that knows some gives it here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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


Source = Callable[[Contact, int, datetime | None], Sequence[Moment]]
"""The newest of a contact, at most so many, and where a time is given none after it."""

_SOURCES: Final[list[Source]] = []


def register(source: Source) -> None:
    """Let the timeline of contacts show what this source knows, too."""
    _SOURCES.append(source)


def of(contact: Contact, until: datetime | None = None) -> tuple[list[Moment], datetime | None]:
    """The newest moments of a contact up to that time, newest first; and the time of the next ones, where there are.

    Moments of one time stay together, so that none is lost between two pages.
    """
    found = [moment for source in (_sent, *_SOURCES) for moment in source(contact, MOST + 1, until)]
    found.sort(key=lambda moment: moment.at, reverse=True)
    if len(found) <= MOST:
        return found, None
    following = found[MOST].at
    shown = [moment for moment in found if moment.at > following]
    return (shown, following) if shown else (found, following - timedelta(microseconds=1))


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
