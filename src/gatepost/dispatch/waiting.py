"""Why a message waits, for how long it did, and what it waits for now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.utils import timezone

from gatepost.dispatch.causes import why
from gatepost.dispatch.driven import UNREADABLE, rate_of
from gatepost.dispatch.models import GatewayLease, Outbox
from gatepost.gateways.common import rates_by_sender
from gatepost.gateways.countries import country_name
from gatepost.gateways.models import Gateway
from gatepost.gateways.settings import provider_of, restored
from gatepost.messages.log import Moment, Standing, submission_of
from gatepost.messages.models import Message
from gatepost.routing.health import Standing as Health
from gatepost.routing.models import GatewayHealth
from gatepost.sms.msisdn import country_of
from gatepost.sms.states import FINAL, State

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
QUEUE: Final = "in the queue"
"""Its turn, a hold, a gateway that nobody drove: which of them it was is not kept."""

ATTEMPT: Final = "in the queue, and at an attempt whose beginning is not known"
DOUBT: Final = "it was in doubt whether it had arrived"
SCHEDULED: Final = "it was scheduled"
HANDED_OVER: Final = frozenset({"submitting", "sent again"})
LEFT_THE_QUEUE: Final = frozenset({"cancelled", "expired", "blocked", "left"})
FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wait:
    """A time in which nothing was done for a message, and why. `until` None: it still lasts."""

    since: datetime
    until: datetime | None
    why: str

    @property
    def seconds(self) -> float:
        return ((self.until or timezone.now()) - self.since).total_seconds()


@dataclass(frozen=True, slots=True)
class _Open:
    """A wait whose end is not known yet: because of `why` until `turn_at`, and from then on for its turn."""

    since: datetime
    turn_at: datetime
    why: str = ""

    def ended(self, at: datetime, turn: str = QUEUE) -> list[Wait]:
        """What it was, now that it is over. `turn`: what the second part of it was."""
        turn_at = min(self.turn_at, at)
        return [Wait(self.since, turn_at, self.why), Wait(turn_at, at, turn)]

    def lasting(self, now: datetime, words: str) -> list[Wait]:
        """What it has been, and in these words what it is now."""
        if self.turn_at > now:
            return [Wait(self.since, None, words)]
        return [Wait(self.since, self.turn_at, self.why), Wait(self.turn_at, None, words)]


def waits_of(message: Message, moments: Sequence[Moment], standing: Standing) -> list[Wait]:
    """The waits of a message in order; the last one may still last. Waits of less than a second are left out."""
    due_at = message.due_at or message.created_at
    open_: _Open | None = _Open(message.created_at, max(due_at, message.created_at), SCHEDULED)
    waits: list[Wait] = []
    for moment in moments:
        following = _after(moment, open_)
        if following is not open_ and open_ is not None:
            has_been_tried = submission_of(moment) is not None
            waits += open_.ended(moment.at, ATTEMPT if has_been_tried else QUEUE)
        open_ = following
    if standing.state is State.QUEUED or standing.due_at is not None:
        now = timezone.now()
        open_ = open_ or _Open(moments[-1].at, moments[-1].at)
        waits += open_.lasting(now, waits_for(message, standing, open_.why if open_.turn_at > now else ""))
    elif open_ is not None and open_.turn_at != FOREVER and standing.state in FINAL:
        # A report has ended it.
        waits += open_.ended(message.state_at)
    return [wait for wait in waits if wait.until is None or wait.until - wait.since >= WORTH_TELLING]


def _after(moment: Moment, open_: _Open | None) -> _Open | None:
    """What it waits for after the moment, as far as the moment tells; the same wait where it changes nothing."""
    if moment.what in HANDED_OVER or moment.what in LEFT_THE_QUEUE:
        return None
    if moment.what in ("send again", "failed over"):
        return _Open(moment.at, moment.at)
    if moment.what == "not sent again":
        return _Open(moment.at, FOREVER, DOUBT)
    if submission_of(moment) is None:
        return open_
    again_at = _again_at(moment)
    if moment.what == "unknown" and again_at is None:
        return _Open(moment.at, FOREVER, DOUBT)
    if moment.what == "repeat failed":
        # It does not say whether and when it is repeated once more.
        again_at = FOREVER
    return _Open(moment.at, again_at or moment.at, why(moment.what, moment.detail).reason)


def _again_at(moment: Moment) -> datetime | None:
    again_at = moment.detail.get("again_at")
    return datetime.fromisoformat(again_at) if isinstance(again_at, str) else None


def waits_for(message: Message, standing: Standing, because: str = "") -> str:
    """What keeps a message in the queue from being submitted now. `because`: why its last attempt came to nothing."""
    if standing.held:
        return standing.held
    if standing.due_at and standing.due_at > timezone.now():
        tried = f"its next attempt: {because}" if because else "its next attempt"
        return tried if message.attempts else "the time that it is scheduled for"
    gateway = message.gateway
    if gateway is None:
        return "a gateway: the one it was for is gone"
    paused = gateway.paused_reason
    if not _is_driven(gateway) and not paused.startswith(UNREADABLE):
        return f"a worker: none drives gateway {gateway.name} at this moment"
    if paused:
        return f"gateway {gateway.name}, which is paused: {paused[:1].lower()}{paused[1:].rstrip('.')}"
    return _outage(message, gateway) or _its_turn(message, gateway)


def _is_driven(gateway: Gateway) -> bool:
    return GatewayLease.objects.filter(gateway=gateway, worker_id__isnull=False, expires_at__gt=timezone.now()).exists()


def _outage(message: Message, gateway: Gateway) -> str:
    """Why the gateway is down for the message; empty where it is not."""
    places = {"", country_of(message.to_digits) or ""}
    down = GatewayHealth.objects.filter(gateway=gateway, country__in=places, standing=Health.DOWN)
    row = down.order_by("country").first()
    if row is None:
        return ""
    place = f" for {country_name(row.country)}" if row.country else ""
    return f"gateway {gateway.name}, which is down{place}: {row.cause or 'it does not work'}"


@dataclass(frozen=True, slots=True)
class _Pace:
    """So many `units` a second (None: as many as there are), and what makes it so. `sender`: it is that sender ID's."""

    rate: float | None
    units: str
    why: str = ""
    sender: str = ""

    @property
    def words(self) -> str:
        """As the end of a sentence; empty where there is no limit."""
        if self.rate is None:
            return ""
        return f" at {self.rate:g} {self.units} a second{f', {self.why}' if self.why else ''}"


def _pace(gateway: Gateway, sender: str) -> _Pace:
    """The slowest of those that hold for a message of that sender ID."""
    provider = provider_of(gateway.provider)
    manifest = provider.manifest_for(restored(provider, gateway.settings, {}))
    units = manifest.pace.counts
    own = rates_by_sender(gateway.sender_rates).get(sender)
    paces = [
        _Pace(own, units, f"the pace of the sender ID {sender}", sender),
        _Pace(gateway.slowed_to, units, "the slower pace that the provider asked for"),
        _Pace(rate_of(gateway, manifest, settings.CONFIG["PROVIDER_LIMITS"]), units),
    ]
    return min((pace for pace in paces if pace.rate), key=lambda pace: pace.rate or 0.0, default=_Pace(None, units))


def _its_turn(message: Message, gateway: Gateway) -> str:
    queued = Outbox.objects.filter(message_id=message.pk).first()
    sender = (queued.sender if queued else None) or message.sender
    pace = _pace(gateway, sender)
    before = _before(queued, pace.sender or None) if queued else 0
    if not before:
        return f"its turn: it is next{pace.words if pace.why else ''}"
    count = f"more than {MOST_COUNTED:,}" if before > MOST_COUNTED else f"{before:,}"
    verb = "is" if before == 1 else "are"
    what = f"message{'' if before == 1 else 's'}{f' from {pace.sender}' if pace.sender else ''}"
    return f"its turn: {count} {what} {verb} before it{pace.words}"


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
