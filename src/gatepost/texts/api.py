"""REST: templates, their versions, and what a text becomes for somebody."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from pydantic import Field

from gatepost.audience import contacts
from gatepost.audience.models import Contact
from gatepost.audience.vocabulary import load
from gatepost.problems import Problem
from gatepost.rest.bodies import Body, Id
from gatepost.rest.paging import Page, PageOf, page
from gatepost.texts import services
from gatepost.texts.language import LONGEST_TEXT
from gatepost.texts.models import TemplateVersion
from gatepost.texts.preview import Preview, Wanted, preview, random_contact, worst_case
from gatepost.texts.services import LONGEST_DEFAULT, LONGEST_SUBJECT
from gatepost.texts.values import placeholders
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Templates"])

ChannelName = Literal["sms", "email", "portal"]
MissingName = Literal["refuse", "default", "skip"]
BodyText = Annotated[
    str,
    Field(max_length=LONGEST_TEXT, description="With placeholders such as `{{ full_name }}` or `%FULL_NAME%`."),
]
Subject = Annotated[str, Field(max_length=LONGEST_SUBJECT, description="Of an e-mail or a message to the portal.")]
Instead = Annotated[str, Field(max_length=LONGEST_DEFAULT, description="What stands in the place of a missing value.")]
LARGEST = 2**63 - 1


class TemplateIn(Body):
    channel: ChannelName
    name: Annotated[str, Field(max_length=100)]
    category: Annotated[str, Field(max_length=60)] = ""
    subject: Subject = ""
    body: BodyText
    missing: Annotated[
        MissingName, Field(description="What becomes of a recipient without a value that the text shows.")
    ] = "refuse"
    default: Instead = ""


class TemplateChange(Body):
    """What is to change; what is left out stays."""

    name: Annotated[str, Field(max_length=100)] | None = None
    category: Annotated[str, Field(max_length=60)] | None = None
    subject: Subject | None = None
    body: BodyText | None = None
    missing: MissingName | None = None
    default: Instead | None = None
    version: Annotated[
        int | None, Field(ge=1, le=2**31 - 1, description="The version that was read; a later one is then refused.")
    ] = None


class TemplateOut(Schema):
    id: int
    channel: ChannelName
    name: str
    category: str
    subject: str
    body: str
    missing: MissingName
    default: str
    version: int
    created_at: datetime
    saved_at: datetime


class VersionOut(Schema):
    """A template as it was saved at a time."""

    version: int
    name: str
    category: str
    subject: str
    body: str
    missing: MissingName
    default: str
    actor: str
    saved_at: datetime


class VersionsOut(Schema):
    items: list[VersionOut]


class TemplateQuery(Schema):
    """Which templates; what is left out does not restrict."""

    channel: ChannelName | None = None
    category: Annotated[str, Field(max_length=60)] = ""
    q: Annotated[str, Field(max_length=200, description="Part of a name or text.")] = ""


class RestoreIn(Body):
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


class PreviewIn(Body):
    channel: ChannelName = "sms"
    subject: Subject = ""
    body: BodyText
    missing: MissingName = "refuse"
    default: Instead = ""
    contact_id: Annotated[int | None, Field(ge=1, le=LARGEST, description="For whom.")] = None
    pick: Annotated[Literal["random", "longest"], Field(description="For whom, where no contact is named.")] = "random"


class CostlyOut(Schema):
    character: str
    name: str
    count: int
    effect: Literal["forces_ucs2", "two_septets"]
    replacement: Annotated[str | None, Field(description="What would do instead; null: nothing is offered.")]


class PreviewOut(Schema):
    contact_id: Annotated[int | None, Field(description="Null where the workspace has no contact.")]
    subject: str
    text: str
    missing: Annotated[list[str], Field(description="Labels of the values that the contact lacks.")]
    encoding: Annotated[str | None, Field(description="gsm7 or ucs2; null where nothing is an SMS.")]
    segments: int | None
    costly: list[CostlyOut]
    segments_saved: Annotated[int, Field(description="By replacing the characters that have a replacement.")]


class PlaceholderOut(Schema):
    name: str
    label: str


class PlaceholdersOut(Schema):
    items: list[PlaceholderOut]


@router.get("/templates", auth=needs(Right.TEMPLATES_READ), response=PageOf[TemplateOut])
def list_templates(request: HttpRequest, asked: Page, wanted: Query[TemplateQuery]) -> Any:
    """The templates of the workspace, newest first."""
    workspace = caller(request).workspace
    return page(services.search(workspace, wanted.channel or "", _storable(wanted.category), wanted.q), asked)


@router.post("/templates", auth=needs(Right.TEMPLATES_WRITE), response={201: TemplateOut})
def create_template(request: HttpRequest, new: TemplateIn) -> Any:
    """Add a template. Faults of its texts say where they are and what to write instead."""
    asker = caller(request)
    draft = services.Draft(**new.model_dump())
    return Status(201, services.save(asker.workspace, draft, actor=asker.actor, user=asker.user))


@router.get("/templates/placeholders", auth=needs(Right.TEMPLATES_READ), response=PlaceholdersOut)
def list_placeholders(request: HttpRequest) -> Any:
    """What texts of this workspace may ask for."""
    return {"items": list(placeholders(load(caller(request).workspace)).values())}


@router.post("/templates/preview", auth=needs(Right.CONTACTS_READ), response=PreviewOut)
def preview_text(request: HttpRequest, asked: PreviewIn) -> Any:
    """What a text becomes for a contact: a chosen one, a random one, or the one for whom it comes out longest."""
    asker = caller(request)
    vocabulary = load(asker.workspace)
    wanted = Wanted(asked.channel, asked.subject, asked.body, asked.missing, asked.default)
    everybody = contacts.own(asker.workspace)
    contact: Contact | None
    if asked.contact_id is not None:
        contact = contacts.find(asker.workspace, asked.contact_id)
    elif asked.pick == "longest":
        contact = worst_case(vocabulary, wanted, everybody)
    else:
        contact = random_contact(everybody)
    return _shown(preview(vocabulary, wanted, contact))


@router.get("/templates/{int:template_id}", auth=needs(Right.TEMPLATES_READ), response=TemplateOut)
def read_template(request: HttpRequest, template_id: Id) -> Any:
    """One template as it is now."""
    return services.find(caller(request).workspace, min(template_id, LARGEST))


@router.patch("/templates/{int:template_id}", auth=needs(Right.TEMPLATES_WRITE), response=TemplateOut)
def update_template(request: HttpRequest, template_id: Id, changes: TemplateChange) -> Any:
    """Save a new version of it."""
    asker = caller(request)
    row = services.find(asker.workspace, min(template_id, LARGEST))
    said = {name: value for name, value in changes.model_dump().items() if value is not None}
    version = said.pop("version", None)
    draft = replace(services.draft_of(row, row.channel), **said)
    return services.save(asker.workspace, draft, row=row, version=version, actor=asker.actor, user=asker.user)


@router.delete("/templates/{int:template_id}", auth=needs(Right.TEMPLATES_WRITE), response={204: None})
def delete_template(request: HttpRequest, template_id: Id) -> Status[None]:
    """Delete it with its versions. What was sent with it stays as it was sent."""
    asker = caller(request)
    services.delete(services.find(asker.workspace, min(template_id, LARGEST)), actor=asker.actor)
    return Status(204, None)


@router.get("/templates/{int:template_id}/versions", auth=needs(Right.TEMPLATES_READ), response=VersionsOut)
def list_versions(request: HttpRequest, template_id: Id) -> Any:
    """The last 200 versions, newest first."""
    row = services.find(caller(request).workspace, min(template_id, LARGEST))
    return {"items": list(TemplateVersion.objects.filter(template=row)[:200])}


@router.post("/templates/{int:template_id}/restore", auth=needs(Right.TEMPLATES_WRITE), response=TemplateOut)
def restore_version(request: HttpRequest, template_id: Id, wanted: RestoreIn) -> Any:
    """Make a former version the newest one."""
    asker = caller(request)
    row = services.find(asker.workspace, min(template_id, LARGEST))
    return services.restore(row, wanted.version, actor=asker.actor, user=asker.user)


def _shown(found: Preview) -> dict[str, Any]:
    if found.faults:
        raise Problem("invalid", faults=found.faults)
    size = found.sms.size
    return {
        "contact_id": found.contact.pk if found.contact else None,
        "subject": found.subject,
        "text": found.text,
        "missing": list(found.missing),
        "encoding": size.encoding if size else None,
        "segments": size.segments if size else None,
        "costly": list(size.costly) if size else [],
        "segments_saved": found.sms.saving.before - found.sms.saving.after if found.sms.saving else 0,
    }


def _storable(text: str) -> str:
    """PostgreSQL knows no NUL: what has one matches nothing that was stored."""
    return text.replace("\x00", "\ufffd")
