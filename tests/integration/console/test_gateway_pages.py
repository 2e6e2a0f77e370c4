"""The pages of gateways: who sees which, forms made from manifests alone, and no secret in any of them."""

import json
import re
import re._parser as re_parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.support.acme import Acme, only_acme
from tests.support.certificates import certificate, new_key, private_key
from tests.support.kept import kept
from tests.support.sending import a_message, in_queue
from tests.support.tenants import ACTOR, Tenant, administrator, one_of_everything, tenant

from gatepost import urls
from gatepost.gateways import services, sms_log, tiles
from gatepost.gateways.models import BalanceReading, Gateway, SenderId
from gatepost.messages.models import Message, MessageEvent
from gatepost.pages import access as pages
from gatepost.providers import registry
from gatepost.providers.fields import Field
from gatepost.transport.traces import Trace
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"

CANARY = Acme.secret
WRITERS = {Role.OWNER, Role.OPERATOR}
EVERYONE = set(Role)
PAGES = {
    "gateways": EVERYONE,
    "gateway": EVERYONE,
    "gateway-preset": EVERYONE,
    "catalogue": EVERYONE,
    "provider": EVERYONE,
    "senders": EVERYONE,
    "gateway-add": WRITERS,
    "gateway-delete": WRITERS,
    "gateway-log": WRITERS,
    "gateway-log-download": WRITERS,
    "gateway-test-result": WRITERS,
    "gateway-default": WRITERS,
    "gateway-import": WRITERS,
    "gateway-add-try": WRITERS,
    "gateway-try": WRITERS,
    "gateway-add-preview": WRITERS,
    "gateway-preview": WRITERS,
    "gateway-add-test": WRITERS,
    "gateway-test": WRITERS,
    "sender-decide": set[Role](),
    "sender-default": WRITERS,
    "sender-delete": WRITERS,
}
"""Every page of gateways and the members who may open it."""

OURS = ("gatepost.gateways.", "gatepost.dispatch.views_trial")


@dataclass(frozen=True)
class World:
    """A tenant with one of everything."""

    tenant: Tenant
    gateway: Gateway
    ids: dict[str, Any]

    def url(self, name: str, **more: Any) -> str:
        route = next(one for one in pages.routes() if one.name == name)
        named = {"workspace": self.tenant.workspace.pk}
        named |= {part: self.ids[part] for part in re.findall(r"<\w+:(\w+)>", route.address)}
        return reverse(name, kwargs=named | more)

    def owner(self) -> Client:
        return self.tenant.console(Role.OWNER)


def make_world() -> World:
    north = tenant("North")
    with only_acme() as acme:
        gateway = services.create_gateway([north.workspace], acme.slug, "Acme main", acme.settings(), actor=ACTOR)
    made = one_of_everything(north, gateway)
    Message.objects.update(kind="test")
    ids = {"gateway": gateway.pk, "provider": acme.slug, "trial": "check", "sender": made["sender_id"]}
    for role in Role:
        north.member(role)
    return World(north, gateway, ids | {"ref": made["ref"]})


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with kept(django_db_blocker, make_world) as world:
        yield world


@pytest.fixture
def world(acme: Acme, made: World) -> World:
    return deepcopy(made)


def typed(url: str, client: Client, **changes: str) -> dict[str, str]:
    """What a browser would post of the form at that page, with changes."""
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    form = answer.context["form"]
    values: dict[str, str] = {}
    for part in (form.general, form.own, form.common):
        for bound in part:
            value = bound.value()
            if isinstance(value, list):
                continue
            if value is True:
                values[bound.html_name] = "on"
            elif value not in (None, False):
                values[bound.html_name] = str(value)
    return values | changes


def words(answer: HttpResponse) -> str:
    return answer.content.decode()


def test_the_table_names_every_page_of_gateways() -> None:
    ours = {one.name for one in pages.routes() if one.view.__module__.startswith(OURS)}
    assert ours == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_each_role_opens_what_it_may(world: World, name: str) -> None:
    for role in Role:
        status = world.tenant.console(role).get(world.url(name)).status_code
        assert status in ({200, 405, 404} if role in PAGES[name] else {403}), f"{role}: {status}"


@pytest.mark.parametrize("name", PAGES)
def test_who_is_not_signed_in_is_asked_to(world: World, name: str) -> None:
    answer = Client().get(world.url(name))
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, reverse("account_login"))


@pytest.mark.parametrize("name", PAGES)
def test_strangers_find_nothing(world: World, name: str) -> None:
    stranger = tenant("South")
    assert stranger.console(Role.OWNER).get(world.url(name)).status_code == 404
    if "gateway" in world.url(name).split("/") or "<int:" in name:
        assert stranger.console(Role.OWNER).get(world.url(name, workspace=stranger.workspace.pk)).status_code == 404


@pytest.mark.parametrize(
    ("name", "method"), [(n, m) for n in PAGES for m in ("get", "post") if n not in ("gateway-test", "gateway-try")]
)
def test_another_tenants_gateway_or_sender_does_not_exist(world: World, name: str, method: str) -> None:
    stranger = tenant("South")
    client = Client()
    client.force_login(administrator())
    url = world.url(name, workspace=stranger.workspace.pk)
    answer = getattr(client, method)(url)
    if any(part in url for part in (f"/gateways/{world.gateway.pk}/", f"/senders/{world.ids['sender']}/")):
        assert answer.status_code in (404, 405)
    else:
        assert "Acme main" not in words(answer)


@pytest.mark.parametrize("name", PAGES)
def test_viewers_change_nothing(world: World, name: str) -> None:
    answer = world.tenant.console(Role.VIEWER).post(world.url(name), {"name": "Taken over"})
    assert answer.status_code in (403, 405)


def test_the_table_says_what_is_known_of_each_gateway(world: World) -> None:
    BalanceReading.objects.create(gateway=world.gateway, amount="12.5", unit="PLN")
    Gateway.objects.filter(pk=world.gateway.pk).update(paused_at=timezone.now(), paused_reason="sign-in refused")
    page = words(world.owner().get(world.url("gateways")))
    set_at = world.gateway.secrets.get(name="api_key").set_at
    for expected in (
        "Acme main",
        "Acme SMS",
        "jan",
        "API key",
        f"set on {set_at:%Y-%m-%d}",
        "Paused",
        "12.5 PLN",
        "sign-in refused",
    ):
        assert expected in page
    assert page.count(f'href="{world.url("gateway")}"') >= 2
    assert "Not known yet" not in page
    assert "Poor, 0 %" in page


def test_a_missing_secret_is_named(world: World) -> None:
    world.gateway.secrets.all().delete()
    assert '<span class="badge bad">missing</span>' in words(world.owner().get(world.url("gateways")))


def test_an_empty_table_leads_to_the_catalogue(acme: Acme) -> None:
    empty = tenant("Empty")
    page = words(empty.console(Role.OWNER).get(reverse("gateways", args=[empty.workspace.pk])))
    assert "No gateway yet" in page
    assert reverse("catalogue", args=[empty.workspace.pk]) in page


def test_the_default_is_made_and_shown(world: World) -> None:
    client = world.owner()
    answer = client.post(world.url("gateway-default"), follow=True)
    world.tenant.workspace.refresh_from_db()
    assert world.tenant.workspace.default_gateway_id == world.gateway.pk
    assert "is the default gateway now" in words(answer)


def test_the_catalogue_is_searched_and_tells_why_a_protocol_does_not_fit(world: World) -> None:
    client = world.owner()
    page = words(client.get(world.url("catalogue")))
    for expected in ("Acme SMS", "Poland", "Batches of 500", "Receipts pushed, asked for", "Inbound MMS", "Documented"):
        assert expected in page
    assert "It sends no SMS." in page
    assert "Acme SMS" not in words(client.get(world.url("catalogue"), {"q": "fax"}))
    assert "Acme SMS" in words(client.get(world.url("catalogue"), {"q": "poland balance"}))
    assert "Acme SMS" not in words(client.get(world.url("catalogue"), {"country": "DE"}))
    part = words(client.get(world.url("catalogue"), {"q": "acme"}, headers={"HX-Request": "true"}))
    assert "Acme SMS" in part
    assert "<html" not in part
    assert "No provider fits" in words(client.get(world.url("catalogue"), {"q": "zzz"}))


def test_a_provider_that_does_not_fit_cannot_be_added(world: World) -> None:
    assert "It sends no SMS." in words(world.owner().get(world.url("provider", provider="fax")))
    for method in ("get", "post"):
        answer = getattr(world.owner(), method)(world.url("gateway-add", provider="fax"))
        assert answer.status_code == 422
        assert "It sends no SMS." in words(answer)
    assert world.owner().get(world.url("gateway-add", provider="none")).status_code == 404


def test_a_gateway_is_added_changed_and_keeps_its_secret(world: World) -> None:
    client, url = world.owner(), world.url("gateway-add")
    own = {"name": "Second", "settings-api_key": "canary-second", "settings-login": "ola", "is_default": "on"}
    answer = client.post(url, typed(url, client) | own)
    made = Gateway.objects.get(name="Second")
    assert answer["Location"] == world.url("gateway", gateway=made.pk)
    world.tenant.workspace.refresh_from_db()
    assert world.tenant.workspace.default_gateway_id == made.pk
    assert services.runtime(made).settings["api_key"] == "canary-second"
    page = world.url("gateway", gateway=made.pk)
    changes = {"name": "Renamed", "settings-login": "ewa", "common-sender": "Shop", "common-parallel": "7"}
    assert client.post(page, typed(page, client) | changes).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.sender, made.parallel, made.settings["login"]) == ("Renamed", "Shop", 7, "ewa")
    assert services.runtime(made).settings["api_key"] == "canary-second"
    assert client.post(page, typed(page, client) | {"settings-api_key": "canary-third"}).status_code == 302
    assert services.runtime(made).settings["api_key"] == "canary-third"


def test_an_optional_secret_can_be_taken_away(world: World) -> None:
    client, page = world.owner(), world.url("gateway")
    client.post(page, typed(page, client) | {"settings-password": "canary-password"})
    assert world.gateway.secrets.filter(name="password").exists()
    answer = client.post(page, typed(page, client) | {"settings-forget": "password"})
    assert answer.status_code == 302
    assert not world.gateway.secrets.filter(name="password").exists()
    assert world.gateway.secrets.filter(name="api_key").exists()


def test_faults_stand_beside_their_fields_and_what_was_typed_stays(world: World) -> None:
    key = new_key()
    pem = certificate(key) + private_key(key)
    client, url = world.owner(), world.url("gateway-add")
    wrong = {
        "name": "acme MAIN",
        "settings-api_key": "canary-typed",
        "settings-client_pem": pem,
        "settings-login": "typed login",
        "settings-batch_size": "9999",
        "common-sender": "no good!",
        "common-send_ips": "typed network",
    }
    answer = client.post(url, typed(url, client) | wrong)
    assert answer.status_code == 422
    form = answer.context["form"]
    assert set(form.own.errors) == {"batch_size"}
    assert set(form.common.errors) == {"sender", "send_ips"}
    for value in ("acme MAIN", "typed login", "9999", "no good!", "typed network"):
        assert value in words(answer)
    assert "canary-typed" not in words(answer)
    assert private_key(key).splitlines()[1] not in words(answer)
    right = {"settings-batch_size": "9", "common-sender": "", "common-send_ips": ""}
    answer = client.post(url, typed(url, client) | wrong | right)
    assert set(answer.context["form"].general.errors) == {"name"}


def test_moving_the_address_asks_for_the_secret_again(world: World) -> None:
    client, page = world.owner(), world.url("gateway")
    moved = typed(page, client) | {"settings-base_url": "https://elsewhere.example"}
    answer = client.post(page, moved)
    assert set(answer.context["form"].own.errors) == {"api_key"}
    assert client.post(page, moved | {"settings-api_key": "canary-new"}).status_code == 302


def test_no_saved_secret_is_in_any_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", ("127.0.0.1:1",))
    client = Client()
    client.force_login(administrator())
    stored = services.runtime(world.gateway).settings["api_key"]
    assert stored == CANARY
    form = typed(world.url("gateway"), client)
    seen = []
    for name in PAGES:
        for url in {world.url(name), world.url(name, **({"trial": "balance"} if name.endswith("-try") else {}))}:
            seen.append(words(client.get(url)) if "download" not in name else "")
            if name not in ("gateway-delete", "sender-delete"):
                posted = form | {"settings-base_url": "https://127.0.0.1:1", "settings-api_key": CANARY}
                seen += [words(client.post(url, posted)), words(client.post(url, form | {"settings-batch_size": "x"}))]
    assert any("Acme main" in page for page in seen)
    assert not [page for page in seen if CANARY in page]


def test_who_may_not_change_a_gateway_reads_it(world: World) -> None:
    page = words(world.tenant.console(Role.VIEWER).get(world.url("gateway")))
    assert '<fieldset class="whole" disabled>' in page
    assert "Save" not in page
    assert "/cb/" not in page


def test_a_shared_gateway_is_changed_by_the_administrator_alone(world: World) -> None:
    world.gateway.workspaces.add(tenant("South").workspace)
    client = world.owner()
    page = words(client.get(world.url("gateway")))
    assert "only an administrator" in page
    assert "/cb/" not in page
    for name in ("gateway", "gateway-delete", "gateway-log", "gateway-preview"):
        assert client.post(world.url(name), {"name": "x"}).status_code in (403, 405)
    admin = Client()
    admin.force_login(administrator())
    values = typed(world.url("gateway"), admin, name="Ruled")
    answer = admin.post(world.url("gateway"), values | {"workspaces": [world.tenant.workspace.pk]})
    assert answer.status_code == 302
    world.gateway.refresh_from_db()
    assert (world.gateway.name, world.gateway.workspaces.count()) == ("Ruled", 1)


def test_callback_addresses_or_why_there_are_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    page = words(world.owner().get(world.url("gateway")))
    assert f"https://gp.example/cb/receipt/{world.gateway.callback_token}" in page
    monkeypatch.setitem(settings.CONFIG, "PUBLIC_URL", "")
    assert "GATEPOST_PUBLIC_URL" in words(world.owner().get(world.url("gateway")))


def test_deleting_tells_what_it_affects_and_moves_what_waits(world: World) -> None:
    client, url = world.owner(), world.url("gateway-delete")
    heir = services.create_gateway(
        [world.tenant.workspace], "acme", "Heir", {"api_key": "k"}, {"sender": "Heir"}, actor=ACTOR
    )
    from gatepost.messages.services import accept_one
    from gatepost.messages.store import Origin
    from gatepost.messages.wishes import Wish

    message_id = accept_one(
        Origin(world.tenant.workspace.pk), Wish(to="+48600100200", text="Hi", gateway=str(world.gateway.pk))
    )
    doubtful = a_message(world.tenant.workspace, world.gateway, state="unknown")
    in_queue(doubtful)
    page = words(client.get(url))
    assert "<dt>Waiting messages</dt><dd><strong>1</strong>: go to another gateway</dd>" in page
    answer = client.post(url)
    assert answer.status_code == 409
    assert "1 messages wait for Acme main" in words(answer)
    Gateway.objects.filter(pk=heir.pk).update(only_verified_phones=True)
    assert client.post(url, {"heir": heir.pk}).status_code == 422
    Gateway.objects.filter(pk=heir.pk).update(only_verified_phones=False)
    assert client.post(url, {"heir": heir.pk}).status_code == 302
    assert not Gateway.objects.filter(pk=world.gateway.pk).exists()
    moved = Message.objects.get(pk=message_id)
    assert (moved.gateway_id, moved.state) == (heir.pk, "queued")
    from gatepost.dispatch.models import Outbox

    assert Outbox.objects.get().gateway_id == heir.pk
    told = MessageEvent.objects.get(message_id=doubtful.pk)
    assert (told.kind, told.detail) == ("not sent again", {"why": "its gateway was deleted"})


def test_a_request_on_its_way_stops_the_deletion(world: World) -> None:
    from gatepost.dispatch.models import Submission

    Submission.objects.create(
        id=1, gateway=world.gateway, fence=1, message_ids=[1], serial=1, settings_version=1, intent_at=timezone.now()
    )
    answer = world.owner().post(world.url("gateway-delete"))
    assert answer.status_code == 409
    assert "on their way" in words(answer)
    assert Gateway.objects.filter(pk=world.gateway.pk).exists()


def test_a_check_runs_with_what_is_typed_and_shows_the_exchange(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.owner()
    typed_form = typed(world.url("gateway"), client)
    incomplete = client.post(
        world.url("gateway-try"), typed_form | {"settings-batch_size": "x"}, headers={"HX-Request": "true"}
    )
    assert "Nothing was sent" in words(incomplete)
    changed = typed_form | {"settings-base_url": "https://127.0.0.1:1", "settings-api_key": "canary-typed"}
    answer = words(client.post(world.url("gateway-try"), changed))
    assert "not saved yet" in answer
    assert "Acme SMS was not reached" in answer
    assert 'value="https://127.0.0.1:1"' in answer
    assert "canary-typed" not in answer
    assert world.owner().post(world.url("gateway-try", trial="nothing"), typed_form).status_code == 404


def test_a_test_sms_goes_through_the_queue_and_is_followed(world: World) -> None:
    client = world.owner()
    values = typed(world.url("gateway"), client) | {"trial_to": "+48600100200", "trial_text": "Try"}
    answer = words(client.post(world.url("gateway-test"), values, headers={"HX-Request": "true"}))
    message = Message.objects.latest("pk")
    assert (message.body, message.kind, message.gateway_id) == ("Try", "test", world.gateway.pk)
    assert "On its way to the provider" in answer
    assert "hx-get" in answer
    refused = client.post(world.url("gateway-test"), values | {"trial_to": "12"}, headers={"HX-Request": "true"})
    assert "in international form" in words(refused)


def test_an_unsaved_test_sms_obeys_the_rules_of_every_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client, before = world.owner(), Message.objects.count()
    values = typed(world.url("gateway"), client) | {"trial_to": "+48600100200", "trial_text": "Try"}
    values |= {"settings-base_url": "https://127.0.0.1:1", "settings-api_key": "canary-typed"}
    answer = words(client.post(world.url("gateway-test"), values, headers={"HX-Request": "true"}))
    assert "the message is not in the log" in answer
    assert Message.objects.count() == before
    closed = values | {"common-only_verified_phones": "on", "common-verified_phones": "+48600100201"}
    answer = words(client.post(world.url("gateway-test"), closed, headers={"HX-Request": "true"}))
    assert "verified phones only" in answer
    waiting = {name: value for name, value in values.items() if name != "common-sending_enabled"}
    answer = words(client.post(world.url("gateway-test"), waiting, headers={"HX-Request": "true"}))
    assert "Switch it on" in answer


def trace(**more: Any) -> Trace:
    values: dict[str, Any] = {
        "label": "Send",
        "method": "POST",
        "url": "https://api.acme.example/send?to=48600100200",
        "headers": (),
        "body": "text=Secret plans",
        "status": 200,
        "response_headers": (),
        "response_body": "ok 600100200",
        "failure": "",
        "is_sent": True,
        "started_at": timezone.now(),
        "connect_ms": 1.0,
        "total_ms": 2.0,
    }
    return Trace(**values | more)


def test_the_debug_log_is_shown_filtered_and_downloaded(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setitem(settings.CONFIG, "SMS_LOG", str(tmp_path / "logs" / "sms.log"))
    client = world.owner()
    assert "The debug log is off" in words(client.get(world.url("gateway-log")))
    sms_log.write(world.gateway.pk, "Acme", [trace()], texts=["Secret plans"], numbers=["48600100200"])
    sign_in = trace(label="Sign in", url="https://api.acme.example/token", body="", response_body="")
    sms_log.write(world.gateway.pk, "Acme", [sign_in])
    sms_log.write(world.gateway.pk + 1, "Other", [trace(label="Foreign")])
    page = words(client.get(world.url("gateway-log")))
    assert "Sign in" in page
    assert "Foreign" not in page
    assert "Secret plans" not in page
    assert "600100200" not in page
    assert "/token" not in words(client.get(world.url("gateway-log"), {"q": "send?to="}))
    answer = client.get(world.url("gateway-log-download"))
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).decode().splitlines()]  # type: ignore[attr-defined]
    assert [line["label"] for line in lines] == ["Send", "Sign in"]
    assert "600100200" not in json.dumps(lines[0])
    assert (sms_log.path().stat().st_mode & 0o777) == 0o600


def test_the_debug_log_is_rotated(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setitem(settings.CONFIG, "SMS_LOG", str(tmp_path / "sms.log"))
    monkeypatch.setattr(sms_log, "MAX_BYTES", 2000)
    for number in range(40):
        sms_log.write(5, "Acme", [trace(label=f"n{number}")])
    assert len(list(tmp_path.glob("sms.log.?"))) == sms_log.OLD_FILES
    labels = [json.loads(line)["label"] for line in sms_log.lines(5)]
    assert labels[-1] == "n39"
    assert labels == sorted(labels, key=lambda label: int(label[1:]))
    assert sms_log.path().stat().st_size <= 2000


def test_sender_ids_are_asked_for_decided_and_made_the_default(world: World) -> None:
    client, url = world.owner(), world.url("senders")
    assert client.post(url, {"sender": "Shop", "gateway": str(world.gateway.pk)}).status_code == 302
    row = SenderId.objects.get(sender="Shop")
    assert (row.status, row.gateway_id) == ("requested", world.gateway.pk)
    again = client.post(url, {"sender": "Shop", "gateway": str(world.gateway.pk)})
    assert (again.status_code, "asked for this sender ID before" in words(again)) == (422, True)
    assert "takes 1 to 11 letters" in words(client.post(url, {"sender": "no good!", "gateway": str(world.gateway.pk)}))
    admin = Client()
    admin.force_login(administrator())
    decide = world.url("sender-decide", sender=row.pk)
    admin.post(decide, {"decision": "approve", "reason": "fine"})
    assert "is approved already" in words(admin.post(decide, {"decision": "approve"}, follow=True))
    client.post(world.url("sender-default", sender=row.pk))
    row.refresh_from_db()
    assert (row.status, row.reason, row.is_default) == ("approved", "fine", True)
    client.post(world.url("sender-delete", sender=row.pk))
    assert not SenderId.objects.filter(pk=row.pk).exists()


def test_a_gateway_whose_certificate_ends_soon_says_so(world: World) -> None:
    key = new_key()
    services.update_gateway(world.gateway, actor=ACTOR, settings={"client_pem": certificate(key) + private_key(key)})
    world.gateway.secrets.filter(name="client_pem").update(expires_at=timezone.now() + timedelta(days=3))
    assert "Certificate runs out" in words(world.owner().get(world.url("gateways")))


def sample(field: Field, *, is_json: bool = False) -> str:
    """The shortest thing that fits the field."""
    if field.kind == "pem":
        key = new_key()
        return certificate(key) + private_key(key)
    if field.name == "url":
        return "https://provider.example/send"
    if field.name == "body":
        return '{"to": "%TO%", "text": "%MESSAGE%"}' if is_json else "to=%TO%&text=%MESSAGE%"
    if field.pattern:
        return shortest(re_parser.parse(field.pattern))
    kinds = {"url": "https://provider.example", "number": str(field.min or 1), "secret": "canary-sample-secret"}
    return kinds.get(field.kind, "sample")


def shortest(parsed: Any) -> str:
    """A text that a simple pattern matches: without look-around, which no manifest needs for what it asks for."""
    text = ""
    for kind, value in parsed:
        match str(kind):
            case "LITERAL":
                text += chr(value)
            case "IN":
                text += next(chr(n) for n in range(ord("0"), 127) if re.fullmatch(rf"{_as_class(value)}", chr(n)))
            case "MAX_REPEAT":
                text += shortest(value[2]) * value[0]
            case "SUBPATTERN":
                text += shortest(value[3])
            case "BRANCH":
                text += shortest(value[1][0])
            case other:
                raise NotImplementedError(other)
    return text


def _as_class(items: Any) -> str:
    parts = {"CATEGORY_DIGIT": "0-9", "CATEGORY_WORD": "0-9A-Za-z_"}
    inner = ""
    for kind, value in items:
        if str(kind) == "LITERAL":
            inner += re.escape(chr(value))
        elif str(kind) == "RANGE":
            inner += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif str(kind) == "NEGATE":
            inner += "^"
        else:
            inner += parts[str(value)]
    return f"[{inner}]"


FIT = sorted(slug for slug, one in registry.all_providers().items() if not one.manifest.unfit)


@pytest.fixture
def north() -> Tenant:
    """A tenant without anything, for the real providers."""
    return tenant("East")


@pytest.mark.parametrize("slug", FIT)
def test_a_form_is_made_checked_and_saved_from_the_manifest_alone(north: Tenant, slug: str) -> None:
    manifest = registry.provider(slug).manifest
    client = north.console(Role.OWNER)
    url = reverse("gateway-add", args=[north.workspace.pk, slug])
    page = words(client.get(url))
    for field in manifest.fields:
        assert f'name="settings-{field.name}"' in page
        assert not field.help or field.name in page
    empty = typed(url, client)
    needed = [field for field in manifest.fields if field.required and field.default in (None, "", ())]
    shown = [field for field in needed if field.applies({one.name: one.default for one in manifest.fields})]
    answer = client.post(url, empty)
    if shown:
        assert answer.status_code == 422
        assert {field.name for field in shown} <= set(answer.context["form"].own.errors)
    by_name = {field.name: field for field in manifest.fields}
    is_json = empty.get("settings-body_format") == "json"
    values = empty | {"name": "Real"}
    # What a provider needs as a whole it says when the form is checked: answer it field by field.
    for _ in manifest.fields:
        answer = client.post(url, values)
        if answer.status_code == 302:
            break
        wrong = answer.context["form"].own.errors
        assert wrong, answer.context["form"].faults
        values |= {f"settings-{name}": sample(by_name[name], is_json=is_json) for name in wrong}
    assert answer.status_code == 302, answer.context["form"].faults
    gateway = Gateway.objects.get(name="Real")
    page = words(client.get(reverse("gateway", args=[north.workspace.pk, gateway.pk])))
    assert "canary-sample-secret" not in page
    again = reverse("gateway", args=[north.workspace.pk, gateway.pk])
    answer = client.post(again, typed(again, client))
    assert answer.status_code == 302, answer.context["form"].faults
    gateway.refresh_from_db()
    assert gateway.settings_version == 1


@pytest.mark.parametrize("slug", FIT)
def test_every_provider_has_a_page(north: Tenant, slug: str) -> None:
    answer = north.console(Role.VIEWER).get(reverse("provider", args=[north.workspace.pk, slug]))
    page = words(answer)
    assert registry.provider(slug).manifest.label in page
    for heading in re.findall(r"<h2>(.+)</h2>", tiles.quirks(slug) or ""):
        assert f"<h2>{heading}</h2>" in page


PRESETS = [(slug, preset) for slug in FIT for preset in registry.provider(slug).manifest.presets]


@pytest.mark.parametrize(("slug", "preset"), PRESETS, ids=lambda value: getattr(value, "slug", value))
def test_a_preset_fills_the_form(north: Tenant, slug: str, preset: Any) -> None:
    url = reverse("gateway-add", args=[north.workspace.pk, slug])
    form = north.console(Role.OWNER).get(url, {"preset": preset.slug}).context["form"]
    for name, value in preset.settings.items():
        shown = form.own[name].value()
        assert shown == ("\n".join(value) if isinstance(value, list | tuple) else value)


EXPORTING = [slug for slug in FIT if registry.provider(slug).export_preset]


@pytest.mark.parametrize("slug", EXPORTING)
def test_a_set_up_is_exported_and_imported_without_secrets(north: Tenant, slug: str) -> None:
    client = north.console(Role.OWNER)
    url = reverse("gateway-add", args=[north.workspace.pk, slug])
    own = {"settings-url": "https://provider.example/send", "settings-body": "to=%TO%&message=%MESSAGE%"}
    own |= {"settings-username": "jan", "settings-password": "canary-preset"}
    assert client.post(url, typed(url, client) | {"name": "One"} | own).status_code == 302
    gateway = Gateway.objects.get(name="One")
    answer = client.get(reverse("gateway-preset", args=[north.workspace.pk, gateway.pk]))
    assert b"canary" not in answer.content
    assert b"jan" not in answer.content
    from django.core.files.uploadedfile import SimpleUploadedFile

    target = reverse("gateway-import", args=[north.workspace.pk, slug])
    sent = client.post(target, {"file": SimpleUploadedFile("one.json", answer.content)})
    assert sent.context["form"].own["url"].value() == "https://provider.example/send"
    for content in (b"", b"no json", b"[]", b'{"format": "x"}', b"[" * 50_000):
        refused = client.post(target, {"file": SimpleUploadedFile("bad.json", content)})
        assert refused.status_code == 422
    preview = reverse("gateway-preview", args=[north.workspace.pk, gateway.pk])
    values = typed(reverse("gateway", args=[north.workspace.pk, gateway.pk]), client)
    shown = words(client.post(preview, values | {"settings-body": "to=%TO%&pass={{password}}&live=1"}))
    assert "live=1" in shown
    assert "canary-preset" not in shown
    assert "Not complete yet" in words(client.post(preview, values | {"settings-url": ""}))
