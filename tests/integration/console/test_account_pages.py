"""Signing in: by password, by link, with a second factor; and one's own account."""

from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from tests.support.tenants import ACTOR, Tenant, tenant
from tests.support.totp import code_of

from gatepost.workspaces import members, services
from gatepost.workspaces.models import AuditEntry, Role, SignInLink, User

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


@pytest.fixture
def jan(north: Tenant) -> User:
    user = services.create_user("jan@example.com", PASSWORD, name="Jan", actor=ACTOR)
    services.add_member(north.workspace, user, Role.OPERATOR, actor=ACTOR)
    return user


def sign_in(client: Client, email: str = "jan@example.com", password: str = PASSWORD, **more: str) -> HttpResponse:
    return client.post(reverse("account_login"), {"login": email, "password": password}, **more)


def by_link(client: Client, user: User) -> HttpResponse:
    return client.post(reverse("sign-in-link", args=[services.create_sign_in_link(user)]))


def is_in(client: Client) -> bool:
    return client.get(reverse("profile")).status_code == 200


def test_a_password_opens_the_workspace(jan: User, north: Tenant) -> None:
    client = Client()
    answer = sign_in(client)
    assert answer.status_code == 302
    assert client.get(answer["Location"], follow=True).redirect_chain[-1][0] == f"/w/{north.workspace.pk}/"


def test_signing_in_leads_to_where_one_wanted_to_go(jan: User, north: Tenant) -> None:
    wanted = reverse("keys", kwargs={"workspace": north.workspace.pk})
    client = Client()
    asked = client.get(wanted)
    assert asked["Location"] == f"{reverse('account_login')}?next={wanted}"
    assert sign_in(client, next=wanted).status_code == 302
    answer = Client().post(reverse("account_login"), {"login": jan.email, "password": PASSWORD, "next": wanted})
    assert answer["Location"] == wanted


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_led_out_of_the_console(jan: User, elsewhere: str) -> None:
    for address in (reverse("account_login"), reverse("account_logout")):
        client = Client()
        answer = client.post(address, {"login": jan.email, "password": PASSWORD, "next": elsewhere})
        assert "evil" not in answer["Location"]
        assert "script" not in answer["Location"]


def test_a_wrong_password_and_an_unknown_address_look_the_same(jan: User) -> None:
    wrong, unknown = sign_in(Client(), password="wrong wrong wrong"), sign_in(Client(), email="eva@example.com")
    texts = [
        answer.content.decode().replace(email, "")
        for answer, email in ((wrong, jan.email), (unknown, "eva@example.com"))
    ]
    assert "not correct" in texts[0]
    assert without_tokens(texts[0]) == without_tokens(texts[1])


def without_tokens(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "csrfmiddlewaretoken" not in line)


def test_passwords_are_kept_by_argon2(jan: User) -> None:
    assert jan.password.startswith("argon2$argon2id$")


def test_guessing_one_account_is_stopped_from_every_address(jan: User) -> None:
    for attempt in range(5):
        assert b"not correct" in sign_in(Client(), password="guess", REMOTE_ADDR=f"203.0.113.{attempt}").content
    for number in range(400):
        cache.set(f"zoe-{number}", 1)
    right = sign_in(Client(), REMOTE_ADDR="203.0.113.99")
    assert right.status_code == 200, "even the right password waits"
    assert b"Too many failed" in right.content


def test_guessing_many_accounts_is_stopped_from_one_address(jan: User) -> None:
    answers = [sign_in(Client(), email=f"user{n}@example.com", REMOTE_ADDR="203.0.113.7") for n in range(11)]
    assert b"Too many failed" in answers[-1].content
    assert sign_in(Client(), REMOTE_ADDR="203.0.113.8").status_code == 302


def test_counts_are_shared_by_every_process(jan: User) -> None:
    assert settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")
    cache.set("asked", 1)
    assert cache.get("asked") == 1


def test_a_second_factor_cannot_be_guessed_either(jan: User) -> None:
    TOTP.activate(jan, SECRET)
    client = Client()
    sign_in(client)
    for _ in range(5):
        answer = client.post(reverse("mfa_authenticate"), {"code": "000000"})
        assert b"Incorrect code" in answer.content
    answer = client.post(reverse("mfa_authenticate"), {"code": code_of(SECRET)})
    assert answer.status_code == 200
    assert not is_in(client)


def test_signing_in_changes_the_session(jan: User) -> None:
    ways: tuple[Callable[[Client], HttpResponse], ...] = (sign_in, lambda client: by_link(client, jan))
    for way in ways:
        client = Client()
        session = client.session
        session["planted"] = "yes"
        session.save()
        before = session.session_key
        assert before
        client.cookies[settings.SESSION_COOKIE_NAME] = before
        way(client)
        assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
        stranger = Client()
        stranger.cookies[settings.SESSION_COOKIE_NAME] = before
        assert not is_in(stranger)


def test_forms_of_signing_in_need_the_form_token(jan: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client).status_code == 403
    assert client.post(reverse("sign-in-link", args=[services.create_sign_in_link(jan)])).status_code == 403
    client.force_login(jan)
    for name in ("account_logout", "profile", "profile-end-sessions", "account_change_password"):
        assert client.post(reverse(name)).status_code == 403, name
    assert b"The form is too old" in client.post(reverse("profile")).content


def test_a_proxy_that_ends_tls_does_not_break_forms(jan: User) -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get(reverse("account_login"), headers={"Host": "gp.example"})
    body = {"login": jan.email, "password": PASSWORD, "csrfmiddlewaretoken": page.context["csrf_token"]}
    for origin, status in (("https://gp.example", 302), ("https://evil.example", 403)):
        headers = {"Host": "gp.example", "Origin": origin}
        assert client.post(reverse("account_login"), body, headers=headers).status_code == status


def test_cookies_are_out_of_reach(jan: User) -> None:
    client = Client()
    client.get(reverse("account_login"))
    sign_in(client)
    assert settings.CONFIG["PUBLIC_URL"].startswith("https://")
    session, csrf = (client.cookies[name] for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME))
    assert session["httponly"]
    assert session["secure"]
    assert csrf["secure"]
    assert session["samesite"] == csrf["samesite"] == "Lax"


def test_a_link_signs_in_once(jan: User) -> None:
    address = reverse("sign-in-link", args=[services.create_sign_in_link(jan)])
    first, second = Client(), Client()
    assert b"one-time link" in first.get(address).content
    assert first.get(address).status_code == 200, "looking at it does not use it up"
    assert first.post(address)["Location"] == "/"
    assert is_in(first)
    assert second.post(address)["Location"] == reverse("account_login")
    assert b"used before" in second.get(reverse("account_login")).content
    assert not is_in(second)
    assert AuditEntry.objects.filter(action="user.sign-in-by-link", subject=jan.email).count() == 1


def test_a_link_does_not_stand_for_the_second_factor(jan: User) -> None:
    TOTP.activate(jan, SECRET)
    client = Client()
    assert by_link(client, jan)["Location"].startswith(reverse("mfa_authenticate"))
    assert not is_in(client)
    client.post(reverse("mfa_authenticate"), {"code": code_of(SECRET)})
    assert is_in(client)


def test_a_link_leads_who_has_no_password_to_choose_one(north: Tenant) -> None:
    user = north.member(Role.SENDER)
    client = Client()
    assert by_link(client, user)["Location"] == reverse("account_set_password")
    assert b"Choose a password" in client.get(reverse("account_set_password")).content
    refused = client.post(reverse("account_set_password"), {"password1": "short", "password2": "short"})
    assert b"too short" in refused.content
    body = {"password1": PASSWORD, "password2": PASSWORD}
    assert client.post(reverse("account_set_password"), body)["Location"] == reverse("profile")
    assert is_in(client)
    assert sign_in(Client(), email=user.email).status_code == 302
    assert AuditEntry.objects.filter(action="user.password", actor=f"user {user.email}").exists()


def test_who_was_switched_off_gets_in_no_way(jan: User) -> None:
    link = reverse("sign-in-link", args=[services.create_sign_in_link(jan)])
    inside = Client()
    inside.force_login(jan)
    User.objects.update(is_active=False)
    client = Client()
    sign_in(client)
    client.post(link)
    assert not is_in(client)
    assert not is_in(inside)


def test_there_is_no_sign_up_and_no_mail_to_send() -> None:
    for path in ("signup/", "email/", "confirm-email/", "password/reset/", "3rdparty/", "social/signup/"):
        assert Client().get(f"/accounts/{path}").status_code == 404
    for name in ("account_signup", "account_email"):
        with pytest.raises(NoReverseMatch):
            reverse(name)
    page = Client().get(reverse("account_login")).content.decode()
    assert reverse("account_reset_password") in page
    advice = Client().get(reverse("account_reset_password")).content.decode()
    assert "gatepost sign-in-link" in advice
    assert "owner" in advice


def test_an_app_becomes_the_second_factor(jan: User) -> None:
    client = Client()
    sign_in(client)
    address = reverse("mfa_activate_totp")
    asked = client.get(address)
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    client.post(asked["Location"], {"password": PASSWORD})
    page = client.get(address)
    secret = page.context["form"].secret
    assert secret in page.content.decode()
    assert b"data:image/svg+xml;base64," in page.content
    assert b"Incorrect code" in client.post(address, {"code": "000000"}).content
    assert client.post(address, {"code": code_of(secret)})["Location"] == reverse("mfa_view_recovery_codes")
    codes = client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]
    assert len(codes) == 10
    stored = Authenticator.objects.get(user=jan, type="totp").data["secret"]
    assert secret not in stored
    assert TOTP(Authenticator.objects.get(user=jan, type="totp")).validate_code(code_of(secret, steps_ahead=1))

    other = Client()
    assert sign_in(other)["Location"].startswith(reverse("mfa_authenticate"))
    assert not is_in(other)
    other.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert is_in(other)
    third = Client()
    sign_in(third)
    third.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert not is_in(third), "a recovery code works once"
    assert "9 left" in client.get(reverse("profile")).content.decode()


def test_every_other_browser_is_signed_out(jan: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        sign_in(client)
    assert here.post(reverse("profile-end-sessions"))["Location"] == reverse("profile")
    assert is_in(here)
    assert not is_in(there)


def test_a_new_password_signs_out_every_other_browser(jan: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        sign_in(client)
    body = {"oldpassword": PASSWORD, "password1": "another good one", "password2": "another good one"}
    assert here.post(reverse("account_change_password"), body)["Location"] == reverse("profile")
    assert is_in(here)
    assert not is_in(there)
    body["oldpassword"] = PASSWORD
    assert here.post(reverse("account_change_password"), body).status_code == 200, "the old one is asked for"


def test_the_profile_shows_the_account_and_saves_the_name(jan: User, north: Tenant) -> None:
    client = Client()
    client.force_login(jan)
    page = client.get(reverse("profile")).content.decode()
    assert "jan@example.com" in page
    assert "North" in page
    assert client.post(reverse("profile"), {"name": "Jan K."}).status_code == 302
    jan.refresh_from_db()
    assert jan.name == "Jan K."


def test_who_is_in_no_workspace_still_has_a_profile() -> None:
    client = Client()
    client.force_login(services.create_user("nobody@example.com", actor=ACTOR))
    assert client.get("/").status_code == 403
    page = client.get(reverse("profile"))
    assert page.status_code == 200
    assert b"Ask an owner" in page.content
    assert client.get(reverse("account_set_password")).status_code == 200


@pytest.mark.parametrize("name", ["account_change_password", "account_logout", "mfa_list_webauthn"])
def test_account_pages_stand_in_the_workspace_that_was_open_last(jan: User, north: Tenant, name: str) -> None:
    south = tenant("South")
    services.add_member(south.workspace, jan, Role.VIEWER, actor=ACTOR)
    client = Client()
    client.force_login(jan)
    for one in (south, north, south):
        client.get(reverse("home", kwargs={"workspace": one.workspace.pk}))
        page = client.get(reverse(name)).content.decode()
        assert f'action="/w/{one.workspace.pk}/search/"' in page
        assert page.count("<h1") == 1


def test_letting_in_anew_forgets_everything(jan: User, north: Tenant) -> None:
    TOTP.activate(jan, SECRET)
    old = services.create_sign_in_link(jan)
    inside = Client()
    inside.force_login(jan)
    token = members.let_in_anew(jan, north.workspace, actor=ACTOR)
    assert not is_in(inside)
    assert services.redeem_sign_in_link(old) is None
    assert sign_in(Client()).status_code == 200, "the old password is gone"
    client = Client()
    assert client.post(reverse("sign-in-link", args=[token]))["Location"] == reverse("account_set_password")
    assert SignInLink.objects.get(user=jan).expires_at <= timezone.now() + members.HANDED_OVER
