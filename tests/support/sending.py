"""Messages as they are after something has happened to them, for tests of pages."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.html import escape

from gatepost.dispatch.models import Exchange, Outbox, Submission
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Message
from gatepost.sms.ids import IdSource
from gatepost.workspaces.models import Workspace

IDS = IdSource(7)

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</textarea><svg/onload=alert(1)>",
    "{{ 7|add:7 }}{% csrf_token %}${7*7}",
    "javascript:alert(1)//'`",
    "\u202egnp.exe <b>&amp;</b>\r\n\tend",
)
"""Texts that must come out as they went in, and never as markup."""


def a_message(workspace: Workspace, gateway: Gateway | None, **more: Any) -> Message:
    """A stored message without a place in the queue."""
    [message_id] = IDS.take()
    values: dict[str, Any] = {
        "state": "delivered",
        "to_digits": "48600100200",
        "sender": "Acme",
        "sender_reason": "gateway",
        "body": "Hello",
        "encoding": "gsm7",
        "segments": 1,
        "expires_at": timezone.now() + timedelta(days=3),
        "created_at": timezone.now(),
    }
    return Message.objects.create(id=message_id, workspace=workspace, gateway=gateway, **(values | more))


def in_queue(message: Message, **more: Any) -> Outbox:
    """Its place in the queue."""
    assert message.gateway is not None
    return Outbox.objects.create(
        message_id=message.pk,
        gateway=message.gateway,
        workspace_id=message.workspace_id,
        lane=message.lane,
        **({"due_at": timezone.now(), "expires_at": message.expires_at} | more),
    )


def a_submission(*messages: Message, **trace: Any) -> Submission:
    """The request that carried these messages, answered, with its exchange."""
    gateway = messages[0].gateway
    assert gateway is not None
    [submission_id] = IDS.take()
    made = Submission.objects.create(
        id=submission_id,
        gateway=gateway,
        fence=1,
        message_ids=[message.pk for message in messages],
        serial=1,
        settings_version=1,
        done_at=timezone.now(),
        status=200,
        latency_ms=12,
    )
    Message.objects.filter(pk__in=made.message_ids).update(
        submission_id=made.pk, submitted_at=timezone.now(), attempts=1
    )
    Exchange.objects.create(
        submission_id=made.pk,
        gateway=gateway,
        trace={
            "label": "send",
            "method": "POST",
            "url": "https://api.acme.example/send",
            "headers": [["authorization", "Bearer •••"], ["content-type", "application/json"]],
            "body": '{"text": "Hello"}',
            "status": 200,
            "response_headers": [["content-type", "application/json"]],
            "response_body": '{"id": "1"}',
            "failure": "",
            "is_sent": True,
            "started_at": timezone.now().isoformat(),
            "connect_ms": 1.0,
            "total_ms": 12.0,
            **trace,
        },
    )
    return made


def has_no_markup_of(page: str, text: str) -> bool:
    """Whether a page shows the text only in an escaped form."""
    return text not in page or escape(text) == text
