"""Every sending of every channel in one list, and the recipients of one campaign with what became of each.

A campaign is one line, and so is a single message. Each source is read by its own order in time (messages by their ids,
campaigns by when they began), so that a page costs the same however long the history is; the cursor holds how far each
source has been read.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from gatepost.audience import contacts
from gatepost.audience.models import Contact
from gatepost.campaigns import services
from gatepost.campaigns.models import Campaign, Recipient
from gatepost.campaigns.words import OF_MESSAGES, CampaignWord, of_message, standing_so, word_of
from gatepost.channels.base import CHANNELS, REASONS, Asked, OneOff, Reason, Standing
from gatepost.messages.models import Kind
from gatepost.problems import Fault, Problem
from gatepost.sms.states import State
from gatepost.workspaces.models import Workspace

CAMPAIGNS: Final = "campaign"
CHUNK: Final = 5000
FEW: Final = 1000
"""So many contacts are found first, and then their places among the recipients; more are looked at one by one."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_IDS: Final = 2**63
_END: Final = {CAMPAIGNS: (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND * _IDS}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks for; what is empty does not restrict. `query`: part of a campaign's name, subject or text, or
    of a single mail's subject, or the beginning of a number or address. `channel`: a channel's name. `kind`: mass,
    single, test, reply or system. `since` and `until`: of what was begun between them, or written where it has not."""

    word: CampaignWord | None = None
    channel: str = ""
    kind: str = ""
    query: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the history: a campaign, or a single message."""

    at: datetime
    kind: str
    channels: tuple[str, ...]
    title: str
    word: CampaignWord
    campaign: Campaign | None = None
    message: OneOff | None = None

    @property
    def recipients(self) -> int:
        """How many people were meant."""
        return 1 if self.campaign is None else max(self.campaign.planned, self.campaign.taken)


@dataclass(frozen=True, slots=True)
class Line:
    """A recipient of a campaign: the contact (None where it is gone), and what became of the message, or why none."""

    recipient: Recipient
    contact: Contact | None
    standing: Standing | None

    @property
    def reason(self) -> str:
        """Why nothing was sent, in short; empty where something was."""
        return REASONS[Reason(self.recipient.reason)] if self.recipient.reason else ""


def page(workspace: Workspace, wanted: Wanted, cursor: str = "", limit: int = 50) -> tuple[list[Entry], str]:
    """The newest entries beyond the cursor, newest first, and the cursor of the next page, empty on the last.

    Raises Problem `bad_cursor`.
    """
    wanted = replace(wanted, query=_storable(wanted.query))
    sources = [CAMPAIGNS, *CHANNELS]
    places = _places(cursor, sources)
    found: list[tuple[Entry, str, int]] = []
    if not wanted.kind or wanted.kind == Kind.MASS:
        rows = _campaigns(workspace, wanted, places.get(CAMPAIGNS), limit + 1)
        found += [(_entry_of_campaign(row), CAMPAIGNS, _place(row)) for row in rows]
    if wanted.kind != Kind.MASS and wanted.word is not CampaignWord.REMOVED:
        for name in CHANNELS:
            if wanted.channel in ("", name):
                ones = CHANNELS[name].one_offs(_asked(workspace, wanted, places.get(name), limit + 1))
                found += [(_entry_of_message(one, name), name, one.id) for one in ones]
    found.sort(key=lambda one: one[0].at, reverse=True)
    shown = found[:limit]
    for _, source, place in shown:
        places[source] = min(place, places.get(source, place))
    return [entry for entry, _, _ in shown], _cursor(places, sources) if len(found) > limit else ""


def recipients(
    row: Campaign,
    *,
    states: Collection[State] = (),
    excluded: bool = False,
    reason: str = "",
    query: str = "",
    after: int = 0,
    limit: int = 50,
) -> tuple[list[Line], int | None]:
    """Recipients of a campaign beyond that one, and the last one looked at where there are more.

    `states`: those whose messages stand so; `excluded`: those who got nothing, for one `reason` or all. `query`: the
    beginning of the address, or what contacts are found by.
    """
    rows = Recipient.objects.filter(campaign=row, pk__gt=after).order_by("pk")
    if excluded or reason:
        rows = rows.filter(reason=reason) if reason else rows.exclude(reason="")
        states = ()
    elif states:
        rows = rows.filter(item_id__isnull=False)
    if query := _storable(query):
        rows = rows.filter(_found_by(row, query))
    found: list[Recipient] = []
    while len(found) <= limit:
        step = CHUNK if states else limit + 1 - len(found)
        chunk = list(rows.filter(pk__gt=after)[:step])
        found += _standing(chunk, states) if states else chunk
        if len(chunk) < step:
            break
        after = chunk[-1].pk
    shown = found[:limit]
    return _lines(shown), shown[-1].pk if len(found) > limit else None


def all_recipients(row: Campaign, **wanted: Any) -> Iterator[Line]:
    """All that are wanted, as `recipients` says it, read in chunks: for export."""
    after: int | None = 0
    while after is not None:
        lines, after = recipients(row, **wanted, after=after, limit=CHUNK)
        yield from lines


def _campaigns(workspace: Workspace, wanted: Wanted, before: int | None, limit: int) -> QuerySet[Campaign]:
    found = services.own(workspace).filter(standing_so(wanted.word))
    found = found.annotate(at=Coalesce("started_at", "created_at"))
    if wanted.channel:
        channels = [send_to for send_to in Campaign.SendTo.values if wanted.channel in send_to.split("_")]
        found = found.filter(send_to__in=channels)
    if wanted.query:
        named = Q(name__icontains=wanted.query) | Q(subject__icontains=wanted.query)
        found = found.filter(named | Q(text__icontains=wanted.query))
    if wanted.since:
        found = found.filter(at__gte=wanted.since)
    if wanted.until:
        found = found.filter(at__lt=wanted.until)
    if before is not None:
        microseconds, pk = divmod(before, _IDS)
        moment = _EPOCH + microseconds * _MICROSECOND
        # The first part is what the index finds; the second tells those of the same moment apart.
        found = found.filter(at__lte=moment).filter(Q(at__lt=moment) | Q(pk__lt=pk))
    return found.order_by("-at", "-pk")[:limit]


def _place(row: Campaign) -> int:
    """Its place among the campaigns, which grows with when it began."""
    return (_began(row) - _EPOCH) // _MICROSECOND * _IDS + row.pk


def _began(row: Campaign) -> datetime:
    """When it began to be sent, or was first written where it has not."""
    return row.started_at or row.created_at


def _found_by(row: Campaign, query: str) -> Q:
    """The recipients whose address begins so, or whose contacts are found by it."""
    people = contacts.search(contacts.own(row.workspace), query, row.workspace.default_country)
    few = list(people.order_by().values_list("pk", flat=True)[: FEW + 1])
    of_contact = Q(contact_id__in=few) if len(few) <= FEW else Q(Exists(people.filter(pk=OuterRef("contact_id"))))
    digits = "".join(sign for sign in query if sign.isascii() and sign.isdigit())
    is_number = not query.strip("+-() 0123456789") and digits
    return of_contact | Q(address__startswith=digits if is_number else query.lower())


def _storable(query: str) -> str:
    """What was searched for as it can be stored: PostgreSQL knows no NUL."""
    return " ".join(query.replace("\x00", "").split())


def _asked(workspace: Workspace, wanted: Wanted, before: int | None, limit: int) -> Asked:
    return Asked(
        workspace_id=workspace.pk,
        limit=limit,
        before=before,
        kind=wanted.kind,
        words=OF_MESSAGES[wanted.word] if wanted.word else (),
        query=wanted.query,
        since=wanted.since,
        until=wanted.until,
    )


def _entry_of_campaign(row: Campaign) -> Entry:
    return Entry(_began(row), Kind.MASS, row.channels, str(row), word_of(row), campaign=row)


def _entry_of_message(one: OneOff, channel: str) -> Entry:
    return Entry(one.at, one.kind, (channel,), one.address, of_message(one.word), message=one)


def _standing(rows: Sequence[Recipient], states: Collection[State]) -> list[Recipient]:
    """Those whose messages stand so."""
    meant: set[tuple[str, int]] = set()
    for channel, ids in _by_channel(rows).items():
        meant |= {(channel, pk) for pk in CHANNELS[channel].having(ids, states)}
    return [row for row in rows if row.item_id is not None and (row.channel, row.item_id) in meant]


def _lines(rows: Sequence[Recipient]) -> list[Line]:
    contacts = Contact.objects.in_bulk([row.contact_id for row in rows])
    standings = {channel: CHANNELS[channel].standings(ids) for channel, ids in _by_channel(rows).items()}
    return [
        Line(row, contacts.get(row.contact_id), standings.get(row.channel, {}).get(row.item_id or 0)) for row in rows
    ]


def _by_channel(rows: Sequence[Recipient]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in rows:
        if row.item_id is not None and row.channel in CHANNELS:
            found.setdefault(row.channel, []).append(row.item_id)
    return found


def _cursor(places: Mapping[str, int], sources: Sequence[str]) -> str:
    return ".".join(_base36(places[source]) if source in places else "" for source in sources)


def _places(cursor: str, sources: Sequence[str]) -> dict[str, int]:
    if not cursor:
        return {}
    try:
        read = {source: int(part, 36) for source, part in zip(sources, cursor.split("."), strict=True) if part}
    except ValueError:
        read = {"": -1}
    if not all(0 <= place < _END.get(source, _IDS) for source, place in read.items()):
        raise Problem("bad_cursor", faults=[Fault("cursor", "bad_cursor", "This cursor is not one of ours.")])
    return read


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
