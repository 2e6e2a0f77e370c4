"""Compares what was acknowledged, what the database says and what the provider did. Pure: it judges evidence.

lost        acknowledged, and neither final, submitted nor unknown in the end; or submitted and never accepted
duplicate   accepted by the provider more often than asked, or stored more often than ordered
unexpected  accepted or stored without having been ordered; or ended in a state that nothing here explains
unexplained unknown, although neither a lost worker nor the network nor what the provider did left it in doubt
too many    one loss of a worker left more messages unknown than its in-flight window holds
unheard     we answered a report or an inbound message with 2xx, and it did not take effect, or took effect twice
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.faults.behaviours import BEHAVIOURS

from gatepost.sms.ids import from_ref

SETTLED = frozenset({"submitted", "delivered", "undelivered", "unconfirmed"})
WORKER_LOST = "worker lost"
DOUBTFUL = frozenset(name for name, behaviour in BEHAVIOURS.items() if behaviour.leaves == "unknown")
"""What a provider does that leaves an honest sender in doubt."""
REJECTING = frozenset(name for name, behaviour in BEHAVIOURS.items() if behaviour.leaves == "rejected")
REPORTED = {"DELIVRD": "delivered", "UNDELIV": "undelivered"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the provider logged it. `at`: seconds since 1970."""

    at: float
    gateway: str
    refs: tuple[str, ...]
    did: str
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report as the provider sent it. `is_heard`: it was answered with 2xx."""

    ref: str
    status: str
    is_heard: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the database has it. `cause`: what its last submission was closed with, `fence` by which owner;
    `span`: from its intent to its record, in seconds since 1970."""

    id: int
    client_ref: str
    state: str
    gateway_id: int
    fence: int | None = None
    cause: str | None = None
    span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """`windows`: the in-flight window of each gateway, by id. `disturbances`: when the network was harmed, in seconds
    since 1970. `said`: inbound messages by id, and whether they were heard. `heard`: how often each is stored.
    `foreign`: requests that nobody should have sent."""

    offered: frozenset[str]
    acknowledged: Mapping[str, int]
    stored: tuple[Stored, ...]
    requests: tuple[Request, ...]
    windows: Mapping[int, int]
    reports: tuple[Report, ...] = ()
    disturbances: tuple[tuple[float, float], ...] = ()
    said: Mapping[str, bool] = field(default_factory=dict)
    heard: Mapping[str, int] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()


@dataclass(slots=True)
class Verdict:
    """Each list names what is wrong. `unknown_per_loss`: (gateway, fence of the next owner) to the messages that were
    left in doubt, also where a report has resolved it since."""

    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    too_many_unknown: list[str] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    unknown_per_loss: dict[tuple[int, int], set[int]] = field(default_factory=dict)
    unknown: int = 0
    accepted: int = 0

    @property
    def faults(self) -> list[str]:
        """Everything that a promise of ours rules out; empty is what we promise."""
        named = {
            "lost": self.lost,
            "duplicate": self.duplicates,
            "unexpected": self.unexpected,
            "unexplained": self.unexplained,
            "too many unknown": self.too_many_unknown,
            "unheard": self.unheard,
        }
        return [f"{name}: {what}" for name, all_of_it in named.items() for what in all_of_it]

    @property
    def most_unknown(self) -> int:
        """The most messages that one loss of a worker left in doubt."""
        return max(map(len, self.unknown_per_loss.values()), default=0)

    def __str__(self) -> str:
        return (
            f"lost: {len(self.lost)}, duplicates: {len(self.duplicates)}, unexpected: {len(self.unexpected)}, "
            f"unknown: {self.unknown}, at most {self.most_unknown} by one loss of a worker"
        )


@dataclass(slots=True)
class _Seen:
    """What the provider's log says of each message, by id."""

    accepted: Counter[int] = field(default_factory=Counter)
    doubtful: set[int] = field(default_factory=set)
    rejected: set[int] = field(default_factory=set)
    reported: dict[int, set[str]] = field(default_factory=dict)


def judge(evidence: Evidence) -> Verdict:
    """The verdict over a run that has come to rest."""
    verdict = Verdict()
    seen = _Seen()
    for request in evidence.requests:
        ids = {message_id for ref in request.refs if (message_id := _id_of(ref)) is not None}
        if len(ids) != len(request.refs):
            verdict.unexpected.append(f"references {request.refs} name no messages, or one twice")
        seen.accepted.update(ids if request.is_accepted else ())
        seen.doubtful.update(ids if request.did in DOUBTFUL else ())
        seen.rejected.update(ids if request.did in REJECTING else ())
    for report in evidence.reports:
        message_id = _id_of(report.ref)
        if message_id is not None and report.status in REPORTED:
            seen.reported.setdefault(message_id, set()).add(REPORTED[report.status])
    verdict.accepted = seen.accepted.total()
    verdict.unexpected += [f"{what} reached the provider" for what in evidence.foreign]
    by_id = {message.id: message for message in evidence.stored}
    _judge_orders(verdict, evidence, by_id)
    _judge_accepted(verdict, seen.accepted, by_id)
    for message in evidence.stored:
        _judge_state(verdict, message, seen, evidence.disturbances)
    _judge_hearing(verdict, evidence, by_id)
    verdict.too_many_unknown = [
        f"gateway {gateway_id}: {len(ids)} messages, taken over with fence {fence}"
        for (gateway_id, fence), ids in verdict.unknown_per_loss.items()
        if len(ids) > evidence.windows[gateway_id]
    ]
    return verdict


def _judge_orders(verdict: Verdict, evidence: Evidence, by_id: Mapping[int, Stored]) -> None:
    for client_ref, message_id in evidence.acknowledged.items():
        if message_id not in by_id or by_id[message_id].client_ref != client_ref:
            verdict.lost.append(f"{client_ref} was acknowledged and is not stored")
    stored = Counter(message.client_ref for message in evidence.stored)
    verdict.duplicates += [f"{client_ref} is stored {count} times" for client_ref, count in stored.items() if count > 1]
    verdict.unexpected += [f"{client_ref} was never ordered" for client_ref in stored.keys() - evidence.offered]


def _judge_accepted(verdict: Verdict, accepted: Counter[int], by_id: Mapping[int, Stored]) -> None:
    for message_id, count in accepted.items():
        name = by_id[message_id].client_ref if message_id in by_id else str(message_id)
        if count > 1:
            verdict.duplicates.append(f"{name} was accepted {count} times")
        if message_id not in by_id:
            verdict.unexpected.append(f"{name} was accepted and is not stored")


def _judge_state(verdict: Verdict, message: Stored, seen: _Seen, disturbances: tuple[tuple[float, float], ...]) -> None:
    is_left_behind = message.cause == WORKER_LOST and message.fence is not None
    if is_left_behind:
        verdict.unknown_per_loss.setdefault((message.gateway_id, message.fence or 0), set()).add(message.id)
    match message.state:
        case "queued":
            verdict.lost.append(f"{message.client_ref} never left the queue")
        case "unknown":
            verdict.unknown += 1
            is_explained = message.id in seen.doubtful or _overlaps(message.span, disturbances)
            if not is_left_behind and not (message.cause and is_explained):
                verdict.unexplained.append(f"{message.client_ref}, cause {message.cause!r}")
        case "rejected" if message.id in seen.rejected and message.id not in seen.accepted:
            pass
        case state if state in SETTLED:
            if message.id not in seen.accepted:
                verdict.lost.append(f"{message.client_ref} is {state} and was never accepted")
            if state in REPORTED.values() and state not in seen.reported.get(message.id, ()):
                verdict.unexpected.append(f"{message.client_ref} is {state}, which nobody reported")
        case state:
            verdict.unexpected.append(f"{message.client_ref} ended as {state}")


def _judge_hearing(verdict: Verdict, evidence: Evidence, by_id: Mapping[int, Stored]) -> None:
    final: dict[int, str] = {}
    for report in evidence.reports:
        message_id = _id_of(report.ref)
        if report.is_heard and message_id in by_id and report.status in REPORTED:
            final.setdefault(message_id, REPORTED[report.status])
    for message_id, state in final.items():
        message = by_id[message_id]
        if message.state != state:
            verdict.unheard.append(f"{message.client_ref} was reported {state} and is {message.state}")
    for name, is_heard in evidence.said.items():
        count = evidence.heard.get(name, 0)
        if count > 1 or (is_heard and count == 0):
            verdict.unheard.append(f"inbound message {name} is stored {count} times")
    verdict.unexpected += [f"inbound message {name} was never sent" for name in evidence.heard.keys() - evidence.said]


def _overlaps(span: tuple[float, float] | None, disturbances: tuple[tuple[float, float], ...]) -> bool:
    return span is not None and any(begin <= span[1] and span[0] <= end for begin, end in disturbances)


def _id_of(ref: str) -> int | None:
    parsed = from_ref(ref)
    return parsed[0] if parsed else None
