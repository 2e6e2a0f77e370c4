"""REST: tables of contacts, from the file to the rows that could not be taken."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, StreamingHttpResponse
from ninja import File, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from gatepost.audience import importing
from gatepost.audience.export import fault_lines
from gatepost.audience.models import Import
from gatepost.problems import Problem
from gatepost.rest.bodies import Body, Id
from gatepost.rest.paging import Page, Paged, PageOf, page
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Contacts"])

MOST_COLUMNS = 500


class ImportOut(Schema):
    """`columns`: the cells of the first row; `mapping`: the field that each column fills, empty for none."""

    id: int
    name: str
    state: Annotated[str, Field(description="new, running, done, cancelled or failed.")]
    columns: list[str]
    has_header: bool
    mapping: list[str]
    by: Annotated[str, Field(description="What known contacts are found by; empty: every row is a new one.")]
    known: str
    kind: str
    list_name: str
    country: Annotated[
        str, Field(description="Where phones without + are dialled; empty: they begin with their country code.")
    ]
    share_done: Annotated[int, Field(description="Percent.")]
    rows: Annotated[int, Field(description="Rows that are done, without the one that names the columns.")]
    created: int
    updated: int
    unchanged: int
    skipped: int
    failed: int
    trouble: Annotated[str, Field(description="Why it failed.")]
    created_at: datetime
    ended_at: datetime | None


class StartIn(Body):
    """How the table is read; what is left out stays as it was guessed."""

    mapping: Annotated[list[Annotated[str, Field(max_length=100)]] | None, Field(max_length=MOST_COLUMNS)] = None
    has_header: bool | None = None
    by: Annotated[str | None, Field(max_length=11, description="external_id, login, phone, email, or empty.")] = None
    known: Annotated[Literal["update", "skip"], Field(description="What becomes of contacts that are known.")] = (
        "update"
    )
    kind: Annotated[Literal["customer", "lead"], Field(description="Of rows that do not say.")] = "customer"
    list_name: Annotated[str, Field(max_length=100, description="The list that everybody is put on.")] = ""
    country: Annotated[
        str | None,
        Field(
            max_length=2, description="Where phones without + are dialled; empty: they begin with their country code."
        ),
    ] = None


@router.get("/contacts/imports", auth=needs(Right.CONTACTS_WRITE), response=PageOf[ImportOut])
def list_imports(request: HttpRequest, asked: Page) -> Paged[Import]:
    """The imports of the workspace, newest first."""
    return page(Import.objects.filter(workspace=caller(request).workspace), asked)


@router.post("/contacts/imports", auth=needs(Right.CONTACTS_WRITE), response={201: ImportOut})
def upload_import(request: HttpRequest, file: File[UploadedFile | None] = None) -> Status[Import]:
    """Upload a CSV (at most 256 MiB) or XLSX file as multipart/form-data, and see what its columns are taken for."""
    asker = caller(request)
    if file is None:
        raise Problem("no_file")
    return Status(201, importing.upload(asker.workspace, file.name or "table", file.chunks(), actor=asker.actor))


@router.get("/contacts/imports/{int:import_id}", auth=needs(Right.CONTACTS_WRITE), response=ImportOut)
def read_import(request: HttpRequest, import_id: Id) -> Import:
    """How far it is, and what became of the rows."""
    return importing.find(caller(request).workspace, import_id)


@router.post("/contacts/imports/{int:import_id}/start", auth=needs(Right.CONTACTS_WRITE), response=ImportOut)
def start_import(request: HttpRequest, import_id: Id, said: StartIn) -> Import:
    """Begin to take the rows; each is taken once, whatever dies in the middle."""
    row = importing.find(caller(request).workspace, import_id)
    importing.configure(
        row,
        row.mapping if said.mapping is None else said.mapping,
        has_header=row.has_header if said.has_header is None else said.has_header,
        by=row.by if said.by is None else said.by,
        known=said.known,
        kind=said.kind,
        list_name=said.list_name,
        country=row.country if said.country is None else said.country,
    )
    importing.start(row)
    row.refresh_from_db()
    return row


@router.post("/contacts/imports/{int:import_id}/cancel", auth=needs(Right.CONTACTS_WRITE), response=ImportOut)
def cancel_import(request: HttpRequest, import_id: Id) -> Import:
    """Stop it after the rows at hand; what was taken stays."""
    asker = caller(request)
    row = importing.find(asker.workspace, import_id)
    importing.cancel(row, actor=asker.actor)
    row.refresh_from_db()
    return row


@router.get(
    "/contacts/imports/{int:import_id}/errors",
    auth=needs(Right.CONTACTS_WRITE),
    openapi_extra={"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}},
)
def read_import_errors(request: HttpRequest, import_id: Id) -> Any:
    """The rows that could not be taken, as CSV with the problem beside each."""
    row = importing.find(caller(request).workspace, import_id)
    return StreamingHttpResponse(fault_lines(row), content_type="text/csv; charset=utf-8")
