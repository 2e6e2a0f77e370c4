"""What placeholders stand for: the fields of a contact, by the names that filters use, and a few made of them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from gatepost.audience.fields import STANDARD
from gatepost.audience.models import Category, Contact
from gatepost.audience.vocabulary import NAMED, Vocabulary

Values = Mapping[str, Any]
"""Values by name: texts, numbers, flags, lists of texts, days as 2026-01-31; "", [] or None where there is none."""

Reader = Callable[[Contact], Any]
"""Reads one value of a contact."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value that texts may use. `is_alias`: another name of one that is listed already."""

    name: str
    label: str
    is_alias: bool = False


def first_name(contact: Contact) -> str:
    """The first word of a person's name; the whole name of a company."""
    if contact.category == Category.COMPANY:
        return contact.full_name
    return contact.full_name.partition(" ")[0]


def last_name(contact: Contact) -> str:
    """What follows the first word of a person's name; nothing of a company."""
    return "" if contact.category == Category.COMPANY else contact.full_name.partition(" ")[2]


_OWN: Final[Mapping[str, tuple[str, Reader]]] = {
    "first_name": ("First name", first_name),
    "last_name": ("Last name", last_name),
    "phones": ("All phone numbers", lambda contact: [f"+{number}" for number in contact.phones]),
}
_ALIASES: Final[Mapping[str, str]] = {"name": "full_name", "plan": "plans"}
_READERS: Final[Mapping[str, Reader]] = {
    **{name: attrgetter(name) for name in ("kind", "login", "status", "full_name", "email", "billing_email")},
    **{name: attrgetter(name) for name in ("category", "billing", "language", "time_zone", "external_id")},
    "phone": lambda contact: f"+{contact.phone}" if contact.phones else "",
    "services": lambda contact: list(contact.services),
    "created": lambda contact: contact.created_at.date().isoformat(),
    **{name: reader for name, (_, reader) in _OWN.items()},
}
_STORED: Final[Mapping[str, str]] = {"lists": "labels", "tags": "labels", "plans": "plans"}


def placeholders(vocabulary: Vocabulary) -> dict[str, Placeholder]:
    """Everything that a text of this workspace may ask for, by name.

    A custom field also goes by its key alone, where no field of every contact has that name.
    """
    found = {one.name: Placeholder(one.name, one.label) for one in STANDARD}
    found |= {name: Placeholder(name, label) for name, (label, _) in _OWN.items()}
    found |= {name: Placeholder(name, found[of].label, is_alias=True) for name, of in _ALIASES.items()}
    for key, custom in vocabulary.custom.items():
        found[f"custom.{key}"] = Placeholder(f"custom.{key}", custom.label)
        found.setdefault(key, Placeholder(key, custom.label, is_alias=True))
    return found


def values_of(
    contacts: Iterable[Contact], vocabulary: Vocabulary, fields: Collection[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The values of each contact, in order; `fields`: those that are needed, all without it.

    A field that the workspace does not have (any more) is missing for everybody. Asks the database once, for names.
    """
    wanted = placeholders(vocabulary) if fields is None else fields
    readers = [(name, _reader(name, vocabulary)) for name in wanted]
    for contact in contacts:
        yield {name: read(contact) for name, read in readers}


def _reader(name: str, vocabulary: Vocabulary) -> Reader:
    name = _ALIASES.get(name, name)
    if name in _READERS:
        return _READERS[name]
    if name in NAMED:
        shown = vocabulary.shown(name)
        if name in _STORED:
            ids = attrgetter(_STORED[name])
            return lambda contact: sorted(shown[pk] for pk in ids(contact) if pk in shown)
        pk_of = attrgetter(f"{name}_id")
        return lambda contact: shown.get(pk_of(contact), "")
    key = name.removeprefix("custom.")
    return lambda contact: contact.custom.get(key)
