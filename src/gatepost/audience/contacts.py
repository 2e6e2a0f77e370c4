"""Contacts: finding, adding, changing, deleting, and what is done to many of them at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from gatepost.audience import files, saving, store, values
from gatepost.audience.models import Contact, Document, Label
from gatepost.audience.saving import By, Result
from gatepost.audience.vocabulary import NAMED, Vocabulary, load
from gatepost.audience.words import fold
from gatepost.problems import Fault, Problem
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

AT_ONCE: Final = 5000
"""So many contacts are changed in one transaction."""
SHORTEST_DIGITS: Final = 3

ADD_LABEL: Final = """
    update contact set labels = labels || %s::bigint, updated_at = now()
     where id = any(%s) and workspace_id = %s and not labels @> array[%s::bigint]
"""
REMOVE_LABEL: Final = """
    update contact set labels = array_remove(labels, %s::bigint), updated_at = now()
     where id = any(%s) and workspace_id = %s and labels @> array[%s::bigint]
"""


def own(workspace: Workspace) -> QuerySet[Contact]:
    """The contacts of the workspace."""
    return Contact.objects.filter(workspace=workspace)


def find(workspace: Workspace, contact_id: int) -> Contact:
    """One of them. Raises Problem `not_found`."""
    contact = own(workspace).filter(pk=contact_id).select_related("workspace", "location", "partner").first()
    if contact is None:
        raise Problem("not_found", "The workspace has no such contact.")
    return contact


def search(contacts: QuerySet[Contact], wanted: str, country: str = "") -> QuerySet[Contact]:
    """Those whose name, login or e-mail contains the words, whose external id they are, or whose number begins so."""
    wanted = " ".join(wanted.replace("\x00", "").split())
    folded = fold(wanted)
    if not folded:
        return contacts
    found = Q(name_key__contains=folded) | Q(login_key__contains=folded) | Q(email_key__contains=folded)
    found |= Q(billing_email_key__contains=folded) | Q(external_id=wanted)
    digits = "".join(character for character in folded if character in "0123456789")
    if len(digits) >= SHORTEST_DIGITS and len(digits) >= len(folded) / 2:
        found |= Q(phones__any_starts=digits.removeprefix("00")) | Q(phones__overlap=_numbers(wanted, country))
    return contacts.filter(found)


def create(workspace: Workspace, said: Mapping[str, Any], *, actor: str) -> Contact:
    """A new contact of what was said, by field. Raises Problem `invalid`."""
    vocabulary = load(workspace)
    with transaction.atomic():
        [result] = saving.save(vocabulary, [values.read(said, vocabulary)], by=None)
        contact = find(workspace, _saved(result))
        audit(actor, "contact.add", contact, workspace, contact=contact.pk)
    return contact


def change(contact: Contact, said: Mapping[str, Any], *, seen: datetime | None = None, actor: str) -> Contact:
    """Change what is said; lists and tags are replaced.

    `seen`: when it was changed last, as far as the caller knows; another change since then is not overwritten. Raises
    Problem `invalid`, `not_found` or `contact_changed`.
    """
    vocabulary = load(contact.workspace)
    with transaction.atomic():
        store.stand_alone(contact.workspace_id)
        if seen is not None and find(contact.workspace, contact.pk).updated_at != seen:
            raise Problem("contact_changed")
        result = saving.change(vocabulary, contact.pk, values.read(said, vocabulary))
        if result is None:
            raise Problem("not_found", "The workspace has no such contact.")
        _saved(result)
        if result.what != "unchanged":
            audit(actor, "contact.change", contact, contact.workspace, contact=contact.pk, changed=sorted(said))
    return find(contact.workspace, contact.pk)


def upsert(
    workspace: Workspace,
    said: Sequence[Mapping[str, Any]],
    *,
    by: By,
    creates_names: bool = True,
    actor: str,
) -> list[Result]:
    """Add those that are not there, change the others; one result each, in order."""
    vocabulary = load(workspace)
    drafts = [values.read(one, vocabulary) for one in said]
    for draft in drafts:
        if not draft.faults and not _has_key(draft, by):
            draft.faults.append(Fault(by, "required", f"This contact has no {by}, by which it would be found again."))
    with transaction.atomic():
        results = saving.save(vocabulary, drafts, by=by, creates_names=creates_names)
        counts = {what: sum(result.what == what for result in results) for what in ("created", "updated", "failed")}
        audit(actor, "contact.upsert", f"{len(results)} contacts", workspace, **counts)
    return results


def delete(contacts: QuerySet[Contact], workspace: Workspace, *, actor: str) -> int:
    """Delete these of the workspace with their documents, some thousands per transaction; how many there were."""
    count = 0
    for ids in chunks(contacts):
        with transaction.atomic():
            documents = Document.objects.filter(workspace=workspace, contact__in=ids)
            paths = list(documents.values_list("path", flat=True))
            documents.delete()
            gone, _ = own(workspace).filter(pk__in=ids).delete()
            audit(actor, "contact.delete", f"{gone} contacts", workspace, contacts=ids[:100])
            transaction.on_commit(lambda paths=paths: files.forget(paths))  # type: ignore[misc]
        count += gone
    return count


def label(contacts: QuerySet[Contact], to: Label, *, is_on: bool, actor: str) -> int:
    """Put these on the list (or give them the tag), or take them from it; how many were changed."""
    count = 0
    for ids in chunks(contacts):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ADD_LABEL if is_on else REMOVE_LABEL, [to.pk, ids, to.workspace_id, to.pk])
            count += cursor.rowcount
    if count:
        action = "contact.label" if is_on else "contact.unlabel"
        audit(actor, action, f"{count} contacts", to.workspace, label=to.pk)
    return count


def chunks(contacts: QuerySet[Contact]) -> Iterable[list[int]]:
    """The ids of these, some thousands at a time, by growing id. Safe while those of before are changed or deleted."""
    last = 0
    while ids := list(contacts.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        last = ids[-1]
        yield ids


def as_said(contact: Contact, vocabulary: Vocabulary) -> dict[str, Any]:
    """The contact by the names of its fields, as `values.read` takes it."""
    return as_said_each([contact], vocabulary)[0]


def as_said_each(rows: Sequence[Contact], vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """The same of several."""
    shown = {name: vocabulary.shown(name) for name in NAMED}
    return [_as_said(row, vocabulary, shown) for row in rows]


def _as_said(row: Contact, vocabulary: Vocabulary, shown: Mapping[str, Mapping[int, str]]) -> dict[str, Any]:
    ones = {"location": row.location_id, "partner": row.partner_id}
    several = {"plans": row.plans, "lists": row.labels, "tags": row.labels}
    return {
        **{name: getattr(row, name) for name in values.FIELDS if name not in shown},
        "phones": [f"+{number}" for number in row.phones],
        **{name: shown[name].get(pk or 0, "") for name, pk in ones.items()},
        **{name: sorted(shown[name][pk] for pk in pks if pk in shown[name]) for name, pks in several.items()},
        **{f"custom.{key}": row.custom.get(key) for key in vocabulary.custom},
    }


def _numbers(wanted: str, country: str) -> list[str]:
    """The number as it is stored, where people of the country would dial what is written."""
    try:
        return [parse(wanted, country)]
    except InvalidNumber:
        return []


def _has_key(draft: values.Draft, by: By) -> bool:
    return bool(draft.columns.get({"phone": "phones"}.get(by, by)))


def _saved(result: Result) -> int:
    if result.faults or result.id is None:
        raise Problem("invalid", faults=result.faults)
    return result.id
