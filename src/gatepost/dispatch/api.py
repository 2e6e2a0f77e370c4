"""REST: what may be done with messages on their way, and the test send of a gateway."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from gatepost.dispatch import services
from gatepost.dispatch.trial_send import Trial, exchanges_of, send_by, wait_for_answer
from gatepost.messages.api import MessageDetail, Ref, own_message, read_message
from gatepost.problems import Problem
from gatepost.rest.bodies import Body, Id
from gatepost.sms.ids import to_ref
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Messages"])


class TestMessage(Body):
    """A message to try a gateway with."""

    to: Annotated[str, Field(max_length=40)]
    text: Annotated[str, Field(max_length=1000)] = "Test message from Gatepost"
    sender: Annotated[str, Field(max_length=20)] = ""


class TestResult(Schema):
    """The message as it stands when the provider has answered (or after some seconds), with the redacted exchanges."""

    message: MessageDetail
    exchanges: list[dict[str, Any]]


@router.post("/messages/{ref}/send-again", auth=needs(Right.MESSAGES_SEND), response=MessageDetail, by_alias=True)
def send_again(request: HttpRequest, ref: Ref) -> dict[str, Any]:
    """Submit an unknown message once more, knowing that it may arrive twice."""
    asker = caller(request)
    message = own_message(asker, ref)
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
