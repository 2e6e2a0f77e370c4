"""REST: where a message would go, and why."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from gatepost.messages.checks import MAX_TAG, MAX_TEXT
from gatepost.messages.models import Kind
from gatepost.messages.snapshots import load_for
from gatepost.messages.where import Where, where
from gatepost.messages.wishes import Wish
from gatepost.rest.bodies import Body, Moment
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Routes"])


class Question(Body):
    """A message that is not sent. Without a text it counts as one segment; without a time it is due now."""

    to: Annotated[str, Field(max_length=64)]
    text: Annotated[str, Field(max_length=MAX_TEXT)] = ""
    sender: Annotated[str, Field(max_length=20)] = ""
    gateway: Annotated[str, Field(max_length=100)] | int = ""
    tag: Annotated[str, Field(max_length=MAX_TAG)] = ""
    priority: Literal["code", "normal", "bulk"] = "normal"
    kind: Kind = Kind.SINGLE
    campaign: Annotated[int | None, Field(ge=1, lt=2**63)] = None
    send_at: Moment | None = None


class PassedOut(Schema):
    gateway: Annotated[int, Field(alias="gateway_id")]
    name: str
    why: Annotated[str, Field(description="Why it was passed over; empty for the one that was chosen.")]


class RouteStepOut(Schema):
    """A rule or a default, in the order in which they are asked."""

    title: str
    rule: Annotated[int | None, Field(alias="rule_id")]
    outcome: Literal["chosen", "passed", "unfit", "unasked"]
    words: str
    gateways: list[PassedOut]


class StandingOut(Schema):
    """A gateway of the workspace, and what it has to do with the message."""

    gateway: Annotated[int, Field(alias="id")]
    name: str
    is_chosen: bool
    words: str


class DeniedOut(Schema):
    code: str
    words: str
    remedy: str
    field: str


class WhereOut(Schema):
    """`denied`: why the message would be refused. `is_waiting`: it would wait, because its gateway is down."""

    gateway: StandingOut | None
    sender: str
    sender_reason: str
    is_waiting: bool
    denied: DeniedOut | None
    steps: list[RouteStepOut]
    gateways: list[StandingOut]


@router.post("/routes/where", auth=needs(Right.ROUTES_READ), response=WhereOut)
def where_would_it_go(request: HttpRequest, question: Question) -> Where:
    """Which gateway a message would take now, what every rule says of it, and why the others were not chosen."""
    wish = Wish(
        to=question.to,
        text=question.text,
        sender=question.sender,
        gateway=question.gateway,
        tag=question.tag,
        priority=question.priority,
        send_at=question.send_at,
    )
    snapshot = load_for(caller(request).workspace.pk, [wish], question.kind)
    return where(wish, snapshot, question.kind, question.campaign)
