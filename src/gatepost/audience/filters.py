"""Who is meant: a filter in JSON, checked, and made into one query.

    {"all": [
        {"field": "status", "op": "is", "value": ["active", "new"]},
        {"any": [
            {"field": "plans", "op": "any", "value": ["Fibre 300"]},
            {"not": {"field": "custom.contract_end", "op": "until", "value": "2026-12-31"}}]}]}

`matching(workspace, filter)` gives the contacts. An empty filter means everybody; `all` of nothing is true, `any` of
nothing is false. Several values mean any of them. Text is compared without case; entries of lists go by name or number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Lookup, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import Contains, StartsWith
from django.db.models.sql.compiler import SQLCompiler

from gatepost.audience import values
from gatepost.audience.fields import WITHOUT_VALUE, FilterField, fields_of
from gatepost.audience.models import Contact
from gatepost.audience.values import Unfit
from gatepost.audience.vocabulary import Vocabulary, load
from gatepost.audience.words import fold
from gatepost.problems import Fault, Problem
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.workspaces.models import Workspace

DEEPEST: Final = 6
MOST_CONDITIONS: Final = 200
MOST_VALUES: Final = 1000
MOST_PATTERNS: Final = 200
"""Texts that are looked for within others, in a whole filter: each of them is tried on every contact."""
MOST_IN_ALL: Final = 5000
"""Values of a whole filter."""
LONGEST_VALUE: Final = 300


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison, its values as they are compared."""

    field: FilterField
    op: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """`how`: all of the parts, or any of them; `not` has one part."""

    how: str
    parts: tuple["Condition | Group", ...] = ()


EVERYBODY: Final = Group("all")
NONE: Final = Q(pk__in=[])
ALL: Final = ~NONE
"""Unlike an empty Q, which would stay empty when it is negated."""


def matching(workspace: Workspace, filter_: Any) -> QuerySet[Contact]:
    """The contacts of the workspace that fit the filter (JSON, or one that was read). Raises Problem `invalid`."""
    read = filter_ if isinstance(filter_, (Condition, Group)) else parse_filter(load(workspace), filter_)
    return Contact.objects.filter(workspace=workspace).filter(to_q(read))


def parse_filter(vocabulary: Vocabulary, said: Any) -> Group | Condition:
    """The filter that the JSON says. Raises Problem `invalid` with a fault at each place that does not fit."""
    reader = _Reader(vocabulary)
    read = reader.node(said, "filter", 1)
    if reader.faults:
        raise Problem("invalid", faults=reader.faults)
    return read


def restricts(said: Any) -> bool:
    """Whether the JSON of a filter holds any condition; one without fits everybody, or nobody."""
    if isinstance(said, Mapping):
        return "field" in said or any(restricts(part) for part in said.values())
    return isinstance(said, (list, tuple)) and any(restricts(part) for part in said)


def to_q(node: Group | Condition) -> Q:
    """The filter as a condition of a query on contacts. It is true or false of each, never null."""
    if isinstance(node, Condition):
        return _conditions(node)
    if node.how == "not":
        return ~to_q(node.parts[0])
    parts = [to_q(part) for part in node.parts]
    return reduce(and_, parts, ALL) if node.how == "all" else reduce(or_, parts, NONE)


class _Reader:
    """Reads a filter, and collects what does not fit."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.faults: list[Fault] = []
        self._vocabulary = vocabulary
        self._fields = fields_of(vocabulary.custom.values())
        self._count = self._patterns = self._in_all = 0

    def node(self, said: Any, path: str, depth: int) -> Group | Condition:
        if said in (None, {}) and depth == 1:
            return EVERYBODY
        if not isinstance(said, Mapping):
            return self._wrong(path, "bad_filter", "Write an object with all, any, not, or a field.")
        if depth > DEEPEST:
            return self._wrong(path, "too_deep", f"At most {DEEPEST} levels.")
        if "field" in said:
            return self._condition(said, path)
        if len(said) != 1 or not {*said} & {"all", "any", "not"}:
            return self._wrong(path, "bad_filter", "Write one of all, any, not, or a field with op and value.")
        [(how, inner)] = said.items()
        if how == "not":
            return Group("not", (self.node(inner, f"{path}.not", depth + 1),))
        if not isinstance(inner, (list, tuple)):
            return self._wrong(f"{path}.{how}", "bad_filter", "Write a list.")
        parts = (self.node(part, f"{path}.{how}.{place}", depth + 1) for place, part in enumerate(inner))
        return Group(how, tuple(parts))

    def _condition(self, said: Mapping[str, Any], path: str) -> Group | Condition:
        self._count += 1
        if self._count > MOST_CONDITIONS:
            return self._wrong(path, "too_many", f"At most {MOST_CONDITIONS} conditions.")
        if not {*said} <= {"field", "op", "value"}:
            return self._wrong(path, "bad_filter", "A condition has field, op and value.")
        field = self._fields.get(said["field"]) if isinstance(said["field"], str) else None
        if field is None:
            return self._wrong(f"{path}.field", "unknown_field", f"There is no field {str(said['field'])[:60]!r}.")
        op = said.get("op", field.operators[0])
        if op not in field.operators:
            return self._wrong(f"{path}.op", "bad_choice", f"Choose one of {', '.join(field.operators)}.")
        if op in WITHOUT_VALUE:
            # Lists and tags share a column: without any means without any of these.
            return Condition(field, op, tuple(sorted(self._vocabulary.ids(field.name))) if field.is_label else ())
        try:
            return Condition(field, op, self._values(field, op, said.get("value")))
        except Unfit as unfit:
            return self._wrong(f"{path}.value", unfit.code, unfit.words)

    def _values(self, field: FilterField, op: str, said: Any) -> tuple[Any, ...]:
        several = list(said) if isinstance(said, (list, tuple)) else [said]
        if not several or said in (None, ""):
            raise Unfit("required", "Write a value.")
        if len(several) > MOST_VALUES:
            raise Unfit("too_many", f"At most {MOST_VALUES} values.")
        self._in_all += len(several)
        self._patterns += len(several) if op in ("contains", "starts") else 0
        if self._in_all > MOST_IN_ALL:
            raise Unfit("too_many", f"At most {MOST_IN_ALL} values in a filter.")
        if self._patterns > MOST_PATTERNS:
            raise Unfit("too_many", f"At most {MOST_PATTERNS} texts that are contained or stand at the beginning.")
        if len(several) > 1 and op in ("at_least", "at_most", "from", "until"):
            raise Unfit("too_many", "Write one value.")
        return tuple(dict.fromkeys(self._value(field, op, one) for one in several))

    def _value(self, field: FilterField, op: str, said: Any) -> Any:
        if field.type == "number":
            return values.number_of(said)
        if field.type in ("date", "moment"):
            return values.date_of(said)
        if field.type == "flag":
            return values.flag_of(said)
        if field.type in ("one", "several"):
            return self._entry(field.name, said)
        written = values.text(said, LONGEST_VALUE)
        if not written:
            raise Unfit("required", "Write a value.")
        if field.type == "phone":
            return _digits(written, op, self._vocabulary.default_country)
        if field.type == "text":
            return fold(written)
        return _chosen(field, written)

    def _entry(self, name: str, said: Any) -> int:
        found = said if isinstance(said, int) and not isinstance(said, bool) else None
        if isinstance(said, str):
            found = self._vocabulary.find(name, values.text(said, LONGEST_VALUE))
        if found not in self._vocabulary.ids(name):
            raise Unfit("not_found", f"There is no entry {str(said)[:60]!r}.")
        assert found is not None
        return found

    def _wrong(self, path: str, code: str, words: str) -> Group:
        self.faults.append(Fault(path, code, words))
        return EVERYBODY


def _digits(written: str, op: str, country: str) -> str:
    if op == "starts":
        digits = "".join(character for character in written if character.isdecimal() and character.isascii())
        digits = digits.removeprefix("00")
        if not digits:
            raise Unfit("bad_number", "Write the first digits, with the country code.")
        return digits
    try:
        return parse(written, country)
    except InvalidNumber as invalid:
        raise Unfit(invalid.code, f"{invalid.sentence} {invalid.remedy}") from None


def _chosen(field: FilterField, written: str) -> str:
    if not field.choices:
        return written
    known = {fold(word): value for value, label in field.choices for word in (value, label)}
    found = known.get(fold(written))
    if found is None:
        raise Unfit("bad_choice", f"Choose one of {', '.join(value for value, _ in field.choices)}.")
    return found


def _any_of(lookup: str, found: Sequence[Any]) -> Q:
    return reduce(or_, (Q(**{lookup: value}) for value in found))


def _text(column: str, op: str, found: Sequence[Any]) -> Q:
    if op == "empty":
        return Q(**{column: ""})
    if op == "is":
        return Q(**{f"{column}__in": list(found)})
    return _any_of(f"{column}__{'contains' if op == 'contains' else 'startswith'}", found)


def _one(column: str, op: str, found: Sequence[Any]) -> Q:
    return Q(**{f"{column}__isnull": True}) if op == "empty" else Q(**{f"{column}__in": list(found)})


def _several(column: str, op: str, found: Sequence[Any]) -> Q:
    if op == "empty":
        return Q(**{column: []})
    return Q(**{f"{column}__{'contains' if op == 'all' else 'overlap'}": list(found)})


def _phone(column: str, op: str, found: Sequence[Any]) -> Q:
    if op == "empty":
        return Q(**{column: []})
    return Q(**{f"{column}__overlap": list(found)}) if op == "is" else _any_of(f"{column}__any_starts", found)


def _moment(column: str, op: str, found: Sequence[Any]) -> Q:
    day = datetime.combine(date.fromisoformat(found[0]), time.min, UTC)
    if op == "from":
        return Q(**{f"{column}__gte": day})
    return Q(**{f"{column}__lt": day + timedelta(days=1)}) if day.date() < date.max else ALL


def _custom(key: str, op: str, found: Sequence[Any]) -> Q:
    has_one = Q(custom_keys__has_key=key)
    if op == "empty":
        return ~has_one
    if op == "is":
        return _any_of("custom_keys__contains", [{key: value} for value in found])
    if op in ("contains", "starts"):
        written = KeyTextTransform(key, F("custom_keys"))
        lookup = Contains if op == "contains" else StartsWith
        return has_one & reduce(or_, (Q(lookup(written, value)) for value in found))
    return has_one & Q(**{f"custom_keys__{key}__{'gte' if op in ('at_least', 'from') else 'lte'}": found[0]})


_BY_TYPE: Final[Mapping[str, Callable[[str, str, Sequence[Any]], Q]]] = {
    "text": _text,
    "choice": _text,
    "phone": _phone,
    "one": _one,
    "several": _several,
    "options": _several,
    "moment": _moment,
}
_OPPOSITE: Final = {"is_not": "is", "none": "any", "filled": "empty"}


def _conditions(condition: Condition) -> Q:
    if condition.op in _OPPOSITE:
        return ~_conditions(replace(condition, op=_OPPOSITE[condition.op]))
    field, found = condition.field, condition.values
    if field.key:
        return _custom(field.key, condition.op, found)
    if field.is_label and condition.op == "empty":
        return ~Q(labels__overlap=list(found))
    return _BY_TYPE[field.type](field.column, condition.op, found)


@ArrayField.register_lookup
class AnyStarts(Lookup):
    """Whether any text of an array begins so."""

    lookup_name = "any_starts"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        pattern = str(self.rhs).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
        return f"exists (select from unnest({column}) as one where one like %s)", (*parameters, pattern)
