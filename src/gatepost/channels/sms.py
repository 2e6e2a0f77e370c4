"""SMS: the messages of campaigns are accepted by the same rules as any other, and wait in the same queue."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from django.conf import settings
from django.db import connection
from django.urls import reverse

from gatepost.audience.models import Contact
from gatepost.channels.base import Asked, Excluded, Facts, OneOff, Order, Piece, Reason, Run, Standing, in_sentences
from gatepost.dispatch import campaign_queue
from gatepost.gateways.models import Gateway
from gatepost.gateways.settings import provider_of, restored
from gatepost.messages.accept import accept
from gatepost.messages.log import CLOCKS_S, Filters, first_id, refusal_of, search, standings
from gatepost.messages.models import Kind, Message
from gatepost.messages.services import accept_now
from gatepost.messages.snapshots import load, load_for
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Denied, Snapshot, Taken, Wish
from gatepost.problems import Fault
from gatepost.routing.choose import named
from gatepost.sms.ids import to_ref
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.sms.states import WORDS, State
from gatepost.sms.text import saving
from gatepost.workspaces.models import Workspace

# An index by campaign would cost each message on its way; the ids of a campaign's messages lie between two moments.
TALLY: Final = """
    select case when m.state = 'queued' and o.message_id is null then 'submitting' else m.state end, count(*)
      from message m left join outbox o on o.message_id = m.id
     where m.workspace_id = %(workspace)s and m.id >= %(first)s and m.id < %(last)s
       and m.campaign_id = %(campaign)s and m.kind = 'mass'
     group by 1
"""
_REASONS: Final[Mapping[str, Reason]] = {
    "number_empty": Reason.NO_NUMBER,
    **dict.fromkeys(
        ("number_too_long", "number_too_short", "number_no_country", "default_country_unknown", "invalid_number"),
        Reason.INVALID,
    ),
    "suppressed": Reason.SUPPRESSED,
    "too_many_segments": Reason.TOO_MANY_SEGMENTS,
    **dict.fromkeys(("sender_not_verified", "sender_missing", "sender_not_allowed"), Reason.SENDER),
    **dict.fromkeys(("text_empty", "text_too_long", "text_has_nul", "text_has_lone_surrogate"), Reason.TEXT),
}
"""Why accepting refuses, as campaigns say it; whatever else it says concerns the way that the message would take."""


class Sms:
    """The channel of text messages."""

    name = "sms"
    label = "SMS"
    needs_subject = False

    def address(self, contact: Contact, order: Order) -> str | Excluded:
        return contact.phone or Excluded(Reason.NO_NUMBER, "There is no phone number.")

    def is_address(self, address: str, workspace_id: int) -> str | Excluded:
        workspace = Workspace.objects.get(pk=workspace_id)
        try:
            return parse(address, workspace.default_country or settings.CONFIG["DEFAULT_COUNTRY"])
        except InvalidNumber as invalid:
            return Excluded(_REASONS.get(invalid.code, Reason.INVALID), f"{invalid.sentence} {invalid.remedy}")

    def faults(self, order: Order) -> list[Fault]:
        snapshot = load(order.workspace_id)
        if not snapshot.gateways:
            words = "There is no gateway. Add one, or have one assigned to this workspace."
            return [Fault("gateway", "no_gateway", words)]
        found = named(order.gateway, snapshot.gateways) if order.gateway else None
        return [Fault("gateway", found.code, found.words)] if found and found.gateway_id is None else []

    def check(self, order: Order, pieces: Sequence[Piece]) -> list[Facts | Excluded]:
        wishes = _wishes(order, pieces)
        snapshot = load_for(order.workspace_id, wishes, order.kind)
        answers = accept(wishes, snapshot, order.peer, kind=order.kind, campaign_id=order.campaign_id)
        return [_excluded(one) if isinstance(one, Denied) else _facts(one, snapshot) for one in answers]

    def post(self, order: Order, pieces: Sequence[Piece]) -> list[int | Excluded]:
        origin = Origin(
            order.workspace_id, order.kind, order.api_key_id, user_id=order.user_id, campaign_id=order.campaign_id
        )
        answers = accept_now(origin, _wishes(order, pieces), peer=order.peer)
        return [_excluded(one) if isinstance(one, Denied) else one[0] for one in answers]

    def takes_s(self, gateway_id: int | None, messages: int, segments: int, *, are_alike: bool) -> float | None:
        gateway = Gateway.objects.filter(pk=gateway_id).first() if gateway_id else None
        if gateway is None:
            return None
        provider = provider_of(gateway.provider)
        manifest = provider.manifest_for(restored(provider, gateway.settings, {}))
        limits = (gateway.requests_per_second, gateway.slowed_to, manifest.pace.requests_per_second)
        rate = min((limit for limit in limits if limit), default=None)
        if rate is None:
            return None
        batch = manifest.batch if gateway.pattern == Gateway.Pattern.BATCH else None
        is_together = batch is not None and (are_alike or "text" not in batch.same)
        requests = -(-messages // batch.limit) if batch is not None and is_together else messages
        return {"requests": requests, "messages": messages, "segments": segments}[manifest.pace.counts] / rate

    def hold(self, run: Run, on: bool) -> int:
        return (
            campaign_queue.hold(run.campaign_id, _span(run))
            if on
            else campaign_queue.release(run.campaign_id, _span(run))
        )

    def cancel(self, run: Run, *, actor: str) -> int:
        return campaign_queue.cancel(run.campaign_id, _span(run), actor=actor)

    def tally(self, run: Run) -> Mapping[State, int]:
        first, last = _span(run)
        values = {"workspace": run.workspace_id, "campaign": run.campaign_id, "first": first, "last": last}
        with connection.cursor() as cursor:
            cursor.execute(TALLY, values)
            return {State(state): count for state, count in cursor.fetchall()}

    def standings(self, ids: Collection[int]) -> Mapping[int, Standing]:
        rows = list(Message.objects.filter(pk__in=ids).select_related("gateway"))
        known = standings(rows)
        return {
            row.pk: Standing(
                state=known[row.pk].state,
                at=row.state_at,
                ref=to_ref(row.pk),
                address=row.to_digits,
                text=row.body,
                cause=_cause(row, known[row.pk].held),
                gateway=row.gateway.name if row.gateway else "",
                url=_page(row),
            )
            for row in rows
        }

    def one_offs(self, asked: Asked) -> Sequence[OneOff]:
        # Worded as the condition of the index that holds these alone.
        own = Message.objects.filter(workspace=asked.workspace_id).exclude(kind=Kind.MASS)
        wanted = Filters(
            states=[state for state, word in WORDS.items() if word in asked.words],
            kind=asked.kind,
            to=asked.query,
            since=asked.since,
            until=asked.until,
        )
        found = search(own, wanted) if asked.before is None else search(own.filter(pk__lt=asked.before), wanted)
        rows = list(found.order_by("-pk")[: asked.limit])
        known = standings(rows)
        return [
            OneOff(
                id=row.pk,
                ref=to_ref(row.pk),
                at=row.created_at,
                kind=row.kind,
                address=f"+{row.to_digits}",
                text=row.body,
                state=known[row.pk].state,
                url=_page(row),
            )
            for row in rows
        ]

    def having(self, ids: Collection[int], states: Collection[State]) -> set[int]:
        mine = Message.objects.filter(pk__in=ids)
        found = search(mine, Filters(states=list(states))) if states else mine.none()
        return set(found.values_list("pk", flat=True))


def _page(row: Message) -> str:
    return reverse("message", kwargs={"workspace": row.workspace_id, "ref": to_ref(row.pk)})


def _wishes(order: Order, pieces: Sequence[Piece]) -> list[Wish]:
    return [
        Wish(
            to=piece.address if piece.address.startswith("+") else f"+{piece.address}",
            text=piece.text,
            sender=order.sender,
            gateway=order.gateway,
            priority=order.priority,
            send_at=piece.send_at,
            tag=order.tag,
        )
        for piece in pieces
    ]


def _excluded(denied: Denied) -> Excluded:
    return Excluded(_REASONS.get(denied.code, Reason.NO_ROUTE), denied.words)


def _facts(taken: Taken, snapshot: Snapshot) -> Facts:
    saved = saving(taken.text) if taken.encoding == "ucs2" and taken.segments > 1 else None
    return Facts(
        due_at=taken.due_at,
        gateway_id=taken.gateway_id,
        gateway=snapshot.gateways[taken.gateway_id].name,
        encoding=taken.encoding,
        segments=taken.segments,
        saved=saved.before - saved.after if saved else 0,
    )


def _cause(row: Message, held: str) -> str:
    refusal = refusal_of(row)
    if refusal is None:
        return f"Held: {held}" if held else ""
    return in_sentences(refusal["words"], refusal["advice"])


def _span(run: Run) -> tuple[int, int]:
    last = first_id(run.until, CLOCKS_S) if run.until else 2**63 - 1
    return first_id(run.since, -CLOCKS_S), last
