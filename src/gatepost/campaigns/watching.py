"""How far a campaign has come: counted now and then by a job, and by whoever looks at it meanwhile.

The job also keeps a stopped campaign stopped (what was on its way may come back into the queue), notices its end, and
goes on counting for some days after it, because receipts come late.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from gatepost.campaigns.models import Campaign
from gatepost.campaigns.words import FAILED
from gatepost.channels.base import CHANNELS, Run
from gatepost.jobs.app import defer
from gatepost.sms.states import WORDS, State, Word

JOB: Final = "campaigns.watch"
FRESH: Final = timedelta(seconds=2)
LONGEST: Final = timedelta(seconds=30)
COST: Final = 20
"""Counting takes at most this part of the time."""
SOON: Final = timedelta(seconds=10)
LATER: Final = timedelta(minutes=1)
JUST: Final = timedelta(minutes=10)
"""For so long after the end most reports come: whoever looks then sees them at once."""
LATEST: Final = timedelta(hours=6)
KEPT: Final = timedelta(days=5)
"""For so long after the end reports are counted."""
SMOOTH: Final = 0.5
SLOWEST: Final = 0.1
"""Messages a second; a smaller rate says nothing of the end."""
WAITING: Final = (State.QUEUED, State.SUBMITTING)
UNSENT: Final = (*WAITING, State.CANCELLED, State.BLOCKED)

Status = Campaign.Status
MOVING: Final = (Status.EXPANDING, Status.SENDING)


@dataclass(frozen=True, slots=True)
class Progress:
    """`total`: messages that there are or, while they are still being made, will be at most. `rate`: messages that are
    sent now, a second; 0 where hardly any leaves, as while all wait for their local time, it is paused or has ended.

    `ends_at`: when it will be done at that rate; None where that cannot be said.
    """

    total: int
    done: int
    states: Mapping[State, int]
    words: Mapping[Word, int]
    excluded: int
    rate: float
    ends_at: datetime | None

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done // self.total) if self.total else 0

    @property
    def failed(self) -> int:
        """Messages that are known not to have arrived."""
        return sum(count for state, count in self.states.items() if state in FAILED)

    @property
    def unknown(self) -> int:
        """Messages of which nobody knows whether they arrived."""
        return self.states.get(State.UNKNOWN, 0)


def progress(row: Campaign) -> Progress:
    """How far it has come, as it was counted last."""
    states: dict[State, int] = {}
    for counts in row.tallies.values():
        for state, count in counts.items():
            states[State(state)] = states.get(State(state), 0) + count
    words = dict.fromkeys(Word, 0)
    for state, count in states.items():
        words[WORDS[state]] += count
    excluded = sum(row.excluded.values())
    total = row.taken
    if row.expanded_at is None and row.status not in (Status.DRAFT, Status.CANCELLED):
        total = max(total, row.planned * len(row.channels) - excluded)
    waiting = sum(states.get(state, 0) for state in WAITING)
    done = sum(states.values()) - waiting
    left = total - done
    rate = row.rate if row.status in MOVING and row.rate >= SLOWEST else 0.0
    has_end = rate > 0 and left > 0
    ends_at = timezone.now() + timedelta(seconds=min(left / rate, KEPT.total_seconds())) if has_end else None
    return Progress(total, done, states, words, excluded, rate, ends_at)


def look(row: Campaign) -> Progress:
    """The progress now: counted anew when that is due, by one of those who look at the same time."""
    if row.started_at is not None and (row.is_running or is_open(row)):
        now = timezone.now()
        age = FRESH if row.is_running or (row.ended_at and now - row.ended_at < JUST) else LATER
        mine = Campaign.objects.filter(pk=row.pk).exclude(tallied_at__gt=now - age)
        if mine.update(tallied_at=now):
            _count(row, now)
            watch(row.pk)
    return progress(row)


def watch(campaign_id: int, after: timedelta = FRESH) -> None:
    """Have it counted after that time."""
    defer(JOB, only_once=f"watch {campaign_id}", at=timezone.now() + after, campaign_id=campaign_id)


def run(campaign_id: int) -> None:
    """The job: count, settle, and come again as long as there is something to wait for."""
    row = Campaign.objects.filter(pk=campaign_id).exclude(started_at=None).first()
    if row is None:
        return
    begun = time.monotonic()
    _settle(row)
    _count(row, timezone.now())
    took = timedelta(seconds=time.monotonic() - begun)
    row.refresh_from_db()
    if row.is_running:
        watch(row.pk, min(LONGEST, max(FRESH, COST * took)))
    elif is_open(row) and row.ended_at is not None:
        least = FRESH if _is_waiting(row) else SOON
        watch(row.pk, min(LATEST, max(least, COST * took, (timezone.now() - row.ended_at) / 4)))


def run_of(row: Campaign) -> Run:
    """Its sending, as channels know it."""
    return Run(row.workspace_id, row.pk, row.started_at or row.created_at, row.expanded_at or row.ended_at)


def _settle(row: Campaign) -> None:
    if row.status == Status.PAUSED:
        for name in row.channels:
            CHANNELS[name].hold(run_of(row), True)
    elif row.status == Status.CANCELLED:
        for name in row.channels:
            CHANNELS[name].cancel(run_of(row), actor=row.actor)


def _count(row: Campaign, now: datetime) -> None:
    """Count its messages, keep the counts, and end it where nothing waits any more."""
    before, counted_at = _sent(row), row.tallied_at
    tallies = {name: CHANNELS[name].tally(run_of(row)) for name in row.channels}
    row.tallies = {name: {state.value: count for state, count in states.items()} for name, states in tallies.items()}
    found = progress(row)
    seconds = (now - (counted_at or row.started_at or now)).total_seconds()
    if row.status not in MOVING:
        row.rate = 0.0
    elif seconds > 0:
        rate = max(0.0, (_sent(row) - before) / seconds)
        row.rate = rate if not row.rate else SMOOTH * rate + (1 - SMOOTH) * row.rate
    row.tallied_at = now
    row.has_errors = bool(found.words[Word.ERROR] + found.words[Word.EXPIRED])
    fields = {"tallies": row.tallies, "rate": row.rate, "tallied_at": now, "has_errors": row.has_errors}
    Campaign.objects.filter(pk=row.pk).update(**fields)
    if row.status == Status.SENDING and not _is_waiting(row):
        ended = Campaign.objects.filter(pk=row.pk, status=Status.SENDING)
        if ended.update(status=Status.SENT, ended_at=now):
            row.status, row.ended_at = Status.SENT, now


def _sent(row: Campaign) -> int:
    """Messages that went to a provider, a server or the portal."""
    return sum(count for state, count in progress(row).states.items() if state not in UNSENT)


def _is_waiting(row: Campaign) -> bool:
    states = progress(row).states
    return any(states.get(state) for state in WAITING)


def is_open(row: Campaign) -> bool:
    """Whether it has ended lately, and not all of its messages have reached their final state."""
    if row.ended_at is None or row.ended_at < timezone.now() - KEPT:
        return False
    states = progress(row).states
    return any(states.get(state) for state in (*WAITING, State.SUBMITTED, State.UNKNOWN))
