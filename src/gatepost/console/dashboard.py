"""Figures of the dashboard: what went out lately, what became of it, what waits, and how each gateway does."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from gatepost.gateways.evidence import Health, health_of
from gatepost.gateways.models import Gateway
from gatepost.messages.log import first_id
from gatepost.sms.states import WORDS, State, Word
from gatepost.workspaces.models import Workspace

BY_HOUR = """
    select date_trunc('hour', created_at), state, count(*) from message
     where workspace_id = %s and id >= %s group by 1, 2 order by 1
"""
WAITING = """
    select count(*), min(due_at) filter (where held is null), count(*) filter (where held is not null)
      from outbox where workspace_id = %s
"""
BY_GATEWAY = """
    select gateway_id, state, count(*) from message where workspace_id = %s and id >= %s group by 1, 2
"""


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
    since_id = first_id(now - timedelta(hours=24))
    with connection.cursor() as cursor:
        cursor.execute(BY_HOUR, [workspace.pk, since_id])
        rows = [(at, State(state), count) for at, state, count in cursor.fetchall()]
        cursor.execute(WAITING, [workspace.pk])
        waiting, oldest_due, held = cursor.fetchone()
        cursor.execute(BY_GATEWAY, [workspace.pk, since_id])
        by_gateway = cursor.fetchall()
    counts: dict[Word, int] = dict.fromkeys(Word, 0)
    for _, state, count in rows:
        counts[WORDS[state]] += count
    delivered = sum(count for _, state, count in rows if state is State.DELIVERED)
    return Figures(
        hours=_hours(rows, now),
        counts=counts,
        delivered=delivered,
        waiting=waiting,
        held=held,
        oldest_due=oldest_due,
        gateways=_lines(workspace, by_gateway),
    )


def _hours(rows: list[tuple[datetime, State, int]], now: datetime) -> list[Hour]:
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [Hour(this_hour - timedelta(hours=back), {}) for back in range(23, -1, -1)]
    by_start = {hour.at: hour for hour in hours}
    for at, state, count in rows:
        if at in by_start:
            found = by_start[at].counts
            found[WORDS[state]] = found.get(WORDS[state], 0) + count
    return hours


def _lines(workspace: Workspace, rows: list[tuple[int | None, str, int]]) -> list[GatewayLine]:
    lines = []
    health = health_of(workspace.pk, list(workspace.gateways.values_list("pk", flat=True)))
    for gateway in workspace.gateways.order_by("id"):
        own = {state: count for gateway_id, state, count in rows if gateway_id == gateway.pk}
        failed = sum(count for state, count in own.items() if WORDS[State(state)] in (Word.ERROR, Word.EXPIRED))
        lines.append(GatewayLine(gateway, sum(own.values()), own.get(State.DELIVERED, 0), failed, health[gateway.pk]))
    return lines
