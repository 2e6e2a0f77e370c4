"""Mass sending from a messy table to one person's message, as somebody goes through it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site
from tests.support.tenants import ACTOR

from gatepost.campaigns import expanding
from gatepost.campaigns.models import Campaign
from gatepost.gateways.services import update_gateway
from gatepost.messages.models import Message

pytestmark = [pytest.mark.browser]

PEOPLE = 24
SLOW = 0.25
"""Requests per second: so slow that there is time to pause."""
OLD = "".join(
    ["Numer klienta;Imię i nazwisko;Telefon;Miasto;Taryfa\r\n", "90;Zły Numer;12;Łódź;Światło\r\n"]
    + [f"{n};Łucja{n} Żak;+48600100{n:03};Łódź;Światło\r\n" for n in range(PEOPLE)]
    + ["3;Łucja3 Żak;+48600100003;Łódź;Światło\r\n", "91;Jan Podwójny;+48 600 100 003;Łódź;Światło\r\n"]
)
NEW = "login,name,phone,city\nsoeren,Søren Ødegård,+447700900999,Łódź\nnobody,Nobody Reachable,,Łódź\n"
TEXT = "Dear {{ first_name }}, tonight we work on the network."
HAS_ROOM = """(input) => {
    const pen = document.createElement("canvas").getContext("2d");
    const { font, paddingLeft, paddingRight } = getComputedStyle(input);
    pen.font = font;
    const room = input.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    return pen.measureText(input.placeholder).width <= room;
}"""
"""Whether what an empty input shows is seen to its end."""


def upload(page: Page, site: Site, name: str, content: bytes) -> None:
    page.goto(site.at("imports"))
    page.locator("#file").set_input_files([{"name": name, "mimeType": "text/csv", "buffer": content}])
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Done 100 %")).to_be_visible()


def hold_back(site: Site) -> None:
    """What is to be looked at in the thirty seconds may take longer."""
    row = Campaign.objects.get(workspace=site.workspace, status="undo")
    row.starts_at = timezone.now() + timedelta(minutes=10)
    row.save(update_fields=["starts_at"])


def begin_at_once(site: Site) -> None:
    """Nobody waits for the thirty seconds."""
    row = Campaign.objects.get(workspace=site.workspace, status="undo")
    row.starts_at = timezone.now()
    row.save(update_fields=["starts_at"])
    expanding.start(row)


def test_the_switch_of_short_links_follows_the_gateway_until_it_is_set(site: Site, signed_in: SignIn) -> None:
    other = site.workspace.gateways.exclude(pk=site.workspace.default_gateway_id).order_by("pk")[0]
    update_gateway(other, common_values={"shorten_links": True}, actor=ACTOR)
    page = signed_in("sender")
    page.goto(site.at("campaign-new"))
    page.locator("summary", has_text="Gateway, sender").click()
    switch, gateway = page.get_by_label("Shorten links and count clicks"), page.locator("#id_gateway")
    expect(switch).not_to_be_checked()
    gateway.select_option(str(other.pk))
    expect(switch).to_be_checked()
    page.locator("#id_send_to").select_option("email")
    expect(switch).not_to_be_checked()
    page.locator("#id_send_to").select_option("sms")
    switch.uncheck()
    gateway.select_option("")
    gateway.select_option(str(other.pk))
    expect(switch).not_to_be_checked()
    update_gateway(other, common_values={"shorten_links": False}, actor=ACTOR)


def test_from_a_messy_table_to_one_persons_message(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Any
) -> None:
    def look(name: str) -> None:
        is_accessible(page)
        fits(page)
        screenshot(page, name)

    site.workspace.contacts.all().delete()
    page = signed_in("owner")
    upload(page, site, "klienci.csv", OLD.encode("cp1250"))
    expect(page.get_by_text("too short").first).to_be_visible()
    upload(page, site, "new.csv", NEW.encode())

    page.goto(site.at("segments"))
    page.get_by_label("Field", exact=True).select_option("location")
    page.locator("summary", has_text="Values of Location").click()
    page.get_by_label("Łódź").check()
    page.get_by_role("button", name="Add a group").click()
    page.get_by_label("Field", exact=True).nth(1).select_option("full_name")
    page.get_by_label("Comparison").nth(1).select_option("filled")
    expect(page.get_by_label("Value", exact=True)).to_have_count(0)
    look("segment-builder")
    page.get_by_label("Name of the segment").fill("People of Łódź")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="People of Łódź", exact=True)).to_be_visible()

    page.goto(site.at("compose"))
    page.get_by_role("link", name="Mass sending").click()
    page.get_by_label("Segment", exact=True).select_option(label="People of Łódź")
    expect(page.locator("#count")).to_have_text(f"{PEOPLE + 3} customers fit")
    page.locator("#id_text").fill(f"Łódź: {TEXT}")
    expect(page.get_by_text("latin capital letter l with stroke").first).to_be_visible()
    page.get_by_role("button", name="Replace all in the text").click()
    expect(page.locator("#id_text")).to_have_value(f"Lodz: {TEXT}")
    page.context.set_offline(True)
    page.locator("#id_text").fill(TEXT)
    expect(page.locator("#saved")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    page.reload()
    expect(page.locator("#saved")).to_contain_text("Draft saved")
    expect(page.locator("#id_text")).to_have_value(TEXT)
    expect(page.locator("#look")).to_contain_text("Dear Łucja")
    look("mass")
    page.get_by_role("button", name="Save as new…").click()
    page.locator("#template_name").fill("Works on the network")
    page.locator("#template_name").press("Enter")
    expect(page.get_by_text("Saved as the template Works on the network.")).to_be_visible()

    page.get_by_role("button", name="Preview", exact=True).click()
    page.get_by_role("link", name="Longest message").click()
    page.get_by_label("Number or e-mail").fill("+447700900123")
    look("mass-preview")
    page.get_by_role("button", name="Send the test").dblclick()
    expect(page.get_by_role("heading", name="The test is on its way to +447700900123")).to_be_visible()
    assert Message.objects.filter(to_digits="447700900123").count() == 1

    gateway = site.workspace.default_gateway
    assert gateway
    update_gateway(gateway, common_values={"requests_per_second": SLOW}, actor=ACTOR)
    page.get_by_role("link", name="Check and send…").click()
    page.get_by_role("link", name="Back to writing").click()
    page.get_by_role("button", name="Check and send…").click()
    page.locator("summary", has_text="No phone number").click()
    expect(page.get_by_role("link", name="Nobody Reachable")).to_be_visible()
    look("mass-check")
    page.get_by_role("button", name=f"Send {PEOPLE + 1} messages").click()
    expect(page.locator("[data-seconds]")).to_have_text(re.compile(r"^[12]?\d$"))
    hold_back(site)
    look("mass-undo")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("It is a draft again.")).to_be_visible()
    page.get_by_role("button", name="Check and send…").click()
    page.get_by_role("button", name=f"Send {PEOPLE + 1} messages").click()
    expect(page.get_by_role("button", name="Take it back")).to_be_visible()

    begin_at_once(site)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused. What is on its way")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    look("mass-paused")
    page.get_by_role("button", name="Resume").click()
    update_gateway(gateway, common_values={"requests_per_second": 100}, actor=ACTOR)
    live = page.locator("#live")
    expect(live).to_contain_text(f"{PEOPLE + 1} of {PEOPLE + 1}")
    expect(live.locator(".state-line")).to_contain_text("Sent")
    page.reload()
    look("mass-sent")
    page.get_by_label("State", exact=True).select_option("Sent")
    page.get_by_role("button", name="Show").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert "Søren Ødegård" in download.value.path().read_text("utf-8-sig")

    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_label("Type", exact=True).select_option("mass")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("kind=mass"))
    assert page.locator(".filters input[type=search]").evaluate(HAS_ROOM)
    look("history")
    page.get_by_role("link", name="Dear {{ first_name }}").click()
    page.get_by_role("link", name="Søren Ødegård").click()
    expect(page.get_by_text("Dear Søren, tonight we work on the network.")).to_be_visible()
    look("mass-recipient")
