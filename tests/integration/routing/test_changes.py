"""Everything that changes the way of messages is kept, and read by whom it concerns, on the pages and over the API."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.support.acme import Acme
from tests.support.tenants import ACTOR, Tenant, administrator, tenant

from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.routing import changes, health_store
from gatepost.routing.health import Standing, State
from gatepost.routing.models import RoutingChange
from gatepost.routing.services import create_rule, delete_rule, reorder_rules, update_rule
from gatepost.workspaces.models import Role
from gatepost.workspaces.services import update_workspace

pytestmark = pytest.mark.django_db
JAN = "user jan@north.example"


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


@pytest.fixture
def south() -> Tenant:
    return tenant("South")


@pytest.fixture
def gateways(north: Tenant, acme: Acme) -> list[Gateway]:
    return [
        services.create_gateway([north.workspace], acme.slug, name, acme.settings(), actor=ACTOR)
        for name in ("One", "Two")
    ]


def told(client: Client, *kinds: str) -> list[str]:
    """What the API tells, newest first; of these kinds, if any are named."""
    found = client.get("/api/v1/routes/changes").json()["items"]
    return [change["words"] for change in found if not kinds or change["kind"] in kinds]


def page(north: Tenant, name: str, **asked: str) -> str:
    path = reverse(name, kwargs={"workspace": north.workspace.pk})
    return north.console(Role.VIEWER).get(path, asked).content.decode()


def test_what_people_do_to_gateways_and_defaults(north: Tenant, south: Tenant, gateways: list[Gateway]) -> None:
    one, two = gateways
    update_workspace(north.workspace, default_gateway=one, actor=JAN)
    update_workspace(north.workspace, default_gateway=one, default_country="PL", actor=JAN)
    for values in ({"is_draining": True}, {"is_draining": True, "parallel": 2}, {"is_draining": False}):
        services.update_gateway(one, common_values=values, actor=JAN)
    services.update_gateway(one, common_values={"is_active": False}, actor=JAN)
    services.update_gateway(one, common_values={"is_active": True}, name="Uno", actor=JAN)
    services.update_gateway(two, workspaces=[north.workspace, south.workspace], actor=JAN)
    services.update_gateway(two, workspaces=[south.workspace], actor=JAN)
    expected = [
        "The gateway Two was taken from the workspace.",
        "Uno was switched on: it takes messages again.",
        "One was switched off: it takes no messages, and what waits for it is held.",
        "One is no longer being drained: it takes new messages again.",
        "One is being drained: it takes no new messages and finishes its queue.",
        "One is the default gateway of the workspace.",
        "The gateway One was added.",
    ]
    assert told(north.api()) == expected
    assert told(south.api()) == ["The gateway Two was assigned to the workspace.", "The gateway Two was added."]
    assert set(RoutingChange.objects.values_list("actor", flat=True)) == {ACTOR, JAN}
    for name in ("routing", "routing-changes"):
        shown = page(north, name)
        assert all(words in shown for words in expected)
        assert JAN in shown
        assert "assigned to the workspace" not in shown


def test_a_deleted_gateway_is_told_to_those_that_had_it(north: Tenant, south: Tenant, gateways: list[Gateway]) -> None:
    one, two = gateways
    update_workspace(north.workspace, default_gateway=one, actor=JAN)
    services.delete_gateway(one, actor=JAN, is_confirmed=True, heir=two)
    words = (
        "The gateway One was deleted. The workspace has no default gateway any more. What waited for it went to Two."
    )
    assert told(north.api()) == [words, "The gateway Two was added."]
    assert told(south.api()) == []


def test_a_default_is_told_only_when_it_changes(north: Tenant, gateways: list[Gateway]) -> None:
    client = north.api()
    for chosen in (gateways[0].pk, gateways[0].pk, None, None):
        client.patch("/api/v1/workspace", {"default_gateway": chosen}, "application/json")
    assert told(client, "default") == [
        "The workspace has no default gateway.",
        "One is the default gateway of the workspace.",
    ]


def test_rules_of_the_installation_are_told_to_whom_they_concern(
    north: Tenant, south: Tenant, gateways: list[Gateway]
) -> None:
    admin = Client(headers={"X-Workspace": str(south.workspace.pk)})
    admin.force_login(administrator())

    def made(name: str, **more: Any) -> Any:
        return create_rule(None, {"name": name, "targets": [(gateways[0].pk, 1)]} | more, actor=JAN)

    everybodys, norths = made("House"), made("Only North", workspaces=[north.workspace.pk])
    hidden = made("Secret plan", is_enabled=False)
    update_rule(hidden, {"tags": ["invoice"]}, actor=JAN)
    added = ["The rule Only North was added.", "The rule House was added."]
    assert told(north.api(), "rule") == added
    assert told(south.api(), "rule") == added[1:]
    assert told(admin, "rule") == ["The rule Secret plan was changed.", "The rule Secret plan was added.", *added]
    assert "The rule House was added." in page(south, "routing")
    assert "Secret plan" not in page(south, "routing")

    update_rule(norths, {"workspaces": [south.workspace.pk]}, actor=JAN)
    assert told(north.api(), "rule")[0] == told(south.api(), "rule")[0] == "The rule Only North was changed."
    delete_rule(norths, actor=JAN)
    assert told(north.api(), "rule")[0] == "The rule Only North was changed."
    assert told(south.api(), "rule")[0] == "The rule Only North was deleted."
    update_rule(hidden, {"is_enabled": True}, actor=JAN)
    reorder_rules(None, [hidden.pk, everybodys.pk], actor=JAN)
    for each in (north, south):
        assert told(each.api(), "rule")[:2] == [
            "The rules were put into another order.",
            "The rule Secret plan was switched on.",
        ]


def test_the_default_of_the_installation_is_told_once(north: Tenant, settings: Any) -> None:
    changes.keep_installation_default()
    assert told(north.api()) == []
    for name in ("two", "two", ""):
        settings.CONFIG = settings.CONFIG | {"DEFAULT_GATEWAY": name}
        changes.keep_installation_default()
    assert told(north.api()) == [changes.NO_DEFAULT, "The default gateway of the installation is two."]
    with connection.cursor() as cursor:
        cursor.execute("update routing_change set at = now() - interval '91 days'")
    assert health_store.forget_old() == 1
    changes.keep_installation_default()
    assert told(north.api()) == [changes.NO_DEFAULT]


def test_the_pages_show_what_health_led_to_and_everything_older(north: Tenant, gateways: list[Gateway]) -> None:
    RoutingChange.objects.all().delete()
    assert "Nothing has changed yet" in page(north, "routing-changes")
    now = timezone.now()
    health_store.keep_state(gateways[0].pk, State(Standing.DOWN, now, now, "the credentials are refused"))
    assert "One is down: the credentials are refused." in page(north, "routing")
    RoutingChange.objects.bulk_create(
        RoutingChange(workspace=north.workspace, kind="rule", words=f"The rule {n} was added.") for n in range(50)
    )
    assert "One is down" not in page(north, "routing")
    first = north.api().get("/api/v1/routes/changes").json()
    assert len(first["items"]) == 50
    assert "One is down" not in page(north, "routing-changes")
    assert "One is down" in page(north, "routing-changes", cursor=first["next_cursor"])
