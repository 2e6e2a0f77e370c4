"""Reading what people and programs write of a contact: texts of a table, or values of JSON, into what is stored.

Pure but for the vocabulary. What does not fit is a fault beside its field; an empty text clears the field.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

from gatepost.audience.models import Billing, Category, CustomField, Kind, Service, Status
from gatepost.audience.vocabulary import LONGEST_NAME, NAMED, Vocabulary
from gatepost.audience.words import fold
from gatepost.problems import Fault
from gatepost.rest.storable import is_storable
from gatepost.sms.msisdn import InvalidNumber, parse

MOST_PHONES: Final = 10
MOST_ENTRIES: Final = 100
LONGEST_CUSTOM: Final = 1000
MAX_NUMBER: Final = 1e15

_SEPARATORS: Final = re.compile(r"[;,|\n\r]+")
_PHONE_SEPARATORS: Final = re.compile(r"[;,|/\n\r]+")
_DECIMAL: Final = re.compile(r"(\+?[0-9]{7,})[.,]0+")
_ROUNDED: Final = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]{1,2}")
_EMAIL: Final = re.compile(r"[^\s@,;<>\"()]{1,64}@(?=.{1,190}$)[^\s@,;<>\"().]+(\.[^\s@,;<>\"().]+)+")
_TRUE: Final = frozenset({"1", "true", "yes", "y", "on", "tak", "t", "да", "д", "истина", "x", "✓"})
_FALSE: Final = frozenset({"0", "false", "no", "n", "off", "nie", "нет", "н", "ложь"})
_DATES: Final = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y.%m.%d")

SYNONYMS: Final[Mapping[str, Mapping[str, str]]] = {
    "kind": {
        "customer": "klient, odbiorca, abonent, client, клиент, абонент",
        "lead": "prospect, potencjalny, лид",
    },
    "status": {
        "new": "nowy, новый",
        "active": "aktywny, enabled, активный, активен",
        "inactive": "nieaktywny, disabled, неактивный, отключен",
        "blocked": "zablokowany, suspended, заблокирован",
    },
    "category": {
        "person": "private, individual, osoba prywatna, osoba fizyczna, физическое лицо, физлицо",
        "company": "business, firma, юридическое лицо, юрлицо, компания",
    },
    "billing": {
        "recurring": "postpaid, abonament, подписка",
        "prepaid": "custom, przedpłata, предоплата",
    },
    "services": {"internet": "интернет", "voice": "głos, голос, телефония", "bundle": "pakiet, пакет"},
}
"""What other systems write for a choice, in English, Polish and Russian."""


@dataclass(slots=True)
class Draft:
    """What was said of one contact. `columns`: by column; `custom`: by key, None where it is to be empty; `names`: of
    the fields in NAMED, which are looked up when it is stored."""

    columns: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


class Unfit(ValueError):
    """A value that cannot be had."""

    def __init__(self, code: str, words: str) -> None:
        self.code, self.words = code, words
        super().__init__(words)


def read(said: Mapping[str, Any], vocabulary: Vocabulary) -> Draft:
    """The contact as it was written: fields by name, custom ones as `custom.<key>`."""
    draft = Draft()
    for name, value in said.items():
        try:
            if name.startswith("custom."):
                key = name.removeprefix("custom.")
                if key not in vocabulary.custom:
                    raise Unfit("unknown_field", f"There is no custom field {key!r}.")
                draft.custom[key] = custom_value(vocabulary.custom[key], value)
            elif name in NAMED:
                draft.names[name] = _names(value, is_one=name in ("location", "partner"))
            elif name in _READERS:
                _READERS[name](draft.columns, name, value, vocabulary)
            else:
                raise Unfit("unknown_field", f"There is no field {name!r}.")
        except Unfit as unfit:
            draft.faults.append(Fault(name, unfit.code, unfit.words))
    return draft


def custom_value(field_: CustomField, value: Any) -> Any:
    """The value of a custom field as it is stored, None for none. Raises Unfit."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _CUSTOM[CustomField.Type(field_.type)](field_, value)


def custom_key(value: Any) -> Any:
    """A stored value as it is compared."""
    return fold(value) if isinstance(value, str) else value


def text(value: Any, limit: int) -> str:
    """The value as one line of text. Raises Unfit."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Unfit("bad_text", "Write a text.")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    written = " ".join(str(value).split())
    if len(written) > limit:
        raise Unfit("too_long", f"At most {limit} characters.")
    if not is_storable(written):
        raise Unfit("bad_text", "The text holds a NUL or half a character.")
    return written


def entries(value: Any, separators: re.Pattern[str] = _SEPARATORS) -> list[str]:
    """Several texts: a list, or one text with commas, semicolons, bars or line ends between them. Raises Unfit."""
    parts: Iterable[Any] = separators.split(value) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        parts = [parts]
    found = [text(part, 200) for part in parts]
    kept = list(dict.fromkeys(part for part in found if part))
    if len(kept) > MOST_ENTRIES:
        raise Unfit("too_many", f"At most {MOST_ENTRIES}.")
    return kept


def _names(value: Any, *, is_one: bool) -> list[str]:
    if value is None:
        return []
    found = [text(value, LONGEST_NAME)] if is_one else entries(value)
    if any(len(name) > LONGEST_NAME for name in found):
        raise Unfit("too_long", f"At most {LONGEST_NAME} characters.")
    return [name for name in found if name]


Columns = dict[str, Any]


def _line(limit: int, key: str = "") -> Callable[[Columns, str, Any, Vocabulary], None]:
    def read_line(columns: Columns, name: str, value: Any, _: Vocabulary) -> None:
        columns[name] = written = text("" if value is None else value, limit)
        if key:
            columns[key] = fold(written)

    return read_line


def _email(key: str) -> Callable[[Columns, str, Any, Vocabulary], None]:
    def read_email(columns: Columns, name: str, value: Any, _: Vocabulary) -> None:
        written = text("" if value is None else value, 254).removeprefix("mailto:")
        if written and not _EMAIL.fullmatch(written):
            raise Unfit("bad_email", "This is not an e-mail address.")
        columns[name], columns[key] = written, fold(written)

    return read_email


def _phones(columns: Columns, name: str, value: Any, vocabulary: Vocabulary) -> None:
    numbers: list[str] = []
    for part in _phone_parts(value):
        try:
            number = parse(part.removeprefix("tel:"), vocabulary.default_country)
        except InvalidNumber as invalid:
            raise Unfit(invalid.code, f"{invalid.sentence} {invalid.remedy}") from None
        if number not in numbers:
            numbers.append(number)
    if len(numbers) > MOST_PHONES:
        raise Unfit("too_many", f"At most {MOST_PHONES} phones.")
    columns["phones"] = numbers


def is_phone(cell: str, country: str) -> bool:
    """Whether the cell can be read as the phones that are dialled in that country."""
    try:
        return all(parse(part, country) for part in _phone_parts(cell))
    except (Unfit, InvalidNumber):
        return False


def _phone_parts(value: Any) -> list[str]:
    """The numbers as they are written, without the decimals that programs give to a column of numbers. Raises Unfit."""
    if isinstance(value, str) and (decimal := _DECIMAL.fullmatch(value.strip())):
        value = decimal[1]
    if isinstance(value, str) and _ROUNDED.fullmatch(value.strip()):
        words = "A spreadsheet has rounded this number. Format the column as text, and write the numbers anew."
        raise Unfit("rounded_number", words)
    return entries(value if value is not None else "", _PHONE_SEPARATORS)


@lru_cache(maxsize=1)
def _choices() -> dict[str, dict[str, str]]:
    """For each field with fixed choices, what may be written: the value, its label, and what other systems call it."""
    enums = {"kind": Kind, "status": Status, "category": Category, "billing": Billing, "services": Service}
    return {
        name: {
            **{word: value for value, words in SYNONYMS[name].items() for word in words.split(", ")},
            **{fold(str(label)): str(value) for value, label in enum.choices},
            **{str(value): str(value) for value in enum.values},
        }
        for name, enum in enums.items()
    }


def _one_choice(name: str, value: Any) -> str:
    found = _choices()[name].get(fold(text(value, 100)))
    if found is None:
        raise Unfit("bad_choice", f"Choose one of {', '.join(dict.fromkeys(_choices()[name].values()))}.")
    return found


def _choice(default: str) -> Callable[[Columns, str, Any, Vocabulary], None]:
    def read_choice(columns: Columns, name: str, value: Any, _: Vocabulary) -> None:
        is_empty = value is None or value == ""
        columns[name] = default if is_empty else _one_choice(name, value)

    return read_choice


def _services(columns: Columns, name: str, value: Any, _: Vocabulary) -> None:
    found = {_one_choice(name, part) for part in entries(value if value is not None else "")}
    columns[name] = [one for one in Service.values if one in found]


def _language(columns: Columns, name: str, value: Any, _: Vocabulary) -> None:
    code = re.split("[-_]", text("" if value is None else value, 20).lower())[0]
    if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise Unfit("bad_language", "Write the two letters of the language, such as pl.")
    columns[name] = code


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(columns: Columns, name: str, value: Any, _: Vocabulary) -> None:
    zone = text("" if value is None else value, 40)
    if zone and zone not in _zones():
        raise Unfit("bad_time_zone", "Write a time zone such as Europe/Warsaw.")
    columns[name] = zone


def _custom_text(_: CustomField, value: Any) -> str:
    return text(value, LONGEST_CUSTOM)


def number_of(value: Any) -> int | float:
    """A number as JSON keeps it; a text may use a comma or spaces as people do. Raises Unfit."""
    written = value
    if isinstance(value, str):
        written = re.sub(r"[\s\u00a0\u202f]", "", value)
        if written.count(",") == 1 and "." not in written:
            written = written.replace(",", ".")
    try:
        number = math.nan if isinstance(value, bool) else float(written)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or abs(number) >= MAX_NUMBER:
        raise Unfit("bad_number", "Write a number.")
    return int(number) if number.is_integer() else number


def date_of(value: Any) -> str:
    """A day as year, month and day. Raises Unfit."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    written = value.strip() if isinstance(value, str) else ""
    for form in _DATES:
        try:
            return datetime.strptime(written[:10], form).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Unfit("bad_date", "Write a date such as 2026-01-31.")


def flag_of(value: Any) -> bool:
    """Yes or no. Raises Unfit."""
    if isinstance(value, bool):
        return value
    folded = fold(text(value, 20))
    if folded not in _TRUE and folded not in _FALSE:
        raise Unfit("bad_flag", "Write yes or no.")
    return folded in _TRUE


def _custom_choice(field_: CustomField, value: Any) -> str:
    known = {fold(choice): choice for choice in field_.choices}
    found = known.get(fold(text(value, 100)))
    if found is None:
        raise Unfit("bad_choice", f"Choose one of {', '.join(field_.choices)}.")
    return found


_CUSTOM: Final[Mapping[CustomField.Type, Callable[[CustomField, Any], Any]]] = {
    CustomField.Type.TEXT: _custom_text,
    CustomField.Type.NUMBER: lambda _, value: number_of(value),
    CustomField.Type.DATE: lambda _, value: date_of(value),
    CustomField.Type.FLAG: lambda _, value: flag_of(value),
    CustomField.Type.CHOICE: _custom_choice,
}
_READERS: Final[Mapping[str, Callable[[Columns, str, Any, Vocabulary], None]]] = {
    "kind": _choice(Kind.CUSTOMER.value),
    "external_id": _line(100),
    "login": _line(100, "login_key"),
    "status": _choice(Status.NEW.value),
    "full_name": _line(200, "name_key"),
    "email": _email("email_key"),
    "billing_email": _email("billing_email_key"),
    "phones": _phones,
    "category": _choice(Category.PERSON.value),
    "billing": _choice(""),
    "services": _services,
    "language": _language,
    "time_zone": _zone,
}
FIELDS: Final = (*_READERS, *NAMED)
"""The fields of every contact, custom ones aside, as the API and the tables name them."""
TITLES: Final[Mapping[str, str]] = {
    "kind": "Kind",
    "external_id": "External id",
    "login": "Login",
    "status": "Status",
    "full_name": "Full name",
    "email": "E-mail",
    "billing_email": "Billing e-mail",
    "phones": "Phones",
    "category": "Category",
    "billing": "Type of billing",
    "services": "Services",
    "language": "Language",
    "time_zone": "Time zone",
    "location": "Location",
    "partner": "Partner",
    "plans": "Tariff plans",
    "lists": "Lists",
    "tags": "Tags",
}
"""The same fields as people read them."""


def title(name: str, vocabulary: Vocabulary) -> str:
    """What people call the field, also one of the workspace's own."""
    own = vocabulary.custom.get(name.removeprefix("custom.")) if name.startswith("custom.") else None
    return own.label if own else TITLES.get(name, name)
