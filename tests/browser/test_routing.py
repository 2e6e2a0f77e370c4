"""Routing in a browser: rules are written, put into order by buttons and by dragging, and asked."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site

pytestmark = [pytest.mark.browser]


def order(page: Page, *wanted: str) -> None:
    """The rules of the workspace stand in this order."""
    expect(page.locator("[data-sortable='order-workspace'] h3")).to_have_text(
        [re.compile(rf"{place}\.\s+{name}") for place, name in enumerate(wanted, 1)]
    )


def test_rules_are_written_ordered_and_asked(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None]
) -> None:
    page = signed_in("operator")
    page.goto(site.at("home"))
    page.get_by_role("link", name="Routing").click()
    order(page, "Everything")
    page.get_by_role("link", name="Add a rule").click()
    page.locator("[name=name]").fill("Poland")
    page.locator("[name=countries]").fill("Poland")
    page.get_by_label("Cape").fill("2")
    page.get_by_label("Flaky").fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".wrong .error")).to_contain_text("two-letter country codes")
    page.locator("[name=countries]").fill("PL")
    screenshot(page, "rule")
    is_accessible(page)
    fits(page)
    page.get_by_role("button", name="Save").click()
    order(page, "Everything", "Poland")
    expect(page.locator(".rule", has_text="Poland")).to_contain_text("Cape 67 %")

    page.get_by_role("button", name="Up Poland").press("Enter")
    order(page, "Poland", "Everything")
    expect(page.locator("#moved")).to_have_text("Poland is rule 1 of 2 now.")
    expect(page.get_by_role("button", name="Up Poland")).to_be_focused()
    page.locator(".rule", has_text="Everything").drag_to(
        page.locator(".rule", has_text="Poland"), target_position={"x": 40, "y": 5}
    )
    order(page, "Everything", "Poland")
    page.reload()
    order(page, "Everything", "Poland")
    page.get_by_role("button", name="Switch off Everything").click()
    expect(page.get_by_role("button", name="Switch on Everything")).to_be_visible()

    page.get_by_label("Number").fill("+48 600 100 200")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#where .panel.ok")).to_contain_text("It would go through")
    expect(page.locator("#where .verdicts li").first).to_contain_text("Rule: Poland")
    screenshot(page, "routing")
    is_accessible(page)
    fits(page)

    page.get_by_role("button", name="Delete Poland").click()
    page.locator("dialog[open]").get_by_role("button", name="Delete").click()
    order(page, "Everything")
    page.get_by_role("link", name="All changes").click()
    expect(page.get_by_role("heading", name="Changes of routing")).to_be_visible()
    expect(page.locator(".timeline li").first).to_contain_text("The rule Poland was deleted.")
    screenshot(page, "changes")
    is_accessible(page)
    fits(page)

    page.get_by_role("link", name="Prices").click()
    expect(page.get_by_role("heading", name="No price yet")).to_be_visible()
    is_accessible(page)
    page.get_by_label("Prefix", exact=True).fill("48")
    page.get_by_label("Price per segment").fill("0.032")
    page.get_by_role("button", name="Set the price").click()
    expect(page.get_by_role("row", name="Poland")).to_contain_text("0.032")
    page.get_by_label("Or paste it").fill("prefix;price\n4860;0,02\n49;dear\n")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Line 3: A price is a number")
    screenshot(page, "prices")
    is_accessible(page)
    fits(page)
    page.get_by_role("button", name="Change the price of +48").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    is_accessible(page)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="No price yet")).to_be_visible()
