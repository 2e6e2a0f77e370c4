"""What a text becomes for somebody: for one who was chosen, for anybody, or for whom it comes out longest."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, Final

from django.db.models import BooleanField, Case, F, IntegerField, Max, Min, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Length

from gatepost.audience.models import Contact
from gatepost.audience.vocabulary import Vocabulary
from gatepost.messages import preview as sms_preview
from gatepost.problems import Fault, Problem
from gatepost.sms.gsm import BASIC, ESCAPE, EXTENSION
from gatepost.sms.text import measure, saving
from gatepost.texts.language import MissingValue, Text, TextFault
from gatepost.texts.models import Channel, Missing
from gatepost.texts.services import Written, check
from gatepost.texts.values import placeholders, values_of

CANDIDATES: Final = 25
"""So many contacts with the longest values are tried for the worst case, and as many that may force Unicode."""
GAP: Final = "…"
"""What a preview shows in the place of a missing value. It is our mark and not of the message: it does not count."""

_NAME_FIELDS: Final = frozenset({"name", "full_name", "first_name", "last_name"})
_COLUMNS: Final = frozenset({"login", "email", "billing_email", "external_id", "time_zone"})
_NAMED_COLUMNS: Final = ("location", "partner")
_SEVERAL: Final = {"plans": "plans", "plan": "plans", "lists": "labels", "tags": "labels", "services": "services"}
_FOREIGN: Final = f"[^{re.escape((BASIC + ''.join(EXTENSION)).replace(ESCAPE, ''))}]"


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as the contact would get it. `sms`: its text, and for an SMS its size and costly characters.

    `missing`: labels of the values that the contact lacks; `gets_nothing`: whether nothing is sent because of them.
    `faults`: what is wrong with the template; `fault`: why it cannot be rendered for this contact.
    """

    channel: str
    contact: Contact | None
    subject: str
    sms: sms_preview.Preview
    missing: tuple[str, ...] = ()
    gets_nothing: bool = False
    faults: tuple[Fault, ...] = ()
    fault: str = ""

    @property
    def text(self) -> str:
        return self.sms.text


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be previewed: a text as somebody writes it, with what stands for missing values."""

    channel: str
    subject: str
    body: str
    missing: str = Missing.REFUSE.value
    default: str = ""


def preview(vocabulary: Vocabulary, wanted: Wanted, contact: Contact | None) -> Preview:
    """The text for that contact; without one, as far as it can be told. Never raises for what is written."""
    try:
        written = check(vocabulary, wanted.channel, wanted.subject, wanted.body)
    except Problem as problem:
        return Preview(wanted.channel, contact, "", _sized(wanted.channel, ""), faults=problem.faults)
    if contact is None and written.fields:
        return Preview(wanted.channel, None, wanted.subject, sms_preview.Preview(wanted.body, None))
    return rendered(vocabulary, wanted, written, contact)


def rendered(vocabulary: Vocabulary, wanted: Wanted, written: Written, contact: Contact | None) -> Preview:
    """The same of texts that are compiled."""
    [values] = values_of([contact], vocabulary, written.fields) if contact else [{}]
    instead = wanted.default if wanted.missing == Missing.DEFAULT else None
    names: list[str] = []
    shown: list[str] = []
    counted = ""
    for text in (written.subject, written.body):
        try:
            counted = text.render(values, instead=instead)
            shown.append(counted)
        except MissingValue as missing:
            names += missing.names
            shown.append(_with(text, values, GAP))
            counted = _with(text, values, "")
        except TextFault as fault:
            return Preview(wanted.channel, contact, "", _sized(wanted.channel, ""), fault=fault.words)
    known = placeholders(vocabulary)
    labels = tuple(dict.fromkeys(known[name].label if name in known else name for name in names))
    subject, body = shown
    sized = replace(_sized(wanted.channel, counted), text=body)
    return Preview(wanted.channel, contact, subject, sized, labels, gets_nothing=bool(labels))


def random_contact(contacts: QuerySet[Contact]) -> Contact | None:
    """Any of them."""
    ends = contacts.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return None
    place = random.randint(ends["first"], ends["last"])  # noqa: S311 - nothing hangs on it
    return contacts.filter(pk__gte=place).order_by("pk").first() or contacts.order_by("pk").first()


def worst_case(vocabulary: Vocabulary, wanted: Wanted, contacts: QuerySet[Contact]) -> Contact | None:
    """The one of them for whom the text comes out longest: in segments, then in size.

    It is looked for among those with the longest values, and for an SMS those that may force Unicode. Raises Problem
    `invalid`.
    """
    written = check(vocabulary, wanted.channel, wanted.subject, wanted.body)
    found = _candidates(contacts, written, is_sms=wanted.channel == Channel.SMS)
    worst, most = None, (-1, -1)
    for contact in found:
        size = _cost(rendered(vocabulary, wanted, written, contact))
        if size > most:
            worst, most = contact, size
    return worst


def _candidates(contacts: QuerySet[Contact], written: Written, *, is_sms: bool) -> list[Contact]:
    texts, lengths = _expressions(written.fields)
    if not lengths:
        return list(contacts.order_by("pk")[:1])
    total: Any = reduce(add, lengths)
    ordered = contacts.annotate(long_values=total).order_by("-long_values", "pk")
    found: list[Contact] = [*ordered[:CANDIDATES]]
    if is_sms and texts:
        named = {f"written_{place}": text for place, text in enumerate(texts)}
        foreign = reduce(lambda left, right: left | right, (Q(**{f"{name}__regex": _FOREIGN}) for name in named))
        flagged = ordered.annotate(**named).annotate(
            is_foreign=Case(When(foreign, then=Value(True)), default=Value(False), output_field=BooleanField())
        )
        found += flagged.filter(is_foreign=True)[:CANDIDATES]
    return found


def _expressions(fields: frozenset[str]) -> tuple[list[Any], list[Any]]:
    """What of a contact the fields are written from: the texts, and the length of each and of the lists."""
    texts: dict[str, Any] = {}
    lengths: list[Combinable] = []
    for name in sorted(fields):
        if name in _NAME_FIELDS:
            texts["full_name"] = F("full_name")
        elif name in _COLUMNS:
            texts[name] = F(name)
        elif name in _NAMED_COLUMNS:
            texts[name] = F(f"{name}__name")
        elif name in _SEVERAL:
            # What they are called stands elsewhere; those who have most of them come first.
            lengths.append(Coalesce(F(f"{_SEVERAL[name]}__len"), 0) * Value(12))
        else:
            texts[name] = KeyTextTransform(name.removeprefix("custom."), "custom")
    lengths += [Coalesce(Length(text), Value(0), output_field=IntegerField()) for text in texts.values()]
    return list(texts.values()), lengths


def _cost(shown: Preview) -> tuple[int, int]:
    size = shown.sms.size
    return (size.segments, size.units) if size else (0, len(shown.subject) + len(shown.text))


def _with(text: Text, values: Mapping[str, Any], instead: str) -> str:
    try:
        return text.render(values, instead=instead)
    except TextFault:
        return ""


def _sized(channel: str, text: str) -> sms_preview.Preview:
    if channel != Channel.SMS:
        return sms_preview.Preview(text, None)
    return sms_preview.Preview(text, measure(text), saving(text))
