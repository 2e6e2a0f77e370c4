"""Rules and their verdicts as people read them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gatepost.gateways.countries import country_name
from gatepost.routing.choose import CONVERSATION, DEFAULT, INSTALLATION, NAMED, ONLY, Verdict
from gatepost.routing.rules import PURPOSES, RULE, WEEKDAYS, Conditions, Hours, Rule, Subject
from gatepost.sms.msisdn import country_of

BY: Final[Mapping[str, str]] = {
    NAMED: "The gateway that the message names",
    CONVERSATION: "The gateway through which the number wrote last",
    DEFAULT: "The default gateway of the workspace",
    INSTALLATION: "The default gateway of the installation",
    ONLY: "The only active gateway",
}
"""What chooses besides rules."""

SHOWN: Final = 8


def step_title(verdict: Verdict) -> str:
    """What was asked."""
    if verdict.rule is None:
        return BY.get(verdict.by, verdict.by)
    return f"{'Rule of the installation' if verdict.rule.is_installation else 'Rule'}: {verdict.rule.name}"


def rule_id_of(route: str) -> int | None:
    """The number of the rule that chose, of what is kept with a message; None where something else did."""
    number = route.removeprefix(RULE)
    return int(number) if route.startswith(RULE) and number.isdigit() else None


def verdict_words(verdict: Verdict, subject: Subject) -> str:
    """What the step said, and why."""
    if not verdict.is_reached:
        return "Not asked: a step before it had decided."
    if verdict.mismatch and verdict.rule is not None:
        return f"Does not fit: {_MISMATCHES[verdict.mismatch](verdict.rule.conditions, subject)}."
    if verdict.gateways and not verdict.gateways[-1].why:
        return "Fits, and chooses." if verdict.rule else "Chooses."
    said = "Fits, but none of its gateways takes the message" if verdict.rule else "Does not take the message"
    is_last = verdict.rule is not None and verdict.rule.only_these
    return f"{said}{'; nothing after it is asked' if is_last else ''}."


def conditions_in_words(conditions: Conditions) -> list[str]:
    """What a rule restricts itself to, one line each; empty where it is about every message."""
    return [words for name, tell in _CONDITIONS.items() if getattr(conditions, name) and (words := tell(conditions))]


def targets_in_words(rule: Rule, names: Mapping[int, str]) -> list[str]:
    """Its gateways with their shares, or that they only stand in."""
    total = sum(weight for _, weight in rule.targets)
    weighted = [(gateway_id, weight) for gateway_id, weight in rule.targets if weight]
    told = []
    for gateway_id, weight in rule.targets:
        name = names.get(gateway_id, "a gateway of other workspaces")
        if not weight:
            told.append(f"{name}, if none of the others can")
        elif len(weighted) > 1:
            told.append(f"{name} {round(100 * weight / total)} %")
        else:
            told.append(name)
    return told


def _listed(values: Iterable[str], joint: str = "or") -> str:
    found = sorted(values)
    if len(found) > SHOWN:
        found = [*found[:SHOWN], f"{len(found) - SHOWN} more"]
    return f" {joint} ".join([", ".join(found[:-1]), found[-1]]) if len(found) > 1 else found[0]


def _countries(conditions: Conditions) -> str:
    return _listed(country_name(code) for code in conditions.countries)


def _purposes(conditions: Conditions) -> str:
    return _listed(PURPOSES[purpose].lower() for purpose in conditions.purposes)


def _campaigns(conditions: Conditions) -> str:
    return _listed(str(number) for number in conditions.campaigns)


def _prefixes(conditions: Conditions) -> str:
    return _listed(f"+{prefix}" for prefix in conditions.prefixes)


def hours_in_words(hours: Hours) -> str:
    """Monday, Tuesday, 08:00 to 20:00 (Europe/Warsaw)."""
    parts = []
    if hours.weekdays:
        parts.append(", ".join(WEEKDAYS[day] for day in sorted(hours.weekdays)))
    if hours.starts or hours.ends:
        parts.append(f"{hours.starts or '00:00'!s:.5} to {hours.ends or '24:00'!s:.5}")
    return f"{', '.join(parts)} ({hours.zone.key})"


def _number_is_in(subject: Subject) -> str:
    country = country_of(subject.to)
    return country_name(country) if country else "no country"


def _time(conditions: Conditions) -> str:
    return hours_in_words(conditions.hours) if conditions.hours else "always"


_CONDITIONS: Final[Mapping[str, Callable[[Conditions], str]]] = {
    "prefixes": lambda c: f"The number begins with {_prefixes(c)}",
    "countries": lambda c: f"The number is in {_countries(c)}",
    "senders": lambda c: f"The sender ID is {_listed(c.senders)}",
    "tags": lambda c: f"The tag is {_listed(c.tags)}",
    "purposes": lambda c: f"It is one of: {_purposes(c)}",
    "campaigns": lambda c: f"The campaign is {_campaigns(c)}",
    "workspaces": lambda c: f"The workspace is {_listed(str(number) for number in c.workspaces)}",
    "hours": lambda c: f"It is due on {_time(c)}",
}
_MISMATCHES: Final[Mapping[str, Callable[[Conditions, Subject], str]]] = {
    "prefixes": lambda c, s: f"the number does not begin with {_prefixes(c)}",
    "countries": lambda c, s: f"the number is in {_number_is_in(s)}, not in {_countries(c)}",
    "senders": lambda c, s: f"the sender ID is {s.sender or 'not set'}, not {_listed(c.senders)}",
    "tags": lambda c, s: f"the tag is {s.tag or 'not set'}, not {_listed(c.tags)}",
    "purposes": lambda c, s: f"it is none of {_purposes(c)}",
    "campaigns": lambda c, s: f"it belongs to {f'campaign {s.campaign_id}' if s.campaign_id else 'no campaign'}",
    "workspaces": lambda c, s: "it is for other workspaces",
    "hours": lambda c, s: f"it is due at another time than {_time(c)}",
}
