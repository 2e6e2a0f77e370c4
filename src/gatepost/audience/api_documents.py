"""REST: the financial documents of a contact."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from gatepost.audience import contacts, documents
from gatepost.audience.models import Document
from gatepost.audience.serving import served
from gatepost.problems import Problem
from gatepost.rest.bodies import Body, Id
from gatepost.rest.paging import Page, Paged, PageOf, page
from gatepost.workspaces.access import Caller, caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Contacts"])


class DocumentOut(Schema):
    id: int
    kind: str
    number: str
    date: date
    amount: str
    currency: str
    name: Annotated[str, Field(description="Of the file.")]
    content_type: str
    size: Annotated[int, Field(description="Bytes.")]
    created_at: datetime

    @staticmethod
    def resolve_amount(row: Document) -> str:
        return str(row.amount)


class DocumentIn(Body):
    kind: Annotated[str, Field(max_length=20, description="invoice, proforma or payment.")] = ""
    number: Annotated[str, Field(max_length=100)] = ""
    date: Annotated[str, Field(max_length=20, description="Such as 2026-01-31.")] = ""
    amount: Annotated[str, Field(max_length=30, description="Such as 49.99.")] = ""
    currency: Annotated[str, Field(max_length=3)] = ""


@router.get("/contacts/{int:contact_id}/documents", auth=needs(Right.CONTACTS_READ), response=PageOf[DocumentOut])
def list_documents(request: HttpRequest, contact_id: Id, asked: Page) -> Paged[Document]:
    """The documents of a contact, newest first."""
    contact = contacts.find(caller(request).workspace, contact_id)
    return page(Document.objects.filter(contact=contact), asked)


@router.post("/contacts/{int:contact_id}/documents", auth=needs(Right.CONTACTS_WRITE), response={201: DocumentOut})
def add_document(
    request: HttpRequest, contact_id: Id, said: Form[DocumentIn], file: File[UploadedFile | None] = None
) -> Status[Document]:
    """Add a document with its file (PDF, PNG or JPEG of at most 10 MiB), as multipart/form-data."""
    asker = caller(request)
    contact = contacts.find(asker.workspace, contact_id)
    if file is None:
        raise Problem("no_file")
    row = documents.add_document(
        contact,
        kind=said.kind,
        number=said.number,
        day=said.date,
        amount=said.amount,
        currency=said.currency,
        name=file.name or "",
        content=file.chunks(),
        actor=asker.actor,
    )
    row.refresh_from_db()
    return Status(201, row)


@router.get(
    "/contacts/{int:contact_id}/documents/{int:document_id}/file",
    auth=needs(Right.CONTACTS_READ),
    openapi_extra={"responses": {200: {"content": {"application/octet-stream": {"schema": {"format": "binary"}}}}}},
)
def read_document(request: HttpRequest, contact_id: Id, document_id: Id) -> HttpResponse:
    """The file of a document."""
    return served(own_document(caller(request), contact_id, document_id))


@router.delete(
    "/contacts/{int:contact_id}/documents/{int:document_id}", auth=needs(Right.CONTACTS_WRITE), response={204: None}
)
def delete_document(request: HttpRequest, contact_id: Id, document_id: Id) -> Status[None]:
    """Delete a document with its file."""
    asker = caller(request)
    documents.delete_document(own_document(asker, contact_id, document_id), actor=asker.actor)
    return Status(204, None)


def own_document(asker: Caller, contact_id: int, document_id: int) -> Document:
    """A document of the caller's contact. Raises Problem `not_found`."""
    own: Any = Document.objects.filter(workspace=asker.workspace, contact=contact_id, pk=document_id)
    row = own.select_related("workspace").first()
    if row is None:
        raise Problem("not_found", "The contact has no such document.")
    assert isinstance(row, Document)
    return row
