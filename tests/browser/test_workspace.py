"""People, API keys, settings and the pages of administrators, in a browser."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from tests.browser.conftest import ADMINISTRATOR, Accessible, Screenshot, SignIn, Site, copied
from tests.support.installation import wait_until
from tests.support.tenants import ACTOR

from gatepost.workspaces import services
from gatepost.workspaces.models import ApiKey, Membership, Role, Workspace

pytestmark = [pytest.mark.browser]


def whoami(site: Site, token: str) -> dict[str, object]:
    request = urllib.request.Request(f"{site.url}/api/v1/whoami", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def is_refused(site: Site, token: str) -> bool:
    try:
        whoami(site, token)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code == 401
    return False


def test_a_person_is_added_and_comes_in_by_the_link(
    site: Site,
    signed_in: SignIn,
    screenshot: Screenshot,
    is_accessible: Accessible,
    fits: Callable[[Page], None],
) -> None:
    page = signed_in("owner")
    page.goto(site.at("home"))
    page.get_by_role("link", name="People").click()
    page.get_by_label("E-mail address").fill("eva@example.com")
    page.locator("#id_role").select_option("sender")
    page.get_by_role("button", name="Add").click()
    panel = page.get_by_role("status")
    expect(panel).to_contain_text("Hand this link to eva@example.com")
    link = copied(page, panel.get_by_role("button", name="Copy the link"))
    is_accessible(page)
    fits(page)
    screenshot(page, "people")

    eva = signed_in("viewer")
    eva.context.clear_cookies()
    eva.goto(link)
    eva.get_by_role("button", name="Sign in").click()
    eva.get_by_role("link", name="Dashboard").click()
    navigation = eva.get_by_role("navigation", name="Main")
    expect(navigation).to_contain_text("Compose")
    expect(navigation).not_to_contain_text("People")
    expect(navigation).not_to_contain_text("Users")

    page.goto(site.at("people"))
    page.get_by_role("button", name="Role of eva@example.com").click()
    dialog = page.get_by_role("dialog", name="Role of eva@example.com")
    is_accessible(page)
    dialog.get_by_label("Role").select_option("viewer")
    dialog.get_by_role("button", name="Save the role").click()
    expect(page.get_by_role("status")).to_contain_text("eva@example.com is viewer now")
    eva.reload()
    expect(navigation).not_to_contain_text("Compose")
    eva.goto(site.at("compose"))
    expect(eva.get_by_role("heading", level=1)).to_have_text("Not allowed")

    page.get_by_role("button", name="Remove eva@example.com").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Remove eva@example.com").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("is no longer in")
    eva.goto(site.url)
    expect(eva.get_by_role("heading", level=1)).to_have_text("You are in no workspace yet")
    is_accessible(eva)


def test_a_key_is_made_used_and_revoked(
    site: Site,
    signed_in: SignIn,
    screenshot: Screenshot,
    is_accessible: Accessible,
    fits: Callable[[Page], None],
) -> None:
    page = signed_in("owner")
    page.goto(site.at("keys"))
    page.get_by_label("What it is for").fill("Web shop")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".error")).to_contain_text("required")
    expect(page.get_by_label("What it is for")).to_have_value("Web shop")
    page.get_by_label("See the settings of the workspace").check()
    page.get_by_label("Last day").fill("2099-12-31")
    page.get_by_role("button", name="Make the key").click()
    token = page.locator("#token").inner_text()
    assert copied(page, page.get_by_role("button", name="Copy the key")) == token
    expect(page.locator("#example")).to_contain_text(f"Bearer {token}")
    assert whoami(site, token)["rights"] == ["workspace:read"]
    is_accessible(page)
    fits(page)

    page.goto(site.at("keys"))
    assert token not in page.content()
    expect(page.get_by_role("row", name="Web shop")).to_contain_text("Holds")
    is_accessible(page)
    screenshot(page, "keys")
    page.get_by_role("button", name="Revoke Web shop").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="Web shop")).to_contain_text("Revoked")
    assert ApiKey.objects.get(name="Web shop").revoked_at
    wait_until(lambda: is_refused(site, token), 60, "the key is dead")


def test_settings_change_and_leave_a_trace(
    site: Site,
    signed_in: SignIn,
    screenshot: Screenshot,
    is_accessible: Accessible,
    fits: Callable[[Page], None],
) -> None:
    page = signed_in("operator")
    page.goto(site.at("workspace"))
    is_accessible(page)
    fits(page)
    screenshot(page, "settings")
    page.get_by_label("Send messages").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("accepted messages wait")
    page.get_by_label("Send messages").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).not_to_contain_text("accepted messages wait")
    page.get_by_role("link", name="Who changed what").click()
    expect(page.get_by_role("row", name="workspace.update").first).to_contain_text("changed: sending_enabled")
    is_accessible(page)
    fits(page)
    screenshot(page, "audit")
    viewer = signed_in("viewer")
    viewer.goto(site.at("workspace"))
    expect(viewer.get_by_label("Name")).to_be_disabled()
    expect(viewer.get_by_role("link", name="Who changed what")).to_have_count(0)
    is_accessible(viewer)


def test_an_administrator_makes_a_workspace_and_walks_between(
    site: Site,
    signed_in: SignIn,
    screenshot: Screenshot,
    is_accessible: Accessible,
    fits: Callable[[Page], None],
) -> None:
    member = site.user("operator")
    page = signed_in(ADMINISTRATOR)
    page.goto(site.url)
    page.get_by_role("link", name="Workspaces").click()
    is_accessible(page)
    fits(page)
    page.get_by_label(re.compile("^Name")).fill("Second")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("People")
    expect(page.get_by_role("main")).to_contain_text("Nobody is here yet")
    is_accessible(page)
    page.locator(".switcher summary").click()
    page.locator(".switcher").get_by_role("link", name=site.workspace.name).click()
    expect(page).to_have_url(site.at("home"))
    page.goto(site.url + reverse("workspaces"))
    screenshot(page, "workspaces")
    page.goto(site.url + reverse("users"))
    is_accessible(page)
    fits(page)
    screenshot(page, "users")
    page.get_by_role("link", name=member.email).click()
    is_accessible(page)
    fits(page)
    screenshot(page, "user")
    Workspace.objects.filter(name="Second").delete()


def test_the_switcher_works_by_keyboard(site: Site, signed_in: SignIn) -> None:
    other = services.create_workspace("Other", actor=ACTOR)
    services.add_member(other, site.user("sender"), Role.VIEWER, actor=ACTOR)
    page = signed_in("sender")
    page.goto(site.at("home"))
    page.locator(".switcher summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".switcher").get_by_role("link", name="Other")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(site.url + reverse("home", kwargs={"workspace": other.pk}))
    expect(page.get_by_role("heading", level=1)).to_have_text("Other")
    Membership.objects.filter(workspace=other).delete()


@pytest.mark.parametrize("name", ["people", "keys", "workspace", "audit"])
def test_every_page_is_whole_in_the_dark_on_a_phone(
    site: Site, signed_in: SignIn, is_accessible: Accessible, name: str
) -> None:
    page = signed_in("owner", width=400, scheme="dark")
    page.goto(site.at(name))
    is_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Dashboard")).to_be_visible()
