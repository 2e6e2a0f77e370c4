"""A message explained: what it waited for, its requests made again without secrets, and what failed on whose side."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from tests.support.acme import Acme
from tests.support.sending import a_message, a_submission, in_queue
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.dispatch.explain import NEVER_LEFT, explained
from gatepost.dispatch.models import Exchange, GatewayLease, Submission
from gatepost.dispatch.rendering import ALONE
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Message, MessageEvent
from gatepost.routing.models import RouteRule, RouteTarget
from gatepost.sms.ids import to_ref
from gatepost.transport.masking import HIDDEN

pytestmark = pytest.mark.django_db


@pytest.fixture
def north(acme: Acme) -> Tenant:
    return tenant("North")


@pytest.fixture
def gateway(north: Tenant, acme: Acme) -> Gateway:
    return services.create_gateway(
        [north.workspace], acme.slug, "Acme main", acme.settings(), {"sender": "Acme"}, actor=ACTOR
    )


def unkept(*messages: Message, **more: Any) -> Submission:
    """The request that carried these messages, of which no exchange was kept."""
    row = a_submission(*messages)
    Exchange.objects.filter(submission_id=row.pk).delete()
    Submission.objects.filter(pk=row.pk).update(**more)
    for message in messages:
        message.refresh_from_db()
    return row


def submitted(north: Tenant, gateway: Gateway, **more: Any) -> Message:
    message = a_message(north.workspace, gateway, state="submitted")
    unkept(message, **more)
    return message


def test_a_request_that_was_not_kept_is_made_again_without_secrets(north: Tenant, gateway: Gateway, acme: Acme) -> None:
    message = submitted(north, gateway, status=200, latency_ms=12)
    [shown] = explained(message, sees_all=False).exchanges.shown
    assert message.to_digits in shown.request
    assert message.body in shown.request
    assert shown.answer == "HTTP status 200"
    assert "settings of that time" in shown.note
    assert HIDDEN in shown.request
    assert "s3cret" not in shown.request + shown.curl
    assert gateway.callback_token not in shown.request + shown.curl


def test_the_request_is_made_from_the_settings_of_its_time(north: Tenant, gateway: Gateway) -> None:
    message = submitted(north, gateway, settings_version=gateway.settings_version)
    before = explained(message, sees_all=False).exchanges.shown[0].request
    services.update_gateway(
        gateway, settings={"base_url": "https://elsewhere.example", "api_key": "another"}, actor=ACTOR
    )
    assert explained(message, sees_all=False).exchanges.shown[0].request == before
    assert "elsewhere.example" not in before


def test_of_a_shared_request_only_the_own_message_is_shown(north: Tenant, gateway: Gateway, acme: Acme) -> None:
    stranger = a_message(tenant("South").workspace, gateway, body="Not yours to read")
    message = a_message(north.workspace, gateway, state="submitted")
    unkept(stranger, message)
    [shown] = explained(message, sees_all=False).exchanges.shown
    assert "Not yours to read" not in shown.request
    assert ALONE.format(others="1 other") in shown.note


def test_waits_have_their_reasons(north: Tenant, gateway: Gateway) -> None:
    now = timezone.now()
    message = a_message(
        north.workspace, gateway, state="queued", attempts=1, created_at=now - timedelta(minutes=5), body="Slow"
    )
    row = unkept(message, intent_at=now - timedelta(minutes=3))
    Message.objects.filter(pk=message.pk).update(submitted_at=None)
    detail = {"again_at": (now + timedelta(minutes=1)).isoformat(), "submission": to_ref(row.pk)}
    MessageEvent.objects.create(message_id=message.pk, kind="throttled", at=now - timedelta(minutes=2), detail=detail)
    in_queue(message, due_at=now + timedelta(minutes=1))
    first, last = explained(message, sees_all=False).waits
    assert (first.why, round(first.seconds)) == ("its turn in the queue", 120)
    assert (last.until, last.why) == (None, "its next attempt")


@pytest.mark.parametrize(
    ("queue", "is_driven", "why"),
    [
        ({"held": "sending disabled"}, True, "sending disabled"),
        ({}, False, "a worker: none drives gateway Acme main at this moment"),
        ({}, True, "its turn: it is next"),
        ({"ahead": 2}, True, "its turn: 2 messages are before it at 10 a second"),
        (
            {"ahead": 2, "sender_rates": ["Acme = 0.5"]},
            True,
            "its turn: 2 messages from Acme are before it at 0.5 a second, the pace of the sender ID Acme",
        ),
        (
            {"ahead": 2, "sender_rates": ["Acme = 0.5"], "sender": "Another"},
            True,
            "its turn: 2 messages are before it at 10 a second",
        ),
    ],
)
def test_what_it_waits_for_now(
    north: Tenant, gateway: Gateway, queue: dict[str, Any], is_driven: bool, why: str
) -> None:
    queue = dict(queue)
    sender = queue.pop("sender", "Acme")
    Gateway.objects.filter(pk=gateway.pk).update(sender_rates=queue.pop("sender_rates", []))
    for _ in range(queue.pop("ahead", 0)):
        before = a_message(north.workspace, gateway, state="queued", sender="Acme")
        in_queue(before, due_at=timezone.now() - timedelta(minutes=1))
        Gateway.objects.filter(pk=gateway.pk).update(requests_per_second=10)
    if is_driven:
        until = timezone.now() + timedelta(minutes=1)
        GatewayLease.objects.create(gateway=gateway, worker_id="one", expires_at=until)
    message = a_message(north.workspace, gateway, state="queued", sender=sender)
    in_queue(message, **queue)
    message = Message.objects.select_related("gateway").get(pk=message.pk)
    assert explained(message, sees_all=False).waits[-1].why == why


def test_a_failure_says_whose_side_it_is_on_and_what_it_costs(north: Tenant, gateway: Gateway) -> None:
    message = a_message(
        north.workspace, gateway, state="rejected", refusal="bad_recipient", code="13", words="Invalid number"
    )
    failure = explained(message, sees_all=False).failure
    assert failure is not None
    assert (failure.refusal, failure.code, failure.words) == ("bad_recipient", "13", "Invalid number")
    assert failure.side == "recipient"
    assert failure.charged == NEVER_LEFT


def test_the_api_explains_and_keeps_to_the_workspace(north: Tenant, gateway: Gateway) -> None:
    message = submitted(north, gateway, status=200)
    answer = north.api().get(f"/api/v1/messages/{to_ref(message.pk)}/explain")
    assert answer.status_code == 200
    body = answer.json()
    assert body["id"] == to_ref(message.pk)
    assert [check["name"] for check in body["checks"]] == ["Number", "Suppression lists", "Text", "Sender ID"]
    assert body["exchanges"][0]["request"]
    assert body["failure"] is None
    assert tenant("South").api().get(f"/api/v1/messages/{to_ref(message.pk)}/explain").status_code == 404


def test_the_route_tells_what_chose_and_what_its_steps_say_now(north: Tenant, gateway: Gateway) -> None:
    rule = RouteRule.objects.create(workspace=north.workspace, position=1, name="Poland", countries=["PL"])
    RouteTarget.objects.create(rule=rule, gateway=gateway, weight=1)
    by_rule = a_message(north.workspace, gateway, route=f"rule:{rule.pk}", tried=[gateway.pk])
    found = explained(by_rule, sees_all=False).route
    assert (found.chosen_by, found.rule_id, found.tried) == ("Rule: Poland", rule.pk, ("Acme main",))
    assert (found.steps[0].title, found.steps[0].outcome) == ("Rule: Poland", "chosen")
    by_default = a_message(north.workspace, gateway, route="default")
    assert explained(by_default, sees_all=False).route.chosen_by == "The default gateway of the workspace"
    rule.delete()
    assert explained(by_rule, sees_all=False).route.chosen_by == "A rule that is gone"
