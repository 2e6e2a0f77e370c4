"""Why a message waits, for how long it did, and what it waits for now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from gatepost.dispatch.models import GatewayLease, Outbox
from gatepost.gateways.common import rates_by_sender
from gatepost.gateways.models import Gateway
from gatepost.gateways.settings import provider_of
from gatepost.messages.log import Moment, Standing
from gatepost.messages.models import Message
from gatepost.sms.states import State

MOST_COUNTED: Final = 10_000
WORTH_TELLING: Final = timedelta(seconds=1)
AHEAD = """
    select count(*) from (
        select from outbox o where o.gateway_id = %(gateway)s and o.lane = %(lane)s and o.held is null
           and o.workspace_id = %(workspace)s and coalesce(o.campaign_id, 0) = %(campaign)s and o.due_at <= now()
           and (o.due_at, o.message_id) < (%(due)s, %(id)s)
           and (%(sender)s::text is null or exists (
                select from message m where m.id = o.message_id and coalesce(o.sender, m.sender) = %(sender)s))
         limit %(most)s) as before_it
"""
AGAIN: Final = {
    "throttled": "the provider asked for a slower pace",
    "not_sent": "the provider was not reached",
    "refused": "the provider refused it for the time being",
    "fallback sender": "it is tried under the fallback sender ID",
    "unknown": "it is sent again after an answer that could not be trusted",
    "repeat failed": "the repetition did not go through",
}


@dataclass(frozen=True, slots=True)
class Wait:
    """A time in which nothing was done for a message, and why. `until` None: it still lasts."""

    since: datetime
    until: datetime | None
    why: str

    @property
    def seconds(self) -> float:
        return ((self.until or timezone.now()) - self.since).total_seconds()


def waits_of(message: Message, moments: list[Moment], standing: Standing) -> list[Wait]:
    """The waits of a message in order; the last one may still last. Waits of less than a second are left out."""
    waits: list[Wait] = []
    since, why = message.created_at, "its turn in the queue"
    if message.due_at and message.due_at > since:
        scheduled_until = min(message.due_at, timezone.now()) if standing.state is State.QUEUED else message.due_at
        waits.append(Wait(since, scheduled_until, "it was scheduled"))
        since = message.due_at
    for moment in moments:
        if moment.what in ("submitting", "sent again"):
            waits.append(Wait(since, moment.at, why))
        elif moment.what in AGAIN and "again_at" in moment.detail:
            since, why = moment.at, AGAIN[moment.what]
    waits = [wait for wait in waits if wait.until and wait.until - wait.since >= WORTH_TELLING]
    if standing.state is State.QUEUED:
        waits.append(Wait(max(since, message.created_at), None, waits_for(message, standing)))
    return waits


def waits_for(message: Message, standing: Standing) -> str:
    """What keeps a queued message from being submitted now."""
    if standing.held:
        return standing.held
    if standing.due_at and standing.due_at > timezone.now():
        return "its next attempt" if message.attempts else "the time that it is scheduled for"
    gateway = message.gateway
    if gateway is None:
        return "a gateway: the one it was for is gone"
    if not _is_driven(gateway):
        return f"a worker: none drives gateway {gateway.name} at this moment"
    return _its_turn(message, gateway)


def _is_driven(gateway: Gateway) -> bool:
    return GatewayLease.objects.filter(gateway=gateway, worker_id__isnull=False, expires_at__gt=timezone.now()).exists()


def _its_turn(message: Message, gateway: Gateway) -> str:
    queued = Outbox.objects.filter(message_id=message.pk).first()
    sender = (queued.sender if queued else None) or message.sender
    own_rate = rates_by_sender(gateway.sender_rates).get(sender)
    before = _before(queued, sender if own_rate else None) if queued else 0
    if not before:
        return "its turn: it is next"
    count = f"more than {MOST_COUNTED:,}" if before > MOST_COUNTED else f"{before:,}"
    rate = own_rate or gateway.requests_per_second or provider_of(gateway.provider).manifest.pace.requests_per_second
    pace = f" at {rate:g} a second" if rate else ""
    verb = "is" if before == 1 else "are"
    what = f"message{'' if before == 1 else 's'}{f' from {sender}' if own_rate else ''}"
    why = f", the pace of the sender ID {sender}" if own_rate else ""
    return f"its turn: {count} {what} {verb} before it{pace}{why}"


def _before(queued: Outbox, sender: str | None) -> int:
    """Of its own campaign, or of what its workspace sends besides campaigns: those take turns with the others.

    `sender`: only of that sender ID.
    """
    place: dict[str, Any] = {
        "gateway": queued.gateway_id,
        "lane": queued.lane,
        "workspace": queued.workspace_id,
        "campaign": queued.campaign_id or 0,
        "due": queued.due_at,
        "sender": sender,
    }
    with connection.cursor() as cursor:
        cursor.execute(AHEAD, place | {"id": queued.message_id, "most": MOST_COUNTED + 1})
        return int(cursor.fetchone()[0])
