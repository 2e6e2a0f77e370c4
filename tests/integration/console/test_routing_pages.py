"""The pages of routing: rules in their order, their form, and the question where a message would go."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.support.acme import Acme
from tests.support.sending import NASTY, has_no_markup_of
from tests.support.tenants import ACTOR, Tenant, administrator, tenant

from gatepost.gateways import services as gateway_services
from gatepost.gateways.models import Gateway
from gatepost.routing import services
from gatepost.routing.models import RouteRule, RoutingChange
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


@pytest.fixture
def gateways(north: Tenant, acme: Acme) -> list[Gateway]:
    return [
        gateway_services.create_gateway([north.workspace], acme.slug, name, acme.settings(), actor=ACTOR)
        for name in ("One", "Two")
    ]


@pytest.fixture
def client(north: Tenant) -> Client:
    return north.console(Role.OPERATOR)


def at(north: Tenant, name: str, **parts: Any) -> str:
    return reverse(name, kwargs={"workspace": north.workspace.pk} | parts)


def filled(gateways: list[Gateway], **more: Any) -> dict[str, Any]:
    return {"name": "Poland", "is_enabled": "on", "zone": "UTC", f"weight_{gateways[0].pk}": "1"} | more


def rules(north: Tenant) -> list[str]:
    return [rule.name for rule in RouteRule.objects.of(north.workspace)]


def a_rule(north: Tenant, gateways: list[Gateway], name: str, **more: Any) -> RouteRule:
    values = {"name": name, "targets": [(gateways[0].pk, 1)]} | more
    return services.create_rule(north.workspace, values, actor=ACTOR)


def test_without_rules_it_says_what_they_are_for(north: Tenant, gateways: list[Gateway], client: Client) -> None:
    page = client.get(at(north, "routing")).content.decode()
    assert "No rule yet" in page
    assert "Add a rule" in page
    assert "Add a rule" not in north.console(Role.VIEWER).get(at(north, "routing")).content.decode()


def test_a_rule_is_written_shown_in_words_and_changed(north: Tenant, gateways: list[Gateway], client: Client) -> None:
    one, two = gateways
    written = filled(
        gateways,
        prefixes="+48, 0049\n+420",
        countries="pl",
        tags="invoice, offer",
        purposes=["code"],
        weekdays=["0", "4"],
        starts="22:00",
        ends="06:00",
        zone="Europe/Warsaw",
        only_these="on",
        **{f"weight_{one.pk}": "3", f"weight_{two.pk}": "0"},
    )
    answer = client.post(at(north, "route-add"), written)
    assert answer.status_code == 302, answer.content.decode()
    rule = RouteRule.objects.get()
    assert (rule.prefixes, rule.countries, rule.tags) == (["48", "49", "420"], ["PL"], ["invoice", "offer"])
    page = client.get(at(north, "routing")).content.decode()
    for words in (
        "The number begins with +420, +48 or +49",
        "The number is in Poland",
        "The tag is invoice or offer",
        "It is due on Monday, Friday, 22:00 to 06:00 (Europe/Warsaw)",
        "Two, if none of the others can",
        "Only these",
        "The rule Poland was added.",
    ):
        assert words in page
    form = client.get(at(north, "route", rule=rule.pk)).content.decode()
    assert "+48, +49, +420" in form
    changed = filled(gateways, name="Europe", prefixes="")
    assert client.post(at(north, "route", rule=rule.pk), changed).status_code == 302
    rule.refresh_from_db()
    assert (rule.name, rule.prefixes, rule.starts, rule.only_these) == ("Europe", [], None, False)
    assert [(target.gateway, target.weight) for target in rule.targets.all()] == [(one, 1)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"prefixes": "Poland"}, "Write the beginning of a number"),
        ({"countries": "Poland"}, "two-letter country codes"),
        ({"campaigns": "spring"}, "Write the numbers of campaigns"),
        ({"zone": "Moon"}, "Write a time zone"),
        ({"starts": "25:00"}, "valid time"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_kept(
    north: Tenant, gateways: list[Gateway], client: Client, wrong: dict[str, str], words: str
) -> None:
    answer = client.post(at(north, "route-add"), filled(gateways, tags="kept words") | wrong)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert "kept words" in page
    assert not RouteRule.objects.exists()


def test_a_rule_needs_a_gateway(north: Tenant, gateways: list[Gateway], client: Client) -> None:
    for weight in ("", "0"):
        answer = client.post(at(north, "route-add"), filled(gateways, **{f"weight_{gateways[0].pk}": weight}))
        assert answer.status_code == 422
        assert "at least one gateway a weight above 0" in answer.content.decode()


def test_rules_are_moved_by_buttons_and_by_dragging(north: Tenant, gateways: list[Gateway], client: Client) -> None:
    made = [a_rule(north, gateways, name) for name in ("a", "b", "c")]
    assert client.post(at(north, "route-move", rule=made[2].pk), {"up": "yes"}).status_code == 302
    assert rules(north) == ["a", "c", "b"]
    fragment = client.post(at(north, "route-move", rule=made[0].pk), {"down": "yes"}, headers={"HX-Request": "true"})
    assert rules(north) == ["c", "a", "b"]
    assert "a is rule 2 of 3 now." in fragment.content.decode()
    changes = RoutingChange.objects.count()
    client.post(at(north, "route-move", rule=made[2].pk), {"up": "yes"})
    assert (rules(north), RoutingChange.objects.count()) == (["c", "a", "b"], changes), "it was the first one already"
    assert "<h1" not in fragment.content.decode()
    client.post(at(north, "route-order"), {"scope": "workspace", "rule": [each.pk for each in made]})
    assert rules(north) == ["a", "b", "c"]
    stale = client.post(at(north, "route-order"), {"rule": [made[0].pk, "x"]}, follow=True).content.decode()
    assert "have changed meanwhile" in stale
    assert rules(north) == ["a", "b", "c"]


def test_a_rule_is_switched_off_and_deleted(north: Tenant, gateways: list[Gateway], client: Client) -> None:
    rule = a_rule(north, gateways, "a")
    client.post(at(north, "route-switch", rule=rule.pk))
    rule.refresh_from_db()
    assert not rule.is_enabled
    page = client.post(at(north, "route-delete", rule=rule.pk), follow=True).content.decode()
    assert "The rule a is deleted." in page
    assert "The rule a was switched off." in page


def test_the_installations_rules_are_for_administrators(north: Tenant, gateways: list[Gateway], client: Client) -> None:
    admin = Client()
    admin.force_login(administrator())
    path = at(north, "route-add") + "?scope=installation"
    assert client.get(path).status_code == 403
    assert client.post(path, filled(gateways)).status_code == 403
    answer = admin.post(path, filled(gateways, name="House", workspaces=[north.workspace.pk]))
    assert answer.status_code == 302, answer.content.decode()
    rule = RouteRule.objects.get(workspace=None)
    assert list(rule.workspaces.all()) == [north.workspace]
    page = client.get(at(north, "routing")).content.decode()
    assert "House" in page
    assert at(north, "route", rule=rule.pk) not in page
    for name in ("route-delete", "route-switch", "route-move"):
        assert client.post(at(north, name, rule=rule.pk)).status_code == 403
    assert at(north, "route", rule=rule.pk) in admin.get(at(north, "routing")).content.decode()


def test_where_would_it_go(north: Tenant, gateways: list[Gateway], client: Client) -> None:
    a_rule(north, gateways, "Germany", countries=["DE"])
    a_rule(north, gateways, "Codes", purposes=["code"], targets=[(gateways[1].pk, 1)])
    asked = {"to": "+48600100200", "purpose": "code", "at": "2026-12-01T12:00"}
    page = client.get(at(north, "route-where"), asked).content.decode()
    assert "It would go through Two" in page
    assert "the number is in Poland, not in Germany" in page
    assert "No step came to it." in page
    fragment = client.get(at(north, "route-where"), asked, headers={"HX-Request": "true"}).content.decode()
    assert "<h1" not in fragment
    assert "It would go through Two" in fragment
    refused = client.get(at(north, "route-where"), {"to": "nonsense", "at": "yesterday"})
    assert refused.status_code == 200
    assert "It would be refused" in refused.content.decode()


def test_where_it_goes_by_campaign_gateway_and_text(north: Tenant, gateways: list[Gateway], client: Client) -> None:
    one, two = gateways
    a_rule(north, gateways, "Spring", campaigns=[77], targets=[(two.pk, 1)])
    a_rule(north, gateways, "Rest")

    def asked(**more: Any) -> str:
        return client.get(at(north, "route-where"), {"to": "+48600100200"} | more).content.decode()

    assert "It would go through Two" in asked(campaign="77")
    assert "It would go through One" in asked(campaign="78")
    named = asked(gateway=two.pk, campaign="78")
    assert "It would go through Two" in named
    assert f'<option value="{two.pk}" selected>Two</option>' in named
    gateway_services.update_gateway(one, actor=ACTOR, common_values={"max_segments": 1})
    assert "It would go through One" in asked(text="line\r\n" * 26)
    refused = asked(text="x" * 161)
    assert "It would be refused" in refused
    assert "x" * 161 in refused


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 19, "0", "-1", "1.0", "٣", "x"])
def test_a_number_that_no_row_can_have_is_no_fault_of_ours(
    north: Tenant, gateways: list[Gateway], client: Client, number: str
) -> None:
    a_rule(north, gateways, "a")
    wish = {"to": "+48600100200", "text": "hello", "gateway": number}
    asked: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
        ("route-order", {}, {"rule": [number]}),
        ("route-add", {}, filled(gateways, campaigns=number)),
        ("gateway-delete", {"gateway": gateways[1].pk}, {"heir": number}),
        ("gateway-move-queue", {"gateway": gateways[1].pk}, {"campaign": number}),
        ("compose-measure", {}, wish),
        ("compose", {}, wish),
    )
    for name, parts, data in asked:
        assert client.post(at(north, name, **parts), data).status_code in (200, 302, 404, 422), name
    assert client.get(at(north, "route-where"), wish | {"campaign": number}).status_code == 200
    assert client.get(at(north, "routing-changes"), {"cursor": number}).status_code == 400
    assert rules(north) == ["a"]
    assert Gateway.objects.count() == 2


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_people_write_becomes_markup(
    north: Tenant, gateways: list[Gateway], client: Client, text: str
) -> None:
    a_rule(north, gateways, "a")
    RouteRule.objects.update(name=text[:100], tags=[text[:40]])
    for page in (
        client.get(at(north, "routing")),
        client.get(at(north, "route", rule=RouteRule.objects.get().pk)),
        client.get(at(north, "route-where"), {"to": "+48600100200", "tag": text, "sender": text, "at": text}),
    ):
        assert page.status_code == 200
        assert has_no_markup_of(page.content.decode(), text[:40])
