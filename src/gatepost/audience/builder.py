"""A filter as people put it together on a page: groups in groups, each with its conditions.

The names of the form's fields say where a part stands: `f.0.1-field` is the field of the second part of the first
part. A button `f-do` adds or drops a part (`add-row f.0`, `add-group f`, `drop f.0.1`), and the form is shown again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

from django.http import QueryDict

from gatepost.audience.fields import WITHOUT_VALUE, WORDS, FilterField, fields_of
from gatepost.audience.filters import DEEPEST, parse_filter
from gatepost.audience.models import TariffPlan
from gatepost.audience.vocabulary import NAMED, Vocabulary
from gatepost.problems import Problem
from gatepost.rest.storable import as_id

HOWS: Final = (("all", "all of these"), ("any", "any of these"), ("none", "none of these"))
ROOT: Final = "f"
NESTED: Final = 3
"""Levels of groups that a page makes. It keeps as many as a filter may have, whoever wrote it."""
MOST_PARTS: Final = 50
"""Of a group, to which the page adds one more."""
SEVERAL: Final = frozenset({"is", "is_not", "any", "all", "none"})
"""Comparisons with any of several values."""
INPUTS: Final = {"number": "number", "date": "date", "moment": "date", "phone": "tel"}
_PART: Final = re.compile(r'\s*(?:"((?:[^"]|"")+)"\s*(?=,|$)|([^,]*))(?:,|$)')
FLAGS: Final = (("yes", "Yes"), ("no", "No"))


@dataclass(frozen=True, slots=True)
class Row:
    """One condition as it was written, perhaps not to its end.

    `values`: those that are ticked, or the texts that are written; one text may name several with commas between them,
    and those that hold a comma in double quotes.
    """

    field: str = ""
    op: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """`how`: one of HOWS."""

    how: str = "all"
    parts: "tuple[Row | Group, ...]" = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """`under`: the heading it stands below, told once."""

    value: str
    label: str
    is_chosen: bool
    under: str = ""


@dataclass(frozen=True, slots=True)
class Picker:
    """Boxes to tick behind a line that says what is ticked; `none`: what it says without any."""

    name: str
    label: str
    none: str
    choices: tuple[Choice, ...]

    @property
    def summary(self) -> str:
        return ", ".join(choice.label for choice in self.choices if choice.is_chosen) or self.none


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A condition as the page shows it. `kind`: nothing, or the type of its input; `trouble`: what is wrong."""

    path: str
    place: int
    field: str
    fields: tuple[Choice, ...]
    ops: tuple[Choice, ...] = ()
    kind: str = ""
    picker: Picker | None = None
    written: str = ""
    takes_several: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A group as the page shows it."""

    path: str
    place: int
    hows: tuple[Choice, ...]
    parts: "tuple[ShownRow | ShownGroup, ...]"
    may_nest: bool


def read(said: QueryDict, path: str = ROOT) -> Group:
    """What the form says, below this path."""
    parts: list[Row | Group] = []
    for place in count():
        inner = f"{path}.{place}"
        if f"{inner}-how" in said and _depth(inner) < DEEPEST:
            parts.append(read(said, inner))
        elif f"{inner}-field" in said:
            values = tuple(value for value in said.getlist(f"{inner}-value") if value.strip())
            parts.append(Row(said.get(f"{inner}-field", ""), said.get(f"{inner}-op", ""), values))
        else:
            break
    how = said.get(f"{path}-how", "all")
    return Group(how if how in dict(HOWS) else "all", tuple(parts))


def change(group: Group, wish: str) -> Group:
    """The group with a part more or less, as the button says; a wish that fits nothing changes nothing."""
    what, _, path = wish.partition(" ")
    places = path.split(".")[1:]
    if not all(place.isascii() and place.isdigit() and len(place) < 4 for place in places):
        return group
    return _changed(group, what, [int(place) for place in places])


def to_json(group: Group, vocabulary: Vocabulary) -> dict[str, Any]:
    """The filter in JSON. What has no field says nothing; what has no value yet is left in, and is refused as unfit."""
    known = fields_of(vocabulary.custom.values())
    made = [one for part in group.parts if (one := _part_json(part, vocabulary, known))]
    if not made:
        # Whoever wrote a filter for nobody did not mean everybody.
        return {"any": []} if group.how == "any" and not group.parts else {}
    if group.how == "none":
        return {"not": made[0] if len(made) == 1 else {"any": made}}
    return {group.how: made}


def from_json(said: Any, vocabulary: Vocabulary) -> Group:
    """The filter as the form shows it, whoever wrote it."""
    read_one = _part(said, vocabulary)
    return read_one if isinstance(read_one, Group) else Group("all", (read_one,) if read_one.field else ())


def show(
    group: Group, vocabulary: Vocabulary, path: str = ROOT, place: int = 0, *, is_finished: bool = False
) -> ShownGroup:
    """The group for the template `audience/builder.html`. `is_finished`: what still lacks a value is marked, too."""
    known = fields_of(vocabulary.custom.values())
    parts: tuple[ShownRow | ShownGroup, ...] = tuple(
        show(part, vocabulary, f"{path}.{at}", at, is_finished=is_finished)
        if isinstance(part, Group)
        else _shown_row(part, vocabulary, known, f"{path}.{at}", at, is_finished)
        for at, part in enumerate(group.parts)
    )
    return ShownGroup(path, place, _choices(HOWS, [group.how]), parts, may_nest=_depth(path) + 1 < NESTED)


def entries_of(name: str, vocabulary: Vocabulary) -> list[tuple[str, str, str]]:
    """The entries of an editable list as (number, name, heading), sorted; tariff plans stand below their kinds."""
    entries = vocabulary.shown(name)
    kinds: dict[int, str] = {}
    if name == "plans":
        plans = TariffPlan.objects.filter(workspace_id=vocabulary.workspace_id)
        kinds = {plan.pk: plan.get_kind_display() for plan in plans}
    order = [label for _, label in TariffPlan.Kind.choices]
    found = [(str(pk), written, str(kinds.get(pk, ""))) for pk, written in entries.items()]
    return sorted(found, key=lambda one: (order.index(one[2]) if one[2] else 0, one[1].casefold()))


def chosen_from(entries: Iterable[tuple[str, str, str]], values: Sequence[str]) -> tuple[Choice, ...]:
    """Entries as choices, each heading with the first of its own."""
    made: list[Choice] = []
    last = ""
    for value, label, under in entries:
        made.append(Choice(value, label, value in values, under if under != last else ""))
        last = under
    return tuple(made)


def parts_of(written: str) -> list[str]:
    """The values of a text that names several: between commas, those with a comma in double quotes."""
    parts = (quoted.replace('""', '"') if quoted else plain.strip() for quoted, plain in _PART.findall(written))
    return [part for part in parts if part]


def in_list(value: str) -> str:
    """The value as such a text names it."""
    is_plain = "," not in value and not value.startswith('"') and value == value.strip()
    return value if is_plain else '"' + value.replace('"', '""') + '"'


def _depth(path: str) -> int:
    return path.count(".")


def _changed(group: Group, what: str, places: list[int]) -> Group:
    if not places:
        made: Mapping[str, Row | Group] = {"add-row": Row(), "add-group": Group("any", (Row(),))}
        new = made.get(what)
        return replace(group, parts=(*group.parts, new)) if new and len(group.parts) < MOST_PARTS else group
    at, rest = places[0], places[1:]
    if at >= len(group.parts):
        return group
    part = group.parts[at]
    if not rest and what == "drop":
        left = group.parts[:at] + group.parts[at + 1 :]
        return Group(group.how if left else "all", left)
    if not isinstance(part, Group):
        return group
    inner: list[Row | Group] = list(group.parts)
    inner[at] = _changed(part, what, rest)
    return replace(group, parts=tuple(inner))


def _part_json(part: "Row | Group", vocabulary: Vocabulary, known: Mapping[str, FilterField]) -> dict[str, Any]:
    return to_json(part, vocabulary) if isinstance(part, Group) else _row_json(part, known)


def _row_json(row: Row, known: Mapping[str, FilterField]) -> dict[str, Any]:
    if not row.field:
        return {}
    field = known.get(row.field)
    op = _op_of(row, field)
    said: dict[str, Any] = {"field": row.field, "op": op}
    if op in WITHOUT_VALUE:
        return said
    values: list[Any] = list(row.values)
    if field and field.type in ("one", "several"):
        values = [as_id(value) or value for value in values]
    elif _is_listed(field, op):
        values = [part for value in values for part in parts_of(value)]
    return said | {"value": values[0] if len(values) == 1 else values or ""}


def _part(said: Any, vocabulary: Vocabulary) -> "Row | Group":
    if not isinstance(said, Mapping):
        return Row()
    if "field" in said:
        return _row(said, vocabulary)
    for how in ("all", "any"):
        if isinstance(said.get(how), (list, tuple)):
            return Group(how, tuple(_part(part, vocabulary) for part in said[how]))
    if "not" in said:
        inner = _part(said["not"], vocabulary)
        is_any = isinstance(inner, Group) and inner.how == "any"
        return replace(inner, how="none") if isinstance(inner, Group) and is_any else Group("none", (inner,))
    return Group()


def _row(said: Mapping[str, Any], vocabulary: Vocabulary) -> Row:
    name = str(said["field"])
    value = said.get("value")
    values = value if isinstance(value, (list, tuple)) else [] if value in (None, "") else [value]
    row = Row(name, str(said.get("op", "")), tuple(_written(name, one, vocabulary) for one in values))
    field = fields_of(vocabulary.custom.values()).get(name)
    return replace(row, values=tuple(map(in_list, row.values))) if _is_listed(field, _op_of(row, field)) else row


def _written(name: str, value: Any, vocabulary: Vocabulary) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in NAMED and isinstance(value, str):
        found = vocabulary.find(name, value)
        return str(found) if found is not None else value
    return str(value)


def _op_of(row: Row, field: FilterField | None) -> str:
    if field is None or row.op in field.operators:
        return row.op
    return field.operators[0]


def _is_listed(field: FilterField | None, op: str) -> bool:
    """Whether one text may name several values."""
    return op in SEVERAL and not (field is not None and _has_choices(field, op))


def _has_choices(field: FilterField, op: str) -> bool:
    return field.type in ("one", "several", "flag") or bool(field.choices and op in SEVERAL)


def _choices(options: Iterable[tuple[str, str]], values: Sequence[str]) -> tuple[Choice, ...]:
    return chosen_from(((value, label, "") for value, label in options), values)


def _shown_row(
    row: Row, vocabulary: Vocabulary, known: Mapping[str, FilterField], path: str, place: int, is_finished: bool
) -> ShownRow:
    fields = [("", "Choose a field"), *((one.name, one.label) for one in known.values())]
    field = known.get(row.field)
    if row.field and field is None:
        fields.append((row.field, f"{row.field} (deleted)"))
    shown = ShownRow(path, place, row.field, _choices(fields, [row.field]))
    if field is None:
        return replace(shown, trouble="This field does not exist any more.") if row.field else shown
    op = _op_of(row, field)
    kind = "nothing" if op in WITHOUT_VALUE else INPUTS.get(field.type, "text")
    picker = None
    if op not in WITHOUT_VALUE and _has_choices(field, op):
        kind, options = "nothing", chosen_from(_options(field, vocabulary), row.values)
        picker = Picker(f"{path}-value", f"Values of {field.label}", "Choose", options)
    return replace(
        shown,
        ops=_choices(((one, WORDS[one]) for one in field.operators), [op]),
        kind=kind,
        picker=picker,
        written=", ".join(row.values),
        takes_several=kind == "text" and op in SEVERAL,
        trouble=_trouble(row, vocabulary, known, is_finished),
    )


def _options(field: FilterField, vocabulary: Vocabulary) -> list[tuple[str, str, str]]:
    if field.type == "flag":
        return [(value, label, "") for value, label in FLAGS]
    if field.choices:
        return [(value, label, "") for value, label in field.choices]
    return entries_of(field.name, vocabulary)


def _trouble(row: Row, vocabulary: Vocabulary, known: Mapping[str, FilterField], is_finished: bool) -> str:
    if not row.values and _op_of(row, known[row.field]) not in WITHOUT_VALUE:
        return "Give it a value, or drop it." if is_finished else ""
    try:
        parse_filter(vocabulary, _row_json(row, known))
    except Problem as problem:
        return problem.detail
    return ""
