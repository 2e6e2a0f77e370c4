"""The customer portal as a channel: a message is delivered by being there."""

import functools
import operator
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from gatepost.audience.models import Contact
from gatepost.audience.words import fold
from gatepost.channels import attachments
from gatepost.channels.base import Asked, Excluded, Facts, OneOff, Order, Piece, Reason, Run, Standing
from gatepost.channels.letter import one_line
from gatepost.channels.mail import narrowed, text_fault
from gatepost.channels.models import Portal, PortalMessage
from gatepost.messages.services import id_source
from gatepost.problems import Fault
from gatepost.rest.storable import as_id
from gatepost.sms.ids import to_ref
from gatepost.sms.states import WORDS, State

INSERT: Final = """
    insert into portal_message (id, workspace_id, contact_id, kind, due_at, campaign_id, user_id, api_key_id, subject,
                                body, attachments, documents, tag)
    select new.id, %(workspace)s, new.contact_id, %(kind)s, coalesce(new.wanted_at, statement_timestamp()),
           %(campaign)s, %(user)s, %(key)s, new.subject,
           new.body, coalesce(string_to_array(nullif(new.attachments, ''), ' ')::bigint[], '{}'),
           coalesce(string_to_array(nullif(new.documents, ''), ' ')::bigint[], '{}'), %(tag)s
      from unnest(%(ids)s::bigint[], %(wanted)s::timestamptz[], %(contacts)s::bigint[], %(subjects)s::text[],
                  %(bodies)s::text[], %(attachments)s::text[], %(documents)s::text[])
           as new(id, wanted_at, contact_id, subject, body, attachments, documents)
"""
CLOSED: Final = "The customer portal is closed. Open it on the page Customer portal."
TALLY: Final = """
    select case when cancelled_at is not null then 'cancelled'
                when is_held or due_at > statement_timestamp() then 'queued' else 'delivered' end, count(*)
      from portal_message
     where workspace_id = %(workspace)s and campaign_id = %(campaign)s and kind = 'mass' group by 1
"""


class CustomerPortal:
    """The channel of portal messages."""

    name = "portal"
    label = "Customer portal"
    needs_subject = True

    def address(self, contact: Contact, order: Order) -> str | Excluded:
        return str(contact.pk)

    def is_address(self, address: str, workspace_id: int) -> str | Excluded:
        """A test goes to a contact by its number or login."""
        written = address.strip()
        own = Contact.objects.filter(workspace=workspace_id)
        by_login = own.filter(login_key=fold(written)).values_list("pk", flat=True).first() if written else None
        by_id = own.filter(pk=as_id(written) or 0).values_list("pk", flat=True).first()
        found = by_login or by_id
        return str(found) if found else Excluded(Reason.INVALID, "No contact has this login or number.")

    def faults(self, order: Order) -> list[Fault]:
        return [] if is_open(order.workspace_id) else [Fault("send_to", "portal_closed", CLOSED)]

    def check(self, order: Order, pieces: Sequence[Piece]) -> list[Facts | Excluded]:
        if not is_open(order.workspace_id):
            return [Excluded(Reason.NO_ROUTE, CLOSED)] * len(pieces)
        now = datetime.now(UTC)
        return [_refused(piece) or Facts(due_at=piece.send_at or now, gateway="Customer portal") for piece in pieces]

    def post(self, order: Order, pieces: Sequence[Piece]) -> list[int | Excluded]:
        checked = self.check(order, pieces)
        taken = [piece for piece, facts in zip(pieces, checked, strict=True) if isinstance(facts, Facts)]
        ids = id_source().take(len(taken))
        if taken:
            _store(order, ids, taken)
        numbered = iter(ids)
        return [one if isinstance(one, Excluded) else next(numbered) for one in checked]

    def takes_s(self, gateway_id: int | None, messages: int, segments: int, *, are_alike: bool) -> float | None:
        return None

    def hold(self, run: Run, on: bool) -> int:
        mine = _of(run).filter(is_held=not on, cancelled_at=None)
        return (mine.filter(due_at__gt=Now()) if on else mine).update(is_held=on)

    def cancel(self, run: Run, *, actor: str) -> int:
        return _of(run).filter(WAITING).update(cancelled_at=Now())

    def tally(self, run: Run) -> Mapping[State, int]:
        with connection.cursor() as cursor:
            cursor.execute(TALLY, {"workspace": run.workspace_id, "campaign": run.campaign_id})
            return {State(state): count for state, count in cursor.fetchall()}

    def standings(self, ids: Collection[int]) -> Mapping[int, Standing]:
        rows = PortalMessage.objects.filter(pk__in=ids).select_related("contact")
        return {row.pk: standing_of(row) for row in rows}

    def one_offs(self, asked: Asked) -> Sequence[OneOff]:
        # Worded as the condition of the index that holds these alone.
        own = PortalMessage.objects.filter(workspace=asked.workspace_id).exclude(kind="mass")
        found = narrowed(own.select_related("contact"), asked)
        if asked.words:
            wanted = [condition for state, condition in _STANDS.items() if WORDS[state] in asked.words]
            found = found.filter(functools.reduce(operator.or_, wanted)) if wanted else found.none()
        if asked.query:
            of_contact = Q(contact__name_key__startswith=fold(asked.query))
            found = found.filter(of_contact | Q(subject__icontains=asked.query))
        return [
            OneOff(
                id=row.pk,
                ref=to_ref(row.pk),
                at=row.created_at,
                kind=row.kind,
                address=str(row.contact),
                text=row.subject,
                state=state_of(row),
                url=page_of(row),
            )
            for row in found.order_by("-pk")[: asked.limit]
        ]

    def having(self, ids: Collection[int], states: Collection[State]) -> set[int]:
        return {pk for pk, standing in self.standings(ids).items() if standing.state in states}


def _refused(piece: Piece) -> Excluded | None:
    if fault := text_fault(piece):
        return Excluded(Reason.TEXT, fault)
    if len(piece.attachments) + len(piece.documents) > attachments.MOST:
        return Excluded(Reason.TOO_LARGE, f"There are more than {attachments.MOST} files.")
    return None


def visible(messages: QuerySet[PortalMessage]) -> QuerySet[PortalMessage]:
    """Those that their contact sees."""
    return messages.filter(cancelled_at=None, is_held=False, due_at__lte=Now())


def state_of(message: PortalMessage) -> State:
    """Delivered once its contact can see it."""
    if message.cancelled_at is not None:
        return State.CANCELLED
    is_waiting = message.is_held or message.due_at > datetime.now(UTC)
    return State.QUEUED if is_waiting else State.DELIVERED


def is_open(workspace_id: int) -> bool:
    """Whether customers can sign in to the portal of the workspace."""
    return Portal.objects.filter(workspace=workspace_id, is_open=True).exists()


def page_of(message: PortalMessage) -> str:
    """The path of its page in the console."""
    return reverse("portal-message", kwargs={"workspace": message.workspace_id, "ref": to_ref(message.pk)})


def standing_of(message: PortalMessage) -> Standing:
    """Where it stands, as campaigns and history show it."""
    return Standing(
        state=state_of(message),
        at=message.cancelled_at or message.due_at,
        ref=to_ref(message.pk),
        address=str(message.contact),
        subject=message.subject,
        text=message.body,
        cause="Held: campaign paused" if message.is_held and message.cancelled_at is None else "",
        gateway="Customer portal",
        url=page_of(message),
        read_at=message.read_at,
    )


WAITING = Q(cancelled_at=None) & (Q(is_held=True) | Q(due_at__gt=Now()))
_STANDS: Final[Mapping[State, Q]] = {
    State.CANCELLED: Q(cancelled_at__isnull=False),
    State.QUEUED: WAITING,
    State.DELIVERED: Q(cancelled_at=None, is_held=False, due_at__lte=Now()),
}


def _of(run: Run) -> QuerySet[PortalMessage]:
    return PortalMessage.objects.filter(workspace=run.workspace_id, campaign_id=run.campaign_id, kind="mass")


def _store(order: Order, ids: Sequence[int], taken: Sequence[Piece]) -> None:
    columns: dict[str, Any] = {
        "ids": list(ids),
        "wanted": [piece.send_at for piece in taken],
        "contacts": [int(piece.address) for piece in taken],
        "subjects": [one_line(piece.subject) for piece in taken],
        "bodies": [piece.text for piece in taken],
        "attachments": [" ".join(map(str, piece.attachments)) for piece in taken],
        "documents": [" ".join(map(str, piece.documents)) for piece in taken],
    }
    common: dict[str, Any] = {
        "workspace": order.workspace_id,
        "kind": order.kind,
        "campaign": order.campaign_id,
        "user": order.user_id,
        "key": order.api_key_id,
        "tag": order.tag,
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, {**common, **columns})
