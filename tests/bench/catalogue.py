"""The cases: what is measured, in which unit, and what is wanted."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted: of the ratio to the peer, or of our own figure."""

    of: Literal["ratio", "ours"]
    is_at_least: bool
    limit: float

    def is_met(self, ours: float, ratio: float | None) -> bool:
        value = ratio if self.of == "ratio" else ours
        if value is None:
            return False
        return value >= self.limit if self.is_at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Case:
    """One row. `name` begins with the id; several rows may share an id. `peer`: who stands in the peer's column.

    `gives_all_samples`: one measurement gives all of its samples.
    """

    name: str
    title: str
    unit: str
    better: Better
    goal: Goal
    peer: str = "Kannel"
    is_large: bool = False
    gives_all_samples: bool = False

    @property
    def id(self) -> str:
        return self.name.split()[0]

    def ratio(self, ours: float, peer: float) -> float | None:
        """How many times better we are; None where that cannot be said."""
        above, below = (ours, peer) if self.better == "more" else (peer, ours)
        return above / below if below > 0 else None


def _ratio(limit: float) -> Goal:
    return Goal("ratio", is_at_least=True, limit=limit)


def _at_most(limit: float) -> Goal:
    return Goal("ours", is_at_least=False, limit=limit)


NONE = "nobody"
WORKERS = {"one worker": 1, "two workers": 2, "Gatepost": 4}
"""The sides of F10, by how many workers they have."""

CASES = (
    Case("F1", "one message per API request, one recipient per provider request", "messages/s", "more", _ratio(1.2)),
    Case(
        "F2", "100,000 messages, one recipient per provider request, answers at once", "messages/s", "more", _ratio(3)
    ),
    Case("F2 at 50 ms", "the same, answers after 50 ms", "messages/s", "more", _ratio(2.5)),
    Case("F3", "100,000 messages, the provider takes 1,000 per request", "messages/s", "more", _ratio(8)),
    Case("F4", "receipts pushed, matched and recorded", "receipts/s", "more", _ratio(1)),
    Case("F5", "bulk API, durable accept", "messages/s", "more", _ratio(5)),
    Case("F6", "delay that 100,000 messages add to a one-time code, p99", "ms", "less", _at_most(100)),
    Case(
        "F9", "memory of web and worker during F2, at its highest", "MB", "less", _at_most(300), gives_all_samples=True
    ),
    Case("F11", "start on existing data to the first 200", "s", "less", _at_most(3)),
    Case(
        "F12",
        "import of 1,000,000 contacts: memory of the jobs' process at its highest",
        "MB",
        "less",
        _at_most(300),
        NONE,
        gives_all_samples=True,
    ),
    Case(
        "F13",
        "campaign to 100,000 contacts, one recipient per provider request: all are messages",
        "s",
        "less",
        _at_most(20),
        NONE,
    ),
    Case(
        "F13 in batches",
        "the same, the provider takes 1,000 per request",
        "s",
        "less",
        _at_most(20),
        NONE,
    ),
    Case(
        "F13 code",
        "delay that planning, expanding and sending that campaign add to a one-time code, p99",
        "ms",
        "less",
        _at_most(100),
        NONE,
    ),
    Case("F7", "F2 with 10,000,000 messages stored", "messages/s", "more", _ratio(0.9), "Gatepost, empty", True),
    Case("F8 log", "console at 10,000,000 messages: log page, p95", "ms", "less", _at_most(200), NONE, True),
    Case(
        "F8 history",
        "console at 10,000,000 messages: history page with its filters, a day of the log, one message, p95",
        "ms",
        "less",
        _at_most(200),
        NONE,
        True,
    ),
    Case("F8 dashboard", "console at 10,000,000 messages: dashboard, p95", "ms", "less", _at_most(200), NONE, True),
    Case(
        "F10", "four workers on four gateways, against one worker", "messages/s", "more", _ratio(1), "one worker", True
    ),
)
BY_NAME = {case.name: case for case in CASES}
IDS = tuple(dict.fromkeys(case.id for case in CASES))
