"""The ways in, in a browser: password, link, authenticator app, passkey, and what those who cannot get in are told."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site
from tests.support.tenants import ACTOR
from tests.support.totp import code_of

from gatepost.workspaces import services
from gatepost.workspaces.models import Role, User

pytestmark = [pytest.mark.browser]

PASSWORD = "correct horse battery"
Stranger = Callable[..., Page]


@pytest.fixture
def stranger(signed_in: SignIn) -> Stranger:
    """`stranger()`: a page of a browser of its own in which nobody is signed in."""

    def open_page() -> Page:
        page = signed_in("viewer")
        page.context.clear_cookies()
        return page

    return open_page


@pytest.fixture
def newcomer(site: Site) -> Callable[[str], User]:
    """`newcomer(name)`: a member with a password that no other test uses."""

    def make(name: str) -> User:
        user = services.create_user(f"{name}@example.com", PASSWORD, name=name, actor=ACTOR)
        services.add_member(site.workspace, user, Role.OPERATOR, actor=ACTOR)
        return user

    return make


def sign_in(page: Page, site: Site, user: User, password: str = PASSWORD) -> None:
    page.goto(site.url)
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def expect_inside(page: Page, site: Site) -> None:
    expect(page).to_have_url(site.at("home"))
    expect(page.get_by_role("heading", level=1)).to_have_text(site.workspace.name)


def test_a_password_opens_and_a_wrong_one_does_not(
    site: Site,
    stranger: Stranger,
    newcomer: Callable[[str], User],
    screenshot: Screenshot,
    is_accessible: Accessible,
    fits: Callable[[Page], None],
) -> None:
    user, page = newcomer("jan"), stranger()
    sign_in(page, site, user, "a wrong one")
    expect(page.locator(".errorlist")).to_contain_text("not correct")
    expect(page.get_by_label("Email")).to_have_value(user.email)
    expect(page.get_by_label("Password")).to_have_value("")
    is_accessible(page)
    fits(page)
    screenshot(page, "sign-in")
    page.get_by_role("link", name="I cannot get in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("How to get in again")
    is_accessible(page)
    screenshot(page, "cannot-get-in")
    sign_in(page, site, user)
    expect_inside(page, site)
    page.evaluate("['draft:a', 'mass-draft:a', 'theme'].forEach((name) => localStorage.setItem(name, 'auto'))")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Gatepost")
    assert page.evaluate("Object.keys(localStorage).join()") == "theme"


def test_the_keyboard_alone_signs_in(site: Site, stranger: Stranger, newcomer: Callable[[str], User]) -> None:
    user, page = newcomer("eva"), stranger()
    page.goto(site.url)
    page.get_by_label("Email").focus()
    page.keyboard.type(user.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect_inside(page, site)


def test_a_link_opens_once_and_leads_to_a_password(
    site: Site, stranger: Stranger, screenshot: Screenshot, is_accessible: Accessible
) -> None:
    user = site.user("agent")
    link = site.url + reverse("sign-in-link", args=[services.create_sign_in_link(user)])
    page = stranger()
    page.goto(link)
    is_accessible(page)
    screenshot(page, "sign-in-link")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a password")
    is_accessible(page)
    screenshot(page, "choose-password")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Save the password").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")
    again = stranger()
    again.goto(link)
    again.get_by_role("button", name="Sign in").click()
    expect(again.get_by_role("status")).to_contain_text("used before")
    sign_in(again, site, user)
    expect_inside(again, site)


def test_an_app_is_set_up_and_then_asked_for(
    site: Site,
    stranger: Stranger,
    newcomer: Callable[[str], User],
    screenshot: Screenshot,
    is_accessible: Accessible,
    fits: Callable[[Page], None],
) -> None:
    user, page = newcomer("ola"), stranger()
    sign_in(page, site, user)
    page.get_by_role("link", name=user.email).click()
    is_accessible(page)
    fits(page)
    screenshot(page, "profile")
    page.get_by_role("link", name="Set up an app").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it you?")
    is_accessible(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    is_accessible(page)
    fits(page)
    screenshot(page, "authenticator-app")
    secret = page.locator("#authenticator_secret").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    is_accessible(page)
    screenshot(page, "recovery-codes")
    codes = page.locator("#recovery_codes").inner_text().split()
    assert len(set(codes)) == 10

    other = stranger()
    sign_in(other, site, user)
    expect(other.get_by_role("heading", level=1)).to_have_text("One more step")
    is_accessible(other)
    fits(other)
    screenshot(other, "second-factor")
    other.get_by_label("Code").fill("000000")
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.locator(".error").first).to_contain_text("Incorrect code")
    other.get_by_label("Code").fill(code_of(secret, steps_ahead=1))
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect_inside(other, site)
    third = stranger()
    sign_in(third, site, user)
    third.get_by_label("Code").fill(codes[3])
    third.get_by_role("button", name="Sign in", exact=True).click()
    expect_inside(third, site)
    third.get_by_role("link", name=user.email).click()
    expect(third.get_by_role("main")).to_contain_text("9 left")


def test_a_passkey_signs_in_alone(site: Site, stranger: Stranger, newcomer: Callable[[str], User]) -> None:
    user, page = newcomer("iga"), stranger()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    options |= {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(site.url + reverse("account_login"))
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("localhost")

    # Browsers know passkeys of names only, never of addresses such as 127.0.0.1.
    here = site.url.replace("127.0.0.1", "localhost")
    page.goto(here + reverse("account_login"))
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(site.workspace.name)
    page.goto(here + reverse("mfa_add_webauthn"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.goto(here + reverse("profile"))
    page.get_by_role("link", name="1 passkey").click()
    expect(page.get_by_role("row").last).to_contain_text("signs in alone")
    page.context.clear_cookies()
    page.goto(here + reverse("account_login"))
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(site.workspace.name)


def test_every_other_browser_is_signed_out(site: Site, stranger: Stranger, newcomer: Callable[[str], User]) -> None:
    user, here, there = newcomer("ela"), stranger(), stranger()
    for page in (here, there):
        sign_in(page, site, user)
        expect_inside(page, site)
    here.goto(site.url + reverse("profile"))
    here.get_by_role("button", name="Sign out everywhere else").click()
    expect(here.get_by_role("status")).to_contain_text("Every other browser is signed out")
    there.reload()
    expect(there.get_by_role("heading", level=1)).to_have_text("Sign in to Gatepost")


def test_the_chosen_theme_stays(site: Site, signed_in: SignIn) -> None:
    page = signed_in("sender")
    page.goto(site.url + reverse("profile"))
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(site.at("home"))
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
