"""Short links against PostgreSQL: their settings, who shortens, what is kept, what is counted."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection
from django.urls import reverse
from tests.support.acme import Acme
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.gateways.models import Gateway
from gatepost.gateways.services import create_gateway
from gatepost.links import services, store
from gatepost.links.models import Link, MessageLink, ShortLink
from gatepost.links.shortening import Shortener
from gatepost.problems import Problem
from gatepost.providers.registry import all_providers
from gatepost.sms.ids import first_id
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def north(monkeypatch: pytest.MonkeyPatch) -> Tenant:
    monkeypatch.setitem(settings.CONFIG, "PUBLIC_URL", "https://sms.north.example")
    return tenant("North")


def opened(code: str, statement: str = store.OPEN) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"code": code})
        row = cursor.fetchone()
    return row[0] if row else None


def sent(owner: Tenant, people: int, campaign: int = 7) -> list[str]:
    """The codes of a sending to so many."""
    shortener = services.shortener_for(owner.workspace, campaign_id=campaign)
    assert shortener is not None
    texts = [shortener.write("See https://acme.example/a", contact) for contact in range(1, people + 1)]
    shortener.keep(range(1, people + 1))
    return [text[-9:] for text in texts]


def test_codes_are_kept_for_those_who_are_sent_something(north: Tenant) -> None:
    shortener = Shortener(north.workspace.pk, 7, "https://go.example")
    for contact in (1, 2, 3):
        shortener.write("https://acme.example/a https://acme.example/b", contact)
    shortener.keep({1, 3})
    assert sorted(ShortLink.objects.values_list("contact_id", flat=True)) == [1, 1, 3, 3]
    shortener.write("https://acme.example/a", 4)
    shortener.keep({4})
    assert Link.objects.count() == 2


def test_clicks_are_counted_per_campaign_and_tests_are_not(north: Tenant) -> None:
    first, second, _ = sent(north, 3)
    sent(north, 2, campaign=8)
    test = Shortener(north.workspace.pk, 7, "https://go.example")
    code = test.write("https://acme.example/a", 0)[-9:]
    test.keep()
    for _ in range(2):
        assert opened(first) == "https://acme.example/a"
    assert opened(second, store.LOOK_UP) == opened(code) == "https://acme.example/a"
    [use] = services.uses(north.workspace, 7)
    assert (use.url, use.recipients, use.opened_by, use.clicks, use.share) == ("https://acme.example/a", 3, 1, 2, 33)
    assert use.last_at is not None
    assert use.last_at <= datetime.now(UTC)
    assert services.uses(tenant("South").workspace, 7) == []


def test_nothing_but_the_web_can_be_kept(north: Tenant) -> None:
    with pytest.raises(IntegrityError):
        Link.objects.create(workspace=north.workspace, campaign_id=1, url="javascript:alert(1)")


def test_a_workspace_has_an_address_of_its_own(north: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert services.base_url(north.workspace) == "https://sms.north.example"
    services.set_base_url(north.workspace, " https://go.north.example/ ", actor=ACTOR)
    assert services.base_url(north.workspace) == "https://go.north.example"
    services.set_base_url(north.workspace, "", actor=ACTOR)
    monkeypatch.setitem(settings.CONFIG, "PUBLIC_URL", "")
    with pytest.raises(Problem) as problem:
        services.shortener_for(north.workspace, campaign_id=1)
    assert problem.value.code == "no_link_address"


@pytest.mark.parametrize(
    "url",
    [
        *("go.example", "ftp://go.example", "https://", "https://go.example/x", "https://go.example?x", "https://a@b.example"),
        *("http://go.example", "https://żółw.example", "https://go.example\x00", "https://[", "https://" + "x" * 60),
        *("https://go.example:99999", "https://go .example"),
    ],
)  # fmt: skip
def test_an_address_that_does_not_fit_is_refused(north: Tenant, url: str) -> None:
    with pytest.raises(Problem) as problem:
        services.set_base_url(north.workspace, url, actor=ACTOR)
    assert problem.value.faults[0].field == "base_url"


def test_never_both_on_one_message(north: Tenant, acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    main = create_gateway([north.workspace], acme.slug, "Main", acme.settings(), actor=ACTOR)
    other = create_gateway([north.workspace], acme.slug, "Other", acme.settings(), actor=ACTOR)
    monkeypatch.setattr(services, "shortens_itself", lambda slug, said: said.get("own") == "on")
    Gateway.objects.filter(pk=other.pk).update(settings=other.settings | {"own": "on"})
    assert services.shortening_gateway(north.workspace) == "Other"
    assert services.shortener_for(north.workspace, campaign_id=1) is None
    for chosen in ("Other", str(other.pk)):
        assert services.shortener_for(north.workspace, campaign_id=1, gateway=chosen) is None
    assert services.shortener_for(north.workspace, campaign_id=1, gateway="Main") is not None
    assert services.shortener_for(north.workspace, campaign_id=1, gateway=str(main.pk)) is not None
    Gateway.objects.filter(pk=other.pk).update(is_active=False)
    assert services.shortener_for(north.workspace, campaign_id=1) is not None


def test_a_provider_shortens_when_all_its_settings_are_set() -> None:
    own = {slug: one.manifest.own_shortener for slug, one in all_providers().items() if one.manifest.own_shortener}
    assert len(own) == 3
    for slug, names in own.items():
        assert services.shortens_itself(slug, dict.fromkeys(names, "on"))
        for name in names:
            for off in ("off", "default", "", None, False, {}):
                assert not services.shortens_itself(slug, dict.fromkeys(names, "on") | {name: off})
    assert not services.shortens_itself("gone", {"shorten_links": "on"})


def test_links_are_deleted_when_their_days_are_over(north: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "FORGOTTEN_AT_ONCE", 2)
    monkeypatch.setitem(settings.CONFIG, "SHORT_LINK_DAYS", 400)
    now = datetime.now(UTC)
    old = sent(north, 5)
    Link.objects.update(created_at=now - timedelta(days=401))
    young = sent(north, 2, campaign=8)
    for code, days in (("a" * 9, 401), ("b" * 9, 399)):
        accepted = first_id(int((now - timedelta(days=days)).timestamp() * 1000))
        MessageLink.objects.create(code=code, workspace=north.workspace, message_id=accepted, url="https://a.example")
    rounds: list[None] = []
    assert services.forget_old(lambda: rounds.append(None)) == 6
    assert len(rounds) == 5
    assert [opened(code) is None for code in (*old, "a" * 9)] == [True] * 6
    assert [opened(code) is None for code in (*young, "b" * 9)] == [False] * 3
    assert Link.objects.get().campaign_id == 8
    monkeypatch.setitem(settings.CONFIG, "SHORT_LINK_DAYS", 0)
    Link.objects.update(created_at=now - timedelta(days=9999))
    assert services.forget_old(lambda: rounds.append(None)) == 0


def test_the_api_and_the_page_set_the_address(north: Tenant) -> None:
    client = north.api()

    def send(method: str, path: str, body: Any = None) -> Any:
        return client.generic(method, f"/api/v1{path}", json.dumps(body), "application/json")

    assert send("PUT", "/links/settings", {"base_url": "https://go.north.example"}).json() == {
        "base_url": "https://go.north.example"
    }
    assert send("PUT", "/links/settings", {"base_url": "x"}).status_code == 422
    sent(north, 2)
    assert send("GET", "/links?campaign_id=7").json()["items"][0]["recipients"] == 2
    page = reverse("links", kwargs={"workspace": north.workspace.pk})
    operator = north.console(Role.OPERATOR)
    assert "https://go.north.example/s/xxxxxxxxx" in operator.get(page).content.decode()
    answer = operator.post(page, {"base_url": "http://go.north.example"})
    assert answer.status_code == 422
    assert "Use https" in answer.content.decode()
    assert operator.post(page, {"base_url": ""}).status_code == 302
    assert services.base_url(north.workspace) == "https://sms.north.example"
