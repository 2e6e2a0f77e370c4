"""Messages in doubt: counted by gateway and by what settles them, and settled many at once by a person."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from tests.support.acme import Acme
from tests.support.sending import a_message, in_queue
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost import urls
from gatepost.dispatch.doubts import Way, doubts
from gatepost.dispatch.models import Outbox, StatusQuery
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Message
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"


@pytest.fixture
def north(acme: Acme) -> Tenant:
    return tenant("North")


@pytest.fixture
def gateway(north: Tenant, acme: Acme) -> Gateway:
    return services.create_gateway([north.workspace], acme.slug, "Acme main", acme.settings(), {}, actor=ACTOR)


def unknown(owner: Tenant, gateway: Gateway, **more: object) -> Message:
    return a_message(owner.workspace, gateway, state="unknown", **more)


@pytest.fixture
def one_of_each(north: Tenant, gateway: Gateway) -> dict[Way, Message]:
    """And a stranger's, and one whose fate is known."""
    now = timezone.now()
    messages = {way: unknown(north, gateway) for way in Way}
    Message.objects.filter(pk=messages[Way.LEFT].pk).update(left_at=now)
    in_queue(messages[Way.AGAIN])
    StatusQuery.objects.create(message_id=messages[Way.LOOK_UP].pk, gateway=gateway, due_at=now, until=now)
    unknown(tenant("South"), gateway)
    a_message(north.workspace, gateway, state="delivered")
    return messages


def test_they_are_counted_by_what_settles_them(north: Tenant, one_of_each: dict[Way, Message]) -> None:
    found = {(doubt.gateway, doubt.way): doubt.count for doubt in doubts(north.workspace.pk)}
    assert found == {("Acme main", way): 1 for way in Way}


def test_a_gateway_that_is_gone_leaves_its_messages_in_doubt(north: Tenant, gateway: Gateway) -> None:
    message = unknown(north, gateway)
    Message.objects.filter(pk=message.pk).update(gateway=None)
    [doubt] = doubts(north.workspace.pk)
    assert (doubt.gateway_id, doubt.gateway, doubt.count) == (None, "", 1)
    where = {"workspace": north.workspace.pk}
    client = north.console(Role.SENDER)
    page = client.get(reverse("doubts", kwargs=where)).content.decode()
    assert "its gateway was deleted" in page
    assert 'value="send-again"' not in page
    asked = {"action": "send-again", "gateway": "", "way": "person", "confirmed": "yes"}
    refused = client.post(reverse("doubt-actions", kwargs=where), asked)
    assert (refused.status_code, Outbox.objects.exists()) == (409, False)
    client.post(reverse("doubt-actions", kwargs=where), asked | {"action": "leave"})
    message.refresh_from_db()
    assert message.left_at is not None
    assert 'value="send-again"' not in client.get(reverse("doubts", kwargs=where)).content.decode()


def test_the_page_asks_first_and_then_does_it_with_all_of_one_kind(
    north: Tenant, gateway: Gateway, one_of_each: dict[Way, Message]
) -> None:
    second = unknown(north, gateway, created_at=timezone.now() - timedelta(hours=1))
    client = north.console(Role.SENDER)
    where = {"workspace": north.workspace.pk}
    assert "Waits for a late report, or for you" in client.get(reverse("doubts", kwargs=where)).content.decode()
    asked = {"action": "send-again", "gateway": str(gateway.pk), "way": "person"}
    question = client.post(reverse("doubt-actions", kwargs=where), asked)
    assert "2 messages" in question.content.decode()
    assert "gets it twice" in question.content.decode()
    assert not Outbox.objects.filter(message_id=second.pk).exists()
    done = client.post(reverse("doubt-actions", kwargs=where), asked | {"confirmed": "yes"}, follow=True)
    assert "2 messages: sent again." in done.content.decode()
    queued = set(Outbox.objects.values_list("message_id", flat=True))
    assert queued == {second.pk, one_of_each[Way.PERSON].pk, one_of_each[Way.AGAIN].pk}
    assert client.post(reverse("doubt-actions", kwargs=where), asked).status_code == 404


def test_leaving_them_sends_nothing(north: Tenant, gateway: Gateway, one_of_each: dict[Way, Message]) -> None:
    asked = {"action": "leave", "gateway": str(gateway.pk), "way": "look-up", "confirmed": "yes"}
    where = {"workspace": north.workspace.pk}
    north.console(Role.SENDER).post(reverse("doubt-actions", kwargs=where), asked)
    left = Message.objects.get(pk=one_of_each[Way.LOOK_UP].pk)
    assert left.left_at is not None
    assert not StatusQuery.objects.filter(message_id=left.pk).exists()
    assert not Outbox.objects.filter(message_id=left.pk).exists()


def test_what_is_not_about_unknown_messages_is_refused(north: Tenant, gateway: Gateway) -> None:
    unknown(north, gateway)
    asked = {"action": "cancel", "gateway": str(gateway.pk), "way": "person"}
    where = {"workspace": north.workspace.pk}
    assert north.console(Role.SENDER).post(reverse("doubt-actions", kwargs=where), asked).status_code == 400
