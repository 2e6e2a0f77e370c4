"""Gateways against the real database: what is stored, what is secret, what is told."""

import base64
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.conf import settings as django_settings
from django.db import connection
from tests.support.acme import Acme
from tests.support.certificates import certificate, new_key, private_key
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.gateways import common, deletion, secrets, sender_ids, services
from gatepost.gateways.models import Gateway, GatewaySecret, SenderId, SettingsVersion
from gatepost.problems import Problem
from gatepost.workspaces.models import AuditEntry
from gatepost.workspaces.services import update_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


def made(
    north: Tenant, acme: Acme, name: str = "Acme main", common: dict[str, Any] | None = None, **more: Any
) -> Gateway:
    return services.create_gateway([north.workspace], acme.slug, name, acme.settings(**more), common, actor=ACTOR)


def code_of(problem: pytest.ExceptionInfo[Problem]) -> tuple[str, list[tuple[str, str]]]:
    return problem.value.code, [(fault.field, fault.code) for fault in problem.value.faults]


def test_a_new_gateway_has_the_defaults_of_its_manifest(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme, common={"parallel": 2, "sender": "Acme"})
    gateway.refresh_from_db()
    assert (gateway.requests_per_second, gateway.parallel, gateway.await_delivery_s) == (49.0, 2, 30)
    assert gateway.prefixes_to_remove == ["+48", "0048", "48"]
    assert gateway.pattern == "batch"
    assert list(gateway.workspaces.all()) == [north.workspace]


def test_a_batch_pattern_becomes_a_loop_where_nothing_takes_batches(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme, common={"pattern": "batch"}, mode="soap")
    assert gateway.pattern == "loop"
    assert "media" not in services.callback_urls(gateway)


def test_no_secret_is_in_the_database_in_any_form(north: Tenant, acme: Acme) -> None:
    made(north, acme)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        dump = ""
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            dump += "\n".join(row[0] for row in cursor.fetchall())
    assert "Acme main" in dump
    for form in (acme.secret, acme.secret.encode().hex(), base64.b64encode(acme.secret.encode()).decode()[:-4]):
        assert form not in dump


def test_runtime_is_complete_and_shows_nothing(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme, codes="A\nB")
    ready = services.runtime(gateway)
    assert (ready["api_key"], ready["codes"], ready["batch_size"]) == (acme.secret, ("A", "B"), 100)
    assert acme.secret not in repr(ready)


def test_a_secret_stays_unless_it_is_given(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme, password="sesame")
    for unchanged in ({}, {"api_key": None}, {"api_key": acme.secret}, {"login": "jan"}):
        services.update_gateway(gateway, settings=unchanged, actor=ACTOR)
    gateway.refresh_from_db()
    assert gateway.settings_version == 1
    changed = services.update_gateway(gateway, settings={"api_key": "other", "password": ""}, actor=ACTOR)
    ready = services.runtime(changed)
    assert (ready["api_key"], ready["password"]) == ("other", None)
    assert changed.settings_version == 2
    assert services.secret_states(changed)["password"] == (None, None)
    assert services.secret_states(changed)["api_key"][0] is not None


def test_a_needed_secret_cannot_be_cleared(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme)
    with pytest.raises(Problem) as caught:
        services.update_gateway(gateway, settings={"api_key": ""}, actor=ACTOR)
    assert code_of(caught) == ("invalid_settings", [("settings.api_key", "required")])


def test_a_saved_secret_does_not_follow_to_another_host(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme)
    for elsewhere in ("https://evil.example", "https://api.acme.example.evil.example", "https://api.acme.example:444"):
        with pytest.raises(Problem) as caught:
            services.update_gateway(gateway, settings={"base_url": elsewhere}, actor=ACTOR)
        assert code_of(caught)[1] == [("settings.api_key", "secret_needed_again")]
        with pytest.raises(Problem):
            services.unsaved(acme.slug, {"base_url": elsewhere}, gateway)
    services.update_gateway(gateway, settings={"base_url": "https://api.acme.example/v2"}, actor=ACTOR)
    services.update_gateway(gateway, settings={"base_url": "https://new.example", "api_key": "k2"}, actor=ACTOR)
    assert services.runtime(Gateway.objects.get())["api_key"] == "k2"


def test_versions_keep_the_settings_as_they_were(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme)
    changed = services.update_gateway(gateway, settings={"batch_size": 7}, actor=ACTOR)
    assert [v.settings["batch_size"] for v in SettingsVersion.objects.order_by("version")] == [100, 7]
    assert services.runtime(changed, version=1)["batch_size"] == 100
    services.update_gateway(changed, common_values={"sender": "New"}, actor=ACTOR)
    assert SettingsVersion.objects.count() == 2


def test_every_refusal_leaves_the_gateway_as_it_was(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme)
    made(north, acme, name="Second")
    for changes in (
        {"name": "second"},
        {"name": " "},
        {"settings": {"batch_size": 0}},
        {"common_values": {"parallel": 0}},
        {"settings": {"batch_size": 9}, "common_values": {"sender": "no good"}},
    ):
        with pytest.raises(Problem):
            services.update_gateway(gateway, actor=ACTOR, **changes)
    gateway.refresh_from_db()
    assert (gateway.name, gateway.settings["batch_size"], gateway.settings_version) == ("Acme main", 100, 1)


def test_names_differ_by_more_than_case(north: Tenant, acme: Acme) -> None:
    made(north, acme)
    with pytest.raises(Problem) as caught:
        made(north, acme, name="ACME MAIN")
    assert code_of(caught) == ("name_taken", [("name", "taken")])


def test_unknown_and_unfit_providers_are_refused(north: Tenant, acme: Acme) -> None:
    for provider, code in (("nobody", "not_found"), ("fax", "provider_unfit")):
        with pytest.raises(Problem) as caught:
            services.create_gateway([north.workspace], provider, "X", {}, actor=ACTOR)
        assert caught.value.code == code


def test_a_ciphertext_is_worthless_in_another_row(north: Tenant, acme: Acme) -> None:
    first, second = made(north, acme), made(north, acme, name="Second", password="x")
    stolen = GatewaySecret.objects.get(gateway=first, name="api_key").token
    for name in ("api_key", "password"):
        GatewaySecret.objects.filter(gateway=second, name=name).update(token=stolen)
        with pytest.raises(Problem) as caught:
            secrets.decrypt(GatewaySecret.objects.get(gateway=second, name=name))
        assert caught.value.code == "secret_unreadable"
        assert acme.secret not in str(caught.value)


def test_rotation_moves_every_secret_to_the_newest_key(
    north: Tenant, acme: Acme, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_ROTATE_AT_ONCE", 2)
    old = django_settings.ENCRYPTION_KEYS
    for number in range(5):
        made(north, acme, name=f"Acme {number}")
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = (new, *old)
    when = set(GatewaySecret.objects.values_list("set_at", flat=True))
    assert secrets.rotate_all() == 5
    settings.ENCRYPTION_KEYS = (new,)
    assert {services.runtime(gateway)["api_key"] for gateway in Gateway.objects.all()} == {acme.secret}
    assert set(GatewaySecret.objects.values_list("set_at", flat=True)) == when
    settings.ENCRYPTION_KEYS = old
    with pytest.raises(Problem, match="opens"):
        services.runtime(Gateway.objects.all()[0])


@pytest.mark.parametrize("keys", [(), ("short",)])
def test_without_a_key_nothing_is_saved(north: Tenant, acme: Acme, settings: Any, keys: tuple[str, ...]) -> None:
    settings.ENCRYPTION_KEYS = keys
    with pytest.raises(Problem) as caught:
        made(north, acme)
    assert caught.value.code == "no_encryption_key"
    assert not Gateway.objects.exists()


def test_the_end_of_certificates_is_shown(north: Tenant, acme: Acme) -> None:
    key = new_key()
    gateway = made(north, acme, client_pem=certificate(key, days=10) + private_key(key), ca_pem=certificate(key))
    assert set(services.certificate_expiries(gateway)) == {"client_pem", "ca_pem"}
    assert services.secret_states(gateway)["client_pem"][1] is not None


def test_callback_urls_are_public_and_unguessable(north: Tenant, acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = made(north, acme)
    assert services.callback_urls(gateway) == {
        kind: f"https://gp.example/cb/{kind}/{gateway.callback_token}" for kind in ("receipt", "inbound", "media")
    }
    assert len(gateway.callback_token) == 32
    monkeypatch.setitem(django_settings.CONFIG, "PUBLIC_URL", "")
    assert services.callback_urls(gateway) == {}


def test_deleting_says_what_it_affects(north: Tenant, acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[int] = []
    queue = deletion.Dependant(
        lambda gateway: [deletion.Effect("queued messages", 3, "are held")],
        lambda gateway, heir: released.append(gateway.pk),
    )
    monkeypatch.setattr(deletion, "_DEPENDANTS", [queue])
    gateway = made(north, acme)
    update_workspace(north.workspace, default_gateway=gateway, actor=ACTOR)
    sender_ids.request_sender_id(north.workspace, "Acme", gateway, actor=ACTOR)
    with pytest.raises(Problem) as caught:
        services.delete_gateway(gateway, actor=ACTOR)
    assert caught.value.code == "gateway_in_use"
    assert "3 queued messages are held" in caught.value.detail
    assert released == []
    effects = services.delete_gateway(gateway, actor=ACTOR, is_confirmed=True)
    assert [(effect.what, effect.count) for effect in effects] == [
        ("workspaces that use it by default", 1),
        ("sender IDs approved for it", 1),
        ("queued messages", 3),
    ]
    assert released == [gateway.pk]
    north.workspace.refresh_from_db()
    assert north.workspace.default_gateway is None
    assert not SenderId.objects.exists()


def test_the_audit_tells_what_changed_and_no_secret(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme)
    before = services.shown_settings(gateway)
    same = {name: getattr(gateway, name) for name in ("sender", "parallel", "verified_phones", "is_active")}
    services.update_gateway(
        gateway,
        name="New",
        settings={**before, "api_key": "hush", "batch_size": 7},
        common_values=same | {"requests_per_second": "2.5", "send_ips": ["192.0.2.0/24"], "is_active": False},
        workspaces=[north.workspace],
        actor="user jan",
    )
    entry = AuditEntry.objects.get(action="gateway.update")
    assert entry.actor == "user jan"
    assert entry.workspace == north.workspace
    was = gateway.requests_per_second
    assert entry.detail == {
        "changed": {
            "name": [gateway.name, "New"],
            "batch_size": [str(before["batch_size"]), "7"],
            "api_key": "changed",
            "requests_per_second": ["none" if was is None else f"{was:g}", "2.5"],
            "send_ips": ["none", "192.0.2.0/24"],
            "is_active": ["on", "off"],
        }
    }


def test_what_is_saved_as_it_was_leaves_nothing_in_the_audit(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme)
    services.update_gateway(
        gateway,
        name=gateway.name,
        settings=services.shown_settings(gateway) | {"api_key": None},
        common_values={name: getattr(gateway, name) for name in common.BY_NAME},
        workspaces=[north.workspace],
        actor=ACTOR,
    )
    assert not AuditEntry.objects.filter(action="gateway.update").exists()


def test_the_audit_of_one_workspace_tells_nothing_of_the_others(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme)
    south = tenant("South")
    services.update_gateway(gateway, workspaces=[north.workspace, south.workspace], actor=ACTOR)
    services.update_gateway(gateway, workspaces=[south.workspace], actor=ACTOR)
    entries = AuditEntry.objects.filter(action="gateway.update")
    assert [entry.detail for entry in entries] == [{"changed": {"workspaces": "changed"}}] * 2


@pytest.mark.django_db(transaction=True)
def test_every_change_is_told_when_it_is_committed(acme: Acme) -> None:
    north = tenant("North")
    with psycopg.connect(django_settings.CONFIG["DATABASE_URL"], autocommit=True) as listener:
        listener.execute(f"LISTEN {services.CONFIG_CHANNEL}")
        gateway = made(north, acme)
        services.update_gateway(gateway, common_values={"sender": "New"}, actor=ACTOR)
        with pytest.raises(Problem):
            services.update_gateway(gateway, settings={"batch_size": 0}, actor=ACTOR)
        services.delete_gateway(gateway, actor=ACTOR)
        heard = [note.payload for note in listener.notifies(timeout=60, stop_after=3)]
    assert heard == [str(gateway.pk)] * 3


def test_one_sender_id_is_the_default_and_it_is_approved(north: Tenant, acme: Acme) -> None:
    first = sender_ids.request_sender_id(north.workspace, " Acme ", actor=ACTOR)
    second = sender_ids.request_sender_id(north.workspace, "Beta", actor=ACTOR)
    with pytest.raises(Problem, match="approved"):
        sender_ids.make_default(first, actor=ACTOR)
    for row in (first, second):
        sender_ids.decide(row, is_approved=True, actor=ACTOR)
        sender_ids.make_default(row, actor=ACTOR)
    assert [row.sender for row in SenderId.objects.filter(is_default=True)] == ["Beta"]
    sender_ids.decide(second, is_approved=False, reason="Taken back", actor=ACTOR)
    assert not SenderId.objects.filter(is_default=True).exists()
    with pytest.raises(Problem) as caught:
        sender_ids.decide(second, is_approved=False, actor=ACTOR)
    assert caught.value.code == "already_decided"


@pytest.mark.parametrize("sender", ["", " ", "x" * 21, "a\x00b", "a\nb", "\ud800"])
def test_a_sender_id_can_be_seen(north: Tenant, sender: str) -> None:
    with pytest.raises(Problem):
        sender_ids.request_sender_id(north.workspace, sender, actor=ACTOR)


def test_a_sender_id_fits_its_gateway_and_is_asked_for_once(north: Tenant, acme: Acme) -> None:
    gateway = made(north, acme)
    with pytest.raises(Problem, match="letters and digits"):
        sender_ids.request_sender_id(north.workspace, "A-B", gateway, actor=ACTOR)
    for _ in ("all", "one"):
        sender_ids.request_sender_id(north.workspace, "Acme", gateway if _ == "one" else None, actor=ACTOR)
    with pytest.raises(Problem) as caught:
        sender_ids.request_sender_id(north.workspace, "Acme", actor=ACTOR)
    assert caught.value.code == "name_taken"
