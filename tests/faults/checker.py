"""Compares what was acknowledged, what the database says and what the provider accepted. Pure: it judges evidence.

lost        acknowledged, and neither final, submitted nor unknown in the end; or submitted and never accepted
duplicate   accepted by the provider more often than asked, or stored more often than ordered
unexpected  accepted or stored without having been ordered; or ended in a state that nothing here explains
unexplained unknown, although neither a lost worker nor what the provider did left it in doubt
too many    one loss of a worker left more messages unknown than its in-flight window holds
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from gatepost.sms.ids import from_ref

SETTLED = frozenset({"submitted", "delivered", "unconfirmed"})
WORKER_LOST = "worker lost"
DOUBTFUL = frozenset({"drop", "reset", "garbage", "cut off", "no id", "error", "vanish", "refuse"})
"""What a provider does that leaves an honest sender in doubt."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the provider logged it. `at`: seconds since 1970."""

    at: float
    gateway: str
    refs: tuple[str, ...]
    did: str
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the database has it. `cause`: what its last submission was closed with, `fence` by which owner."""

    id: int
    client_ref: str
    state: str
    gateway_id: int
    fence: int | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """`windows`: the in-flight window of each gateway, by id."""

    offered: frozenset[str]
    acknowledged: Mapping[str, int]
    stored: tuple[Stored, ...]
    requests: tuple[Request, ...]
    windows: Mapping[int, int]


@dataclass(slots=True)
class Verdict:
    """Each list names what is wrong. `unknown_per_loss`: (gateway, fence of the next owner) to message ids."""

    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    too_many_unknown: list[str] = field(default_factory=list)
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
        }
        return [f"{name}: {what}" for name, all_of_it in named.items() for what in all_of_it]

    def __str__(self) -> str:
        return (
            f"lost: {len(self.lost)}, duplicates: {len(self.duplicates)}, unexpected: {len(self.unexpected)}, "
            f"unknown: {self.unknown}, at most {max(map(len, self.unknown_per_loss.values()), default=0)} "
            f"by one loss of a worker"
        )


def judge(evidence: Evidence) -> Verdict:
    """The verdict over a run that has come to rest."""
    verdict = Verdict()
    accepted = Counter[int]()
    doubtful = set[int]()
    for request in evidence.requests:
        ids = {message_id for ref in request.refs if (message_id := _id_of(ref)) is not None}
        if len(ids) != len(request.refs):
            verdict.unexpected.append(f"references {request.refs} name no messages, or one twice")
        accepted.update(ids if request.is_accepted else ())
        doubtful.update(ids if request.did in DOUBTFUL else ())
    verdict.accepted = accepted.total()
    by_id = {message.id: message for message in evidence.stored}
    _judge_orders(verdict, evidence, by_id)
    _judge_accepted(verdict, accepted, by_id)
    for message in evidence.stored:
        _judge_state(verdict, message, is_accepted=message.id in accepted, is_doubtful=message.id in doubtful)
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


def _judge_state(verdict: Verdict, message: Stored, *, is_accepted: bool, is_doubtful: bool) -> None:
    match message.state:
        case "queued":
            verdict.lost.append(f"{message.client_ref} never left the queue")
        case "unknown":
            verdict.unknown += 1
            if message.cause == WORKER_LOST and message.fence is not None:
                verdict.unknown_per_loss.setdefault((message.gateway_id, message.fence), set()).add(message.id)
            elif not message.cause or not is_doubtful:
                verdict.unexplained.append(f"{message.client_ref}, cause {message.cause!r}")
        case state if state in SETTLED:
            if not is_accepted:
                verdict.lost.append(f"{message.client_ref} is {state} and was never accepted")
        case state:
            verdict.unexpected.append(f"{message.client_ref} ended as {state}")


def _id_of(ref: str) -> int | None:
    parsed = from_ref(ref)
    return parsed[0] if parsed else None


def read_requests(log: Path) -> tuple[Request, ...]:
    """The provider's log; a line that is still being written is left out."""
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    entries = map(json.loads, lines)
    return tuple(Request(e["at"], e["gateway"], tuple(e["refs"]), e["did"], e["accepted"]) for e in entries)


def read_messages(dsn: str) -> tuple[Stored, ...]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(
            "select m.id, coalesce(m.client_ref, ''), m.state, m.gateway_id, s.fence, s.cause"
            "  from message m left join submission s on s.id = m.submission_id"
        )
        return tuple(Stored(*row) for row in cursor.fetchall())


def recovery_s(killed_at: float, gateway: str, requests: Iterable[Request], gone_before: float) -> float | None:
    """Seconds from a kill until the provider next got a request through the gateway; None: it never did.

    `gone_before`: what was written to the socket before the process was gone counts for the old owner.
    """
    later = (request.at for request in requests if request.gateway == gateway and request.at > gone_before)
    first = next(later, None)
    return None if first is None else first - killed_at
