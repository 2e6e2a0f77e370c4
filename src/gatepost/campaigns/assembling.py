"""What each person gets: the same for the plan, the sending and a test, so that what was seen is what is sent."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, TypeVar

from django.db.models import QuerySet

from gatepost.audience.models import Contact, Document, Status
from gatepost.audience.vocabulary import Vocabulary, load
from gatepost.campaigns import services
from gatepost.campaigns.models import Campaign, Recipient
from gatepost.campaigns.words import FAILED
from gatepost.channels.base import CHANNELS, Channel, Excluded, Order, Piece, Reason
from gatepost.links.shortening import Shortener
from gatepost.texts.language import MissingValue, Text, TextFault, compile_text
from gatepost.texts.models import Missing
from gatepost.texts.values import values_of

CHUNK: Final = 2000
UNREAD: Final = ("login_key", "name_key", "email_key", "billing_email_key", "custom_keys", "updated_at")
TRIES: Final = 5
"""How many of the same address are tried where texts are refused; whoever comes after them gets nothing either."""
OF_THE_TEXT: Final = (Reason.TOO_MANY_SEGMENTS, Reason.TOO_LARGE, Reason.TEXT)


Answer = TypeVar("Answer")
Attempt = Callable[[Order, Sequence[Piece]], Sequence[Answer | Excluded]]
"""What a channel says of pieces, or does with them: one answer for each."""


@dataclass(frozen=True, slots=True)
class Row:
    """One person by one channel: what is sent, or why nothing is."""

    contact: Contact
    address: str
    what: Piece | Excluded


@dataclass(frozen=True)
class Assembler:
    """Makes what people get of one campaign. `fields`: the values that its text needs. `is_alike`: everybody gets the
    same."""

    campaign: Campaign
    order: Order
    text: Text
    subject: Text
    vocabulary: Vocabulary
    takes_blocked: bool
    due_at: datetime | None
    fields: frozenset[str]
    is_alike: bool
    shortener: Shortener | None = None

    def rows(self, channel: Channel, contacts: Sequence[Contact], taken: Collection[str]) -> list[Row]:
        """One row for each contact, in order. `taken`: addresses that the campaign has written to already."""
        documents = self._documents(contacts) if self.campaign.document_kinds else {}
        values = values_of(contacts, self.vocabulary, self.fields)
        seen = set(taken)
        rows: list[Row] = []
        for contact, said in zip(contacts, values, strict=True):
            address = channel.address(contact, self.order)
            if isinstance(address, Excluded):
                rows.append(Row(contact, "", address))
                continue
            what = self._what(contact, address, said, documents.get(contact.pk, ()), seen)
            if isinstance(what, Piece):
                seen.add(address)
            rows.append(Row(contact, address, what))
        return rows

    def tried(
        self, channel: Channel, contacts: Sequence[Contact], taken: Collection[str], attempt: Attempt[Answer]
    ) -> list[tuple[Row, Answer | Excluded]]:
        """One row for each contact with what became of it, in order; `attempt`: the channel's check, or its post.

        Where the first of an address gets nothing, the others are no duplicates: they are refused for the same reason,
        or tried themselves where it lay in the text.
        """
        reached = set(taken)
        found: dict[int, tuple[Row, Answer | Excluded]] = {}
        left, tries = contacts, 0
        while left and tries < TRIES:
            rows = self.rows(channel, left, reached)
            answers = iter(attempt(self.order, [one.what for one in rows if isinstance(one.what, Piece)]))
            refused: dict[str, Excluded] = {}
            for one in rows:
                answer = one.what if isinstance(one.what, Excluded) else next(answers)
                found[one.contact.pk] = one, answer
                if not isinstance(answer, Excluded):
                    reached.add(one.address)
                elif isinstance(one.what, Piece):
                    refused[one.address] = answer
            again = [one for one in rows if _is_duplicate(one) and one.address in refused]
            for one in again:
                found[one.contact.pk] = one, refused[one.address]
            left = [one.contact for one in again if refused[one.address].reason in OF_THE_TEXT]
            tries += 1
        return [found[contact.pk] for contact in contacts]

    def piece(self, contact: Contact, address: str) -> Piece | Excluded:
        """A test: what that contact would get, at once and at another address; it is no message to the contact."""
        [said] = values_of([contact], self.vocabulary, self.fields)
        documents = self._documents([contact]) if self.campaign.document_kinds else {}
        written = self._written(said)
        if isinstance(written, Excluded):
            return written
        short = self._short(written, 0)
        return replace(self._piece(contact, address, short, documents.get(contact.pk, ()), None), contact_id=0)

    def _what(
        self, contact: Contact, address: str, said: Mapping[str, Any], documents: Sequence[int], seen: set[str]
    ) -> Piece | Excluded:
        if contact.status == Status.BLOCKED and not self.takes_blocked:
            return Excluded(Reason.BLOCKED, "The contact is blocked, and no filter asks for its status.")
        if address in seen:
            return Excluded(Reason.DUPLICATE, "Another recipient has the same address.")
        if self.campaign.only_with_documents and not documents:
            return Excluded(Reason.NO_DOCUMENT, "There is no financial document of these kinds and days.")
        written = self._written(said)
        if isinstance(written, Excluded):
            return written
        return self._piece(contact, address, self._short(written, contact.pk), documents, self._send_at(contact))

    def _short(self, written: tuple[str, str], contact_id: int) -> tuple[str, str]:
        """The same with short links in the text, before anything is counted."""
        subject, text = written
        return (subject, self.shortener.write(text, contact_id)) if self.shortener else written

    def _piece(
        self, contact: Contact, address: str, written: tuple[str, str], documents: Sequence[int], at: datetime | None
    ) -> Piece:
        subject, text = written
        attachments = tuple(self.campaign.attachments)
        return Piece(contact.pk, address, text, subject, at, attachments, tuple(documents))

    def _written(self, said: Mapping[str, Any]) -> tuple[str, str] | Excluded:
        instead = self.campaign.default if self.campaign.missing == Missing.DEFAULT else None
        try:
            subject = self.subject.render(said, instead=instead)
            text = self.text.render(said, instead=instead)
        except MissingValue as missing:
            return Excluded(Reason.MISSING_VALUE, f"Without a value: {', '.join(missing.names)}.")
        except TextFault as fault:
            return Excluded(Reason.TEXT, fault.words)
        return " ".join(subject.split()), text

    def _send_at(self, contact: Contact) -> datetime | None:
        row = self.campaign
        if row.schedule == Campaign.Schedule.LOCAL and row.send_at is not None:
            return services.at_local(row.send_at, contact.time_zone or row.time_zone)
        return self.due_at

    def _documents(self, contacts: Sequence[Contact]) -> Mapping[int, list[int]]:
        row = self.campaign
        found = Document.objects.filter(
            workspace=row.workspace,
            kind__in=row.document_kinds,
            contact__in=[contact.pk for contact in contacts],
            date__gte=row.document_from or date.min,
            date__lte=row.document_until or date.max,
        )
        by_contact: dict[int, list[int]] = defaultdict(list)
        for contact_id, pk in found.order_by("-date", "-id").values_list("contact_id", "id"):
            by_contact[contact_id].append(pk)
        return by_contact


def assembler(campaign: Campaign, kind: str = "mass") -> Assembler:
    """For the campaign as it is now. Raises Problem `invalid`."""
    text = compile_text(campaign.text)
    subject = compile_text(campaign.subject, about="subject")
    shortener = services.shortener_of(campaign)
    return Assembler(
        campaign=campaign,
        order=services.order_of(campaign, kind),
        text=text,
        subject=subject,
        vocabulary=load(campaign.workspace),
        # Those to whom it is sent again were meant already, whatever their status.
        takes_blocked=campaign.again_of_id is not None or _names_status(services.filters_of(campaign)),
        due_at=services.due(campaign),
        fields=text.fields | subject.fields,
        is_alike=text.is_plain and subject.is_plain and shortener is None,
        shortener=shortener,
    )


def channels_of(campaign: Campaign) -> list[Channel]:
    """The channels that it goes by, first those that others follow."""
    return [CHANNELS[name] for name in campaign.channels]


def chunks(making: Assembler, after: int = 0) -> Iterator[tuple[list[Contact], int]]:
    """Whom it means beyond that contact, by their ids, as they are when each chunk is read; and how far that got.

    Raises Problem where its filter does not fit any more.
    """
    campaign = making.campaign
    # What nobody here asks for is not read: that is a third of the time.
    unread = UNREAD if "created" in making.fields else (*UNREAD, "created_at")
    meant = services.people(campaign).defer(*unread)
    read = _next if campaign.again_of_id is None else _failed
    while True:
        found, after = read(campaign, meant, after)
        if not after:
            return
        yield found, after


def meant_among(campaign: Campaign, ids: Collection[int]) -> set[int]:
    """Those of the contacts whom it means now. Raises Problem as services.people."""
    meant = set(services.people(campaign).filter(pk__in=ids).values_list("pk", flat=True))
    return meant if campaign.again_of_id is None else meant & _failed_of(campaign, meant)


def _next(_: Campaign, meant: QuerySet[Contact], after: int) -> tuple[list[Contact], int]:
    found = list(meant.filter(pk__gt=after).order_by("pk")[:CHUNK])
    return found, found[-1].pk if found else 0


def _failed(campaign: Campaign, meant: QuerySet[Contact], after: int) -> tuple[list[Contact], int]:
    """Of the next recipients of the campaign that this one repeats, those who did not get it."""
    next_ones = _before(campaign).filter(contact_id__gt=after).order_by("contact_id")
    ids = list(next_ones.values_list("contact_id", flat=True).distinct()[:CHUNK])
    if not ids:
        return [], 0
    return list(meant.filter(pk__in=_failed_of(campaign, ids)).order_by("pk")), ids[-1]


def _failed_of(campaign: Campaign, ids: Collection[int]) -> set[int]:
    """Those of the contacts whom the campaign that this one repeats has not reached."""
    by_channel: dict[str, dict[int, int]] = defaultdict(dict)
    items = _before(campaign).filter(contact_id__in=ids).values_list("channel", "item_id", "contact_id")
    for channel, item_id, contact_id in items:
        by_channel[channel][item_id or 0] = contact_id
    return {
        of[item_id]
        for name, of in by_channel.items()
        if name in CHANNELS
        for item_id in CHANNELS[name].having(of.keys(), FAILED)
    }


def _before(campaign: Campaign) -> QuerySet[Recipient]:
    """Who got something of the campaign that this one repeats."""
    return Recipient.objects.filter(campaign=campaign.again_of_id or 0, item_id__isnull=False)


def _is_duplicate(row: Row) -> bool:
    return isinstance(row.what, Excluded) and row.what.reason == Reason.DUPLICATE


def _names_status(node: Any) -> bool:
    """Whether a filter says something of the status of contacts: who asks for blocked ones means them."""
    if isinstance(node, Mapping):
        return node.get("field") == "status" or any(_names_status(part) for part in node.values())
    return isinstance(node, (list, tuple)) and any(_names_status(part) for part in node)
