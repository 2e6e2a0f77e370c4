"""Filters once more, in plain Python over plain rows: what the database finds has to be the same people."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date
from typing import Any

from gatepost.audience.models import Contact

Names = Mapping[str, Mapping[int, str]]
"""For location, partner, plans, lists and tags: the names by number."""


def people(contacts: Iterable[Contact], names: Names, filter_: Any) -> set[int]:
    """The ids of the contacts that fit the filter in its JSON form."""
    return {contact.pk for contact in contacts if fits(contact, names, filter_)}


def fits(contact: Contact, names: Names, node: Any) -> bool:
    if not node:
        return True
    if "all" in node:
        return all(fits(contact, names, part) if part else True for part in node["all"])
    if "any" in node:
        return any(fits(contact, names, part) for part in node["any"])
    if "not" in node:
        return not fits(contact, names, node["not"])
    return compare(said_of(contact, names, node["field"]), node["op"], node.get("value"), node["field"])


def said_of(contact: Contact, names: Names, field: str) -> Any:
    if field.startswith("custom."):
        return contact.custom.get(field.removeprefix("custom."))
    if field == "phone":
        return contact.phones
    if field in ("location", "partner"):
        return names[field].get(getattr(contact, f"{field}_id"))
    if field == "plans":
        return [names["plans"][pk] for pk in contact.plans]
    if field in ("lists", "tags"):
        return [names[field][pk] for pk in contact.labels if pk in names[field]]
    if field == "created":
        return contact.created_at.astimezone(UTC).date().isoformat()
    return getattr(contact, field)


def compare(have: Any, op: str, value: Any, field: str) -> bool:
    if op in ("empty", "filled"):
        return (have in (None, "", [])) == (op == "empty")
    wanted = value if isinstance(value, list) else [value]
    if op in ("is_not", "none"):
        return not compare(have, {"is_not": "is", "none": "any"}[op], value, field)
    if field == "phone":
        if op == "starts":
            return any(number.startswith(digits(one)) for number in have for one in wanted)
        return any(number == digits(one) for number in have for one in wanted)
    if isinstance(have, list):
        held = {same(one) for one in have}
        asked = {same(one) for one in wanted}
        return asked <= held if op == "all" else bool(asked & held)
    if have is None:
        return False
    if isinstance(have, bool):
        return any(have is one for one in wanted)
    if isinstance(have, (int, float)):
        return {
            "is": any(have == one for one in wanted),
            "at_least": have >= wanted[0],
            "at_most": have <= wanted[0],
        }[op]
    if op in ("from", "until"):
        day, other = date.fromisoformat(have), date.fromisoformat(wanted[0])
        return day >= other if op == "from" else day <= other
    text = same(have)
    return any(
        {"is": text == same(one), "contains": same(one) in text, "starts": text.startswith(same(one))}[op]
        for one in wanted
    )


def digits(number: str) -> str:
    return number.removeprefix("+")


def same(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
