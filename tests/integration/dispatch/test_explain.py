"""A message explained: what it waited for, its requests made again without secrets, and what failed on whose side."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from tests.support.acme import Acme
from tests.support.sending import a_message, a_submission, in_queue
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.campaigns import services as campaigns
from gatepost.dispatch.driven import UNREADABLE
from gatepost.dispatch.explain import NEVER_LEFT, explained
from gatepost.dispatch.models import Exchange, GatewayLease, Submission
from gatepost.dispatch.rendering import ALONE
from gatepost.dispatch.waiting import QUEUE
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Message, MessageEvent, Suppression
from gatepost.routing.models import GatewayHealth, RouteRule, RouteTarget
from gatepost.sms.ids import to_ref
from gatepost.sms.outcomes import Refusal
from gatepost.transport.masking import HIDDEN
from gatepost.workspaces.models import Role

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
    assert (first.why, round(first.seconds)) == (QUEUE, 120)
    assert (last.until, last.why) == (None, "its next attempt: the provider asked for a slower pace")


def test_what_is_scheduled_waits_for_its_time_since_it_was_accepted(north: Tenant, gateway: Gateway) -> None:
    due_at = timezone.now() + timedelta(hours=1)
    began = timezone.now() - timedelta(minutes=1)
    message = a_message(north.workspace, gateway, state="queued", created_at=began, due_at=due_at)
    in_queue(message, due_at=due_at)
    [wait] = explained(message, sees_all=False).waits
    assert (wait.since, wait.until, wait.why) == (began, None, "the time that it is scheduled for")


def test_what_is_sent_again_by_itself_waits_although_it_is_unknown(north: Tenant, gateway: Gateway) -> None:
    now = timezone.now()
    message = a_message(north.workspace, gateway, state="unknown", attempts=1, created_at=now - timedelta(minutes=5))
    row = unkept(message, intent_at=now - timedelta(minutes=5))
    detail = {"cause": "no answer in time", "submission": to_ref(row.pk), "why": "the provider de-duplicates"}
    detail["again_at"] = (now + timedelta(minutes=1)).isoformat()
    MessageEvent.objects.create(message_id=message.pk, kind="unknown", at=now - timedelta(minutes=4), detail=detail)
    in_queue(message, due_at=now + timedelta(minutes=1))
    [wait] = explained(message, sees_all=False).waits
    assert (wait.until, wait.why) == (None, "its next attempt: no answer came that can be trusted")


@pytest.mark.parametrize(
    ("queue", "is_driven", "why"),
    [
        ({"held": "sending disabled"}, True, "sending disabled"),
        ({}, False, "a worker: none drives gateway Acme main at this moment"),
        ({}, True, "its turn: it is next"),
        ({"ahead": 2}, True, "its turn: 2 messages are before it at 10 requests a second"),
        (
            {"ahead": 2, "sender_rates": ["Acme = 0.5"]},
            True,
            "its turn: 2 messages from Acme are before it at 0.5 requests a second, the pace of the sender ID Acme",
        ),
        (
            {"ahead": 2, "sender_rates": ["Acme = 0.5"], "sender": "Another"},
            True,
            "its turn: 2 messages are before it at 10 requests a second",
        ),
        (
            {"ahead": 2, "slowed_to": 4.5, "sender_rates": ["Acme = 5"]},
            True,
            "its turn: 2 messages are before it at 4.5 requests a second, the slower pace that the provider asked for",
        ),
        (
            {"slowed_to": 0.2},
            True,
            "its turn: it is next at 0.2 requests a second, the slower pace that the provider asked for",
        ),
        ({"ahead": 1, "limit": 3.0}, True, "its turn: 1 message is before it at 3 requests a second"),
        (
            {"paused_reason": "The provider refuses everything: no credit. Top up the account."},
            True,
            "gateway Acme main, which is paused: the provider refuses everything: no credit. Top up the account",
        ),
        (
            {"paused_reason": "The provider refuses everything: no credit."},
            False,
            "a worker: none drives gateway Acme main at this moment",
        ),
        (
            {"paused_reason": f"{UNREADABLE}a secret cannot be read."},
            False,
            "gateway Acme main, which is paused: it cannot be driven: a secret cannot be read",
        ),
        (
            {"down": {"": "the provider is not reached", "PL": "messages are refused"}},
            True,
            "gateway Acme main, which is down: the provider is not reached",
        ),
        (
            {"down": {"PL": "messages are refused", "DE": "no route"}},
            True,
            "gateway Acme main, which is down for Poland: messages are refused",
        ),
        ({"down": {"DE": "no route"}}, True, "its turn: it is next"),
    ],
)
def test_what_it_waits_for_now(
    north: Tenant, gateway: Gateway, settings: Any, queue: dict[str, Any], is_driven: bool, why: str
) -> None:
    queue = dict(queue)
    sender = queue.pop("sender", "Acme")
    if "limit" in queue:
        settings.CONFIG = {**settings.CONFIG, "PROVIDER_LIMITS": {"acme": queue.pop("limit")}}
    defaults: dict[str, Any] = {"sender_rates": [], "slowed_to": None, "paused_reason": ""}
    columns = {name: queue.pop(name, default) for name, default in defaults.items()}
    Gateway.objects.filter(pk=gateway.pk).update(**columns)
    for country, cause in queue.pop("down", {}).items():
        GatewayHealth.objects.create(gateway=gateway, country=country, standing="down", cause=cause)
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


def tried(what: str, **detail: str) -> tuple[str, dict[str, str]]:
    """What an attempt came to."""
    return what, {"submission": to_ref(5), **detail}


FAILURES: list[Any] = [
    # How it ended, what happened before, and then the class, whose side, and what both say.
    ("undelivered", [("receipt", {"state": "undelivered"})], "undelivered", "recipient", "could not deliver", "number"),
    ("rejected", [("receipt", {"state": "rejected"})], "rejected", "provider", "did not take it", "Ask the provider"),
    ("blocked", [("receipt", {"state": "blocked"})], "blocked", "recipient", "must not be sent to", "opted out"),
    ("expired", [("receipt", {"state": "expired"})], "expired", "recipient", "ran out at the provider", "later"),
    ("expired", [("expired", {})], "expired", "ours", "before it was handed to a provider", "what it waited for"),
    (
        "expired",
        [tried("not_sent", cause="connection failed"), ("expired", {})],
        *("expired", "provider", "at the last attempt the provider was not reached", "Check"),
    ),
    (
        "expired",
        [tried("throttled"), tried("expired", cause="address not allowed")],
        *("expired", "gateway", "is not allowed", "settings"),
    ),
    ("expired", [tried("expired", code="429")], "expired", "provider", "asked for a slower pace", "another gateway"),
    ("expired", [tried("not_sent", cause="over the pace"), ("expired", {})], "expired", "ours", "the pace", "held it"),
    (
        "rejected",
        [tried("set aside", cause="adapter fault", words="ZeroDivisionError")],
        *("adapter_fault", "ours", "No request could be made of it (ZeroDivisionError)", "Report it"),
    ),
]


KIND = {
    "undelivered": "Not delivered",
    "rejected": "Not taken",
    "blocked": "The number must not be sent to",
    "expired": "Too late",
    "adapter_fault": "A fault of ours",
}


@pytest.mark.parametrize("refusal", Refusal)
def test_every_class_of_refusals_has_words_on_the_page_and_its_code_in_the_api(
    north: Tenant, gateway: Gateway, refusal: Refusal
) -> None:
    message = a_message(north.workspace, gateway, state="rejected", refusal=refusal.value, words="Said the provider")
    address = to_ref(message.pk)
    assert north.api().get(f"/api/v1/messages/{address}/explain").json()["failure"]["class"] == refusal.value
    page = north.console(Role.VIEWER).get(f"/w/{north.workspace.pk}/messages/{address}/").content.decode()
    [kind] = re.findall("<dt>Kind</dt><dd>(.*?)</dd>", page)
    assert kind[0].isupper()
    assert " " in kind
    assert f">{refusal.value}<" not in page


@pytest.mark.parametrize(("state", "events", "refusal", "side", "words", "advice"), FAILURES)
def test_every_failure_is_explained_where_nobody_named_a_class(
    north: Tenant, gateway: Gateway, state: str, events: list[Any], refusal: str, side: str, words: str, advice: str
) -> None:
    message = a_message(north.workspace, gateway, state=state, created_at=timezone.now() - timedelta(minutes=1))
    for kind, detail in events:
        MessageEvent.objects.create(message_id=message.pk, kind=kind, detail=detail)
    shown = north.api().get(f"/api/v1/messages/{to_ref(message.pk)}/explain").json()["failure"]
    assert (shown["class"], shown["side"]) == (refusal, side)
    assert words in shown["words"]
    assert advice in shown["advice"]
    assert shown["charged"]
    page = north.console(Role.VIEWER).get(f"/w/{north.workspace.pk}/messages/{to_ref(message.pk)}/").content.decode()
    for text in (
        "Why it failed",
        escape(shown["words"]),
        escape(shown["advice"]),
        f"<dt>Kind</dt><dd>{KIND[refusal]}</dd>",
    ):
        assert text in page


@pytest.mark.parametrize("state", ["queued", "submitted", "delivered", "unconfirmed", "cancelled", "unknown"])
def test_what_did_not_fail_has_no_failure(north: Tenant, gateway: Gateway, state: str) -> None:
    message = a_message(north.workspace, gateway, state=state)
    assert explained(message, sees_all=False).failure is None


def test_the_providers_words_and_code_stand_beside_how_it_ended(north: Tenant, gateway: Gateway) -> None:
    message = a_message(north.workspace, gateway, state="undelivered", code="27", words="Absent subscriber")
    failure = explained(message, sees_all=False).failure
    assert failure is not None
    assert (failure.words, failure.code) == ("The network could not deliver it: Absent subscriber", "27")


def test_what_is_over_is_not_said_to_be_tried_again(north: Tenant, gateway: Gateway) -> None:
    message = a_message(north.workspace, gateway, state="expired", refusal="temporary", words="busy")
    failure = explained(message, sees_all=False).failure
    assert failure is not None
    assert (failure.refusal, failure.words) == ("temporary", "busy")
    assert "tried again" not in failure.advice


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


def test_of_a_message_that_names_its_gateway_no_rule_is_asked(north: Tenant, gateway: Gateway) -> None:
    rule = RouteRule.objects.create(workspace=north.workspace, position=1, name="Poland", countries=["PL"])
    RouteTarget.objects.create(rule=rule, gateway=gateway, weight=1)
    message = a_message(north.workspace, gateway, route="named", kind="test")
    found = explained(message, sees_all=False).route
    assert (found.is_named, found.steps, found.denied) == (True, (), None)
    shown = north.api().get(f"/api/v1/messages/{to_ref(message.pk)}/explain").json()["route"]
    assert (shown["steps"], shown["denied"]) == ([], None)
    page = north.console(Role.VIEWER).get(f"/w/{north.workspace.pk}/messages/{to_ref(message.pk)}/").content.decode()
    assert "The message names its gateway: no rules are asked." in page
    assert "Fits, and chooses" not in page


def test_rules_are_asked_about_the_sender_that_was_wanted_and_not_the_one_that_was_given(
    north: Tenant, gateway: Gateway
) -> None:
    rule = RouteRule.objects.create(workspace=north.workspace, position=1, name="Ours", senders=["Acme"])
    RouteTarget.objects.create(rule=rule, gateway=gateway, weight=1)
    given = a_message(north.workspace, gateway, route="default", sender="Acme", sender_reason="gateway")
    wanted = a_message(north.workspace, gateway, route=f"rule:{rule.pk}", sender="Acme", sender_reason="own")
    assert explained(given, sees_all=False).route.steps[0].outcome == "unfit"
    assert explained(wanted, sees_all=False).route.steps[0].outcome == "chosen"


@pytest.mark.parametrize("route", ["default", "named"])
def test_the_route_says_why_it_would_be_refused_now(north: Tenant, gateway: Gateway, route: str) -> None:
    message = a_message(north.workspace, gateway, route=route)
    Suppression.objects.create(workspace=north.workspace, digits=message.to_digits)
    shown = north.api().get(f"/api/v1/messages/{to_ref(message.pk)}/explain").json()["route"]
    assert (shown["steps"], shown["denied"]["code"]) == ([], "suppressed")
    page = north.console(Role.VIEWER).get(f"/w/{north.workspace.pk}/messages/{to_ref(message.pk)}/").content.decode()
    assert "It would be refused now: The number is on the suppression list." in page


def test_a_gateway_that_is_gone_is_not_asked_for_by_its_number(north: Tenant) -> None:
    found = explained(a_message(north.workspace, None, route="named"), sees_all=False).route
    assert found.denied is not None
    assert found.denied.code == "unknown_gateway"


def test_the_page_leads_to_the_campaign(north: Tenant, gateway: Gateway) -> None:
    campaign = campaigns.create(north.workspace, {"name": "Autumn", "text": "Hello"}, actor=ACTOR)
    address = f"/w/{north.workspace.pk}/messages/"
    of_campaign = a_message(north.workspace, gateway, campaign_id=campaign.pk, kind="mass")
    page = north.console(Role.VIEWER).get(f"{address}{to_ref(of_campaign.pk)}/").content.decode()
    link = f'<a href="{reverse("campaign", args=[north.workspace.pk, campaign.pk])}">'
    assert link in page
    assert north.console(Role.VIEWER).get(link.split('"')[1]).status_code == 200
    single = north.console(Role.VIEWER).get(f"{address}{to_ref(a_message(north.workspace, gateway).pk)}/")
    assert "Of a mass sending" not in single.content.decode()
