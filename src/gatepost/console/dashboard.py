"""Figures of the dashboard: what went out lately, what became of it, what waits, and how each gateway does."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection

from gatepost.gateways.evidence import Health, health_of
from gatepost.gateways.models import Gateway
from gatepost.messages.log import first_id
from gatepost.sms.states import WORDS, State, Word
from gatepost.workspaces.models import Workspace

BY_HOUR = """
    select date_trunc('hour', created_at), gateway_id, state, count(*) from message
     where workspace_id = %s and id >= %s group by 1, 2, 3 order by 1
"""
WAITING = """
    select count(*), min(due_at) filter (where held is null), count(*) filter (where held is not null)
      from outbox where workspace_id = %s
"""
COUNTED_IN_A_SECOND = 50_000
"""Fewer messages are counted at each look; more as often as not to be busy with it all the time."""

Counted = list[tuple[datetime, int | None, State, int]]
"""Hour, gateway, state, and how many."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Messages of one hour by word."""

    at: datetime
    counts: dict[Word, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class GatewayLine:
    """A gateway and its last day. `share_good` of what has an outcome, in percent; None where nothing has."""

    gateway: Gateway
    total: int
    delivered: int
    failed: int
    health: Health

    @property
    def share_good(self) -> int | None:
        decided = self.delivered + self.failed
        return round(100 * self.delivered / decided) if decided else None


@dataclass(frozen=True, slots=True)
class Figures:
    """The last day of a workspace."""

    hours: list[Hour]
    counts: dict[Word, int]
    delivered: int
    waiting: int
    held: int
    oldest_due: datetime | None
    gateways: list[GatewayLine]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def in_trouble(self) -> int:
        return self.counts[Word.ERROR] + self.counts[Word.EXPIRED]

    @property
    def highest_hour(self) -> int:
        return max((hour.total for hour in self.hours), default=0) or 1


def figures(workspace: Workspace, now: datetime) -> Figures:
    """Figures of the 24 hours before `now`."""
    rows = _counted(workspace, now)
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [workspace.pk])
        waiting, oldest_due, held = cursor.fetchone()
    counts: dict[Word, int] = dict.fromkeys(Word, 0)
    for _, _, state, count in rows:
        counts[WORDS[state]] += count
    delivered = sum(count for _, _, state, count in rows if state is State.DELIVERED)
    return Figures(
        hours=_hours(rows, now),
        counts=counts,
        delivered=delivered,
        waiting=waiting,
        held=held,
        oldest_due=oldest_due,
        gateways=_lines(workspace, rows),
    )


def _counted(workspace: Workspace, now: datetime) -> Counted:
    """What was accepted in the 24 hours before; where that is much, as it was a few seconds ago."""
    name = f"dashboard-{workspace.pk}"
    known: Counted | None = cache.get(name)
    if known is not None:
        return known
    with connection.cursor() as cursor:
        cursor.execute(BY_HOUR, [workspace.pk, first_id(now - timedelta(hours=24))])
        rows = [(at, gateway_id, State(state), count) for at, gateway_id, state, count in cursor.fetchall()]
    total = sum(count for _, _, _, count in rows)
    if total > COUNTED_IN_A_SECOND:
        cache.set(name, rows, timeout=1 + total // COUNTED_IN_A_SECOND)
    return rows


def _hours(rows: Counted, now: datetime) -> list[Hour]:
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [Hour(this_hour - timedelta(hours=back), {}) for back in range(23, -1, -1)]
    by_start = {hour.at: hour for hour in hours}
    for at, _, state, count in rows:
        if at in by_start:
            found = by_start[at].counts
            found[WORDS[state]] = found.get(WORDS[state], 0) + count
    return hours


def _lines(workspace: Workspace, rows: Counted) -> list[GatewayLine]:
    lines = []
    health = health_of(workspace.pk, list(workspace.gateways.values_list("pk", flat=True)))
    for gateway in workspace.gateways.order_by("id"):
        own: Counter[State] = Counter()
        for _, gateway_id, state, count in rows:
            if gateway_id == gateway.pk:
                own[state] += count
        failed = sum(count for state, count in own.items() if WORDS[state] in (Word.ERROR, Word.EXPIRED))
        lines.append(GatewayLine(gateway, own.total(), own[State.DELIVERED], failed, health[gateway.pk]))
    return lines
