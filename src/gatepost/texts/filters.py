"""The filters that a text may use, all of them ours, so that each one's cost and result are bounded here.

Texts hold at most LONGEST characters, lists MOST_ENTRIES entries, and numbers stay below LARGEST: what would pass a
bound is a TextFault. A missing value stays missing through every filter but `default`.
"""

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import wraps
from typing import Any, Final
from urllib.parse import quote_plus

from liquid import Undefined

from gatepost.texts.faults import Missing, TextFault

LONGEST: Final = 10_000
"""Characters of a text that a filter makes."""
MOST_ENTRIES: Final = 200
LARGEST: Final = Decimal(10) ** 15
MOST_DIGITS: Final = 6

_EXACT: Final = Context(prec=40)
_NUMBER: Final = re.compile(r"\s*[+-]?\d{1,20}(\.\d{1,20})?\s*")
_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})([T ].*)?", re.DOTALL)
_DIRECTIVE: Final = re.compile(r"%(-?.)", re.DOTALL)
_DATE_PARTS: Final[Mapping[str, Callable[[date], str]]] = {
    "d": lambda day: f"{day.day:02}",
    "-d": lambda day: str(day.day),
    "e": lambda day: f"{day.day:2}",
    "m": lambda day: f"{day.month:02}",
    "-m": lambda day: str(day.month),
    "y": lambda day: f"{day.year % 100:02}",
    "Y": lambda day: f"{day.year:04}",
    "B": lambda day: calendar.month_name[day.month],
    "b": lambda day: calendar.month_abbr[day.month],
    "A": lambda day: calendar.day_name[day.weekday()],
    "a": lambda day: calendar.day_abbr[day.weekday()],
    "%": lambda _: "%",
}


def shown(value: object) -> str:
    """The value as it stands in a text: entries of a list with commas between them, yes or no for a flag."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(one) for one in value)
    return ""


def is_empty(value: object) -> bool:
    """Whether a contact with this value has none."""
    return value is None or value in ("", [])


def is_missing(value: object) -> bool:
    return isinstance(value, (Missing, Undefined))


def _bounded(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        raise TextFault(f"A text of more than {LONGEST} characters came out of a filter.")
    if isinstance(value, list) and len(value) > MOST_ENTRIES:
        raise TextFault(f"A list of more than {MOST_ENTRIES} entries came out of a filter.")
    return value


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TextFault("A filter that calculates was given something other than a number.")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise TextFault(f"A filter that calculates was given {value[:40]!r} for a number.")
    number = Decimal(str(value)) if not isinstance(value, int) or abs(value) < LARGEST else LARGEST
    if not number.is_finite() or abs(number) >= LARGEST:
        raise TextFault("A number of more than 15 digits cannot be calculated with.")
    return number


def _plain(number: Decimal) -> int | float:
    if not number.is_finite() or abs(number) >= LARGEST:
        raise TextFault("A number of more than 15 digits came out of a filter.")
    return int(number) if number == number.to_integral_value() else float(number)


def _whole(value: object, name: str) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise TextFault(f"The filter {name} needs a whole number.")
    return int(number)


def _calculate(how: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Any, Any], Any]:
    def calculated(left: object, right: object) -> int | float:
        try:
            return _plain(how(_number(left), _number(right)))
        except (InvalidOperation, ZeroDivisionError):
            raise TextFault("A filter was to divide by zero.") from None

    return calculated


def _rounded(how: str) -> Callable[..., Any]:
    def rounded(value: object, digits: object = 0) -> int | float:
        places = _whole(digits, "round")
        if not 0 <= places <= MOST_DIGITS:
            raise TextFault(f"The filter round keeps 0 to {MOST_DIGITS} digits.")
        return _plain(_number(value).quantize(Decimal(1).scaleb(-places), rounding=how, context=_EXACT))

    return rounded


def _divided(left: Decimal, right: Decimal) -> Decimal:
    """As Liquid does: two whole numbers give a whole one."""
    quotient = _EXACT.divide(left, right)
    are_whole = left == left.to_integral_value() and right == right.to_integral_value()
    return quotient.to_integral_value(rounding=ROUND_FLOOR) if are_whole else quotient


def money(value: object, mark: object = ".") -> str:
    """The number with two digits after the mark."""
    whole = _number(value).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP, context=_EXACT)
    return str(whole).replace(".", shown(mark)[:3])


def day(value: object, form: object) -> str:
    """The day in the form that its directives say; what is no day stays as it is. Names are English."""
    found = _DAY.fullmatch(shown(value))
    if not found:
        return shown(value)
    try:
        read = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return shown(value)

    def part(directive: re.Match[str]) -> str:
        write = _DATE_PARTS.get(directive[1])
        if write is None:
            raise TextFault(f"The filter date knows no {directive[0]}; it knows %{' %'.join(_DATE_PARTS)}.")
        return write(read)

    return _DIRECTIVE.sub(part, shown(form))


def default(value: object, instead: object = "", **_: object) -> object:
    """The other one where there is no value."""
    return instead if is_missing(value) or is_empty(value) or value is False else value


def replace(value: object, what: object, instead: object = "") -> str:
    text, part, new = shown(value), shown(what), shown(instead)
    if len(text) + text.count(part) * (len(new) - len(part)) > LONGEST:
        raise TextFault(f"A text of more than {LONGEST} characters came out of a filter.")
    return text.replace(part, new)


def truncate(value: object, length: object = 50, end: object = "...") -> str:
    text, room, tail = shown(value), _whole(length, "truncate"), shown(end)
    return text if len(text) <= room else text[: max(0, room - len(tail))] + tail


def truncate_words(value: object, count: object = 15, end: object = "...") -> str:
    words, most = shown(value).split(), max(1, _whole(count, "truncatewords"))
    return " ".join(words) if len(words) <= most else " ".join(words[:most]) + shown(end)


def cut(value: object, start: object, length: object = 1) -> Any:
    whole = list(value) if isinstance(value, (list, tuple)) else shown(value)
    begin, count = _whole(start, "slice"), _whole(length, "slice")
    begin = max(0, len(whole) + begin) if begin < 0 else begin
    return whole[begin : begin + max(0, count)]


def join(value: object, between: object = ", ") -> str:
    mark, entries = shown(between), [shown(one) for one in _list(value)]
    if sum(map(len, entries)) + len(mark) * len(entries) > LONGEST:
        raise TextFault(f"A text of more than {LONGEST} characters came out of a filter.")
    return mark.join(entries)


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _first(value: object) -> Any:
    return next(iter(_list(value)), "")


def _size(value: object) -> int:
    return len(value) if isinstance(value, (str, list, tuple)) else 0


def _one_text(how: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: how(shown(value))


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "default": default,
    "upcase": _one_text(str.upper),
    "downcase": _one_text(str.lower),
    "capitalize": _one_text(str.capitalize),
    "strip": _one_text(str.strip),
    "squish": _one_text(lambda text: " ".join(text.split())),
    "strip_newlines": _one_text(lambda text: text.replace("\r", "").replace("\n", "")),
    "url_encode": _one_text(quote_plus),
    "append": lambda value, more: shown(value) + shown(more),
    "prepend": lambda value, more: shown(more) + shown(value),
    "remove": lambda value, what: shown(value).replace(shown(what), ""),
    "replace": replace,
    "truncate": truncate,
    "truncatewords": truncate_words,
    "slice": cut,
    "size": _size,
    "first": _first,
    "last": lambda value: next(reversed(_list(value)), ""),
    "join": join,
    "sort": lambda value: sorted(_list(value), key=shown),
    "uniq": lambda value: list(dict.fromkeys(_list(value))),
    "reverse": lambda value: _list(value)[::-1],
    "date": day,
    "money": money,
    "plus": _calculate(_EXACT.add),
    "minus": _calculate(_EXACT.subtract),
    "times": _calculate(_EXACT.multiply),
    "divided_by": _calculate(_divided),
    "modulo": _calculate(_EXACT.remainder),
    "at_least": _calculate(max),
    "at_most": _calculate(min),
    "abs": lambda value: _plain(abs(_number(value))),
    "round": _rounded(ROUND_HALF_UP),
    "ceil": _rounded(ROUND_CEILING),
    "floor": _rounded(ROUND_FLOOR),
}


def guarded(name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
    """The filter as the language calls it: missing values pass through, and the result keeps to the bounds."""

    @wraps(filter_)
    def call(value: Any, *arguments: Any, **named: Any) -> Any:
        if filter_ is not default:
            missing = next((one for one in (value, *arguments) if is_missing(one)), None)
            if missing is not None:
                return missing
        try:
            return _bounded(filter_(value, *arguments, **named))
        except (TypeError, ValueError, OverflowError):
            raise TextFault(f"The filter {name} was given something that it cannot work with.") from None

    return call
