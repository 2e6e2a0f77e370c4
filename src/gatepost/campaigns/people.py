"""Whom a mass sending is for, as its page asks it: the usual filters one below the other, and any others in groups.

Both become one filter in JSON, in which the usual ones are found again; a filter of another shape, which a program
wrote, is shown in groups as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import F
from django.http import QueryDict

from gatepost.audience import builder
from gatepost.audience.builder import Choice, Group, Picker
from gatepost.audience.fields import fields_of
from gatepost.audience.filters import parse_filter
from gatepost.audience.models import Segment
from gatepost.audience.vocabulary import NAMED, Vocabulary
from gatepost.campaigns.models import Campaign
from gatepost.problems import Problem

USUAL: Final[Mapping[str, str]] = {
    "login": "is",
    "full_name": "contains",
    "phone": "starts",
    "email": "contains",
    "billing_email": "contains",
    "status": "is",
    "category": "is",
    "billing": "is",
    "location": "is",
    "partner": "is",
    "plans": "any",
    "services": "any",
    "lists": "any",
    "tags": "any",
}
"""The filters that are always there, with the comparison of each."""
MOST_NAMED: Final = 20
LABELS: Final = {"plans": "Tariff plan", "phone": "Phone number", "lists": "List", "tags": "Tag"}
HINTS: Final = {"login": "several: with commas", "phone": "its beginning, such as +48"}


@dataclass(frozen=True, slots=True)
class People:
    """`usual`: what was chosen or written, by field; `group`: the other conditions."""

    usual: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group: Group = field(default_factory=Group)


@dataclass(frozen=True, slots=True)
class Asked:
    """One of the usual filters as the page shows it: an input where there is no picker."""

    name: str
    label: str
    written: str = ""
    hint: str = ""
    picker: Picker | None = None
    trouble: str = ""


def read(said: QueryDict) -> People:
    """What the form says."""
    found = {name: tuple(value.strip() for value in said.getlist(f"q-{name}") if value.strip()) for name in USUAL}
    group = builder.change(builder.read(said), said.get("f-do", ""))
    return People({name: values for name, values in found.items() if values}, group)


def to_json(people: People, vocabulary: Vocabulary) -> dict[str, Any]:
    """The filter in JSON, no deeper than it has to be; empty for everybody."""
    parts = [_condition(name, values, vocabulary) for name, values in people.usual.items()]
    others = builder.to_json(people.group, vocabulary)
    inner = others.get("all", [])
    if not parts and others and not inner:
        return others
    if inner and not any(map(_is_usual, inner)) and not _is_one_group(inner):
        parts += inner
    elif others:
        parts.append(others)
    return {"all": parts} if parts else {}


def from_json(filter_: Any, vocabulary: Vocabulary) -> People:
    """The filter as the form shows it."""
    if not (isinstance(filter_, Mapping) and isinstance(filter_.get("all"), list)):
        return People({}, builder.from_json(filter_ or {}, vocabulary))
    usual: dict[str, tuple[str, ...]] = {}
    others = []
    for part in filter_["all"]:
        if _is_usual(part) and (name := part["field"]) not in usual:
            [row] = builder.from_json(part, vocabulary).parts
            assert isinstance(row, builder.Row)
            usual[name] = row.values if _is_picked(name, vocabulary) else (", ".join(row.values),)
        else:
            others.append(part)
    return People(usual, builder.from_json(others[0] if _is_one_group(others) else {"all": others}, vocabulary))


def show(people: People, vocabulary: Vocabulary) -> list[Asked]:
    """The usual filters for the template."""
    return [_asked(name, people.usual.get(name, ()), vocabulary) for name in USUAL]


def waiting_for(segment: Segment) -> list[str]:
    """The mass sendings that are not begun or not done, and would be for nobody without the segment; the newest."""
    settled = (Campaign.Status.SENDING, Campaign.Status.SENT, Campaign.Status.CANCELLED)
    found = Campaign.objects.filter(segment=segment, removed_at=None).exclude(status__in=settled)
    return [str(row) for row in found.order_by("-pk")[:MOST_NAMED]]


def outdate(segment: Segment) -> None:
    """Make new versions of the drafts that go by it: what was confirmed of the ones before is not sent."""
    Campaign.objects.filter(segment=segment, status=Campaign.Status.DRAFT).update(version=F("version") + 1)


def _asked(name: str, values: tuple[str, ...], vocabulary: Vocabulary) -> Asked:
    known = fields_of(())[name]
    label = LABELS.get(name, known.label)
    trouble = ""
    if values:
        try:
            parse_filter(vocabulary, _condition(name, values, vocabulary))
        except Problem as problem:
            trouble = problem.detail
    if not _is_picked(name, vocabulary):
        return Asked(name, label, ", ".join(values), HINTS.get(name, "contains"), trouble=trouble)
    if name in NAMED:
        choices = builder.chosen_from(builder.entries_of(name, vocabulary), values)
    else:
        choices = tuple(Choice(value, title, value in values) for value, title in known.choices)
    return Asked(name, label, picker=Picker(f"q-{name}", label, "All", choices), trouble=trouble)


def _condition(name: str, values: tuple[str, ...], vocabulary: Vocabulary) -> dict[str, Any]:
    return builder.to_json(Group("all", (builder.Row(name, USUAL[name], values),)), vocabulary)["all"][0]  # type: ignore[no-any-return]


def _is_usual(part: Any) -> bool:
    """Whether it can be one of the usual filters."""
    return isinstance(part, Mapping) and part.get("field") in USUAL and part.get("op") == USUAL[part["field"]]


def _is_one_group(parts: Sequence[Any]) -> bool:
    return len(parts) == 1 and isinstance(parts[0], Mapping) and "field" not in parts[0]


def _is_picked(name: str, vocabulary: Vocabulary) -> bool:
    return name in NAMED or bool(fields_of(())[name].choices)
