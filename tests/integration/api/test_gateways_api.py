"""Gateways, sender IDs, keys and the workspace over the API."""

import json
from typing import Any

import pytest
from django.test import Client
from tests.support.acme import MANIFEST, Acme
from tests.support.certificates import certificate, new_key, private_key
from tests.support.tenants import Tenant, administrator, one_of_everything, tenant

from gatepost.api import openapi
from gatepost.api.assembly import api
from gatepost.gateways.models import Gateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


@pytest.fixture
def client(north: Tenant) -> Client:
    return north.api()


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    return client.generic(method, f"/api/v1{path}", json.dumps(body), "application/json")


def made(client: Client, acme: Acme, **more: Any) -> dict[str, Any]:
    body = {"provider": acme.slug, "name": "Acme main", "settings": acme.settings()} | more
    answer = send(client, "POST", "/gateways", body)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_gateway_is_made_read_changed_and_deleted(client: Client, acme: Acme) -> None:
    gateway = made(client, acme, sender="Acme", verified_phones=["+48 600 100 200"])
    assert gateway["settings"]["login"] == gateway["identifier"] == "jan"
    assert gateway["verified_phones"] == ["48600100200"]
    assert (gateway["requests_per_second"], gateway["pattern"], gateway["settings_version"]) == (49.0, "batch", 1)
    assert gateway["secrets"]["api_key"]["set_at"] is not None
    assert gateway["secrets"]["password"] == {"set_at": None, "expires_at": None}
    path = f"/gateways/{gateway['id']}"
    assert send(client, "GET", path).json() == gateway
    changes = {"name": "Acme two", "settings": {"batch_size": 7}, "parallel": None, "debug": True}
    changed = send(client, "PATCH", path, changes).json()
    assert (changed["name"], changed["settings"]["batch_size"], changed["debug"]) == ("Acme two", 7, True)
    assert (changed["parallel"], changed["sender"], changed["settings_version"]) == (None, "Acme", 2)
    assert send(client, "PATCH", path, {}).status_code == 200
    assert [item["name"] for item in send(client, "GET", "/gateways").json()["items"]] == ["Acme two"]
    assert send(client, "DELETE", path).json() == {"affected": []}
    assert send(client, "GET", path).status_code == 404


def test_deleting_asks_back_when_something_depends_on_it(client: Client, acme: Acme) -> None:
    gateway = made(client, acme)
    send(client, "PATCH", "/workspace", {"default_gateway": gateway["id"]})
    path = f"/gateways/{gateway['id']}"
    assert send(client, "GET", path).json()["is_default"] is True
    affected = send(client, "GET", f"{path}/affected").json()["affected"]
    refused = send(client, "DELETE", path)
    assert (refused.status_code, refused.json()["affected"]) == (409, affected)
    assert send(client, "DELETE", f"{path}?confirm=true").json() == {"affected": affected}
    assert send(client, "GET", "/workspace").json()["default_gateway"] is None


def test_no_saved_secret_is_ever_in_an_answer_or_a_log(
    north: Tenant, acme: Acme, caplog: pytest.LogCaptureFixture
) -> None:
    client = north.api()
    pem = new_key()
    canaries = {
        "api_key": "canary-key-9f2c",
        "password": "canary-password-7d11",
        "client_pem": certificate(pem) + private_key(pem, "canary-pem-5e5e"),
        "client_pem_password": "canary-pem-5e5e",
    }
    assert set(canaries) == set(MANIFEST.secret_names)
    gateway = made(client, acme, settings=canaries)
    ids = one_of_everything(north, Gateway.objects.get())
    answers = [gateway]
    for bodies in ({}, {"settings": {"batch_size": 0}}, {"name": ""}, {"settings": canaries | {"mode": "x"}}):
        for path, method, _ in openapi.routes(api):
            if method in ("get", "patch"):
                answer = send(client, method.upper(), path.removeprefix("/api/v1").format_map(ids), bodies)
                answers.append({"body": answer.getvalue().decode(), "headers": dict(answer.headers)})
    told = json.dumps(answers) + caplog.text
    forbidden = ["canary", "5c9fd7b4", private_key(pem).splitlines()[2], "BEGIN ENCRYPTED"]
    assert "Acme main" in told
    assert not [word for word in forbidden if word in told]


def test_callback_urls_are_for_those_who_may_change_the_gateway(north: Tenant, acme: Acme) -> None:
    gateway = made(north.api(), acme)
    assert set(gateway["callback_urls"]) == {"receipt", "inbound", "media"}
    reader = north.api("gateways:read")
    assert send(reader, "GET", f"/gateways/{gateway['id']}").json()["callback_urls"] == {}


def test_common_settings_are_checked_like_in_a_form(client: Client, acme: Acme) -> None:
    body = {"provider": acme.slug, "name": "X", "settings": acme.settings()}
    for field, value in (("sender", "no good!"), ("send_ips", ["here"]), ("parallel", 0), ("colour", "red")):
        answer = send(client, "POST", "/gateways", body | {field: value})
        assert answer.status_code == 422
        assert [fault["field"].partition(".")[0] for fault in answer.json()["errors"]] == [field]


def test_the_catalogue_has_what_a_form_needs(client: Client, acme: Acme) -> None:
    found = send(client, "GET", "/providers").json()
    assert [one["slug"] for one in found] == ["acme", "fax"]
    one = send(client, "GET", f"/providers/{acme.slug}").json()
    assert one == found[0]
    assert [field["name"] for field in one["fields"]] == [field.name for field in MANIFEST.fields]
    assert one["capabilities"]["batch"] == 500
    assert one["settings_schema"]["required"] == ["api_key"]
    assert one["settings_schema"]["properties"]["api_key"]["writeOnly"] is True
    assert found[1]["unfit"]


def test_a_sender_id_goes_from_request_to_default(north: Tenant, client: Client, acme: Acme) -> None:
    gateway = made(client, acme)
    row = send(client, "POST", "/sender-ids", {"sender": "Acme", "gateway": gateway["id"]}).json()
    assert (row["status"], row["gateway"], row["is_default"]) == ("requested", gateway["id"], False)
    assert send(client, "POST", f"/sender-ids/{row['id']}/default").status_code == 422
    admin = Client(headers={"X-Workspace": str(north.workspace.pk)})
    admin.force_login(administrator())
    decided = send(admin, "POST", f"/sender-ids/{row['id']}/decision", {"is_approved": True})
    assert decided.json()["status"] == "approved"
    assert send(client, "POST", f"/sender-ids/{row['id']}/default").json()["is_default"] is True
    assert len(send(client, "GET", "/sender-ids").json()["items"]) == 1
    assert send(client, "DELETE", f"/sender-ids/{row['id']}").status_code == 204
    assert send(client, "POST", "/sender-ids", {"sender": "Acme", "gateway": 10**6}).status_code == 404


def test_a_key_is_made_used_and_ended(north: Tenant, client: Client) -> None:
    answer = send(client, "POST", "/keys", {"name": "Shop", "scopes": ["workspace:read", "workspace:read"]})
    key = answer.json()
    assert answer.status_code == 201
    assert key["scopes"] == ["workspace:read"]
    shop = Client(headers={"Authorization": f"Bearer {key['token']}"})
    me = send(shop, "GET", "/whoami").json()
    assert me["actor"] == f"key {key['prefix']} (Shop)"
    assert (me["rights"], me["is_administrator"]) == (["workspace:read"], False)
    assert me["workspace"]["name"] == "North"
    listed = send(client, "GET", "/keys").content.decode()
    assert key["prefix"] in listed
    assert key["token"] not in listed
    assert send(client, "DELETE", f"/keys/{key['id']}").json()["revoked_at"] is not None
    assert send(shop, "GET", "/whoami").status_code == 401


def test_the_workspace_is_changed_within_its_own(north: Tenant, client: Client, acme: Acme) -> None:
    other = made(tenant("South").api(), acme)
    refused = send(client, "PATCH", "/workspace", {"default_gateway": other["id"]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_found")
    changed = send(client, "PATCH", "/workspace", {"name": "Nord", "default_country": "pl", "sending_enabled": False})
    assert (changed.json()["name"], changed.json()["default_country"]) == ("Nord", "PL")
    assert changed.json()["sending_enabled"] is False
    for body, code in (({"name": None}, 422), ({"name": "South"}, 409), ({"default_country": "QQ"}, 422)):
        assert send(client, "PATCH", "/workspace", body).status_code == code
    assert send(client, "GET", "/workspace").json()["name"] == "Nord"
