"""Templates in a browser: written with a live preview, saved, changed and restored."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site

pytestmark = [pytest.mark.browser]


def test_a_template_is_written_seen_saved_and_restored(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None]
) -> None:
    page = signed_in("sender")
    page.goto(site.at("home"))
    page.get_by_role("link", name="Templates").click()
    expect(page.get_by_role("link", name="Planned works (Ukrainian)")).to_be_visible()
    screenshot(page, "templates")
    is_accessible(page)
    fits(page)

    page.get_by_role("link", name="Add a template").click()
    phone = page.get_by_role("group", name="Preview on a phone")
    text = page.get_by_label(re.compile("^Text"))
    expect(page.locator("[name=subject]")).to_be_hidden()
    text.fill("Dear ")
    page.get_by_text("Fields that the text may show").click()
    page.get_by_role("button", name="full_name", exact=True).click()
    expect(text).to_have_value("Dear {{ full_name }}")
    expect(text).to_be_focused()
    expect(phone).to_contain_text(re.compile(r"Dear [^\s{]"))
    page.keyboard.type(", see you – Łukasz")
    expect(page.locator(".costly")).to_contain_text("en dash")
    page.get_by_label("Preview for").fill("C1000")
    expect(page.locator("#shown dd a")).to_be_visible()
    page.get_by_role("button", name="The longest").click()
    expect(page.get_by_label("Preview for")).to_have_value("")
    page.keyboard.press("Tab")
    text.press("End")
    text.press_sequentially("{{ fulname }}")
    expect(page.locator("#shown .panel")).to_contain_text("Did you mean full_name")
    page.locator("[name=name]").fill("Greeting")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".wrong .error")).to_contain_text("There is no field 'fulname'")
    page.get_by_label("Where a value is missing").select_option(label="Write something else in its place")
    page.get_by_label("Write instead").fill("customer")
    text.fill("Dear {{ full_name }}, see you soon")
    expect(page.locator("#shown")).to_contain_text("1 segment")
    screenshot(page, "template")
    is_accessible(page)
    fits(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Greeting is saved: version 1.")).to_be_visible()

    text.fill("Good-bye {{ full_name }}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Greeting is saved: version 2.")).to_be_visible()
    page.get_by_role("link", name="Versions").click()
    screenshot(page, "template-versions")
    is_accessible(page)
    fits(page)
    page.get_by_role("button", name="Restore version 1").click()
    expect(text).to_have_value("Dear {{ full_name }}, see you soon")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Greeting was deleted.")).to_be_visible()
