"""Tenants, people, keys and sign-in links against the real database."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.problems import Problem
from gatepost.workspaces import services
from gatepost.workspaces.models import ApiKey, AuditEntry, Membership, Role, SignInLink, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


def test_a_key_is_known_by_its_token_and_stored_as_a_hash(north: Tenant) -> None:
    key, token = services.create_api_key(north.workspace, " Shop ", ["messages:send"], actor=ACTOR)
    assert services.TOKEN.fullmatch(token)
    assert token.startswith(f"{key.prefix}_")
    assert key.name == "Shop"
    assert services.authenticate_key(token) == key
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key::text FROM api_key")
        assert token not in cursor.fetchone()[0]
    assert token not in repr(key) + str(key)


def test_use_of_a_key_is_noted_at_most_once_a_minute(north: Tenant) -> None:
    key, token = services.create_api_key(north.workspace, "Shop", ["messages:send"], actor=ACTOR)
    services.authenticate_key(token)
    first = ApiKey.objects.get(pk=key.pk).last_used_at
    services.authenticate_key(token)
    assert first is not None
    assert ApiKey.objects.get(pk=key.pk).last_used_at == first


@pytest.mark.parametrize("wrong", ["", "gp_", "gp_abcdefgh_" + "x" * 43, "bearer", "gp_abcdefgh_" + "é" * 43])
def test_other_tokens_are_nobody(north: Tenant, wrong: str) -> None:
    north.key()
    assert services.authenticate_key(wrong) is None


def test_an_expired_key_and_a_revoked_one_no_longer_hold(north: Tenant) -> None:
    expiring, token = services.create_api_key(
        north.workspace, "Soon", ["messages:send"], timezone.now() + timedelta(hours=1), actor=ACTOR
    )
    assert services.authenticate_key(token) is not None
    ApiKey.objects.filter(pk=expiring.pk).update(expires_at=timezone.now())
    assert services.authenticate_key(token) is None

    revoked, token = services.create_api_key(north.workspace, "Gone", ["messages:send"], actor=ACTOR)
    services.revoke_api_key(revoked, actor=ACTOR)
    assert services.authenticate_key(token) is None
    again = services.revoke_api_key(revoked, actor=ACTOR)
    assert AuditEntry.objects.filter(action="key.revoke").count() == 1
    assert again.revoked_at is not None


@pytest.mark.parametrize("scopes", [[], ["messages:fly"], ["senders:decide"]])
def test_a_key_has_known_scopes(north: Tenant, scopes: list[str]) -> None:
    with pytest.raises(Problem, match=r"messages:fly|senders:decide|at least one"):
        services.create_api_key(north.workspace, "Shop", scopes, actor=ACTOR)


def test_a_key_cannot_be_born_dead(north: Tenant) -> None:
    with pytest.raises(Problem, match="past"):
        services.create_api_key(north.workspace, "Shop", ["messages:read"], timezone.now(), actor=ACTOR)


def test_names_and_addresses_are_unique(north: Tenant) -> None:
    with pytest.raises(Problem) as caught:
        services.create_workspace("North", actor=ACTOR)
    assert caught.value.code == "name_taken"
    services.create_user("Jan@Example.com", "correct horse battery", actor=ACTOR)
    with pytest.raises(Problem) as caught:
        services.create_user("jan@example.com", actor=ACTOR)
    assert caught.value.code == "name_taken"


@pytest.mark.parametrize(("email", "password"), [("jan", None), ("jan@example.com", "short")])
def test_a_user_needs_an_address_and_a_fair_password(email: str, password: str | None) -> None:
    with pytest.raises(Problem) as caught:
        services.create_user(email, password, actor=ACTOR)
    assert caught.value.code == "invalid"
    assert not User.objects.exists()


def test_a_member_has_one_role(north: Tenant) -> None:
    user = north.member(Role.VIEWER)
    services.add_member(north.workspace, user, "owner", actor=ACTOR)
    assert [m.role for m in Membership.objects.filter(user=user)] == ["owner"]
    with pytest.raises(Problem):
        services.add_member(north.workspace, user, "emperor", actor=ACTOR)


def test_a_sign_in_link_works_once(north: Tenant) -> None:
    user = north.member(Role.OWNER)
    token = services.create_sign_in_link(user)
    assert services.redeem_sign_in_link(token) == user
    assert services.redeem_sign_in_link(token) is None


def test_a_sign_in_link_is_short_lived_signed_and_for_active_users(north: Tenant) -> None:
    user = north.member(Role.OWNER)
    late = services.create_sign_in_link(user)
    SignInLink.objects.update(expires_at=timezone.now())
    assert services.redeem_sign_in_link(late) is None

    token = services.create_sign_in_link(user)
    assert services.redeem_sign_in_link(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert services.redeem_sign_in_link("nonsense") is None
    user.is_active = False
    user.save()
    assert services.redeem_sign_in_link(token) is None


def test_a_country_is_checked() -> None:
    assert services.create_workspace("Nord", default_country="pl", actor=ACTOR).default_country == "PL"
    with pytest.raises(Problem):
        services.create_workspace("Sud", default_country="QQ", actor=ACTOR)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_redeem_a_link_at_once_one_gets_in() -> None:
    user = tenant("North").member(Role.OWNER)
    token = services.create_sign_in_link(user)
    start = threading.Barrier(6)
    got: list[User | None] = []

    def redeem() -> None:
        start.wait()
        got.append(services.redeem_sign_in_link(token))
        connections.close_all()

    threads = [threading.Thread(target=redeem) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found is not None for found in got) == [False] * 5 + [True]


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_key_is_told_to_caches(django_db_setup: None) -> None:
    import psycopg
    from django.conf import settings

    key, token = services.create_api_key(tenant("North").workspace, "Shop", ["messages:send"], actor=ACTOR)
    with psycopg.connect(settings.CONFIG["DATABASE_URL"], autocommit=True) as listener:
        listener.execute(f"LISTEN {services.KEYS_CHANNEL}")
        services.revoke_api_key(key, actor=ACTOR)
        heard = [note.payload for note in listener.notifies(timeout=60, stop_after=1)]
    assert heard == [services.hash_token(token).hex()]
