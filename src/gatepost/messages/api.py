"""REST: the log of messages, and one message with its timeline. Sending is served by the front (intake/messages.py)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Query, Router, Schema
from pydantic import Field

from gatepost.messages.log import Filters, Standing, refusal_of, search, standings, timeline
from gatepost.messages.models import Kind, Message
from gatepost.problems import Problem
from gatepost.rest.bodies import Moment
from gatepost.rest.paging import Page, PageOf, page
from gatepost.sms.ids import from_ref, to_ref
from gatepost.sms.states import State, Word
from gatepost.workspaces.access import Caller, caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Messages"])

Ref = Annotated[str, Path(max_length=20, description="The id of the message.")]


class GatewayRef(Schema):
    id: int
    name: str


class RefusalOut(Schema):
    """Why a message failed, in the provider's words, and what to do."""

    refusal_class: Annotated[str, Field(alias="class", serialization_alias="class")]
    code: str
    words: str
    side: str
    advice: str


class MomentOut(Schema):
    at: datetime
    what: str
    detail: dict[str, Any]


class MessageOut(Schema):
    """A message as it stands now. `word` is the plain word of its state."""

    id: str
    state: State
    word: Word
    kind: Kind
    to: str
    sender: str
    text: str
    encoding: str
    segments: int
    gateway: GatewayRef | None
    client_ref: str | None
    provider_ref: str | None
    attempts: int
    created_at: datetime
    state_at: datetime
    due_at: Annotated[datetime | None, Field(description="When it is due, while it waits.")]
    expires_at: datetime
    held: Annotated[str, Field(description="Why it waits, if it is held.")]
    price: str | None
    price_unit: str | None
    refusal: RefusalOut | None


class MessageDetail(MessageOut):
    """A message with everything that happened to it, oldest first."""

    timeline: list[MomentOut]


class LogQuery(Schema):
    """Which messages; what is left out does not restrict."""

    state: list[State] = Field(default_factory=list, max_length=len(State))
    word: Word | None = None
    kind: Kind | None = None
    gateway: Annotated[int | None, Field(ge=1, lt=2**63, description="Number of a gateway.")] = None
    to: Annotated[str, Field(max_length=30, description="A number or its beginning.")] = ""
    client_ref: Annotated[str, Field(max_length=100)] = ""
    since: Moment | None = None
    until: Moment | None = None


@router.get("/messages", auth=needs(Right.MESSAGES_READ), response=PageOf[MessageOut], by_alias=True)
def list_messages(request: HttpRequest, asked: Page, wanted: Query[LogQuery]) -> dict[str, Any]:
    """The messages of the workspace, newest first."""
    filters = Filters(
        states=wanted.state,
        word=wanted.word,
        kind=wanted.kind or "",
        gateway_id=wanted.gateway,
        to=wanted.to,
        client_ref=_storable(wanted.client_ref),
        since=wanted.since,
        until=wanted.until,
    )
    own = Message.objects.filter(workspace=caller(request).workspace).select_related("gateway")
    found = page(search(own, filters), asked)
    return {"items": shown(found.items), "next_cursor": found.next_cursor}


@router.get("/messages/{ref}", auth=needs(Right.MESSAGES_READ), response=MessageDetail, by_alias=True)
def read_message(request: HttpRequest, ref: Ref) -> dict[str, Any]:
    """One message and its timeline."""
    message = own_message(caller(request), ref)
    moments = [{"at": moment.at, "what": moment.what, "detail": moment.detail} for moment in timeline(message)]
    return {**shown([message])[0], "timeline": moments}


def own_message(asker: Caller, ref: str) -> Message:
    """The caller's message of that id. Raises Problem `not_found`."""
    parsed = from_ref(ref.lower())
    found = (
        Message.objects.select_related("gateway").filter(workspace=asker.workspace, pk=parsed[0]).first()
        if parsed
        else None
    )
    if found is None:
        raise Problem("not_found")
    return found


def shown(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as the API shows them."""
    standing = standings(messages)
    return [_shown(message, standing[message.pk]) for message in messages]


def _shown(message: Message, standing: Standing) -> dict[str, Any]:
    names = ("kind", "sender", "encoding", "segments", "client_ref", "provider_ref", "attempts", "created_at")
    return {
        **{name: getattr(message, name) for name in names},
        "id": to_ref(message.pk),
        "state": standing.state,
        "word": standing.word,
        "to": message.to_digits,
        "text": message.body,
        "gateway": {"id": message.gateway.pk, "name": message.gateway.name} if message.gateway else None,
        "state_at": message.state_at,
        "due_at": standing.due_at,
        "expires_at": message.expires_at,
        "held": standing.held,
        "price": str(message.price) if message.price is not None else None,
        "price_unit": message.price_unit,
        "refusal": refusal_of(message),
    }


def _storable(text: str) -> str:
    """PostgreSQL knows no NUL: a reference with one matches nothing that was stored."""
    return text.replace("\x00", "\ufffd")
