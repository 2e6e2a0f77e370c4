"""Every page x every role x a foreign workspace x nobody, by GET and POST. A page that is not declared here fails."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from tests.support.acme import Acme, only_acme
from tests.support.kept import kept
from tests.support.tenants import ACTOR, Tenant, administrator, one_of_everything, tenant

from gatepost import urls
from gatepost.audience import entries, importing
from gatepost.campaigns import services as campaigns
from gatepost.channels.models import EmailSuppression
from gatepost.console.account_urls import PAGES as ACCOUNT_PAGES
from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.inbox.models import InboundMedia, InboundMessage
from gatepost.messages.models import Message
from gatepost.pages import access
from gatepost.workspaces.models import Role, User
from gatepost.workspaces.services import create_user

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"

EVERYONE = set(Role)
SENDERS = EVERYONE - {Role.VIEWER}
CAMPAIGNERS = SENDERS - {Role.AGENT}
OPERATORS = {Role.OWNER, Role.OPERATOR}
OWNERS = {Role.OWNER}
NOBODY: set[Role] = set()

PAGES: dict[str, tuple[set[Role] | None, set[Role] | None]] = {
    "home": (EVERYONE, None),
    "search": (EVERYONE, None),
    "compose": (SENDERS, SENDERS),
    "compose-measure": (None, SENDERS),
    "log": (EVERYONE, None),
    "log-export": (EVERYONE, None),
    "message": (EVERYONE, None),
    "message-live": (EVERYONE, None),
    "message-actions": (None, SENDERS),
    "doubts": (EVERYONE, None),
    "doubt-actions": (None, SENDERS),
    "inbound": (EVERYONE, None),
    "inbound-media": (EVERYONE, None),
    "inbound-picture": (EVERYONE, None),
    "phone": (EVERYONE, None),
    "phone-live": (EVERYONE, None),
    "demo-mailbox": (EVERYONE, None),
    "phone-write": (None, SENDERS),
    "phone-reply": (None, SENDERS),
    "phone-gateway": (None, OPERATORS),
    "phone-reset": (None, OPERATORS),
    "catalogue": (EVERYONE, None),
    "provider": (EVERYONE, None),
    "gateways": (EVERYONE, None),
    "gateway": (EVERYONE, OPERATORS),
    "gateway-add": (OPERATORS, OPERATORS),
    "gateway-import": (None, OPERATORS),
    "gateway-preset": (EVERYONE, None),
    "gateway-add-try": (None, OPERATORS),
    "gateway-try": (None, OPERATORS),
    "gateway-add-preview": (None, OPERATORS),
    "gateway-preview": (None, OPERATORS),
    "gateway-add-test": (None, OPERATORS),
    "gateway-test": (None, OPERATORS),
    "gateway-test-result": (OPERATORS, None),
    "gateway-log": (OPERATORS, None),
    "gateway-log-download": (OPERATORS, None),
    "gateway-default": (None, OPERATORS),
    "gateway-health": (EVERYONE, None),
    "gateway-move-queue": (None, OPERATORS),
    "gateway-delete": (OPERATORS, OPERATORS),
    "routing": (EVERYONE, None),
    "route-where": (EVERYONE, None),
    "routing-changes": (EVERYONE, None),
    "route-add": (OPERATORS, OPERATORS),
    "route": (EVERYONE, OPERATORS),
    "route-delete": (None, OPERATORS),
    "route-switch": (None, OPERATORS),
    "route-move": (None, OPERATORS),
    "route-order": (None, OPERATORS),
    "senders": (EVERYONE, OPERATORS),
    "sender-decide": (None, NOBODY),
    "sender-default": (None, OPERATORS),
    "sender-delete": (None, OPERATORS),
    "prices": (EVERYONE, OPERATORS),
    "price-delete": (None, OPERATORS),
    "prices-import": (None, OPERATORS),
    "prices-export": (EVERYONE, None),
    "email-account": (EVERYONE, OPERATORS),
    "email-account-add": (OPERATORS, OPERATORS),
    "email-account-add-try": (None, OPERATORS),
    "email-account-try": (None, OPERATORS),
    "email-account-default": (None, OPERATORS),
    "email-account-delete": (OPERATORS, OPERATORS),
    "mails": (EVERYONE, None),
    "mail": (EVERYONE, None),
    "mail-file": (EVERYONE, None),
    "mail-actions": (None, SENDERS),
    "email-suppressions": (EVERYONE, SENDERS),
    "email-suppressions-export": (EVERYONE, None),
    "email-suppression-remove": (None, OPERATORS),
    "portal-messages": (EVERYONE, None),
    "portal-settings": (EVERYONE, OPERATORS),
    "portal-message": (EVERYONE, None),
    "portal-message-file": (EVERYONE, None),
    "contacts": (EVERYONE, None),
    "contacts-count": (EVERYONE, None),
    "contacts-export": (EVERYONE, None),
    "contacts-actions": (None, SENDERS),
    "contacts-filter": (None, EVERYONE),
    "contact": (EVERYONE, None),
    "contact-add": (SENDERS, SENDERS),
    "contact-edit": (SENDERS, SENDERS),
    "contact-delete": (None, SENDERS),
    "contact-document-add": (None, SENDERS),
    "contact-document": (EVERYONE, None),
    "contact-document-delete": (None, SENDERS),
    "segments": (EVERYONE, SENDERS),
    "segment-save": (None, SENDERS),
    "segment": (SENDERS, SENDERS),
    "segment-delete": (None, SENDERS),
    "registers": (EVERYONE, SENDERS),
    "register-change": (None, SENDERS),
    "fields": (EVERYONE, OPERATORS),
    "field-change": (None, OPERATORS),
    "imports": (SENDERS, SENDERS),
    "import": (SENDERS, SENDERS),
    "import-progress": (SENDERS, None),
    "import-errors": (SENDERS, None),
    "import-cancel": (None, SENDERS),
    "links": (EVERYONE, OPERATORS),
    "templates": (EVERYONE, None),
    "template-add": (SENDERS, SENDERS),
    "template": (EVERYONE, SENDERS),
    "template-delete": (None, SENDERS),
    "template-versions": (EVERYONE, SENDERS),
    "template-preview": (None, EVERYONE),
    "history": (EVERYONE, None),
    "campaign-new": (CAMPAIGNERS, None),
    "campaign-compose": (CAMPAIGNERS, None),
    "campaign-save": (None, CAMPAIGNERS),
    "campaign-preview": (CAMPAIGNERS, None),
    "campaign-test": (None, CAMPAIGNERS),
    "campaign-check": (CAMPAIGNERS, CAMPAIGNERS),
    "campaign-check-live": (CAMPAIGNERS, None),
    "campaign-left-out": (CAMPAIGNERS, None),
    "campaign-send": (None, CAMPAIGNERS),
    "campaign": (EVERYONE, None),
    "campaign-live": (EVERYONE, None),
    "campaign-act": (None, CAMPAIGNERS),
    "campaign-copy": (None, CAMPAIGNERS),
    "campaign-recipient": (EVERYONE, None),
    "campaign-export": (EVERYONE, None),
    "people": (OPERATORS, OWNERS),
    "person-role": (None, OWNERS),
    "person-remove": (None, OWNERS),
    "person-let-in": (None, OWNERS),
    "keys": (OPERATORS, OWNERS),
    "key-revoke": (None, OWNERS),
    "workspace": (EVERYONE, OPERATORS),
    "audit": (OPERATORS, None),
}
"""Who may open each page, and who may post to it; None where there is nothing to open or to post."""

OWN_PAGES = {
    "profile": (True, True, False),
    "profile-end-sessions": (False, True, False),
    "workspaces": (True, True, True),
    "users": (True, True, True),
    "workers": (True, False, True),
    "user": (True, True, True),
    "user-let-in": (False, True, True),
}
"""Pages outside of workspaces: whether they are opened, posted to, and for installation administrators alone."""

NEEDS_EXISTING = re.compile(r"<(?:int:\w+|str:ref)>")
INLINE = re.compile(r"<script(?![^>]*(?:\ssrc=|type=\"application/json\"))|\sstyle=|\son[a-z]+=|<style", re.IGNORECASE)


@dataclass(frozen=True)
class World:
    """A tenant with one of everything, and a stranger to it."""

    tenant: Tenant
    stranger: Tenant
    ids: dict[str, Any]

    def url(self, name: str, workspace: int | None = None) -> str:
        address = next(one.address for one in access.routes() if one.name == name)
        parts = {part: self.ids[part] for part in re.findall(r"<\w+:(\w+)>", address)}
        return reverse(name, kwargs=parts | {"workspace": workspace or self.tenant.workspace.pk})

    def own_url(self, name: str) -> str:
        return reverse(name, kwargs={"person": self.ids["person"]} if "<" in address_of_own(name) else {})


def address_of_own(name: str) -> str:
    return next(one.address for one in access.own_pages() if one.name == name)


def make_world() -> World:
    # A name that stands in no list of time zones.
    north = tenant("Northwind")
    with only_acme() as acme:
        gateway = services.create_gateway([north.workspace], acme.slug, "Acme main", acme.settings(), actor=ACTOR)
    made = one_of_everything(north, gateway)
    Message.objects.update(kind="test")
    campaign = campaigns.create(north.workspace, {"name": "Northwind works", "text": "Hello Northwind"}, actor=ACTOR)
    recipient = campaign.recipients.create(channel="sms", contact_id=made["contact_id"], reason="no_number")
    ids = {
        "gateway": gateway.pk,
        "provider": acme.slug,
        "trial": "unheard-of",
        "sender": made["sender_id"],
        "rule": made["rule_id"],
        "ref": made["ref"],
        "price": made["price_id"],
        "account": made["account_id"],
        "file": made["file"],
        "suppression": EmailSuppression.objects.create(workspace=north.workspace, address="ann@north.example").pk,
        "key": made["key_id"],
        "person": north.member(Role.SENDER).pk,
        "media": picture(north, gateway).pk,
        "contact": made["contact_id"],
        "document": made["document_id"],
        "segment": made["segment_id"],
        "template": made["template_id"],
        "field": entries.add_field(north.workspace, "Node", "text", actor=ACTOR).pk,
        "campaign": campaign.pk,
        "recipient": recipient.pk,
        "number": importing.upload(north.workspace, "people.csv", [b"name\nNorth\n"], actor=ACTOR).pk,
    }
    for role in Role:
        north.member(role)
    return World(north, tenant("South"), ids)


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with kept(django_db_blocker, make_world) as world:
        yield world


@pytest.fixture
def world(acme: Acme, made: World) -> World:
    return deepcopy(made)


def picture(owner: Tenant, gateway: Gateway) -> InboundMedia:
    message = InboundMessage.objects.create(
        workspace=owner.workspace, gateway=gateway, kind="mms", sender="48600100200", dedupe_key="one"
    )
    return InboundMedia.objects.create(message=message, body=b"\x89PNG\r\n\x1a\nNorth")


def ask(client: Client, method: str, url: str) -> HttpResponse:
    """Send it, and undo what it did."""
    with transaction.atomic():
        answer: HttpResponse = getattr(client, method)(url)
        transaction.set_rollback(True)
    return answer


def of_administrator() -> Client:
    client = Client()
    client.force_login(User.objects.filter(is_superuser=True).first() or administrator())
    return client


def is_asked_to_sign_in(answer: HttpResponse) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith(reverse("account_login"))


def methods(name: str) -> Iterator[tuple[str, set[Role] | None]]:
    yield from zip(("get", "post"), PAGES[name], strict=True)


def test_the_tables_name_every_page() -> None:
    assert {one.name for one in access.routes()} == set(PAGES)
    assert {one.name: one.is_for_administrators for one in access.own_pages()} == {
        name: is_for_administrators for name, (_, _, is_for_administrators) in OWN_PAGES.items()
    }


@pytest.mark.parametrize("name", PAGES)
def test_nobody_gets_in_without_signing_in(world: World, name: str) -> None:
    for method in ("get", "post"):
        assert is_asked_to_sign_in(ask(Client(), method, world.url(name)))


@pytest.mark.parametrize("name", PAGES)
def test_each_role_reaches_what_it_may(world: World, name: str) -> None:
    for method, allowed in methods(name):
        for role in Role:
            answer = ask(world.tenant.console(role), method, world.url(name))
            if allowed is None:
                assert answer.status_code in (403, 405), f"{method} {role}: {answer.status_code}"
            else:
                is_denied = answer.status_code in (403, 405)
                assert is_denied == (role not in allowed), f"{method} {role}: {answer.status_code}"


@pytest.mark.parametrize("name", PAGES)
def test_the_administrator_reaches_everything(world: World, name: str) -> None:
    client = of_administrator()
    for method, allowed in methods(name):
        answer = ask(client, method, world.url(name))
        assert (answer.status_code == 405) == (allowed is None), f"{method}: {answer.status_code}"
        assert answer.status_code != 403


@pytest.mark.parametrize("name", PAGES)
def test_what_belongs_to_another_tenant_does_not_exist(world: World, name: str) -> None:
    client = world.stranger.console(Role.OWNER)
    address = next(one.address for one in access.routes() if one.name == name)
    for method, allowed in methods(name):
        assert ask(client, method, world.url(name)).status_code == 404
        answer = ask(client, method, world.url(name, world.stranger.workspace.pk))
        if allowed is None or not NEEDS_EXISTING.search(address):
            content = answer.getvalue()
            assert b"Northwind" not in content
            assert b"Acme main" not in content
        else:
            assert answer.status_code == (403 if allowed is NOBODY else 404), f"{method}: {answer.status_code}"


@pytest.mark.parametrize("name", PAGES)
def test_someone_without_a_workspace_reaches_nothing(world: World, name: str) -> None:
    client = Client()
    client.force_login(create_user("nobody@gp.example", actor=ACTOR))
    for method in ("get", "post"):
        assert ask(client, method, world.url(name)).status_code == 404


@pytest.mark.parametrize("name", OWN_PAGES)
def test_pages_outside_of_workspaces_are_for_whom_they_are(world: World, name: str) -> None:
    is_opened, is_posted, is_for_administrators = OWN_PAGES[name]
    for method, exists in (("get", is_opened), ("post", is_posted)):
        url = world.own_url(name)
        assert is_asked_to_sign_in(ask(Client(), method, url))
        for role in Role:
            answer = ask(world.tenant.console(role), method, url)
            expected = {403} if is_for_administrators else {200, 302, 422} if exists else {405}
            assert answer.status_code in expected, f"{method} {role}: {answer.status_code}"
        answer = ask(of_administrator(), method, url)
        assert (answer.status_code == 405) == (not exists)
        assert answer.status_code != 403


@pytest.mark.parametrize("name", [*PAGES, *OWN_PAGES])
def test_opening_a_page_changes_nothing(world: World, name: str) -> None:
    client = of_administrator()
    url = world.own_url(name) if name in OWN_PAGES else world.url(name)
    before = everything()
    client.get(url)
    assert everything() == before


def everything() -> dict[str, str]:
    """What every table holds, but for sessions, which remember what was opened last."""
    tables = set(connection.introspection.table_names()) - {"django_session", "cache_entry"}
    prints = (
        f"SELECT '{table}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"
        for table in sorted(tables)
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(prints))
        return dict(cursor.fetchall())


def test_the_fingerprint_sees_a_change(world: World) -> None:
    before = everything()
    Gateway.objects.update(name="Renamed")
    assert everything() != before


def opened(world: World) -> Iterator[tuple[str, HttpResponse]]:
    """Every page that can be opened, and the pages of signing in, as an administrator and as nobody."""
    client = of_administrator()
    for name in PAGES:
        if PAGES[name][0] is not None:
            yield name, client.get(world.url(name))
    for name in OWN_PAGES:
        if OWN_PAGES[name][0]:
            yield name, client.get(world.own_url(name))
    for who in (client, Client()):
        for address, _, name in ACCOUNT_PAGES:
            if "<" not in address:
                yield name, who.get(reverse(name), follow=True)
        yield "link", who.get(reverse("sign-in-link", args=["nonsense"]))
        yield "404", who.get("/nothing/")


def test_every_page_keeps_the_policy_and_shows_nothing_of_others(world: World) -> None:
    seen = 0
    for name, answer in opened(world):
        policy = answer["Content-Security-Policy"]
        assert re.search("default-src '(self|none)'", policy), name
        assert "unsafe" not in policy, name
        assert answer["X-Content-Type-Options"] == "nosniff", name
        assert answer["X-Frame-Options"] == "DENY", name
        if not answer.streaming and answer["Content-Type"].startswith("text/html"):
            text = answer.content.decode()
            assert not INLINE.search(text), f"{name}: {INLINE.findall(text)}"
            seen += 1
    assert seen > 30
