"""What sending a campaign would do: worked out by a job for one version of it, with the very code that sends.

plan = ask(campaign)          the job is started unless this version was worked out lately
forecast = current(campaign)  what came out; None while it is not there
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from gatepost.audience.models import Contact
from gatepost.campaigns import fields, prices, services
from gatepost.campaigns.assembling import Assembler, Row, assembler, channels_of, chunks, meant_among
from gatepost.campaigns.models import Campaign, Plan
from gatepost.campaigns.prices import PriceList
from gatepost.channels.base import CHANNELS, REASONS, Channel, Excluded, Facts, Piece, Reason
from gatepost.jobs.app import JobAborted, Work, defer
from gatepost.problems import Problem

JOB: Final = "campaigns.plan"
FRESH: Final = timedelta(minutes=15)
"""After that contacts, prices and gateways may be others: it is worked out anew."""
LISTED: Final = 100
TROUBLE: Final = "Something went wrong on our side; the log of the server says more."

# The day is that of the time zone in which the question is asked; whoever was written to since is counted.
SAME_TODAY: Final = """
    select distinct r.contact_id from campaign c join campaign_recipient r on r.campaign_id = c.id
     where c.workspace_id = %(workspace)s and c.digest = %(digest)s and c.started_at >= %(since)s
       and c.id <> %(campaign)s and r.reason = '' and r.contact_id = any(%(contacts)s)
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on one of the lists. `words`: why not, for those who get nothing; `text`: what the others get."""

    contact_id: int
    name: str
    address: str
    words: str = ""
    text: str = ""
    segments: int = 0


@dataclass(slots=True)
class Exclusion:
    """Those who get nothing for one reason: how many, and the first of them."""

    reason: str
    count: int = 0
    people: list[Person] = field(default_factory=list)

    @property
    def label(self) -> str:
        return REASONS[Reason(self.reason)]


@dataclass(slots=True)
class Share:
    """What one gateway (or account) would send. `seconds`: how long that takes at its configured rate; None: no limit.

    `costs`: by currency, of what has a price; `unpriced`: segments that have none.
    """

    gateway_id: int | None
    gateway: str
    messages: int = 0
    segments: int = 0
    seconds: float | None = None
    costs: dict[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0


@dataclass(slots=True)
class Way:
    """What goes by one channel. `encodings`: messages by encoding; `lengths`: messages by their segments.

    `saved`: segments that replacing the costly characters would save; `savings`: what they cost, by currency.
    `seconds`: how long the slowest gateway takes; `first_at` and `last_at`: between which times messages are due.
    """

    channel: str
    label: str
    messages: int = 0
    segments: int = 0
    encodings: dict[str, int] = field(default_factory=dict)
    lengths: dict[int, int] = field(default_factory=dict)
    saved: int = 0
    savings: dict[str, Decimal] = field(default_factory=dict)
    seconds: float | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    shares: list[Share] = field(default_factory=list)
    excluded: list[Exclusion] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)


@dataclass(slots=True)
class Forecast:
    """What sending would do. `people`: how many contacts are meant; `gaps`: how many lack a value that the text shows.

    `repeated`: how many were sent the same content earlier today, or will be by another. `late`: for how many their
    local time has passed, so that they get it at once.
    """

    people: int = 0
    ways: list[Way] = field(default_factory=list)
    gaps: int = 0
    repeated: int = 0
    late: int = 0
    made_at: datetime | None = None

    @property
    def messages(self) -> int:
        return sum(way.messages for way in self.ways)

    @property
    def segments(self) -> int:
        return sum(way.segments for way in self.ways)

    @property
    def excluded(self) -> int:
        return sum(one.count for way in self.ways for one in way.excluded)

    @property
    def costs(self) -> dict[str, Decimal]:
        """What all of it costs, by currency."""
        found: dict[str, Decimal] = {}
        for share in (share for way in self.ways for share in way.shares):
            for currency, amount in share.costs.items():
                found[currency] = found.get(currency, Decimal(0)) + amount
        return found

    @property
    def unpriced(self) -> int:
        """Segments without a price."""
        return sum(share.unpriced for way in self.ways for share in way.shares)

    @property
    def ends_at(self) -> datetime | None:
        """When the last message has left if sending begins now; None where nothing is sent."""
        ends = [
            max(way.last_at or timezone.now(), (way.first_at or timezone.now()) + timedelta(seconds=way.seconds or 0))
            for way in self.ways
            if way.messages
        ]
        return max(ends, default=None)


def ask(row: Campaign, *, anew: bool = False) -> Plan:
    """Its plan; the job for it is started where this version has none that is fresh, or for `anew`."""
    with transaction.atomic():
        Campaign.objects.select_for_update().get(pk=row.pk)
        found = Plan.objects.filter(campaign=row).first()
        is_of_this = found is not None and found.version == row.version and found.state != Plan.State.FAILED
        if found and is_of_this and not anew and timezone.now() - found.made_at < FRESH:
            return found
        plan, _ = Plan.objects.update_or_create(
            campaign=row,
            defaults={
                "version": row.version,
                "state": Plan.State.RUNNING,
                "done": 0,
                "total": 0,
                "result": {},
                "trouble": "",
                "made_at": timezone.now(),
            },
        )
        defer(JOB, only_once=f"plan {row.pk} {row.version}", campaign_id=row.pk, version=row.version)
    return plan


def find(row: Campaign) -> Plan:
    """Its plan, for whichever version. Raises Problem `not_found` where none was asked for."""
    found = Plan.objects.filter(campaign=row).first()
    if found is None:
        raise Problem("not_found", "Nobody has asked for a plan of this campaign yet.", remedy="Ask for one first.")
    return found


def current(row: Campaign) -> Forecast | None:
    """What came out for the campaign as it is now; None where that is not worked out, or too long ago."""
    found = Plan.objects.filter(campaign=row, version=row.version, state=Plan.State.DONE).first()
    if found is None or timezone.now() - found.made_at > FRESH:
        return None
    return forecast_of(found)


def forecast_of(plan: Plan) -> Forecast:
    """What the plan says."""
    return msgspec.convert(plan.result, Forecast, strict=False)


def run(work: Work, campaign_id: int, version: int) -> None:
    """The job: look at everybody, without sending anything."""
    row = Campaign.objects.select_related("workspace").filter(pk=campaign_id, version=version).first()
    mine = Plan.objects.filter(campaign=campaign_id, version=version, state=Plan.State.RUNNING)
    if row is None or not mine.exists():
        return
    try:
        forecast = _work_out(work, row, mine)
    except Problem as problem:
        mine.update(state=Plan.State.FAILED, trouble=problem.detail[:300])
    except JobAborted:
        raise
    except Exception:
        if work.is_last_attempt:
            mine.update(state=Plan.State.FAILED, trouble=TROUBLE)
        raise
    else:
        result = msgspec.to_builtins(forecast, str_keys=True)
        mine.update(state=Plan.State.DONE, result=result, made_at=timezone.now())


def left_out(row: Campaign) -> Iterator[tuple[Channel, Contact, str, Excluded]]:
    """All who would get nothing, as they are now: by which channel, who, at which address, and why.

    Any number of them takes the same memory, but for the addresses that it goes to. Raises Problem at once where its
    text or its filter does not fit.
    """
    services.people(row)
    return _left_out(assembler(row), channels_of(row))


def _left_out(making: Assembler, channels: Sequence[Channel]) -> Iterator[tuple[Channel, Contact, str, Excluded]]:
    seen: dict[str, set[str]] = {channel.name: set() for channel in channels}
    for contacts, _ in chunks(making):
        for channel in channels:
            for one, facts in _examine(making, channel, contacts, seen[channel.name]):
                if isinstance(facts, Excluded):
                    yield channel, one.contact, one.address, facts


Examined = tuple[Row, Facts | Excluded]


def _examine(making: Assembler, channel: Channel, contacts: Sequence[Contact], seen: set[str]) -> list[Examined]:
    found = making.tried(channel, contacts, seen, channel.check)
    if making.shortener:
        making.shortener.forget()
    seen.update(one.address for one, facts in found if isinstance(facts, Facts))
    return found


def _work_out(work: Work, row: Campaign, mine: Any) -> Forecast:
    making = assembler(row)
    counting = [_Counting(CHANNELS[name], prices.load(row.workspace_id)) for name in row.channels]
    forecast = Forecast()
    mine.update(total=services.people(row).count() if row.again_of_id is None else 0)
    now = timezone.now()
    about_to_be = _same_about_to_be_sent(row, now)
    for contacts, _ in chunks(making):
        work.check()
        forecast.people += len(contacts)
        for one in counting:
            one.take(_examine(making, one.channel, contacts, one.seen), now)
        forecast.repeated += _repeated(row, [contact.pk for contact in contacts], about_to_be, now)
        mine.update(done=forecast.people)
    forecast.ways = [one.way(are_alike=making.is_alike) for one in counting]
    forecast.gaps = sum(
        each.count for way in forecast.ways for each in way.excluded if each.reason == Reason.MISSING_VALUE
    )
    forecast.late = sum(one.late for one in counting) if row.schedule == Campaign.Schedule.LOCAL else 0
    forecast.made_at = timezone.now()
    return forecast


class _Counting:
    """What is counted of one channel."""

    def __init__(self, channel: Channel, price_list: PriceList) -> None:
        self.channel = channel
        self.seen: set[str] = set()
        self.late = 0
        self._prices = price_list
        self._found = Way(channel.name, channel.label)
        self._encodings: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._shares: dict[int | None, Share] = {}
        self._excluded: dict[str, Exclusion] = {}

    def take(self, examined: Sequence[Examined], now: datetime) -> None:
        """Count these."""
        for one, facts in examined:
            if isinstance(facts, Facts) and isinstance(one.what, Piece):
                self._count(one.contact, one.address, one.what, facts, now)
            elif isinstance(facts, Excluded):
                self._exclude(one.contact, one.address, facts)

    def way(self, *, are_alike: bool) -> Way:
        """All of it."""
        way = self._found
        way.encodings, way.lengths = dict(self._encodings), dict(sorted(self._lengths.items()))
        way.shares = sorted(self._shares.values(), key=lambda share: -share.messages)
        for share in way.shares:
            share.seconds = self.channel.takes_s(share.gateway_id, share.messages, share.segments, are_alike=are_alike)
        way.seconds = max((share.seconds for share in way.shares if share.seconds is not None), default=None)
        way.excluded = sorted(self._excluded.values(), key=lambda one: -one.count)
        return way

    def _exclude(self, contact: Contact, address: str, excluded: Excluded) -> None:
        reason = str(excluded.reason)
        one = self._excluded.setdefault(reason, Exclusion(reason))
        one.count += 1
        if len(one.people) < LISTED:
            one.people.append(Person(contact.pk, str(contact), address, excluded.words))

    def _count(self, contact: Contact, address: str, piece: Piece, facts: Facts, now: datetime) -> None:
        way = self._found
        way.messages += 1
        way.segments += facts.segments
        way.first_at = min(way.first_at or facts.due_at, facts.due_at)
        way.last_at = max(way.last_at or facts.due_at, facts.due_at)
        self.late += piece.send_at is not None and piece.send_at < now
        if facts.encoding:
            self._encodings[facts.encoding] += 1
            self._lengths[facts.segments] += 1
        share = self._shares.get(facts.gateway_id)
        if share is None:
            share = self._shares[facts.gateway_id] = Share(facts.gateway_id, facts.gateway)
        share.messages += 1
        share.segments += facts.segments
        way.saved += facts.saved
        self._price(share, address, facts)
        if len(way.people) < LISTED:
            way.people.append(Person(contact.pk, str(contact), address, "", piece.text, facts.segments))

    def _price(self, share: Share, address: str, facts: Facts) -> None:
        if not facts.segments:
            return
        price = self._prices.of(facts.gateway_id, address)
        if price is None:
            share.unpriced += facts.segments
            return
        amount, currency = price
        share.costs[currency] = share.costs.get(currency, Decimal(0)) + amount * facts.segments
        if facts.saved:
            savings = self._found.savings
            savings[currency] = savings.get(currency, Decimal(0)) + amount * facts.saved


def _today(row: Campaign, now: datetime) -> datetime:
    """When the day began in the campaign's time zone."""
    zone = fields.zone_of(row.time_zone)
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _same_about_to_be_sent(row: Campaign, now: datetime) -> list[Campaign]:
    """Other campaigns of the same content that are beginning, or will today; so far nobody, or not everybody whom they
    mean, is among their recipients."""
    is_beginning = Q(status__in=(Campaign.Status.UNDO, Campaign.Status.EXPANDING))
    is_of_today = Q(status=Campaign.Status.SCHEDULED, starts_at__lt=_today(row, now) + timedelta(days=1))
    same = services.own(row.workspace).filter(is_beginning | is_of_today, digest=services.digest(row))
    return list(same.exclude(pk=row.pk).select_related("workspace"))


def _repeated(row: Campaign, contact_ids: Sequence[int], about_to_be: Sequence[Campaign], now: datetime) -> int:
    """How many of these were sent the same content today, or are about to be."""
    values: Mapping[str, Any] = {
        "workspace": row.workspace_id,
        "digest": services.digest(row),
        "since": _today(row, now),
        "campaign": row.pk,
        "contacts": list(contact_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(SAME_TODAY, values)
        found = {contact_id for (contact_id,) in cursor.fetchall()}
    for other in about_to_be:
        # One that cannot begin any more means nobody.
        with suppress(Problem):
            found |= meant_among(other, contact_ids)
    return len(found)
