"""A rule as it is applied: which messages it is about, and the gateways that it leads to. Pure."""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gatepost.sms.msisdn import country_of

PURPOSES: Final[dict[str, str]] = {
    "code": "One-time codes",
    "normal": "Messages of normal priority",
    "bulk": "Messages of low priority",
    "single": "Single messages",
    "mass": "Mass sending",
    "reply": "Replies",
    "test": "Test messages",
    "system": "Notices of this installation",
}
"""What a message is for: its priority, and its kind."""

RULE: Final = "rule:"
"""What chose a message's gateway begins so where it was a rule, whose number follows."""

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


# One is made per message: a Struct takes a tenth of the time that a frozen dataclass takes.
class Subject(msgspec.Struct, frozen=True):
    """A message as rules see it. `at`: when it is due first, aware. `sender`: what it asks for, else the default."""

    to: str
    at: datetime
    workspace_id: int
    sender: str = ""
    tag: str = ""
    priority: str = "normal"
    kind: str = "single"
    campaign_id: int | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the week by the clocks of a zone. Where it ends before it starts, it runs past midnight, and the
    weekday is that of its start; without times it is the whole day."""

    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset()
    starts: time | None = None
    ends: time | None = None

    def hold(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        clock, day = local.time(), local.date()
        starts, ends = self.starts or time.min, self.ends
        if ends is not None and ends <= starts:
            if clock < ends:
                day -= timedelta(days=1)
            elif clock < starts:
                return False
        elif clock < starts or (ends is not None and clock >= ends):
            return False
        return not self.weekdays or day.weekday() in self.weekdays


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a message must be like; what is empty does not restrict. `prefixes` are digits of the number."""

    prefixes: tuple[str, ...] = ()
    countries: frozenset[str] = frozenset()
    senders: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    campaigns: frozenset[int] = frozenset()
    workspaces: frozenset[int] = frozenset()
    hours: Hours | None = None


Test = Callable[[Subject], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """`targets`: gateway and weight; weight 0 is used only when none of the others can. `only_these`: where none of
    them can take a message, nothing after this rule is asked. `tests`: what is to be asked, by the condition's name.
    `by`: how messages name the rule.
    """

    id: int
    name: str
    conditions: Conditions
    targets: tuple[tuple[int, int], ...]
    only_these: bool = False
    is_installation: bool = False
    tests: tuple[tuple[str, Test], ...] = field(default=(), repr=False, compare=False)
    by: str = field(default="", repr=False, compare=False)

    def mismatch(self, subject: Subject) -> str:
        """The first condition that does not hold; empty where the rule is about the message."""
        for name, holds in self.tests:
            if not holds(subject):
                return name
        return ""


def compiled(
    rule_id: int,
    name: str,
    conditions: Conditions,
    targets: Iterable[tuple[int, int]],
    *,
    only_these: bool = False,
    is_installation: bool = False,
) -> Rule:
    """A rule that asks only what it has to."""
    tests = tuple((each, partial(test, conditions)) for each, test in _TESTS.items() if getattr(conditions, each))
    by = f"{RULE}{rule_id}"
    return Rule(rule_id, name, conditions, tuple(targets), only_these, is_installation, tests, by)


def in_order(targets: Sequence[tuple[int, int]], number: str) -> list[int]:
    """The gateways in the order in which a number tries them: by weight, always the same for the same number.

    Each number draws its own order, in which a gateway comes first as often as its weight says. When one is gone, only
    those numbers move that it had. The ones of weight 0 follow in the order in which they are listed.
    """
    weighted = [target for target in targets if target[1]]
    if len(weighted) > 1:
        weighted.sort(key=lambda target: _draw(number, target[0]) / target[1])
    return [gateway_id for gateway_id, _ in weighted] + [gateway_id for gateway_id, weight in targets if not weight]


def _draw(number: str, gateway_id: int) -> float:
    """Exponentially distributed, so that dividing it by a weight makes a fair lot."""
    return -math.log(lot(number, gateway_id))


def lot(number: str, gateway_id: int) -> float:
    """Between 0 and 1, evenly spread over numbers, and always the same for the same one."""
    digest = hashlib.blake2b(f"{number}:{gateway_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) + 1) / (2**64 + 1)


def _is_for(conditions: Conditions, subject: Subject) -> bool:
    return subject.priority in conditions.purposes or subject.kind in conditions.purposes


def _is_time(conditions: Conditions, subject: Subject) -> bool:
    return conditions.hours is None or conditions.hours.hold(subject.at)


_TESTS: Final[dict[str, Callable[[Conditions, Subject], bool]]] = {
    "workspaces": lambda conditions, subject: subject.workspace_id in conditions.workspaces,
    "campaigns": lambda conditions, subject: subject.campaign_id in conditions.campaigns,
    "tags": lambda conditions, subject: subject.tag in conditions.tags,
    "senders": lambda conditions, subject: subject.sender in conditions.senders,
    "purposes": _is_for,
    "prefixes": lambda conditions, subject: subject.to.startswith(conditions.prefixes),
    "countries": lambda conditions, subject: country_of(subject.to) in conditions.countries,
    "hours": _is_time,
}
"""Each condition by its name, the cheap ones first."""
