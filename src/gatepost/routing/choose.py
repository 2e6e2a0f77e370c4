"""The choice of a gateway: the one that the message names, else that of the conversation, else what the rules say, else
the workspace's default, else the installation's, else the only one there is. Pure; it says why, step by step.

The rules of the workspace come before those of the installation. A gateway that takes no new messages, cannot take this
one, or is down, is passed over; where only gateways that are down are left, the first of them gets the message, which
waits there.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from gatepost.gateways.countries import country_name
from gatepost.routing.rules import Rule, Subject, in_order, lot
from gatepost.sms.msisdn import country_of

NAMED: Final = "named"
CONVERSATION: Final = "conversation"
DEFAULT: Final = "default"
INSTALLATION: Final = "installation"
ONLY: Final = "only"
"""What chose a gateway, as it is kept with the message; a rule is followed by its number."""


class Candidate(Protocol):
    """A gateway of the workspace as choosing sees it. `down`: why it is down, by country; "" is everywhere. `shares`:
    of the numbers that try it nevertheless, likewise."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def is_draining(self) -> bool: ...
    @property
    def down(self) -> Mapping[str, str]: ...
    @property
    def shares(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Order:
    """Who is asked, in which order. `tried`: gateways that had the message already. `absent`: why a gateway is no
    candidate, where there is something to say."""

    rules: Sequence[Rule] = ()
    default_id: int | None = None
    installation_id: int | None = None
    conversation_id: int | None = None
    tried: Collection[int] = ()
    absent: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passed:
    """A gateway that was considered. `why`: why it was passed over; empty for the one that was chosen."""

    gateway_id: int
    name: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one step said. `by`: as in Choice. `mismatch`: the condition that did not hold. `gateways`: considered."""

    by: str
    rule: Rule | None = None
    mismatch: str = ""
    gateways: tuple[Passed, ...] = ()
    is_reached: bool = True


class Choice(msgspec.Struct, frozen=True):
    """A gateway and what chose it; without a gateway, `code` and `words` say what is missing.

    `is_last_resort`: it is down, and there is no other. `refused`: the first gateway that could not take the message.
    """

    gateway_id: int | None
    by: str
    is_last_resort: bool = False
    code: str = ""
    words: str = ""
    refused: int | None = None


Obstacle = Callable[[Any], str]
"""Why that gateway cannot take the message, empty where it can."""

NO_GATEWAY: Final = Choice(None, "", code="no_gateway", words="There is no active gateway in this workspace.")


def named(wanted: str | int, candidates: Mapping[int, Candidate]) -> Choice:
    """The gateway that a message asks for: a number is its id; a text its name, else its id."""
    by_name = [
        each.id for each in candidates.values() if isinstance(wanted, str) and each.name.casefold() == wanted.casefold()
    ]
    by_id = [gateway_id for gateway_id in candidates if str(wanted) == str(gateway_id)]
    found = list(dict.fromkeys([*by_name, *by_id]))
    if not found:
        words = "There is no active gateway of that name in this workspace."
        return Choice(None, NAMED, code="unknown_gateway", words=words)
    if len(found) > 1:
        words = f"{wanted} is the name of one gateway and the number of another."
        return Choice(None, NAMED, code="ambiguous_gateway", words=words)
    if candidates[found[0]].is_draining:
        words = f"{candidates[found[0]].name} takes no new messages: it is being drained."
        return Choice(None, NAMED, code="gateway_draining", words=words)
    return Choice(found[0], NAMED)


def choose(
    subject: Subject,
    candidates: Mapping[int, Candidate],
    order: Order,
    obstacle: Obstacle,
    verdicts: list[Verdict] | None = None,
) -> Choice:
    """The gateway of a message that names none. `candidates`: the workspace's active gateways.

    `obstacle` is asked of each gateway that might get it. `verdicts`: filled with what every step said.
    """
    chosen: Choice | None = None
    waiting: Choice | None = None
    refused: int | None = None
    binding: Rule | None = None
    for by, gateway_ids, rule, mismatch in _steps(subject, candidates, order):
        if chosen is not None or binding is not None:
            if verdicts is None:
                break
            verdicts.append(Verdict(by, rule, is_reached=False))
            continue
        passed: list[Passed] = []
        for gateway_id in gateway_ids:
            why, is_down = _why_not(gateway_id, subject, candidates, order, obstacle)
            if verdicts is not None:
                passed.append(Passed(gateway_id, _name(gateway_id, candidates), why))
            if not why:
                chosen = Choice(gateway_id, by)
                break
            if is_down:
                waiting = waiting or Choice(gateway_id, by, is_last_resort=True)
            elif refused is None and gateway_id in candidates:
                refused = gateway_id
        if rule is not None and rule.only_these and not mismatch:
            binding = rule
        if verdicts is not None:
            verdicts.append(Verdict(by, rule, mismatch, tuple(passed)))
    return chosen or waiting or _nothing(candidates, refused, binding)


_Step = tuple[str, Sequence[int], Rule | None, str]
"""By what, the gateways in their order, the rule, and the condition of it that does not hold."""


def _steps(subject: Subject, candidates: Mapping[int, Candidate], order: Order) -> Iterator[_Step]:
    if order.conversation_id is not None:
        yield CONVERSATION, (order.conversation_id,), None, ""
    for rule in order.rules:
        mismatch = rule.mismatch(subject)
        yield rule.by, () if mismatch else in_order(rule.targets, subject.to), rule, mismatch
    if order.default_id is not None:
        yield DEFAULT, (order.default_id,), None, ""
    if order.installation_id is not None:
        yield INSTALLATION, (order.installation_id,), None, ""
    free = [each.id for each in candidates.values() if not each.is_draining]
    if len(free) == 1 and order.default_id not in candidates and order.installation_id not in candidates:
        yield ONLY, free, None, ""


def _why_not(
    gateway_id: int, subject: Subject, candidates: Mapping[int, Candidate], order: Order, obstacle: Obstacle
) -> tuple[str, bool]:
    """Why the gateway is passed over, and whether that is only because it is down."""
    gateway = candidates.get(gateway_id)
    if gateway is None:
        return order.absent.get(gateway_id, "it is no active gateway of this workspace"), False
    if gateway.is_draining:
        return "it takes no new messages: it is being drained", False
    if gateway_id in order.tried:
        return "it was tried before", False
    why = obstacle(gateway)
    if why or not gateway.down:
        return why, False
    for country in ("", country_of(subject.to)):
        down = "" if country is None else gateway.down.get(country, "")
        if down and lot(f"{subject.to}:{subject.at:%H%M}", gateway_id) >= gateway.shares.get(country or "", 0.0):
            return f"it is down{f' for {country_name(country)}' if country else ''}: {down}", True
    return "", False


def _name(gateway_id: int, candidates: Mapping[int, Candidate]) -> str:
    return candidates[gateway_id].name if gateway_id in candidates else ""


def _nothing(candidates: Mapping[int, Candidate], refused: int | None, binding: Rule | None) -> Choice:
    if not candidates:
        return NO_GATEWAY
    if refused is not None or binding is not None:
        asked = f"the rule {binding.name}" if binding else "the rules and defaults"
        words = f"Of the gateways that {asked} name, none takes this message."
        return Choice(None, "", code="no_route", words=words, refused=refused)
    words = "There are several gateways, no rule fits, and none of them is the default."
    return Choice(None, "", code="no_default_gateway", words=words)
