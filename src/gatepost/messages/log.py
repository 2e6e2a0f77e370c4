"""The log: which messages there are, and what is known of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from gatepost.messages.models import Message, MessageEvent
from gatepost.sms import ids
from gatepost.sms.outcomes import POLICIES, Refusal
from gatepost.sms.states import WORDS, State, Word

IS_WAITING = "exists (select from outbox where outbox.message_id = message.id)"
IN_OUTBOX = "select message_id, due_at, held from outbox where message_id = any(%s)"
CLOCKS_S = 600
"""How far the clock of an id may be from the time that was written beside it."""
# Those that are named, and the one that has no answer yet.
SUBMISSIONS = """
    select s.id, s.intent_at, s.done_at, s.cause, s.status, s.latency_ms, s.settings_version, s.is_resend, g.name
      from submission s left join gateway g on g.id = s.gateway_id
     where s.id = any(%(ids)s::bigint[] || array(
           select id from submission
            where gateway_id = %(gateway)s::bigint and done_at is null and %(message)s = any(message_ids)))
     order by s.intent_at
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reader of the log asks for; empty means no restriction. `to` is a number or its beginning."""

    states: Sequence[State] = ()
    word: Word | None = None
    kind: str = ""
    gateway_id: int | None = None
    to: str = ""
    client_ref: str = ""
    campaign_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message stands now: `submitting` and `scheduled` are seen in the queue, not in the message."""

    state: State
    due_at: datetime | None = None
    held: str = ""

    @property
    def word(self) -> Word:
        return WORDS[self.state]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a message's timeline."""

    at: datetime
    what: str
    detail: dict[str, Any] = field(default_factory=dict)


def search(messages: QuerySet[Message], filters: Filters) -> QuerySet[Message]:
    """The messages that fit, unordered."""
    states = list(filters.states)
    if filters.word is not None:
        states += [state for state, word in WORDS.items() if word is filters.word]
    if states:
        messages = messages.filter(_standing_in(frozenset(states)))
    if filters.to:
        digits = "".join(character for character in filters.to if character.isdigit())
        messages = messages.filter(to_digits__startswith=digits) if digits else messages.none()
    # Ids grow with time, so that the index by id finds a period; the times decide.
    named = {
        "pk__gte": first_id(filters.since, -CLOCKS_S) if filters.since else None,
        "pk__lt": first_id(filters.until, CLOCKS_S) if filters.until else None,
        "kind": filters.kind,
        "gateway_id": filters.gateway_id,
        "client_ref": filters.client_ref,
        "campaign_id": filters.campaign_id,
        "created_at__gte": filters.since,
        "created_at__lt": filters.until,
    }
    return messages.filter(**{name: value for name, value in named.items() if value not in (None, "")})


def first_id(moment: datetime, offset_s: int = 0) -> int:
    """The smallest id that a message of that moment (aware) can have, so many seconds later."""
    return ids.first_id(int(moment.timestamp() + offset_s) * 1000)


def _standing_in(states: frozenset[State]) -> Q:
    """Queued and submitting are stored alike: the one waits in the outbox, the other does not."""
    queued = {State.QUEUED, State.SUBMITTING}
    found = Q(state__in=sorted(state.value for state in states - {State.SUBMITTING}))
    if len(queued & states) == 1:
        is_waiting = Q(RawSQL(IS_WAITING, [], output_field=BooleanField()))  # noqa: S611 - a constant
        stands_so = is_waiting if State.QUEUED in states else ~is_waiting
        found = Q(state__in=sorted(state.value for state in states - queued))
        found |= Q(state=State.QUEUED.value) & stands_so
    return found


def standings(messages: Sequence[Message]) -> dict[int, Standing]:
    """Where each message stands."""
    waiting = [message.pk for message in messages if message.state in (State.QUEUED, State.UNKNOWN)]
    queued: dict[int, tuple[datetime, str | None]] = {}
    if waiting:
        with connection.cursor() as cursor:
            cursor.execute(IN_OUTBOX, [waiting])
            queued = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    return {message.pk: _standing(message, queued.get(message.pk)) for message in messages}


def _standing(message: Message, queued: tuple[datetime, str | None] | None) -> Standing:
    state = State(message.state)
    if queued is None:
        return Standing(State.SUBMITTING if state is State.QUEUED else state)
    return Standing(state, queued[0], queued[1] or "")


def timeline(message: Message) -> list[Moment]:
    """Everything that happened to a message, oldest first."""
    accepted = {
        "segments": message.segments,
        "encoding": message.encoding,
        "sender": message.sender,
        "sender_reason": message.sender_reason,
    }
    rows = MessageEvent.objects.filter(message_id=message.pk).order_by("id")
    events = [Moment(row.at, row.kind, row.detail) for row in rows]
    moments = [Moment(message.created_at, "accepted", accepted), *events, *_submissions(message, events)]
    return sorted(moments, key=lambda moment: moment.at)


def submission_of(moment: Moment) -> int | None:
    """The request whose outcome the moment tells; None where it tells none."""
    ref = ids.from_ref(str(moment.detail.get("submission", "")))
    return ref[0] if ref else None


def _submissions(message: Message, events: Sequence[Moment]) -> list[Moment]:
    """Each time that the message was handed over, and that it was taken: everything else is an event."""
    outcomes = [(number, event.at) for event in events if (number := submission_of(event)) is not None]
    named = {number for number, _ in outcomes} | ({message.submission_id} - {None})
    is_open = message.state in (State.QUEUED, State.UNKNOWN)
    values = {"ids": list(named), "gateway": message.gateway_id if is_open else None, "message": message.pk}
    with connection.cursor() as cursor:
        cursor.execute(SUBMISSIONS, values)
        rows = cursor.fetchall()
    moments = []
    for number, intent_at, done_at, cause, status, latency_ms, version, is_resend, gateway in rows:
        attempt = 1 + sum(at < intent_at for _, at in outcomes)
        handed = {"attempt": attempt, "settings_version": version, "gateway": gateway}
        moments.append(Moment(intent_at, "sent again" if is_resend else "submitting", _known(handed)))
        has_failed = any(other == number and at >= intent_at for other, at in outcomes)
        if done_at is not None and message.submitted_at is not None and number == message.submission_id:
            taken = {"status": status, "latency_ms": latency_ms, "cause": cause, "provider_ref": message.provider_ref}
            moments += [] if has_failed else [Moment(done_at, "submitted", _known(taken | {"gateway": gateway}))]
    return moments


def _known(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in detail.items() if value is not None}


def refusal_of(message: Message) -> dict[str, str] | None:
    """Why it failed: the class, the provider's code and words, whose side it is on, and what to do."""
    if not message.refusal:
        return None
    policy = POLICIES[Refusal(message.refusal)]
    return {
        "class": message.refusal,
        "code": message.code or "",
        "words": message.words or "",
        "side": policy.side.value,
        "advice": policy.advice,
    }
