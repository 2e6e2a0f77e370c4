"""REST: what may be done with messages on their way, and the test send of a gateway."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from gatepost.dispatch import services
from gatepost.dispatch.explain import explained
from gatepost.dispatch.failure import Failure
from gatepost.dispatch.trial_send import Trial, exchanges_of, send_by, wait_for_answer
from gatepost.gateways.access import find
from gatepost.messages.api import MessageDetail, Ref, RefusalOut, own_message, read_message
from gatepost.messages.api_where import DeniedOut, RouteStepOut
from gatepost.problems import Problem
from gatepost.rest.bodies import Body, Id
from gatepost.sms.ids import to_ref
from gatepost.sms.states import State
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Messages"])


class CheckOut(Schema):
    name: str
    words: str


class RouteOut(Schema):
    """Why this gateway. `steps`: what the route says of the message as the rules are now; none where the message names
    its gateway. `denied`: why it would be refused now."""

    chosen_by: str
    rule: int | None
    tried: Annotated[list[str], Field(description="Gateways that had the message before.")]
    steps: list[RouteStepOut]
    denied: DeniedOut | None


class WaitOut(Schema):
    since: datetime
    until: Annotated[datetime | None, Field(description="Empty: it still lasts.")]
    seconds: float
    why: str


class ExchangeOut(Schema):
    """A request to the provider and its answer, without secrets."""

    submission: str
    title: str
    at: datetime | None
    answer: str
    total_ms: float
    request: str
    response: str
    curl: str
    note: Annotated[str, Field(description="What to know of a request that was not kept but made once more.")]


class ReportOut(Schema):
    at: datetime
    state: Annotated[str, Field(description="What the report was read as.")]
    raw: Annotated[dict[str, Any], Field(description="What the provider said, field by field.")]


class FailureOut(RefusalOut):
    """Why a message failed, whose side that is on, what is known of the money, and what to do. Where nobody named a
    class, `class` is how it ended: undelivered, rejected, blocked, expired, or adapter_fault."""

    charged: str


class LineOut(Schema):
    at: datetime
    title: str
    words: list[str]
    again_at: datetime | None


class ExplanationOut(Schema):
    """Everything that is known of a message, oldest first where it has a time."""

    id: str
    state: State
    meaning: str
    accepted_by: str
    campaign: str | None
    checks: list[CheckOut]
    route: RouteOut
    waits: list[WaitOut]
    timeline: list[LineOut]
    exchanges: list[ExchangeOut]
    withheld: Annotated[int, Field(description="Exchanges not shown, as they carried other workspaces' messages, too.")]
    reports: list[ReportOut]
    cost: str
    failure: FailureOut | None


class TestMessage(Body):
    """A message to try a gateway with."""

    to: Annotated[str, Field(max_length=40)]
    text: Annotated[str, Field(max_length=1000)] = "Test message from Gatepost"
    sender: Annotated[str, Field(max_length=20)] = ""


class TestResult(Schema):
    """The message as it stands when the provider has answered (or after some seconds), with the redacted exchanges."""

    message: MessageDetail
    exchanges: list[dict[str, Any]]


@router.get("/messages/{ref}/explain", auth=needs(Right.MESSAGES_READ), response=ExplanationOut, by_alias=True)
def explain_message(request: HttpRequest, ref: Ref) -> dict[str, Any]:
    """One message explained: who, checks, waits, attempts with their requests, reports, cost, and what to do."""
    asker = caller(request)
    message = own_message(asker, ref)
    found = explained(message, sees_all=asker.is_administrator)
    return {
        "id": to_ref(message.pk),
        "state": found.standing.state,
        "meaning": found.meaning,
        "accepted_by": found.accepted_by,
        "campaign": str(message.campaign_id) if message.campaign_id else None,
        "checks": [asdict(check) for check in found.checks],
        "route": {
            "chosen_by": found.route.chosen_by,
            "rule": found.route.rule_id,
            "tried": found.route.tried,
            "steps": found.route.steps,
            "denied": found.route.denied,
        },
        "waits": [{**asdict(wait), "seconds": round(wait.seconds, 3)} for wait in found.waits],
        "timeline": [asdict(line) for line in found.timeline],
        "exchanges": [{**asdict(one), "submission": to_ref(one.submission)} for one in found.exchanges.shown],
        "withheld": found.exchanges.withheld,
        "reports": [asdict(report) for report in found.reports],
        "cost": found.cost,
        "failure": _failure(found.failure) if found.failure else None,
    }


@router.post("/messages/{ref}/send-again", auth=needs(Right.MESSAGES_SEND), response=MessageDetail, by_alias=True)
def send_again(request: HttpRequest, ref: Ref) -> dict[str, Any]:
    """Submit an unknown message once more, knowing that it may arrive twice."""
    asker = caller(request)
    message = own_message(asker, ref)
    if message.state == State.UNKNOWN and message.gateway is None:
        raise Problem("gateway_gone")
    if not services.send_again(asker.workspace.pk, [message.pk], actor=asker.actor):
        raise Problem("not_unknown")
    return read_message(request, ref)


@router.post("/messages/{ref}/leave", auth=needs(Right.MESSAGES_SEND), response=MessageDetail, by_alias=True)
def leave(request: HttpRequest, ref: Ref) -> dict[str, Any]:
    """Leave an unknown message as it is; a later receipt still resolves it."""
    asker = caller(request)
    message = own_message(asker, ref)
    if not services.leave(asker.workspace.pk, [message.pk], actor=asker.actor):
        raise Problem("not_unknown")
    return read_message(request, ref)


@router.post("/messages/{ref}/cancel", auth=needs(Right.MESSAGES_SEND), response=MessageDetail, by_alias=True)
def cancel(request: HttpRequest, ref: Ref) -> dict[str, Any]:
    """Take a message out of the queue, as long as it is there."""
    asker = caller(request)
    message = own_message(asker, ref)
    if not services.cancel(asker.workspace.pk, [message.pk], actor=asker.actor):
        raise Problem("not_cancellable")
    return read_message(request, ref)


@router.post(
    "/gateways/{int:gateway_id}/test",
    auth=needs(Right.GATEWAYS_TEST),
    response=TestResult,
    by_alias=True,
    tags=["Gateways"],
)
def send_test(request: HttpRequest, gateway_id: Id, test: TestMessage) -> dict[str, Any]:
    """Send one message through the gateway, and show what the provider was asked and what it answered."""
    asker = caller(request)
    if not asker.workspace.gateways.filter(pk=gateway_id).exists():
        raise Problem("not_found")
    message_id = send_by(asker, gateway_id, Trial(test.to, test.text, test.sender))
    exchanges = exchanges_of(wait_for_answer(message_id), sees_all=asker.is_administrator)
    return {"message": read_message(request, to_ref(message_id)), "exchanges": exchanges}


def _failure(failure: Failure) -> dict[str, str]:
    values = asdict(failure)
    return {"class": values.pop("refusal"), **values}


class MoveQueue(Body):
    """What moves: everything of the workspace that waits for the gateway, or of one campaign."""

    campaign: Annotated[int | None, Field(ge=1, lt=2**63)] = None


class Moved(Schema):
    moved: Annotated[int, Field(description="How many messages took the next gateway of their route.")]


@router.post("/gateways/{int:gateway_id}/move-queue", auth=needs(Right.GATEWAYS_WRITE), response=Moved)
def move_gateway_queue(request: HttpRequest, gateway_id: Id, wanted: MoveQueue) -> dict[str, int]:
    """Move what waits for a gateway to the next ones of its route. What has no other way stays, and what is unknown."""
    asker = caller(request)
    gateway = find(asker, gateway_id)
    moved = services.move_queue(gateway, asker.workspace, actor=asker.actor, campaign_id=wanted.campaign)
    return {"moved": moved}
