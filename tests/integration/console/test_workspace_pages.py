"""People, API keys, settings, audit, and the pages of administrators."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tests.support.acme import Acme
from tests.support.tenants import ACTOR, Tenant, administrator, tenant

from gatepost import urls
from gatepost.gateways.services import create_gateway
from gatepost.workspaces import members, services
from gatepost.workspaces.models import ApiKey, AuditEntry, Membership, Role, SignInLink, User, Workspace
from gatepost.workspaces.permissions import ROLES, WORDS, Right

pytestmark = pytest.mark.django_db
assert urls.urlpatterns, "importing them declares the pages"

LINK = re.compile(r"http://testserver(/sign-in/[^<\s]+)")
TOKEN = re.compile(r"gp_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


@pytest.fixture
def owner(north: Tenant) -> Client:
    return north.console(Role.OWNER)


def at(north: Tenant, name: str, **parts: Any) -> str:
    return reverse(name, kwargs={"workspace": north.workspace.pk, **parts})


def words(answer: HttpResponse) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def add(client: Client, north: Tenant, email: str, role: str = "sender") -> HttpResponse:
    return client.post(at(north, "people"), {"email": email, "role": role})


def role_of(email: str, north: Tenant) -> str | None:
    return (
        Membership.objects.filter(user__email=email, workspace=north.workspace).values_list("role", flat=True).first()
    )


def test_a_new_person_comes_in_by_the_link_that_the_owner_hands_over(owner: Client, north: Tenant) -> None:
    shown = add(owner, north, "Eva@Example.com ", "operator")
    assert "no-store" in shown["Cache-Control"]
    link = LINK.search(words(shown))
    assert link
    eva = Client()
    assert eva.post(link[1]).status_code == 302
    assert eva.get(at(north, "home")).status_code == 200
    assert role_of("eva@example.com", north) == "operator"
    assert LINK.search(words(owner.get(at(north, "people")))) is None, "it is shown this once"
    entry = AuditEntry.objects.get(action="member.add")
    assert (entry.subject, entry.detail, entry.workspace) == ("eva@example.com", {"role": "operator"}, north.workspace)


def test_who_has_an_account_comes_in_without_a_link(owner: Client, north: Tenant) -> None:
    south = tenant("South").member(Role.OWNER)
    old = services.create_sign_in_link(south)
    assert add(owner, north, south.email, "viewer").status_code == 302
    assert role_of(south.email, north) == "viewer"
    assert services.redeem_sign_in_link(old) is None, "another workspace's link does not open this one"
    assert not SignInLink.objects.exists()


@pytest.mark.parametrize(
    ("email", "role", "words_of"),
    [("eva", "sender", "valid email"), ("eva@example.com", "emperor", "valid choice"), ("", "sender", "required")],
)
def test_what_does_not_fit_is_said_beside_the_field(
    owner: Client, north: Tenant, email: str, role: str, words_of: str
) -> None:
    answer = add(owner, north, email, role)
    assert answer.status_code == 422
    assert words_of in words(answer)
    assert not User.objects.filter(email__startswith="eva").exists()


def test_nobody_is_added_twice(owner: Client, north: Tenant) -> None:
    answer = add(owner, north, north.member(Role.SENDER).email)
    assert answer.status_code == 422
    assert "in the workspace already" in words(answer)


def test_the_last_owner_stays(owner: Client, north: Tenant) -> None:
    last = north.member(Role.OWNER)
    for name, body in (("person-role", {"role": "viewer"}), ("person-remove", {})):
        answer = owner.post(at(north, name, person=last.pk), body, follow=True)
        assert "needs an owner" in words(answer)
        assert role_of(last.email, north) == "owner"
    second = services.create_user("second@example.com", actor=ACTOR)
    services.add_member(north.workspace, second, Role.OWNER, actor=ACTOR)
    User.objects.filter(pk=second.pk).update(is_active=False)
    answer = owner.post(at(north, "person-remove", person=last.pk), follow=True)
    assert "needs an owner" in words(answer), "an owner who may not sign in is none"
    User.objects.filter(pk=second.pk).update(is_active=True)
    assert owner.post(at(north, "person-remove", person=last.pk))["Location"] == "/"
    assert role_of(last.email, north) is None
    assert owner.get(at(north, "people")).status_code == 404


def test_a_role_changes_what_is_seen(owner: Client, north: Tenant) -> None:
    sender = north.member(Role.SENDER)
    client = north.console(Role.SENDER)
    before = words(client.get(at(north, "home")))
    assert at(north, "people") not in before
    assert owner.post(at(north, "person-role", person=sender.pk), {"role": "operator"}).status_code == 302
    after = words(client.get(at(north, "home")))
    assert at(north, "people") in after
    assert at(north, "keys") in after
    by_owner = AuditEntry.objects.filter(action="member.set", actor=north.member(Role.OWNER).actor)
    assert by_owner.get().subject == sender.email
    owner.post(at(north, "person-role", person=sender.pk), {"role": "operator"})
    assert by_owner.count() == 1, "what is so already is no change"


def test_every_right_is_explained_for_every_role(owner: Client, north: Tenant) -> None:
    page = words(owner.get(at(north, "people")))
    assert set(WORDS) == set(Right)
    for right, sentence in WORDS.items():
        row = page.partition(f"{sentence}</th>")[2].partition("</tr>")[0]
        marks = re.findall(r'<span class="sr">(yes|no)</span>', row)
        assert marks == ["yes" if right in ROLES[role] else "no" for role in Role]


def test_an_owner_lets_in_anew_only_who_is_nowhere_else(owner: Client, north: Tenant) -> None:
    sender = north.member(Role.SENDER)
    link = LINK.search(words(owner.post(at(north, "person-let-in", person=sender.pk))))
    assert link
    assert Client().post(link[1])["Location"] == reverse("account_set_password")
    south = tenant("South")
    services.add_member(south.workspace, sender, Role.VIEWER, actor=ACTOR)
    boss = administrator()
    services.add_member(north.workspace, boss, Role.VIEWER, actor=ACTOR)
    for protected in (sender, boss):
        protected.refresh_from_db()
        before = protected.password
        answer = owner.post(at(north, "person-let-in", person=protected.pk), follow=True)
        assert LINK.search(words(answer)) is None
        assert "Ask the installation administrator" in words(answer)
        protected.refresh_from_db()
        assert protected.password == before
        assert f"let-in-{protected.pk}" not in words(owner.get(at(north, "people")))


def make_key(client: Client, north: Tenant, *scopes: str, **more: str) -> HttpResponse:
    return client.post(at(north, "keys"), {"name": "Shop", "scopes": scopes} | more)


def test_a_key_is_shown_once_and_works(owner: Client, north: Tenant) -> None:
    shown = make_key(owner, north, "workspace:read", "messages:send")
    assert "no-store" in shown["Cache-Control"]
    token = TOKEN.search(words(shown))
    assert token
    assert f"Bearer {token[0]}" in words(shown)
    assert "/api/v1/messages" in words(shown)
    answer = Client(headers={"Authorization": f"Bearer {token[0]}"}).get("/api/v1/whoami")
    assert answer.json()["workspace"]["name"] == "North"
    later = words(owner.get(at(north, "keys")))
    assert TOKEN.search(later) is None
    key = ApiKey.objects.get()
    assert key.prefix in later
    assert key.created_by is not None
    assert key.created_by.email in later


def test_a_key_without_sending_is_tried_otherwise(owner: Client, north: Tenant) -> None:
    assert "/api/v1/whoami" in words(make_key(owner, north, "workspace:read"))


def test_a_key_ends_after_its_last_day_in_the_readers_zone(owner: Client, north: Tenant) -> None:
    owner.cookies["zone"] = "Asia%2FTokyo"
    assert make_key(owner, north, "messages:read", expires_on="2099-12-31").status_code == 200
    assert ApiKey.objects.get().expires_at == datetime(2099, 12, 31, 15, tzinfo=UTC)
    answer = make_key(owner, north, "messages:read", expires_on="2020-01-01")
    assert answer.status_code == 422
    assert "in the past" in words(answer)


@pytest.mark.parametrize("scopes", [[], ["messages:fly"], ["senders:decide"], ["people:write"]])
def test_a_key_has_scopes_that_exist(owner: Client, north: Tenant, scopes: list[str]) -> None:
    assert make_key(owner, north, *scopes).status_code == 422
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_at_once(owner: Client, north: Tenant) -> None:
    token = TOKEN.search(words(make_key(owner, north, "workspace:read")))
    assert token
    key = ApiKey.objects.get()
    assert owner.post(at(north, "key-revoke", key=key.pk)).status_code == 302
    client = Client(headers={"Authorization": f"Bearer {token[0]}"})
    assert client.get("/api/v1/whoami").status_code == 401
    page = words(owner.get(at(north, "keys")))
    assert "Revoked" in page
    assert f"revoke-{key.pk}" not in page


def test_who_only_reads_keys_gets_no_form(north: Tenant) -> None:
    page = words(north.console(Role.OPERATOR).get(at(north, "keys")))
    assert "An owner makes them" in page
    assert 'name="scopes"' not in page


def test_keys_come_in_pages(owner: Client, north: Tenant) -> None:
    for number in range(51):
        services.create_api_key(north.workspace, f"Key number {number}", ["messages:read"], actor=ACTOR)
    first = owner.get(at(north, "keys"))
    assert first.content.count(b"Key number") >= 50
    assert "Key number 0<" not in words(first)
    older = owner.get(at(north, "keys"), {"cursor": first.context["next_cursor"]})
    assert "Key number 0<" in words(older)
    assert owner.get(at(north, "keys"), {"cursor": "nonsense!"}).status_code == 400


def test_settings_are_saved_and_only_what_differs(owner: Client, north: Tenant, acme: Acme) -> None:
    gateway = create_gateway([north.workspace], acme.slug, "Acme main", acme.settings(), actor=ACTOR)
    body = {"name": "Northern", "default_country": "pl", "default_gateway": gateway.pk}
    assert owner.post(at(north, "workspace"), body).status_code == 302
    north.workspace.refresh_from_db()
    assert (north.workspace.name, north.workspace.default_country) == ("Northern", "PL")
    assert north.workspace.default_gateway == gateway
    assert not north.workspace.sending_enabled
    entry = AuditEntry.objects.filter(action="workspace.update").latest("id")
    assert entry.detail == {"changed": ["default_country", "default_gateway", "name", "sending_enabled"]}
    assert "Sending is switched off" in words(owner.get(at(north, "home")))
    body |= {"sending_enabled": "on", "default_country": "PL"}
    owner.post(at(north, "workspace"), body)
    assert AuditEntry.objects.filter(action="workspace.update").latest("id").detail == {"changed": ["sending_enabled"]}
    owner.post(at(north, "workspace"), body)
    assert AuditEntry.objects.filter(action="workspace.update").count() == 2


def test_settings_that_do_not_fit_are_refused_beside_the_field(owner: Client, north: Tenant, acme: Acme) -> None:
    south = tenant("South")
    foreign = create_gateway([south.workspace], acme.slug, "Foreign", acme.settings(), actor=ACTOR)
    body = {"name": "North", "sending_enabled": "on"}
    for change, expected in (
        ({"default_country": "QQ"}, "two-letter country"),
        ({"name": "South"}, "taken"),
        ({"name": ""}, "required"),
        ({"default_gateway": str(foreign.pk)}, "valid choice"),
    ):
        answer = owner.post(at(north, "workspace"), body | change)
        assert answer.status_code == 422
        assert expected in words(answer)
    north.workspace.refresh_from_db()
    assert north.workspace.name == "North"
    assert "Foreign" not in words(owner.get(at(north, "workspace")))


def test_a_viewer_reads_the_settings_and_changes_nothing(north: Tenant) -> None:
    viewer = north.console(Role.VIEWER)
    assert "Owners and operators change these" in words(viewer.get(at(north, "workspace")))
    assert viewer.post(at(north, "workspace"), {"name": "Mine"}).status_code == 403
    north.workspace.refresh_from_db()
    assert north.workspace.name == "North"


def test_the_audit_shows_the_workspace_alone_and_in_pages(owner: Client, north: Tenant) -> None:
    services.audit("somebody", "other.thing", "elsewhere", tenant("South").workspace)
    services.audit("machine", "user.create", "of the installation")
    for number in range(51):
        services.audit("<b>eva</b>", "thing.change", f"thing {number}", north.workspace, changed=["a", "b"])
    told = {"max_segments": ["3", "<5>"], "api_key": "changed"}
    services.audit("jan", "gateway.update", "Acme", north.workspace, changed=told)
    first = owner.get(at(north, "audit"))
    page = words(first)
    assert "api key: changed; max segments: 3 → &lt;5&gt;<" in page
    assert "&lt;b&gt;eva&lt;/b&gt;" in page
    assert "changed: a, b" in page
    assert "thing 50" in page
    assert "elsewhere" not in page
    assert "of the installation" not in words(owner.get(at(north, "audit"), {"of": "installation"}))
    older = words(owner.get(at(north, "audit"), {"cursor": first.context["next_cursor"]}))
    assert "thing 0<" in older
    client = Client()
    client.force_login(administrator())
    assert "of the installation" in words(client.get(at(north, "audit"), {"of": "installation"}))


def test_an_administrator_makes_a_workspace_and_its_first_owner() -> None:
    client = Client()
    client.force_login(administrator())
    assert client.get("/")["Location"] == reverse("workspaces")
    assert "No workspace yet" in words(client.get(reverse("workspaces")))
    answer = client.post(reverse("workspaces"), {"name": "First", "default_country": "pl"})
    made = Workspace.objects.get()
    assert answer["Location"] == reverse("people", kwargs={"workspace": made.pk})
    link = LINK.search(words(client.post(answer["Location"], {"email": "eva@example.com", "role": "owner"})))
    assert link
    eva = Client()
    eva.post(link[1])
    assert eva.get(answer["Location"]).status_code == 200
    assert client.post(reverse("workspaces"), {"name": "First"}).status_code == 422
    assert client.post(reverse("workspaces"), {"name": "Second", "default_country": "QQ"}).status_code == 422


def test_an_administrator_makes_finds_and_changes_accounts(north: Tenant) -> None:
    boss = administrator()
    client = Client()
    client.force_login(boss)
    link = LINK.search(words(client.post(reverse("users"), {"email": "eva@example.com", "name": "Eva"})))
    assert link
    eva = User.objects.get(email="eva@example.com")
    assert client.post(reverse("users"), {"email": "eva@example.com"}).status_code == 422
    found = words(client.get(reverse("users"), {"q": "EVA"}))
    assert "eva@example.com" in found
    assert boss.email not in found.partition("<main")[2]
    address = reverse("user", kwargs={"person": eva.pk})
    assert client.post(address, {"email": boss.email, "is_active": "on"}).status_code == 422
    assert client.post(address, {"email": "Eva.K@example.com", "name": "Eva K."}).status_code == 302
    eva.refresh_from_db()
    assert (eva.email, eva.name, eva.is_active) == ("eva.k@example.com", "Eva K.", False)
    assert Client().post(link[1])["Location"] == reverse("account_login"), "the link of an account that is off"
    assert client.post(reverse("user-let-in", kwargs={"person": eva.pk})).status_code == 403
    assert AuditEntry.objects.get(action="user.update").detail == {"changed": ["email", "is_active", "name"]}


def test_the_last_administrator_stays(north: Tenant) -> None:
    boss = administrator()
    client = Client()
    client.force_login(boss)
    for body in ({"is_active": "on"}, {"is_administrator": "on"}):
        answer = client.post(reverse("user", kwargs={"person": boss.pk}), {"email": boss.email} | body)
        assert answer.status_code == 422
        assert "needs an administrator" in words(answer)
    boss.refresh_from_db()
    assert boss.is_superuser
    assert boss.is_active


def test_an_administrator_lets_in_anybody_anew(north: Tenant) -> None:
    client = Client()
    client.force_login(administrator())
    user = north.member(Role.SENDER)
    services.add_member(tenant("South").workspace, user, Role.OWNER, actor=ACTOR)
    assert LINK.search(words(client.post(reverse("user-let-in", kwargs={"person": user.pk}))))


def test_the_switcher_names_ones_own_workspaces_only(north: Tenant) -> None:
    user = north.member(Role.VIEWER)
    south, west = tenant("South"), tenant("West")
    client = north.console(Role.VIEWER)
    assert 'class="switcher single"' in words(client.get(at(north, "home")))
    services.add_member(south.workspace, user, Role.OWNER, actor=ACTOR)
    page = words(client.get(at(north, "home")))
    assert reverse("home", kwargs={"workspace": south.workspace.pk}) in page
    assert west.workspace.name not in page
    client.get(reverse("home", kwargs={"workspace": south.workspace.pk}))
    assert client.get("/")["Location"] == reverse("home", kwargs={"workspace": south.workspace.pk})
    Membership.objects.filter(user=user, workspace=south.workspace).delete()
    assert client.get("/")["Location"] == at(north, "home")


def test_an_invitation_holds_a_day_and_a_terminals_link_minutes(north: Tenant) -> None:
    _, token = members.add_person(north.workspace, "eva@example.com", "viewer", actor=ACTOR)
    assert token
    later = timezone.now() + timedelta(hours=23)
    assert SignInLink.objects.get().expires_at > later
    services.create_sign_in_link(User.objects.get(email="eva@example.com"))
    assert SignInLink.objects.latest("id").expires_at < timezone.now() + timedelta(minutes=16)
