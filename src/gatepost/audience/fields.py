"""What contacts are filtered by: each field with its type, and the comparisons that its type knows.

The fields of a mass sending, as product.md names them, lists, tags and dates; custom fields come as `custom.<key>`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from gatepost.audience.models import Billing, Category, CustomField, Kind, Service, Status

Type = Literal["text", "choice", "phone", "one", "several", "options", "number", "date", "flag", "moment"]
"""`one`: an entry of an editable list; `several`: some of them; `options`: some of a few fixed ones; `moment`: a time,
compared by its day in UTC."""

OPERATORS: Final[Mapping[Type, tuple[str, ...]]] = {
    "text": ("is", "is_not", "contains", "starts", "empty", "filled"),
    "choice": ("is", "is_not", "empty", "filled"),
    "phone": ("is", "is_not", "starts", "empty", "filled"),
    "one": ("is", "is_not", "empty", "filled"),
    "several": ("any", "all", "none", "empty", "filled"),
    "options": ("any", "all", "none", "empty", "filled"),
    "number": ("is", "is_not", "at_least", "at_most", "empty", "filled"),
    "date": ("is", "is_not", "from", "until", "empty", "filled"),
    "flag": ("is", "empty", "filled"),
    "moment": ("from", "until"),
}
WORDS: Final[Mapping[str, str]] = {
    "is": "is",
    "is_not": "is not",
    "contains": "contains",
    "starts": "begins with",
    "empty": "is empty",
    "filled": "is filled in",
    "any": "has any of",
    "all": "has all of",
    "none": "has none of",
    "at_least": "is at least",
    "at_most": "is at most",
    "from": "is on or after",
    "until": "is on or before",
}
"""Each comparison as people read it."""
WITHOUT_VALUE: Final = frozenset({"empty", "filled"})


@dataclass(frozen=True, slots=True)
class FilterField:
    """A field to filter by. `column`: what it is compared with; empty for custom fields, which `key` names."""

    name: str
    label: str
    type: Type
    column: str = ""
    key: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def is_label(self) -> bool:
        return self.column == "labels"

    @property
    def operators(self) -> tuple[str, ...]:
        return OPERATORS[self.type]


def _fixed(enum: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(value), str(label)) for value, label in enum.choices)


STANDARD: Final = (
    FilterField("kind", "Kind", "choice", "kind", choices=_fixed(Kind)),
    FilterField("login", "Login", "text", "login_key"),
    FilterField("status", "Status", "choice", "status", choices=_fixed(Status)),
    FilterField("full_name", "Full name", "text", "name_key"),
    FilterField("email", "E-mail", "text", "email_key"),
    FilterField("billing_email", "Billing e-mail", "text", "billing_email_key"),
    FilterField("phone", "Phone number", "phone", "phones"),
    FilterField("category", "Category", "choice", "category", choices=_fixed(Category)),
    FilterField("location", "Location", "one", "location_id"),
    FilterField("billing", "Type of billing", "choice", "billing", choices=_fixed(Billing)),
    FilterField("partner", "Partner", "one", "partner_id"),
    FilterField("plans", "Tariff plans", "several", "plans"),
    FilterField("services", "Service", "options", "services", choices=_fixed(Service)),
    FilterField("lists", "List", "several", "labels"),
    FilterField("tags", "Tag", "several", "labels"),
    FilterField("language", "Language", "choice", "language"),
    FilterField("time_zone", "Time zone", "choice", "time_zone"),
    FilterField("external_id", "External id", "choice", "external_id"),
    FilterField("created", "Added on", "moment", "created_at"),
)
_CUSTOM_TYPES: Final[Mapping[str, Type]] = {
    CustomField.Type.TEXT: "text",
    CustomField.Type.NUMBER: "number",
    CustomField.Type.DATE: "date",
    CustomField.Type.FLAG: "flag",
    CustomField.Type.CHOICE: "text",
}


def fields_of(custom: Iterable[CustomField]) -> dict[str, FilterField]:
    """Every field of a workspace by its name."""
    own = (
        FilterField(
            f"custom.{one.key}",
            one.label,
            _CUSTOM_TYPES[one.type],
            key=one.key,
            choices=tuple((choice, choice) for choice in one.choices),
        )
        for one in custom
    )
    return {one.name: one for one in (*STANDARD, *own)}
