"""Every route x every role x every scope x a foreign workspace. A route that is not declared here fails."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from tests.support.acme import Acme, only_acme
from tests.support.kept import kept
from tests.support.tenants import ACTOR, Tenant, administrator, one_of_everything, tenant

from gatepost.api import openapi
from gatepost.api.assembly import api
from gatepost.gateways import services
from gatepost.workspaces.models import Role
from gatepost.workspaces.permissions import Scope
from gatepost.workspaces.services import create_user

pytestmark = pytest.mark.django_db

EXPECTED = {
    ("get", "/api/v1/providers"): "gateways:read",
    ("get", "/api/v1/providers/{slug}"): "gateways:read",
    ("get", "/api/v1/gateways"): "gateways:read",
    ("post", "/api/v1/gateways"): "gateways:write",
    ("post", "/api/v1/gateways/check"): "gateways:test",
    ("get", "/api/v1/gateways/{gateway_id}"): "gateways:read",
    ("patch", "/api/v1/gateways/{gateway_id}"): "gateways:write",
    ("delete", "/api/v1/gateways/{gateway_id}"): "gateways:write",
    ("get", "/api/v1/gateways/{gateway_id}/affected"): "gateways:read",
    ("post", "/api/v1/gateways/{gateway_id}/check"): "gateways:test",
    ("post", "/api/v1/gateways/{gateway_id}/balance"): "gateways:test",
    ("post", "/api/v1/gateways/{gateway_id}/test"): "gateways:test",
    ("get", "/api/v1/gateways/{gateway_id}/health"): "gateways:read",
    ("post", "/api/v1/gateways/{gateway_id}/move-queue"): "gateways:write",
    ("get", "/api/v1/routes/changes"): "routes:read",
    ("get", "/api/v1/routes"): "routes:read",
    ("post", "/api/v1/routes"): "routes:write",
    ("post", "/api/v1/routes/order"): "routes:write",
    ("post", "/api/v1/routes/where"): "routes:read",
    ("get", "/api/v1/routes/{rule_id}"): "routes:read",
    ("patch", "/api/v1/routes/{rule_id}"): "routes:write",
    ("delete", "/api/v1/routes/{rule_id}"): "routes:write",
    ("get", "/api/v1/messages"): "messages:read",
    ("get", "/api/v1/messages/{ref}"): "messages:read",
    ("get", "/api/v1/messages/{ref}/explain"): "messages:read",
    ("post", "/api/v1/messages/{ref}/send-again"): "messages:send",
    ("post", "/api/v1/messages/{ref}/leave"): "messages:send",
    ("post", "/api/v1/messages/{ref}/cancel"): "messages:send",
    ("get", "/api/v1/sender-ids"): "senders:read",
    ("post", "/api/v1/sender-ids"): "senders:write",
    ("post", "/api/v1/sender-ids/{sender_id}/decision"): "senders:decide",
    ("post", "/api/v1/sender-ids/{sender_id}/default"): "senders:write",
    ("delete", "/api/v1/sender-ids/{sender_id}"): "senders:write",
    ("get", "/api/v1/contacts"): "contacts:read",
    ("post", "/api/v1/contacts"): "contacts:write",
    ("post", "/api/v1/contacts/batch"): "contacts:write",
    ("post", "/api/v1/contacts/count"): "contacts:read",
    ("get", "/api/v1/contacts/{contact_id}"): "contacts:read",
    ("patch", "/api/v1/contacts/{contact_id}"): "contacts:write",
    ("delete", "/api/v1/contacts/{contact_id}"): "contacts:write",
    ("get", "/api/v1/contacts/{contact_id}/documents"): "contacts:read",
    ("post", "/api/v1/contacts/{contact_id}/documents"): "contacts:write",
    ("get", "/api/v1/contacts/{contact_id}/documents/{document_id}/file"): "contacts:read",
    ("delete", "/api/v1/contacts/{contact_id}/documents/{document_id}"): "contacts:write",
    ("get", "/api/v1/contacts/imports"): "contacts:write",
    ("post", "/api/v1/contacts/imports"): "contacts:write",
    ("get", "/api/v1/contacts/imports/{import_id}"): "contacts:write",
    ("post", "/api/v1/contacts/imports/{import_id}/start"): "contacts:write",
    ("post", "/api/v1/contacts/imports/{import_id}/cancel"): "contacts:write",
    ("get", "/api/v1/contacts/imports/{import_id}/errors"): "contacts:write",
    ("get", "/api/v1/links"): "messages:read",
    ("get", "/api/v1/links/settings"): "workspace:read",
    ("put", "/api/v1/links/settings"): "workspace:write",
    ("get", "/api/v1/templates"): "templates:read",
    ("post", "/api/v1/templates"): "templates:write",
    ("get", "/api/v1/templates/placeholders"): "templates:read",
    ("post", "/api/v1/templates/preview"): "contacts:read",
    ("get", "/api/v1/templates/{template_id}"): "templates:read",
    ("patch", "/api/v1/templates/{template_id}"): "templates:write",
    ("delete", "/api/v1/templates/{template_id}"): "templates:write",
    ("get", "/api/v1/templates/{template_id}/versions"): "templates:read",
    ("post", "/api/v1/templates/{template_id}/restore"): "templates:write",
    ("get", "/api/v1/email-accounts"): "gateways:read",
    ("post", "/api/v1/email-accounts"): "gateways:write",
    ("get", "/api/v1/email-accounts/{account_id}"): "gateways:read",
    ("patch", "/api/v1/email-accounts/{account_id}"): "gateways:write",
    ("delete", "/api/v1/email-accounts/{account_id}"): "gateways:write",
    ("post", "/api/v1/email-accounts/{account_id}/check"): "gateways:test",
    ("post", "/api/v1/email-accounts/{account_id}/test"): "gateways:test",
    ("post", "/api/v1/attachments"): "messages:send",
    ("get", "/api/v1/attachments/{attachment_id}"): "messages:read",
    ("get", "/api/v1/mails"): "messages:read",
    ("get", "/api/v1/mails/{ref}"): "messages:read",
    ("post", "/api/v1/mails/bounces"): "messages:send",
    ("get", "/api/v1/segments"): "contacts:read",
    ("post", "/api/v1/segments"): "contacts:write",
    ("patch", "/api/v1/segments/{segment_id}"): "contacts:write",
    ("delete", "/api/v1/segments/{segment_id}"): "contacts:write",
    ("get", "/api/v1/campaigns"): "campaigns:read",
    ("post", "/api/v1/campaigns"): "campaigns:write",
    ("get", "/api/v1/campaigns/{campaign_id}"): "campaigns:read",
    ("patch", "/api/v1/campaigns/{campaign_id}"): "campaigns:write",
    ("delete", "/api/v1/campaigns/{campaign_id}"): "campaigns:write",
    ("post", "/api/v1/campaigns/{campaign_id}/copy"): "campaigns:write",
    ("post", "/api/v1/campaigns/{campaign_id}/plan"): "campaigns:write",
    ("get", "/api/v1/campaigns/{campaign_id}/plan"): "campaigns:read",
    ("post", "/api/v1/campaigns/{campaign_id}/send"): "campaigns:write",
    ("post", "/api/v1/campaigns/{campaign_id}/undo"): "campaigns:write",
    ("post", "/api/v1/campaigns/{campaign_id}/pause"): "campaigns:write",
    ("post", "/api/v1/campaigns/{campaign_id}/resume"): "campaigns:write",
    ("post", "/api/v1/campaigns/{campaign_id}/cancel"): "campaigns:write",
    ("post", "/api/v1/campaigns/{campaign_id}/send-again"): "campaigns:write",
    ("post", "/api/v1/campaigns/{campaign_id}/test"): "campaigns:write",
    ("get", "/api/v1/campaigns/{campaign_id}/recipients"): "campaigns:read",
    ("get", "/api/v1/history"): "campaigns:read",
    ("get", "/api/v1/prices"): "campaigns:read",
    ("post", "/api/v1/prices"): "workspace:write",
    ("post", "/api/v1/prices/import"): "workspace:write",
    ("delete", "/api/v1/prices/{price_id}"): "workspace:write",
    ("get", "/api/v1/whoami"): "workspace:read",
    ("get", "/api/v1/workspace"): "workspace:read",
    ("patch", "/api/v1/workspace"): "workspace:write",
    ("get", "/api/v1/keys"): "keys:read",
    ("post", "/api/v1/keys"): "keys:write",
    ("delete", "/api/v1/keys/{key_id}"): "keys:write",
}

READS = {
    *("messages:read", "gateways:read", "routes:read", "senders:read", "contacts:read", "templates:read"),
    *("campaigns:read", "workspace:read"),
}
SENDS = READS | {"messages:send", "contacts:write", "templates:write"}
SENDS_TO_MANY = SENDS | {"campaigns:write"}
OPERATES = SENDS_TO_MANY | {
    *("gateways:write", "gateways:test", "routes:write", "senders:write", "keys:read", "workspace:write"),
}
OF_ROLE = {
    "owner": OPERATES | {"keys:write"},
    "operator": OPERATES,
    "sender": SENDS_TO_MANY,
    "agent": SENDS,
    "viewer": READS,
}
OF_SCOPE = {scope.value: {scope.value, scope.value.replace(":write", ":read")} for scope in Scope}

COMPLETE = {
    "/api/v1/gateways/{gateway_id}/test": '{"to": "+48600100200"}',
    "/api/v1/templates/{template_id}/restore": '{"version": 1}',
    "/api/v1/campaigns/{campaign_id}/test": '{"address": "+48600100200"}',
    "/api/v1/email-accounts/{account_id}/test": '{"to": "nora@north.example"}',
}
"""Bodies of routes that read them before they look for what the path names."""

ROUTES = sorted((method, path) for path, method, _ in openapi.routes(api))


@dataclass(frozen=True)
class World:
    """A tenant with one of everything, and a stranger to it."""

    tenant: Tenant
    stranger: Tenant
    ids: dict[str, Any]

    def ask(self, client: Client, method: str, path: str, body: str = "{}", **headers: str) -> HttpResponse:
        """Send it, and undo what it did."""
        filled = path.format_map(self.ids)
        with transaction.atomic():
            answer = client.generic(method.upper(), filled, body, "application/json", headers=headers)
            transaction.set_rollback(True)
        return answer


def make_world() -> World:
    north = tenant("North")
    with only_acme() as acme:
        gateway = services.create_gateway([north.workspace], acme.slug, "Acme main", acme.settings(), actor=ACTOR)
    ids = one_of_everything(north, gateway)
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


def is_denied(answer: HttpResponse) -> bool:
    if answer.status_code == 403:
        assert answer.json()["code"] == "forbidden"
    return answer.status_code in (401, 403)


def test_every_route_declares_what_it_needs() -> None:
    declared = {
        (method, path): {str(auth.right) for auth in operation.auth_callbacks}
        for path, method, operation in openapi.routes(api)
    }
    assert declared == {route: {right} for route, right in EXPECTED.items()}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_gets_in_without_a_key_or_session(world: World, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer gp_nonsense"}, {"Authorization": "Basic YTpi"}):
        assert world.ask(Client(), method, path, **headers).status_code == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_role_reaches_what_it_has_the_right_to(world: World, method: str, path: str) -> None:
    right = EXPECTED[method, path]
    for role in Role:
        answer = world.ask(world.tenant.console(role), method, path)
        assert is_denied(answer) == (right not in OF_ROLE[role]), f"{role}: {answer.content!r}"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_scope_opens_what_it_names(world: World, method: str, path: str) -> None:
    right = EXPECTED[method, path]
    for scope in Scope:
        answer = world.ask(world.tenant.api(scope), method, path)
        assert is_denied(answer) == (right not in OF_SCOPE[scope]), f"{scope}: {answer.content!r}"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_administrator_reaches_everything(world: World, method: str, path: str) -> None:
    client = Client()
    client.force_login(administrator())
    answer = world.ask(client, method, path, **{"X-Workspace": str(world.tenant.workspace.pk)})
    assert answer.status_code not in (401, 403, 404), answer.content


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_belongs_to_another_tenant_does_not_exist(world: World, method: str, path: str) -> None:
    strangers: Iterator[Client] = iter((world.stranger.api(), world.stranger.console(Role.OWNER)))
    for client in strangers:
        if "{" in path and "{slug}" not in path:
            expected = 403 if EXPECTED[method, path] == "senders:decide" else 404
            body = COMPLETE.get(path, "{}")
            assert world.ask(client, method, path, body).status_code == expected
        else:
            answer = world.ask(client, method, path)
            assert b"Acme main" not in answer.content
            assert b"North" not in answer.content
        headers = {"X-Workspace": str(world.tenant.workspace.pk)}
        if "Authorization" not in client.defaults and "HTTP_AUTHORIZATION" not in client.defaults:
            assert world.ask(client, method, path, **headers).status_code == 404


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_someone_without_a_workspace_reaches_nothing(world: World, method: str, path: str) -> None:
    client = Client()
    client.force_login(create_user("nobody@gp.example", actor=ACTOR))
    assert world.ask(client, method, path).status_code == 403


def test_the_administrator_must_say_which_workspace(world: World) -> None:
    client = Client()
    client.force_login(administrator())
    assert world.ask(client, "get", "/api/v1/workspace").json()["code"] == "workspace_needed"
    for wrong in ("abc", "²", "-1", "9" * 30):
        assert world.ask(client, "get", "/api/v1/workspace", **{"X-Workspace": wrong}).status_code in (400, 404)


def test_a_session_needs_the_form_token_for_changes(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.tenant.member(Role.OWNER))
    assert client.get("/api/v1/workspace").status_code == 200
    refused = client.patch("/api/v1/workspace", "{}", "application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")


def test_nobody_gives_a_key_more_than_they_have(world: World) -> None:
    client = world.tenant.api("keys:write")
    body = {"name": "Wide", "scopes": ["keys:read", "gateways:write"]}
    refused = client.post("/api/v1/keys", body, "application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_not_yours")
    body["scopes"] = ["keys:read"]
    assert client.post("/api/v1/keys", body, "application/json").status_code == 201


def test_a_shared_gateway_is_changed_by_the_administrator_alone(world: World, acme: Acme) -> None:
    gateway_id = world.ids["gateway_id"]
    world.stranger.workspace.gateways.add(gateway_id)
    path = f"/api/v1/gateways/{gateway_id}"
    for method in ("patch", "delete"):
        refused = world.ask(world.tenant.api(), method, path)
        assert (refused.status_code, refused.json()["code"]) == (403, "gateway_shared")
    body = {"provider": acme.slug, "settings": {}, "gateway": gateway_id}
    refused = world.tenant.api().post("/api/v1/gateways/check", body, "application/json")
    assert refused.json()["code"] == "gateway_shared"
    client = Client()
    client.force_login(administrator())
    headers = {"X-Workspace": str(world.stranger.workspace.pk)}
    assert world.ask(client, "patch", path, **headers).status_code == 200
