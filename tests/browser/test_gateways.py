"""Gateways in a browser: from the catalogue to a delivered test SMS, and every page as people see it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import ADMINISTRATOR, Accessible, Screenshot, SignIn, Site, copied

from gatepost.gateways import sender_ids
from gatepost.gateways.models import Gateway
from gatepost.simulators.demo import WARSAW

pytestmark = [pytest.mark.browser]

CANARY = WARSAW.credentials["token"]
MOBILE = "+447700900123"


@pytest.fixture
def warsaw(site: Site) -> Gateway:
    return Gateway.objects.get(name="Warsaw")


def named(page: Page, name: str) -> Locator:
    """The field of that name: its label may hold more words than its name."""
    return page.locator(f'[name="{name}"]')


def test_the_way_from_the_catalogue_to_a_delivered_message(site: Site, signed_in: SignIn, warsaw: Gateway) -> None:
    page = signed_in("operator")
    page.goto(site.at("gateways"))
    page.get_by_role("link", name="Add a gateway").click()
    page.get_by_label("Search", exact=True).fill("smsapi")
    expect(page.locator("#tiles h2")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=smsapi"))
    page.get_by_role("link", name="SMSAPI").click()
    page.get_by_role("link", name="Add this provider").click()
    named(page, "name").fill("Second Warsaw")
    page.get_by_label("Base URL").fill(warsaw.settings["base_url"])
    page.get_by_label("API token").fill("wrong-token-of-mine")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#test-result")).to_contain_text("Check: not in order")
    expect(page.locator("#test-result")).to_contain_text("it is not saved yet")
    assert "wrong-token-of-mine" not in page.locator("#test-result").inner_html()
    # What was typed is still there, the secret too, because only the panel was loaded.
    expect(page.get_by_label("API token")).to_have_value("wrong-token-of-mine")
    page.get_by_label("API token").fill(CANARY)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#test-result")).to_contain_text("Check: in order")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("Second Warsaw is saved")
    assert CANARY not in page.content()
    page.get_by_role("button", name="Balance").click()
    expect(page.locator("#test-result")).to_contain_text("Balance: in order")
    named(page, "trial_to").fill(MOBILE)
    page.get_by_role("button", name="Send test SMS").click()
    expect(page.locator("#test-result")).to_contain_text("delivered")
    expect(page.locator("#test-result pre").first).to_contain_text("sms.do")
    assert CANARY not in page.content()


def test_an_exchange_is_copied_as_curl_without_its_secret(site: Site, signed_in: SignIn, warsaw: Gateway) -> None:
    page = signed_in("owner")
    page.goto(site.at("gateway", gateway=warsaw.pk))
    page.get_by_role("button", name="Check").click()
    curl = copied(page, page.get_by_role("button", name="Copy as curl").first)
    assert "curl --globoff" in curl
    assert "$API_TOKEN" in curl
    assert CANARY not in curl


def test_an_unsaved_test_sms_leaves_the_log_alone(site: Site, signed_in: SignIn, warsaw: Gateway) -> None:
    page = signed_in("owner")
    page.goto(site.at("gateway", gateway=warsaw.pk))
    page.locator("summary", has_text="Limits").click()
    page.get_by_label("Parallel requests").fill("3")
    named(page, "trial_to").fill(MOBILE)
    page.get_by_role("button", name="Send test SMS").click()
    expect(page.locator("#test-result")).to_contain_text("SMSAPI took the message")
    expect(page.locator("#test-result")).to_contain_text("not in the log")


def test_fields_appear_with_what_makes_them_matter(site: Site, signed_in: SignIn) -> None:
    page = signed_in("owner")
    page.goto(site.at("gateway-add", provider="smsapi"))
    expect(page.get_by_label("API token")).to_be_visible()
    expect(page.get_by_label("Password MD5")).to_be_hidden()
    page.get_by_label("Sign in with").select_option("md5")
    expect(page.get_by_label("API token")).to_be_hidden()
    expect(page.get_by_label("Password MD5")).to_be_visible()


def test_a_draft_survives_a_reload_and_holds_no_secret(site: Site, signed_in: SignIn) -> None:
    page = signed_in("owner")
    page.goto(site.at("gateway-add", provider="generic_http"))
    named(page, "name").fill("Half done")
    named(page, "settings-password").fill("canary-typed-password")
    page.locator("summary", has_text="Transport").click()
    page.get_by_label("Client key (PEM)").fill("canary-typed-key")
    page.reload()
    expect(named(page, "name")).to_have_value("Half done")
    expect(named(page, "settings-password")).to_have_value("")
    assert "canary" not in page.evaluate("JSON.stringify(localStorage)")


def test_the_request_is_previewed_while_it_is_described(site: Site, signed_in: SignIn) -> None:
    page = signed_in("owner")
    page.goto(site.at("gateway-add", provider="generic_http") + "?preset=bulksms_json")
    expect(page.locator("#preview")).to_contain_text("https://api.bulksms.com/v1/messages")
    expect(page.locator("#preview")).to_contain_text("Still missing: Username")
    named(page, "settings-url").fill("https://provider.example/live")
    expect(page.locator("#preview")).to_contain_text("https://provider.example/live")
    named(page, "settings-password").fill("canary-in-preview")
    named(page, "settings-username").fill("jan")
    expect(page.locator("#preview")).to_contain_text("authorization", ignore_case=True)
    assert "canary-in-preview" not in page.content()


def test_faults_are_named_and_the_form_keeps_what_was_typed(site: Site, signed_in: SignIn) -> None:
    page = signed_in("owner")
    page.goto(site.at("gateway-add", provider="smsapi"))
    named(page, "name").fill("WARSAW")
    page.get_by_label("API token").fill("canary-of-a-fault")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("There is a gateway of this name")
    expect(named(page, "name")).to_have_value("WARSAW")
    assert "canary-of-a-fault" not in page.content()


def test_a_viewer_reads_and_a_stranger_to_the_rights_is_told(site: Site, signed_in: SignIn, warsaw: Gateway) -> None:
    page = signed_in("viewer")
    page.goto(site.at("gateway", gateway=warsaw.pk))
    expect(page.get_by_label("Base URL")).to_be_disabled()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_role("button", name="Check")).to_have_count(0)
    page.goto(site.at("gateway-add", provider="smsapi"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")


def test_a_sender_id_is_asked_for_and_decided(site: Site, signed_in: SignIn) -> None:
    page = signed_in("operator")
    page.goto(site.at("senders"))
    named(page, "sender").fill("Parcel")
    page.get_by_role("button", name="Ask for it").click()
    expect(page.locator("tr", has_text="Parcel")).to_contain_text("Requested")
    admin = signed_in(ADMINISTRATOR)
    admin.goto(site.at("senders"))
    admin.get_by_role("button", name="Decide on Parcel").click()
    admin.get_by_role("button", name="Approve").click()
    expect(admin.locator("tr", has_text="Parcel")).to_contain_text("Approved")
    page.reload()
    expect(page.locator("tr", has_text="Parcel")).to_contain_text("Approved")
    page.get_by_role("button", name="Delete Parcel").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_gateway_is_deleted_after_a_question(site: Site, signed_in: SignIn) -> None:
    page = signed_in("owner")
    page.goto(site.at("gateway-add", provider="generic_http") + "?preset=clickatell_platform")
    named(page, "name").fill("Short lived")
    named(page, "settings-api_key").fill("canary-short")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Short lived")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the gateway").click()
    expect(page.get_by_role("status").first).to_contain_text("Short lived is deleted")


PAGES: dict[str, tuple[str, str, str]] = {
    "gateways": (ADMINISTRATOR, "gateways", ""),
    "gateway": ("owner", "gateway", ""),
    "gateway-read": ("viewer", "gateway", ""),
    "gateway-add": ("owner", "gateway-add", "smsapi"),
    "gateway-add-generic": ("owner", "gateway-add", "generic_http"),
    "gateway-delete": ("owner", "gateway-delete", ""),
    "gateway-log": ("owner", "gateway-log", ""),
    "catalogue": ("viewer", "catalogue", ""),
    "provider": ("owner", "provider", "smsapi"),
    "senders": (ADMINISTRATOR, "senders", ""),
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_accessible_and_fit_a_phone(
    site: Site,
    signed_in: SignIn,
    warsaw: Gateway,
    name: str,
    is_accessible: Accessible,
    fits: Callable[[Page], None],
    screenshot: Screenshot,
) -> None:
    role, route, provider = PAGES[name]
    if name == "senders" and not site.workspace.sender_ids.filter(sender="Shop").exists():
        sender_ids.request_sender_id(site.workspace, "Shop", actor="test")
    parts = {"provider": provider} if provider else {"gateway": warsaw.pk} if route.startswith("gateway-") else {}
    parts |= {"gateway": warsaw.pk} if route == "gateway" else {}
    page = signed_in(role)
    page.goto(site.at(route, **parts))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if name == "gateway":
        page.get_by_role("button", name="Check").click()
        expect(page.locator("#test-result")).to_contain_text("in order")
    is_accessible(page)
    fits(page)
    screenshot(page, name)
