"""The editable lists of a workspace: tariff plans, partners, locations, lists and tags, and its custom fields."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, connection, models, transaction

from gatepost.audience import vocabulary
from gatepost.audience.models import Contact, CustomField, Label, Location, Partner, TariffPlan
from gatepost.problems import Fault, Problem
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

MOST_FIELDS: Final = 50
MOST_CHOICES: Final = 100
KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

FORGET_PLAN: Final = "update contact set plans = array_remove(plans, %s) where workspace_id = %s and plans @> %s"
FORGET_LABEL: Final = "update contact set labels = array_remove(labels, %s) where workspace_id = %s and labels @> %s"
FORGET_FIELD: Final = """
    update contact set custom = custom - %s, custom_keys = custom_keys - %s where workspace_id = %s and custom ? %s
"""
USES: Final[Mapping[str, str]] = {
    "plans": """
        select one, count(*) from contact, unnest(plans) as one
         where workspace_id = %(workspace)s and plans && %(ids)s::bigint[] and one = any(%(ids)s) group by one
    """,
    "labels": """
        select one, count(*) from contact, unnest(labels) as one
         where workspace_id = %(workspace)s and labels && %(ids)s::bigint[] and one = any(%(ids)s) group by one
    """,
    "partner_id": """
        select partner_id, count(*) from contact
         where workspace_id = %(workspace)s and partner_id = any(%(ids)s) group by partner_id
    """,
    "location_id": """
        select location_id, count(*) from contact
         where workspace_id = %(workspace)s and location_id = any(%(ids)s) group by location_id
    """,
}
"""How many contacts have each of some entries, by the column that they stand in."""

Entry = TariffPlan | Partner | Location | Label


@dataclass(frozen=True, slots=True)
class Register:
    """One editable list. `field`: the field of a contact whose values it names; `column`: where contacts have them."""

    name: str
    field: str
    one: str
    model: type[Any]
    fixed: Mapping[str, str]
    column: str


REGISTERS: Final[Mapping[str, Register]] = {
    one.name: one
    for one in (
        Register("plans", "plans", "Tariff plan", TariffPlan, {}, "plans"),
        Register("partners", "partner", "Partner", Partner, {}, "partner_id"),
        Register("locations", "location", "Location", Location, {}, "location_id"),
        Register("lists", "lists", "List", Label, {"kind": "list"}, "labels"),
        Register("tags", "tags", "Tag", Label, {"kind": "tag"}, "labels"),
    )
}


def rows(workspace: Workspace, register: Register) -> models.QuerySet[Any]:
    """The entries by name."""
    found: models.QuerySet[Any] = register.model.objects.filter(workspace=workspace, **register.fixed)
    return found.order_by("name")


def find(workspace: Workspace, register: Register, entry_id: int) -> Any:
    """One of them. Raises Problem `not_found`."""
    row = rows(workspace, register).filter(pk=entry_id).first()
    if row is None:
        raise Problem("not_found")
    return row


def add_entry(workspace: Workspace, register: Register, name: str, *, kind: str = "", actor: str) -> Any:
    """A new entry; `kind` is a tariff plan's. Raises Problem `invalid` or `name_taken`."""
    values = {"name": _name(name), **register.fixed, **_kind(register, kind or TariffPlan.Kind.CUSTOM.value)}
    if rows(workspace, register).count() >= vocabulary.MOST_NAMES:
        raise Problem("invalid", f"At most {vocabulary.MOST_NAMES} entries.")
    _refuse_taken(workspace, register, values["name"])
    with _once(), transaction.atomic():
        row = register.model.objects.create(workspace=workspace, **values)
        audit(actor, f"{register.name}.add", row, workspace)
    return row


def change_entry(row: Entry, register: Register, name: str, *, kind: str = "", actor: str) -> None:
    """Rename it, or give a plan another kind. Raises Problem `invalid` or `name_taken`."""
    row.name = _name(name)
    for column, value in _kind(register, kind).items():
        setattr(row, column, value)
    _refuse_taken(row.workspace, register, row.name, except_for=row.pk)
    with _once(), transaction.atomic():
        row.save()
        audit(actor, f"{register.name}.change", row, row.workspace)


def delete_entry(row: Entry, register: Register, *, actor: str) -> None:
    """Delete it, and take it from whoever has it."""
    statement = {"plans": FORGET_PLAN, "lists": FORGET_LABEL, "tags": FORGET_LABEL}.get(register.name)
    with transaction.atomic():
        if statement is not None:
            with connection.cursor() as cursor:
                cursor.execute(statement, [row.pk, row.workspace_id, [row.pk]])
        audit(actor, f"{register.name}.delete", row, row.workspace)
        row.delete()


def uses(workspace: Workspace, register: Register, entry_ids: Sequence[int]) -> dict[int, int]:
    """How many contacts have each of these."""
    with connection.cursor() as cursor:
        cursor.execute(USES[register.column], {"workspace": workspace.pk, "ids": list(entry_ids)})
        return dict.fromkeys(entry_ids, 0) | dict(cursor.fetchall())


def add_field(
    workspace: Workspace, label: str, type_: str, choices: Sequence[str] = (), *, key: str = "", actor: str
) -> CustomField:
    """A new custom field; without a key its label makes one. Raises Problem `invalid` or `name_taken`."""
    label = _name(label, "label")
    key = key or _free_key(workspace, label)
    faults = []
    if not KEY.fullmatch(key):
        faults.append(Fault("key", "bad_key", "A key has small letters, digits and _, and begins with a letter."))
    if type_ not in CustomField.Type.values:
        faults.append(Fault("type", "bad_choice", f"Choose one of {', '.join(CustomField.Type.values)}."))
    if CustomField.objects.filter(workspace=workspace).count() >= MOST_FIELDS:
        faults.append(Fault("label", "too_many", f"At most {MOST_FIELDS} fields."))
    if faults:
        raise Problem("invalid", faults=faults)
    with _once("key"), transaction.atomic():
        row = CustomField.objects.create(
            workspace=workspace, key=key, label=label, type=type_, choices=_choices(type_, choices)
        )
        audit(actor, "field.add", row, workspace, type=type_)
    return row


def change_field(row: CustomField, label: str, choices: Sequence[str] = (), *, actor: str) -> None:
    """Another label, other choices; contacts keep what they have. Raises Problem `invalid`."""
    row.label, row.choices = _name(label, "label"), _choices(row.type, choices)
    with transaction.atomic():
        row.save()
        audit(actor, "field.change", row, row.workspace)


def delete_field(row: CustomField, *, actor: str) -> None:
    """Delete it with the value of every contact."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(FORGET_FIELD, [row.key, row.key, row.workspace_id, row.key])
        audit(actor, "field.delete", row, row.workspace, key=row.key)
        row.delete()


def field_uses(row: CustomField) -> int:
    """How many contacts have a value in it."""
    return Contact.objects.filter(workspace_id=row.workspace_id, custom__has_key=row.key).count()


def key_of(label: str) -> str:
    """A key that resembles the label."""
    plain = unicodedata.normalize("NFKD", label.replace("ł", "l").replace("Ł", "L")).encode("ascii", "ignore").decode()
    key = re.sub("[^a-z0-9]+", "_", plain.lower()).strip("_")[:40].strip("_")
    return key if KEY.fullmatch(key) else f"field_{key}"[:40].strip("_")


def _name(text: str, field: str = "name") -> str:
    name = " ".join(text.replace("\x00", "").split())
    if not 1 <= len(name) <= vocabulary.LONGEST_NAME:
        words = f"Write 1 to {vocabulary.LONGEST_NAME} characters."
        raise Problem("invalid", faults=[Fault(field, "bad_length", words)])
    return name


def _kind(register: Register, kind: str) -> dict[str, str]:
    if register.model is not TariffPlan or not kind:
        return {}
    if kind not in TariffPlan.Kind.values:
        words = f"Choose one of {', '.join(TariffPlan.Kind.values)}."
        raise Problem("invalid", faults=[Fault("kind", "bad_choice", words)])
    return {"kind": kind}


def _choices(type_: str, choices: Sequence[str]) -> list[str]:
    if type_ != CustomField.Type.CHOICE:
        return []
    kept = list(dict.fromkeys(" ".join(choice.split()) for choice in choices if choice.strip()))
    if not kept or len(kept) > MOST_CHOICES or any(len(choice) > 100 for choice in kept):
        words = f"Write 1 to {MOST_CHOICES} choices of at most 100 characters."
        raise Problem("invalid", faults=[Fault("choices", "required", words)])
    return kept


def _refuse_taken(workspace: Workspace, register: Register, name: str, except_for: int | None = None) -> None:
    """Names are told apart without case: filters and tables find an entry by its name."""
    known = vocabulary.load(workspace).find(register.field, name)
    if known is not None and known != except_for:
        raise Problem("name_taken", faults=[Fault("name", "taken", "There is an entry of this name.")])


@contextmanager
def _once(field: str = "name") -> Iterator[None]:
    """What violates uniqueness is a name that is taken."""
    try:
        yield
    except IntegrityError:
        fault = Fault(field, "taken", "There is an entry of this name.")
        raise Problem("name_taken", faults=[fault]) from None


def _free_key(workspace: Workspace, label: str) -> str:
    """A key from the label that no other field has."""
    key = key_of(label)
    taken = set(CustomField.objects.filter(workspace=workspace).values_list("key", flat=True))
    return next(one for one in (key, *(f"{key[:37]}_{n}" for n in range(2, MOST_FIELDS + 3))) if one not in taken)
