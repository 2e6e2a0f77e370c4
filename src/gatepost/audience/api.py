"""REST: contacts one by one and in batches, who fits a filter, and segments."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from gatepost.audience import contacts, segments
from gatepost.audience.filters import matching, parse_filter, to_q
from gatepost.audience.models import Contact, Segment
from gatepost.audience.vocabulary import Vocabulary, load
from gatepost.problems import Fault, Problem
from gatepost.rest.bodies import Body, Id, Name
from gatepost.rest.paging import Page, PageOf, page
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.permissions import Right

router = Router(tags=["Contacts"])

MOST: int = 1000
Text = Annotated[str, Field(max_length=1000)]
Texts = Annotated[list[Text], Field(max_length=100)]
Filter = Annotated[
    dict[str, Any],
    Field(description="`all`, `any` or `not` of conditions with `field`, `op` and `value`; empty: everybody."),
]


class ContactIn(Body):
    """A contact, or what is to change of it: what is left out stays, null clears."""

    kind: Text | None = None
    external_id: Text | None = None
    login: Text | None = None
    status: Text | None = None
    full_name: Text | None = None
    email: Text | None = None
    billing_email: Text | None = None
    phones: Texts | None = None
    category: Text | None = None
    billing: Annotated[Text | None, Field(description="recurring or prepaid.")] = None
    location: Text | None = None
    partner: Text | None = None
    plans: Annotated[Texts | None, Field(description="Names of tariff plans.")] = None
    services: Texts | None = None
    lists: Annotated[Texts | None, Field(description="Names of lists.")] = None
    tags: Texts | None = None
    language: Text | None = None
    time_zone: Text | None = None
    custom: Annotated[
        dict[str, Text | bool | int | float | None] | None, Field(description="Own fields of the workspace by key.")
    ] = None

    def said(self) -> dict[str, Any]:
        """What was sent, by the names that `values.read` knows."""
        sent = self.model_dump(exclude_unset=True)
        custom = sent.pop("custom", None) or {}
        return sent | {f"custom.{key}": value for key, value in custom.items()}


class Batch(Body):
    contacts: Annotated[list[ContactIn], Field(min_length=1, max_length=MOST)]
    match: Annotated[
        Literal["external_id", "login", "phone", "email"], Field(description="By what a contact is found again.")
    ] = "external_id"
    create_names: Annotated[
        bool, Field(description="Make plans, partners, locations, lists and tags that do not exist.")
    ] = True


class FaultOut(Schema):
    field: str
    code: str
    detail: str


class ResultOut(Schema):
    """What became of the contact at this place of the batch."""

    what: Literal["created", "updated", "unchanged", "failed"]
    id: int | None
    errors: list[FaultOut]


class BatchOut(Schema):
    results: list[ResultOut]


class ContactOut(Schema):
    id: int
    kind: str
    external_id: str
    login: str
    status: str
    full_name: str
    email: str
    billing_email: str
    phones: Annotated[list[str], Field(description="The first is the primary one.")]
    category: str
    billing: str
    location: str
    partner: str
    plans: list[str]
    services: list[str]
    lists: list[str]
    tags: list[str]
    language: str
    time_zone: str
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ContactQuery(Schema):
    """Which contacts; what is left out does not restrict."""

    q: Annotated[str, Field(max_length=200, description="Part of a name, login or e-mail; beginning of a number.")] = ""
    external_id: Annotated[str, Field(max_length=100)] = ""
    filter: Annotated[str, Field(max_length=20_000, description="A filter in JSON.")] = ""


class FilterIn(Body):
    filter: Filter


class CountOut(Schema):
    count: int


class SegmentIn(Body):
    name: Name
    filter: Filter


class SegmentChanges(Body):
    """What is to change of a segment: what is left out stays."""

    name: Name | None = None
    filter: Filter | None = None


class SegmentOut(Schema):
    id: int
    name: str
    filter: dict[str, Any]
    created_at: datetime


@router.get("/contacts", auth=needs(Right.CONTACTS_READ), response=PageOf[ContactOut])
def list_contacts(request: HttpRequest, asked: Page, wanted: Query[ContactQuery]) -> dict[str, Any]:
    """The contacts of the workspace, newest first."""
    workspace = caller(request).workspace
    vocabulary = load(workspace)
    rows = contacts.search(contacts.own(workspace), _storable(wanted.q), vocabulary.default_country)
    if wanted.external_id:
        rows = rows.filter(external_id=_storable(wanted.external_id))
    if wanted.filter:
        rows = rows.filter(to_q(parse_filter(vocabulary, _json(wanted.filter))))
    found = page(rows, asked)
    return {"items": _shown(found.items, vocabulary), "next_cursor": found.next_cursor}


@router.post("/contacts", auth=needs(Right.CONTACTS_WRITE), response={201: ContactOut})
def create_contact(request: HttpRequest, new: ContactIn) -> Any:
    """Add a contact."""
    asker = caller(request)
    contact = contacts.create(asker.workspace, new.said(), actor=asker.actor)
    return Status(201, _one(contact, asker.workspace))


@router.post("/contacts/batch", auth=needs(Right.CONTACTS_WRITE), response=BatchOut)
def upsert_contacts(request: HttpRequest, batch: Batch) -> Any:
    """Add or change up to 1,000 contacts in one transaction. Lists and tags are added to those that a contact has.

    A contact that does not fit is reported at its place, and the others are saved.
    """
    asker = caller(request)
    said = [one.said() for one in batch.contacts]
    results = contacts.upsert(
        asker.workspace, said, by=batch.match, creates_names=batch.create_names, actor=asker.actor
    )
    return {"results": [{"what": one.what, "id": one.id, "errors": list(one.faults)} for one in results]}


@router.post("/contacts/count", auth=needs(Right.CONTACTS_READ), response=CountOut)
def count_contacts(request: HttpRequest, asked: FilterIn) -> Any:
    """How many contacts fit the filter now."""
    return {"count": matching(caller(request).workspace, asked.filter).count()}


@router.get("/contacts/{int:contact_id}", auth=needs(Right.CONTACTS_READ), response=ContactOut)
def read_contact(request: HttpRequest, contact_id: Id) -> Any:
    """One contact."""
    workspace = caller(request).workspace
    return _one(contacts.find(workspace, contact_id), workspace)


@router.patch("/contacts/{int:contact_id}", auth=needs(Right.CONTACTS_WRITE), response=ContactOut)
def update_contact(request: HttpRequest, contact_id: Id, changes: ContactIn) -> Any:
    """Change what is sent; lists and tags that are sent replace those that the contact has."""
    asker = caller(request)
    contact = contacts.find(asker.workspace, contact_id)
    return _one(contacts.change(contact, changes.said(), actor=asker.actor), asker.workspace)


@router.delete("/contacts/{int:contact_id}", auth=needs(Right.CONTACTS_WRITE), response={204: None})
def delete_contact(request: HttpRequest, contact_id: Id) -> Status[None]:
    """Delete a contact with its documents. Messages stay in the log."""
    asker = caller(request)
    contact = contacts.find(asker.workspace, contact_id)
    contacts.delete(contacts.own(asker.workspace).filter(pk=contact.pk), asker.workspace, actor=asker.actor)
    return Status(204, None)


@router.get("/segments", auth=needs(Right.CONTACTS_READ), response=PageOf[SegmentOut])
def list_segments(request: HttpRequest, asked: Page) -> Any:
    """The saved filters of the workspace, newest first."""
    return page(Segment.objects.filter(workspace=caller(request).workspace), asked)


@router.post("/segments", auth=needs(Right.CONTACTS_WRITE), response={201: SegmentOut})
def create_segment(request: HttpRequest, new: SegmentIn) -> Any:
    """Save a filter under a name."""
    asker = caller(request)
    return Status(201, segments.save(asker.workspace, new.name, new.filter, user=asker.user, actor=asker.actor))


@router.patch("/segments/{int:segment_id}", auth=needs(Right.CONTACTS_WRITE), response=SegmentOut)
def change_segment(request: HttpRequest, segment_id: Id, changes: SegmentChanges) -> Any:
    """Rename a saved filter, or change it: whoever fits it is in the segment from now on."""
    asker = caller(request)
    row = segments.find(asker.workspace, segment_id)
    return segments.change(row, name=changes.name, filter_=changes.filter, actor=asker.actor)


@router.delete("/segments/{int:segment_id}", auth=needs(Right.CONTACTS_WRITE), response={204: None})
def delete_segment(request: HttpRequest, segment_id: Id) -> Status[None]:
    """Forget a saved filter. Its contacts stay."""
    asker = caller(request)
    segments.delete(segments.find(asker.workspace, segment_id), actor=asker.actor)
    return Status(204, None)


def _one(contact: Contact, workspace: Workspace) -> dict[str, Any]:
    return _shown([contact], load(workspace))[0]


def _shown(rows: Sequence[Contact], vocabulary: Vocabulary) -> list[dict[str, Any]]:
    said = contacts.as_said_each(rows, vocabulary)
    return [
        {
            **{name: value for name, value in one.items() if not name.startswith("custom.")},
            "id": row.pk,
            "custom": row.custom,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
        for row, one in zip(rows, said, strict=True)
    ]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        fault = Fault("filter", "bad_json", "The filter is not valid JSON.")
        raise Problem("invalid", faults=[fault]) from None


def _storable(text: str) -> str:
    """PostgreSQL knows no NUL: what has one matches nothing that was stored."""
    return text.replace("\x00", "\ufffd")
