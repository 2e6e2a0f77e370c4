"""Writing a message in a browser, and following it until the handset has it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Request, Route, expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site
from tests.support.tenants import ACTOR, Tenant, tenant

from gatepost.audience import contacts
from gatepost.campaigns import services
from gatepost.campaigns.models import Campaign
from gatepost.cli.demo import PHONE
from gatepost.messages.models import Message
from gatepost.workspaces.models import Role

pytestmark = [pytest.mark.browser]

MESSAGE = re.compile("/messages/[0-9a-z]{13}/$")
COSTLY = "Zażółć gęślą jaźń – “quoted” and long enough to need a second segment of its own"


def write(page: Page, site: Site, text: str) -> None:
    page.goto(site.at("compose"))
    page.get_by_label("To", exact=False).first.fill(PHONE)
    page.locator("#id_text").fill(text)


def send_in_vain(page: Page) -> None:
    """Press the button, and wait until the browser has given up."""
    with page.expect_event("requestfailed", Request.is_navigation_request):
        page.get_by_role("button", name="Send").click(no_wait_after=True)


def test_costly_characters_are_named_replaced_and_the_message_arrives(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None]
) -> None:
    page = signed_in("sender")
    write(page, site, COSTLY)
    expect(page.locator("#count")).to_contain_text("2 segments · Unicode")
    expect(page.locator("#measure .bubble")).to_have_text(COSTLY)
    expect(page.locator(".costly")).to_contain_text("latin small letter z with dot above")
    expect(page.locator("#measure")).to_contain_text("1 instead of 2 segments")
    screenshot(page, "compose")
    is_accessible(page)
    fits(page)
    page.get_by_role("button", name="Write z instead of latin small letter z with dot above").click()
    expect(page.locator("#id_text")).to_have_value(COSTLY.replace("ż", "z"))
    page.get_by_role("button", name="Replace all").click()
    expect(page.locator("#count")).to_contain_text("1 segment · GSM-7")
    expect(page.locator("#id_text")).to_have_value(re.compile('^Zazolc gesla jazn - "quoted"'))
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_url(MESSAGE)
    expect(page.locator(".state-line .badge")).to_have_text("delivered")
    expect(page.locator("#live")).not_to_have_attribute("hx-trigger", re.compile("."))
    for words in ("Accepted", "Handed to Warsaw", "Warsaw took it", "Report from Warsaw"):
        expect(page.locator(".timeline")).to_contain_text(words)
    screenshot(page, "message")
    is_accessible(page)
    fits(page)


def test_what_was_typed_survives_errors_reloads_and_a_lost_connection(site: Site, signed_in: SignIn) -> None:
    page = signed_in("sender")
    write(page, site, "A draft")
    page.locator("#id_to").fill("12")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#id_to_error")).to_contain_text("number")
    expect(page.locator("#id_text")).to_have_value("A draft")
    page.locator("#id_text").fill("A better draft")
    page.goto(site.at("log"))
    page.goto(site.at("compose"))
    expect(page.locator("#id_text")).to_have_value("A better draft")
    expect(page.locator("#measure .bubble")).to_have_text("A better draft")
    page.locator("#id_to").fill(PHONE)
    page.context.set_offline(True)
    send_in_vain(page)
    page.context.set_offline(False)
    page.goto(site.at("compose"))
    expect(page.locator("#id_text")).to_have_value("A better draft")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".timeline")).to_be_visible()
    page.goto(site.at("compose"))
    expect(page.locator("#id_text")).to_have_value("")


def test_what_is_typed_after_a_contacts_card_survives_a_reload(site: Site, signed_in: SignIn) -> None:
    person = contacts.create(site.workspace, {"full_name": "Ada Card", "phones": [PHONE]}, actor=ACTOR)
    page = signed_in("sender")

    def from_the_card(text: str) -> None:
        page.goto(site.at("contact", contact=person.pk))
        page.locator("#send-text").fill(text)
        page.get_by_role("button", name="Preview and send").click()
        expect(page.locator("#id_text")).to_have_value(text)

    from_the_card("Written on the card")
    page.locator("#id_text").fill("Better words")
    page.reload()
    expect(page.locator("#id_text")).to_have_value("Better words")
    expect(page.locator("#measure .bubble")).to_have_text("Better words")
    from_the_card("Another message")
    page.reload()
    expect(page.locator("#id_text")).to_have_value("Another message")


def test_what_is_typed_while_the_page_loads_is_kept(site: Site, signed_in: SignIn) -> None:
    patient = signed_in("sender")
    write(patient, site, "An older draft")
    browser = patient.context.browser
    assert browser is not None
    context = browser.new_context(storage_state=patient.context.storage_state())
    try:
        page = context.new_page()

        def type_meanwhile(route: Route) -> None:
            page.locator("#id_text").fill("Typed at once")
            route.continue_()

        page.route("**/htmx*.js", type_meanwhile)
        page.goto(site.at("compose"))
        page.unroute("**/htmx*.js")
        expect(page.locator("#id_text")).to_have_value("Typed at once")
        page.reload()
        expect(page.locator("#id_text")).to_have_value("Typed at once")
    finally:
        context.close()


def test_what_arrived_before_the_connection_broke_is_not_sent_twice(site: Site, signed_in: SignIn) -> None:
    page = signed_in("sender")
    write(page, site, "Only once")

    def lose_the_answer(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    page.route("**/compose/", lose_the_answer)
    send_in_vain(page)
    page.unroute("**/compose/")
    page.goto(site.at("compose"))
    expect(page.locator("#id_text")).to_have_value("Only once")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".notices")).to_contain_text("it was not sent twice")
    assert Message.objects.filter(body="Only once").count() == 1


def test_a_button_of_a_mass_draft_waits_until_all_is_saved(site: Site, signed_in: SignIn) -> None:
    page = signed_in("sender")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        held.append(route)
        if len(held) > 1:
            route.continue_()

    page.goto(site.at("campaign-new"))
    page.route("**/campaigns/save/", hold_the_first)
    with page.expect_request("**/campaigns/save/"):
        page.locator("#id_text").fill("Waits")
    page.get_by_role("button", name="Preview", exact=True).click()
    held[0].continue_()
    expect(page).to_have_url(re.compile("/preview/$"))
    page.unroute("**/campaigns/save/")
    draft = Campaign.objects.get(workspace=site.workspace, text="Waits")
    page.get_by_role("link", name="Back to writing").click()
    page.locator("#id_text").fill("Typed without a connection")
    page.context.set_offline(True)
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.locator("#saved")).to_contain_text("cannot be reached")
    expect(page.locator("#id_text")).to_have_value("Typed without a connection")
    page.context.set_offline(False)
    page.reload()
    expect(page.locator("#saved")).to_contain_text("Draft saved")
    expect(page.locator("#id_text")).to_have_value("Typed without a connection")
    draft.refresh_from_db()
    assert draft.text == "Typed without a connection"


def test_of_two_who_write_one_mass_draft_nobody_overwrites_the_other_unseen(site: Site, signed_in: SignIn) -> None:
    page = signed_in("sender")
    draft = services.create(site.workspace, {"text": "From the start"}, actor=ACTOR)
    address = f"{site.url}/w/{site.workspace.pk}/campaigns/{draft.pk}/compose/"
    page.goto(address)
    services.save(draft, {"text": "Theirs"}, actor=ACTOR)
    saved = page.locator("#saved")
    for text in ("Mine", "Mine, longer"):
        with page.expect_response("**/campaigns/save/"):
            page.locator("#id_text").fill(text)
        expect(saved).to_contain_text("Not saved The campaign was changed meanwhile.")
    draft.refresh_from_db()
    assert draft.text == "Theirs"
    page.goto(address)
    expect(saved).to_contain_text("Not saved")
    expect(page.locator("#id_text")).to_have_value("Mine, longer")
    page.get_by_role("link", name="Show what is saved").click()
    expect(page.locator("#id_text")).to_have_value("Theirs")
    services.save(draft, {"text": "Theirs again"}, actor=ACTOR)
    page.locator("#id_text").fill("Mine after all")
    page.get_by_role("button", name="Save this instead").click()
    expect(saved).to_contain_text("Draft saved")
    page.goto(address)
    expect(page.locator("#id_text")).to_have_value("Mine after all")


def test_the_keyboard_is_enough(site: Site, signed_in: SignIn) -> None:
    page = signed_in("sender")
    page.goto(site.at("compose"))
    page.locator("#id_to").focus()
    page.keyboard.type(PHONE)
    page.keyboard.press("Tab")
    page.keyboard.type("Typed\nin two lines")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(MESSAGE)
    expect(page.locator(".bubble")).to_have_text("Typed\nin two lines")
    assert Message.objects.get(body="Typed\nin two lines").user == site.user("sender")


def test_a_scheduled_message_waits_until_the_time_that_was_meant(
    site: Site, signed_in: SignIn, screenshot: Screenshot
) -> None:
    page = signed_in("sender")
    write(page, site, "Later")
    page.get_by_text("Schedule, priority, tag, reference").click()
    expect(page.get_by_text("In your time (Europe/Warsaw)")).to_be_visible()
    day = timezone.now() + timedelta(days=10)
    page.locator("#id_send_at").fill(f"{day:%Y-%m-%d}T09:30")
    page.locator("#id_client_ref").fill("order 7")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".state-line .badge")).to_have_text("queued")
    expect(page.locator(".state-card")).to_contain_text("It is scheduled.")
    expect(page.locator(".state-card time")).to_contain_text("09:30:00")
    expect(page.locator(".facts", has_text="order 7")).to_be_visible()
    screenshot(page, "message-scheduled")
    page.get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 message")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("button", name="Cancel sending").click()
    expect(page.locator(".state-line .badge")).to_have_text("cancelled")
    expect(page.locator(".notices")).to_contain_text("1 message: cancelled.")


def test_sending_works_without_script(site: Site, signed_in: SignIn) -> None:
    scripted = signed_in("sender")
    scripted.goto(site.at("home"))
    browser = scripted.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False, storage_state=scripted.context.storage_state())
    try:
        page = context.new_page()
        write(page, site, "Łódź without script")
        page.get_by_role("button", name="Count and preview").click()
        page.get_by_role("button", name="Replace all").click()
        expect(page.locator("#id_text")).to_have_value("Lodz without script")
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".timeline")).to_contain_text("Accepted")
        page.goto(site.at("log"))
        page.locator('input[name="ref"]').first.check()
        page.get_by_role("button", name="Cancel…").click()
        expect(page.get_by_role("heading", level=2).last).to_have_text(re.compile("Nothing to do|Take them out"))
    finally:
        context.close()


def test_without_a_gateway_the_way_to_one_is_shown(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible
) -> None:
    empty: Tenant = tenant("No gateways")
    page = signed_in("administrator")
    page.goto(f"{site.url}/w/{empty.workspace.pk}/compose/")
    page.locator("#id_to").fill(PHONE)
    page.locator("#id_text").fill("Kept")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#id_gateway_error")).to_contain_text("Add a gateway")
    expect(page.locator("#id_text")).to_have_value("Kept")
    screenshot(page, "compose-no-gateway")
    is_accessible(page)
    page.get_by_role("link", name="Add a gateway").first.click()
    expect(page).to_have_url(re.compile("/catalogue"))


@pytest.mark.parametrize("role", list(Role))
def test_each_role_finds_its_way_to_what_it_may_do(site: Site, signed_in: SignIn, role: Role) -> None:
    page = signed_in(role.value)
    page.goto(site.at("log"))
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Compose")).to_have_count(
        0 if role is Role.VIEWER else 1
    )
    page.goto(site.at("compose"))
    expect(page.locator("#id_text")).to_have_count(0 if role is Role.VIEWER else 1)
