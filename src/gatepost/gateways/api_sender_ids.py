"""REST: the sender IDs of a workspace, and the administrator's decision on them."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from gatepost.gateways import sender_ids
from gatepost.gateways.models import Gateway, SenderId
from gatepost.problems import Problem
from gatepost.rest.bodies import Body, Id
from gatepost.rest.paging import Page, Paged, PageOf, page
from gatepost.workspaces.access import Caller, caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Sender IDs"])


class SenderIdOut(Schema):
    id: int
    sender: str
    gateway: Annotated[int | None, Field(alias="gateway_id", description="Null: every gateway.")]
    status: Literal["requested", "approved", "refused"]
    is_default: bool
    reason: str
    created_at: datetime


class SenderIdRequest(Body):
    sender: Annotated[str, Field(min_length=1, max_length=20)]
    gateway: Annotated[int | None, Field(ge=1, lt=2**63, description="Null: every gateway.")] = None


class Decision(Body):
    is_approved: bool
    reason: Annotated[str, Field(max_length=500)] = ""


@router.get("/sender-ids", auth=needs(Right.SENDERS_READ), response=PageOf[SenderIdOut])
def list_sender_ids(request: HttpRequest, asked: Page) -> Paged[SenderId]:
    """The sender IDs of the workspace, newest first."""
    return page(SenderId.objects.filter(workspace=caller(request).workspace), asked)


@router.post("/sender-ids", auth=needs(Right.SENDERS_WRITE), response={201: SenderIdOut})
def request_sender_id(request: HttpRequest, wanted: SenderIdRequest) -> Status[SenderId]:
    """Ask for a sender ID; the installation administrator decides."""
    asker = caller(request)
    gateway = None
    if wanted.gateway is not None:
        gateway = Gateway.objects.filter(workspaces=asker.workspace, pk=wanted.gateway).first()
        if gateway is None:
            raise Problem("not_found", "The workspace has no such gateway.")
    return Status(201, sender_ids.request_sender_id(asker.workspace, wanted.sender, gateway, actor=asker.actor))


@router.post("/sender-ids/{int:sender_id}/decision", auth=needs(Right.SENDERS_DECIDE), response=SenderIdOut)
def decide_sender_id(request: HttpRequest, sender_id: Id, decision: Decision) -> SenderId:
    """Approve or refuse a sender ID: for the installation administrator."""
    asker = caller(request)
    row = _sender_id(asker, sender_id)
    return sender_ids.decide(row, is_approved=decision.is_approved, reason=decision.reason, actor=asker.actor)


@router.post("/sender-ids/{int:sender_id}/default", auth=needs(Right.SENDERS_WRITE), response=SenderIdOut)
def make_default_sender_id(request: HttpRequest, sender_id: Id) -> SenderId:
    """Make an approved sender ID the default of the workspace."""
    asker = caller(request)
    return sender_ids.make_default(_sender_id(asker, sender_id), actor=asker.actor)


@router.delete("/sender-ids/{int:sender_id}", auth=needs(Right.SENDERS_WRITE), response={204: None})
def delete_sender_id(request: HttpRequest, sender_id: Id) -> Status[None]:
    """Take a sender ID off the list."""
    asker = caller(request)
    sender_ids.delete_sender_id(_sender_id(asker, sender_id), actor=asker.actor)
    return Status(204, None)


def _sender_id(asker: Caller, sender_id: int) -> SenderId:
    row = SenderId.objects.filter(workspace=asker.workspace, pk=sender_id).first()
    if row is None:
        raise Problem("not_found", "The workspace has no such sender ID.")
    return row
