"""The health of gateways as it is kept and shown, and what acceptance makes of it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from tests.support.acme import Acme
from tests.support.sending import a_message, in_queue
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.dispatch.models import Outbox
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.messages.models import Message, MessageEvent
from gatepost.messages.snapshots import load
from gatepost.routing import health_store
from gatepost.routing.health import Standing, State, Verdict
from gatepost.routing.models import GatewayHealth, RoutingChange
from gatepost.routing.services import create_rule
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


@pytest.fixture
def gateways(north: Tenant, acme: Acme) -> list[Gateway]:
    made = [
        services.create_gateway([north.workspace], acme.slug, name, acme.settings(), actor=ACTOR)
        for name in ("One", "Two")
    ]
    RoutingChange.objects.all().delete()
    return made


def goes_down(gateway: Gateway) -> None:
    now = timezone.now()
    health_store.keep_state(gateway.pk, State(Standing.DOWN, now, now, "the credentials are refused"))


def test_what_is_down_is_passed_over_until_it_is_back(north: Tenant, gateways: list[Gateway]) -> None:
    one, _ = gateways
    goes_down(one)
    assert load(north.workspace.pk).gateways[one.pk].down == {"": "the credentials are refused"}
    assert health_store.states_of(one.pk)[""].standing is Standing.DOWN
    health_store.keep_state(one.pk, State(Standing.TRIAL, timezone.now(), None, "so far", 0.25))
    assert load(north.workspace.pk).gateways[one.pk].shares == {"": 0.25}
    health_store.keep_state(one.pk, State())
    assert load(north.workspace.pk).gateways[one.pk].down == {}
    kinds = list(RoutingChange.objects.filter(gateway=one).order_by("pk").values_list("kind", flat=True))
    assert kinds == ["down", "trial", "up"]


def test_what_is_down_for_a_country_alone_is_said_so(north: Tenant, gateways: list[Gateway]) -> None:
    one, two = gateways
    now = timezone.now()
    health_store.keep_state(one.pk, State(Standing.DOWN, now, now, "routes are refused"), "DE")
    health_store.keep_state(one.pk, State(Standing.TRIAL, now, now, "so far", 0.5), "FR")
    facts = load(north.workspace.pk).gateways
    assert facts[one.pk].down == {"DE": "routes are refused", "FR": "so far"}
    assert facts[one.pk].shares == {"FR": 0.5}
    assert facts[two.pk].down == {}
    assert health_store.shown([one.pk, two.pk])[one.pk].words == "Down for Germany"
    assert RoutingChange.objects.first().words.startswith("One is down for Germany: routes are refused.")
    path = reverse("gateway-health", kwargs={"workspace": north.workspace.pk, "gateway": one.pk})
    page = north.console(Role.OWNER).get(path).content.decode()
    assert "Routes are refused." in page
    answer = north.api().get(f"/api/v1/gateways/{one.pk}/health").json()
    assert answer["standing"] == "up"
    assert {each["country"]: each["standing"] for each in answer["countries"]} == {"DE": "down", "FR": "trial"}


def test_scores_are_kept_by_country_and_a_turn_is_noted(north: Tenant, gateways: list[Gateway]) -> None:
    one, _ = gateways
    now = timezone.now()
    good, bad = Verdict(98), Verdict(40, ("12 of 20 requests: the provider is not reached.",))
    health_store.keep_verdicts(one.pk, {"": good, "PL": good}, now)
    assert not RoutingChange.objects.exists()
    for _ in range(2):
        health_store.keep_verdicts(one.pk, {"": bad, "PL": bad}, now)
    [change] = RoutingChange.objects.all()
    assert "Health of One: 40. 12 of 20 requests" in change.words
    shown = health_store.shown([one.pk])[one.pk]
    assert (shown.words, shown.tone) == ("Poor, 40", "bad")
    GatewayHealth.objects.update(measured_at=now - timedelta(hours=1))
    assert health_store.shown([one.pk]) == {}


def test_the_pages_and_the_api_say_why(north: Tenant, gateways: list[Gateway]) -> None:
    one, _ = gateways
    now = timezone.now()
    empty = north.api().get(f"/api/v1/gateways/{one.pk}/health").json()
    assert (empty["standing"], empty["score"], empty["countries"]) == ("up", None, [])
    goes_down(one)
    bad = Verdict(7, ("It is out: the credentials are refused.",))
    health_store.keep_verdicts(one.pk, {"": bad, "PL": Verdict(55, ("Requests take 4.0 s.",))}, now)
    told = north.api().get(f"/api/v1/gateways/{one.pk}/health").json()
    assert (told["standing"], told["score"], told["cause"]) == ("down", 7, "the credentials are refused")
    assert [each["country"] for each in told["countries"]] == ["PL"]
    changes = north.api().get("/api/v1/routes/changes").json()["items"]
    assert [change["kind"] for change in changes] == ["cause", "down"]
    assert tenant("South").api().get("/api/v1/routes/changes").json()["items"] == []
    client = north.console(Role.VIEWER)
    path = reverse("gateway-health", kwargs={"workspace": north.workspace.pk, "gateway": one.pk})
    page = client.get(path).content.decode()
    for words in ("Down", "It is out: the credentials are refused.", "Poland", "Requests take 4.0 s.", "What happened"):
        assert words in page
    assert "Move its queue" not in page
    for name in ("gateways", "home"):
        listed = client.get(reverse(name, kwargs={"workspace": north.workspace.pk})).content.decode()
        assert path in listed
        assert "Down<" in listed


def test_a_queue_is_moved_by_hand_or_by_campaign(north: Tenant, gateways: list[Gateway]) -> None:
    one, two = gateways
    create_rule(north.workspace, {"name": "All", "targets": [(one.pk, 1), (two.pk, 0)]}, actor=ACTOR)
    rows = [a_message(north.workspace, one, state="queued", campaign_id=campaign) for campaign in (5, 5, None)]
    for row in rows:
        in_queue(row, campaign_id=row.campaign_id, held="gateway inactive")
    unknown = a_message(north.workspace, one, state="unknown")
    in_queue(unknown)
    stays = a_message(north.workspace, one, state="queued", route="named")
    in_queue(stays)
    path = f"/api/v1/gateways/{one.pk}/move-queue"
    assert north.api().post(path, {"campaign": 5}, "application/json").json() == {"moved": 2}
    assert Message.objects.get(pk=rows[0].pk).tried == [one.pk]
    assert not Outbox.objects.filter(gateway=two, held__isnull=False).exists()
    page = reverse("gateway-move-queue", kwargs={"workspace": north.workspace.pk, "gateway": one.pk})
    operator = north.console(Role.OPERATOR)
    for campaign, words in (("x", "write the number of a campaign"), ("6", "nothing waits there that has another way")):
        assert words in operator.post(page, {"campaign": campaign}, follow=True).content.decode()
    shown = operator.post(page, {"campaign": ""}, follow=True).content.decode()
    assert "1 message moved." in shown
    assert set(Message.objects.filter(gateway=one).values_list("pk", flat=True)) == {unknown.pk, stays.pk}
    assert set(Outbox.objects.filter(gateway=one).values_list("message_id", flat=True)) == {unknown.pk, stays.pk}
    event = MessageEvent.objects.get(message_id=rows[2].pk)
    assert (event.kind, event.detail["from"], event.detail["to"]) == ("moved", "One", "Two")
    assert north.api().post(path, {}, "application/json").json() == {"moved": 0}


def test_old_changes_are_forgotten(gateways: list[Gateway]) -> None:
    goes_down(gateways[0])
    assert health_store.forget_old() == 0
    with connection.cursor() as cursor:
        cursor.execute("update routing_change set at = now() - interval '91 days'")
    assert health_store.forget_old() == 1
