"""Rules that say what an answer means: `WHERE OPERATION [VALUE] -> OUTCOME[: words]`, first match wins.

    body starts_with 0|IN_PROGRESS| -> success
    body regex ^22\\| -> temporary
    json:error.code equals LEDGER_ERROR -> no_credit: The account is empty ({{match}})

`body` may be left out. OUTCOME is success, throttled, unknown or one of our refusal classes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from gatepost.providers.kit.answers import excerpt
from gatepost.providers.kit.http_template.limited import compiled, search
from gatepost.providers.kit.http_template.lookups import Answer, Lookup, lookup
from gatepost.providers.kit.http_template.template import TemplateFault
from gatepost.sms.outcomes import Refusal

SUCCESS = "success"
OUTCOMES = (SUCCESS, "throttled", "unknown", *(refusal.value for refusal in Refusal))


@dataclass(frozen=True, slots=True)
class Condition:
    where: Lookup
    operation: str
    value: str = ""

    def match(self, answer: Answer) -> str | None:
        """What matched ("" where nothing can be shown), None where the condition does not hold."""
        if self.operation == "exists" and not answer.has(self.where):
            return None
        return OPERATIONS[self.operation](answer.values(self.where), self.value)


@dataclass(frozen=True, slots=True)
class Rule:
    condition: Condition
    outcome: str
    words: str = ""

    def said(self, match: str) -> str:
        return self.words.replace("{{match}}", excerpt(match))


@lru_cache(maxsize=512)
def rule(line: str) -> Rule:
    """Raises TemplateFault with the remedy."""
    match = re.fullmatch(r"(?P<condition>.+?)\s*->\s*(?P<outcome>[a-z_]+)\s*(?::\s*(?P<words>.*))?", line.strip())
    if match is None:
        raise TemplateFault("Write a rule as WHERE OPERATION VALUE -> OUTCOME, such as: body contains OK -> success.")
    if match["outcome"] not in OUTCOMES:
        raise TemplateFault(f"{match['outcome']!r} is no outcome; there are {', '.join(OUTCOMES)}.")
    return Rule(condition(match["condition"]), match["outcome"], match["words"] or "")


@lru_cache(maxsize=512)
def condition(text: str) -> Condition:
    """`WHERE OPERATION VALUE` without an outcome. Raises TemplateFault."""
    words = text.strip().split(None, 2)
    if words and words[0] in OPERATIONS:
        words = ["body", *text.strip().split(None, 1)]
    if len(words) < 2 or words[1] not in OPERATIONS:
        raise TemplateFault(f"A rule needs an operation: {', '.join(OPERATIONS)}.")
    value = words[2] if len(words) > 2 else ""
    if not value and words[1] != "exists":
        raise TemplateFault(f"{words[1]} needs a value to compare with.")
    if words[1] == "regex":
        compiled(value)
    if words[1] in ("lt", "gt") and _number(value) is None:
        raise TemplateFault(f"{words[1]} needs a number.")
    return Condition(lookup(words[0]), words[1], value)


@lru_cache(maxsize=512)
def rules(lines: tuple[str, ...]) -> tuple[Rule, ...]:
    return tuple(rule(line) for line in lines)


def _any(holds: Callable[[str, str], bool]) -> Callable[[list[str], str], str | None]:
    return lambda values, wanted: next((value for value in values if holds(value, wanted)), None)


def _regex(values: list[str], pattern: str) -> str | None:
    for value in values:
        match = search(pattern, value)
        if match is not None:
            return (match[1] if match.re.groups else match[0]) or ""
    return None


def _not_contains(values: list[str], wanted: str) -> str | None:
    return None if any(wanted in value for value in values) else ""


def _compared(is_so: Callable[[Decimal, Decimal], bool]) -> Callable[[str, str], bool]:
    def holds(value: str, wanted: str) -> bool:
        left, right = _number(value), _number(wanted)
        return left is not None and right is not None and is_so(left, right)

    return holds


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


OPERATIONS: Mapping[str, Callable[[list[str], str], str | None]] = {
    "contains": _any(lambda value, wanted: wanted in value),
    "not_contains": _not_contains,
    "equals": _any(lambda value, wanted: value.strip() == wanted),
    "starts_with": _any(lambda value, wanted: value.startswith(wanted)),
    "regex": _regex,
    "exists": lambda values, _wanted: next(iter(values), ""),
    "in": _any(lambda value, wanted: value.strip() in [one.strip() for one in wanted.split(",")]),
    "lt": _any(_compared(lambda left, right: left < right)),
    "gt": _any(_compared(lambda left, right: left > right)),
}
