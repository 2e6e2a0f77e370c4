"""Saving contacts: one rule for the form, the API and imports. A batch is one transaction and a handful of statements.

Which contact is meant is decided by one key (`by`); of several that fit, the oldest. What a draft does not name stays
as it is; lists and tags are added to those that the contact has, unless they are replaced.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from django.db import transaction

from gatepost.audience import store
from gatepost.audience.models import Category, Kind, Status
from gatepost.audience.store import Row
from gatepost.audience.values import Draft, custom_key
from gatepost.audience.vocabulary import NAMED, Vocabulary
from gatepost.problems import Fault

By = Literal["external_id", "login", "phone", "email"]
Known = Literal["update", "skip"]
What = Literal["created", "updated", "unchanged", "skipped", "failed"]

BYS: Final[tuple[By, ...]] = ("external_id", "login", "phone", "email")
UNIQUE: Final = ("external_id", "login")
"""What no two contacts of a workspace share."""
IDENTIFYING: Final = ("external_id", "login", "full_name", "email", "phones")
_COLUMN: Final = {"external_id": "external_id", "login": "login_key", "email": "email_key"}
_ONE_NAME: Final = ("location", "partner")
_SAID: Final = {
    "external_id": "external id",
    "login": "login",
    "location": "location",
    "partner": "partner",
    "plans": "tariff plan",
    "lists": "list",
    "tags": "tag",
}
_EMPTY: Final[Row] = {
    **dict.fromkeys(store.COLUMNS, ""),
    "id": None,
    "location_id": None,
    "partner_id": None,
    "kind": Kind.CUSTOMER.value,
    "status": Status.NEW.value,
    "category": Category.PERSON.value,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one draft. `id` None where nothing was saved."""

    what: What
    id: int | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True, eq=False)
class _Contact:
    """A contact that a batch reads or makes. `is_new`: not in the database yet."""

    row: Row
    is_new: bool = False
    is_changed: bool = False


@dataclass(slots=True)
class _Batch:
    """The contacts that a batch may mean, by the keys under which they are found."""

    vocabulary: Vocabulary
    by: By | None
    known: Known = "update"
    replaces_labels: bool = False
    index: dict[str, dict[str, _Contact]] = field(default_factory=dict)
    touched: list[_Contact] = field(default_factory=list)

    def load(self, drafts: Sequence[Draft]) -> None:
        """Read from the database whoever is meant, and whoever has what must be unique."""
        self.index = {name: {} for name in {*UNIQUE, *([self.by] if self.by else [])}}
        rows: dict[int, Row] = {}
        for name in self.index:
            keys = [key for draft in drafts for key in _keys(name, draft.columns)]
            for row in store.find(self.vocabulary.workspace_id, name, keys):
                rows.setdefault(row["id"], row)
        for _, row in sorted(rows.items()):
            self._enter(_Contact(row))

    def take(self, draft: Draft) -> tuple[What, _Contact | None, Sequence[Fault]]:
        """What becomes of a draft."""
        if draft.faults:
            return "failed", None, draft.faults
        contact = self._meant(draft.columns)
        if contact is None:
            return self.merge(_Contact(_blank(self.vocabulary.workspace_id), is_new=True), draft)
        return ("skipped", contact, ()) if self.known == "skip" else self.merge(contact, draft)

    def merge(self, contact: _Contact, draft: Draft) -> tuple[What, _Contact | None, Sequence[Fault]]:
        """Let the contact become what the draft says; whatever is wrong leaves it as it was."""
        wanted, faults = self._wanted(contact.row, draft)
        taken = [name for name in UNIQUE if self._is_taken(name, contact, wanted)]
        faults += [Fault(name, "taken", f"Another contact has this {_SAID[name]}.") for name in taken]
        if faults:
            return "failed", None, faults
        is_first = contact.is_new and not contact.is_changed
        if not is_first and wanted == contact.row:
            return "unchanged", contact, ()
        self._leave(contact)
        contact.row = wanted
        self._enter(contact)
        if not contact.is_changed:
            contact.is_changed = True
            self.touched.append(contact)
        return "created" if is_first else "updated", contact, ()

    def contacts(self) -> Iterator[_Contact]:
        return (contact for known in self.index.values() for contact in known.values())

    def write(self) -> None:
        store.insert([contact.row for contact in self.touched if contact.is_new])
        store.update(self.vocabulary.workspace_id, [contact.row for contact in self.touched if not contact.is_new])

    def _wanted(self, row: Row, draft: Draft) -> tuple[Row, list[Fault]]:
        faults = list(draft.faults)
        wanted = row | draft.columns
        for name, values in draft.names.items():
            found = [self.vocabulary.find(name, value) for value in values]
            faults += [_unknown(name, value) for value, pk in zip(values, found, strict=True) if pk is None]
            self._put(wanted, name, [pk for pk in found if pk is not None])
        if draft.custom:
            custom = row["custom"] | draft.custom
            wanted["custom"] = {key: value for key, value in custom.items() if value is not None}
            wanted["custom_keys"] = {key: custom_key(value) for key, value in wanted["custom"].items()}
        if not any(wanted[name] for name in IDENTIFYING):
            faults.append(Fault("full_name", "nobody", "Write a name, a login, an external id, a phone or an e-mail."))
        return wanted, faults

    def _put(self, wanted: Row, name: str, pks: list[int]) -> None:
        if name in _ONE_NAME:
            wanted[f"{name}_id"] = pks[0] if pks else None
        elif name == "plans":
            wanted["plans"] = sorted({*pks})
        else:
            gone = self.vocabulary.ids(name) if self.replaces_labels else frozenset()
            wanted["labels"] = sorted({*wanted["labels"]} - gone | {*pks})

    def _meant(self, columns: Row) -> _Contact | None:
        if self.by is None:
            return None
        known = self.index[self.by]
        return next((known[key] for key in _keys(self.by, columns) if key in known), None)

    def _is_taken(self, name: str, contact: _Contact, wanted: Row) -> bool:
        return any(self.index[name].get(key, contact) is not contact for key in _keys(name, wanted))

    def _enter(self, contact: _Contact) -> None:
        for name, known in self.index.items():
            for key in _keys(name, contact.row):
                known.setdefault(key, contact)

    def _leave(self, contact: _Contact) -> None:
        for name, known in self.index.items():
            for key in _keys(name, contact.row):
                if known.get(key) is contact:
                    del known[key]


def save(
    vocabulary: Vocabulary,
    drafts: Sequence[Draft],
    *,
    by: By | None,
    known: Known = "update",
    creates_names: bool = True,
) -> list[Result]:
    """Save these, in order; one result each. `by` None: every draft is a new contact. Joins the caller's transaction.

    `creates_names`: plans, partners, locations, lists and tags that do not exist are made; else they are faults.
    """
    with transaction.atomic():
        store.stand_alone(vocabulary.workspace_id)
        if creates_names:
            _create_names(vocabulary, drafts)
        batch = _Batch(vocabulary, by, known)
        batch.load(drafts)
        taken = [batch.take(draft) for draft in drafts]
        batch.write()
    return [Result(what, one.row["id"] if one else None, tuple(faults)) for what, one, faults in taken]


def change(vocabulary: Vocabulary, contact_id: int, draft: Draft, *, creates_names: bool = True) -> Result | None:
    """Change one contact; lists and tags that are named replace those that it has. None where it does not exist."""
    with transaction.atomic():
        store.stand_alone(vocabulary.workspace_id)
        rows = store.find(vocabulary.workspace_id, "id", [contact_id])
        if not rows:
            return None
        if creates_names:
            _create_names(vocabulary, [draft])
        batch = _Batch(vocabulary, None, replaces_labels=True)
        batch.load([draft])
        contact = next((one for one in batch.contacts() if one.row["id"] == contact_id), _Contact(rows[0]))
        what, _, faults = batch.merge(contact, draft)
        batch.write()
    return Result(what, contact_id, tuple(faults))


def _create_names(vocabulary: Vocabulary, drafts: Sequence[Draft]) -> None:
    for name in NAMED:
        vocabulary.add(name, (value for draft in drafts if not draft.faults for value in draft.names.get(name, ())))


def _unknown(name: str, value: str) -> Fault:
    return Fault(name, "unknown_name", f"There is no {_SAID[name]} {value!r}.")


def _blank(workspace_id: int) -> Row:
    several: Row = {name: [] for name in ("phones", "plans", "services", "labels")}
    return {**_EMPTY, **several, "custom": {}, "custom_keys": {}, "workspace_id": workspace_id}


def _keys(name: str, row: Row) -> list[str]:
    """Under what the contact is found by this key."""
    if name == "phone":
        return list(row.get("phones") or ())
    key = row.get(_COLUMN[name])
    return [key] if key else []
