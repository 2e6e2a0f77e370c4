"""Contacts from an empty page to a segment: import, list, card, form, lists and fields."""

from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site

pytestmark = [pytest.mark.browser]

MESSY = (
    "Numer klienta;Imię i nazwisko;Telefon;E-mail;Miasto;Taryfa;Status\r\n"
    "1;Łucja Żak;+48 600 100 200;lucja@ex.pl;Łódź;Światło 300;aktywny\r\n"
    "2;Zły Numer;12;;Łódź;;aktywny\r\n"
    "3;Jan Ćma;+48600100202;jan@ex.pl;Kraków;Światło 300;zablokowany\r\n"
    "1;Łucja Nowak;;;;;\r\n"
)


def test_a_messy_table_becomes_contacts_a_segment_and_a_card(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Any
) -> None:
    site.workspace.contacts.all().delete()
    page = signed_in("owner")
    page.goto(site.at("contacts"))
    expect(page.get_by_role("heading", name="Nobody is here yet")).to_be_visible()
    page.get_by_role("link", name="Import a table").click()
    table = {"name": "klienci.csv", "mimeType": "text/csv", "buffer": MESSY.encode("cp1250")}
    page.locator("#file").set_input_files([table])
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("combobox", name="Field of Miasto")).to_have_value("location")
    expect(page.get_by_text("The phone number is too short").first).to_be_visible()
    page.get_by_label("Put them on the list").fill("Autumn")
    is_accessible(page)
    fits(page)
    screenshot(page, "contacts-import")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Done 100 %")).to_be_visible()
    expect(page.get_by_text("Row 3")).to_be_visible()
    is_accessible(page)
    screenshot(page, "contacts-imported")
    with page.expect_download() as download:
        page.get_by_role("link", name="Rows with errors").click()
    assert "Zły Numer" in download.value.path().read_text("utf-8-sig")

    page.get_by_role("link", name="See the contacts").click()
    page.get_by_label("Status", exact=True).select_option("blocked")
    expect(page.locator("#count")).to_have_text("1 contact fits")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Jan Ćma")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Blocked")
    page.get_by_role("button", name="Save the filters").click()
    expect(page.get_by_role("link", name="Blocked", exact=True)).to_be_visible()
    is_accessible(page)
    fits(page)
    screenshot(page, "segments")

    page.goto(site.at("contacts"))
    is_accessible(page)
    fits(page)
    screenshot(page, "contacts")
    page.get_by_role("link", name="Łucja Nowak").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("E-mail", exact=True).fill("nobody")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is not an e-mail address.")).to_be_visible()
    is_accessible(page)
    fits(page)
    page.get_by_label("E-mail", exact=True).fill("lucja@nowak.example")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("lucja@nowak.example")).to_be_visible()

    page.get_by_text("Add a document").click()
    page.get_by_role("textbox", name="Number", exact=True).fill("1/2026")
    page.get_by_label("Date").fill("2026-01-31")
    page.get_by_label("Amount").fill("49,99")
    document = {"name": "invoice.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 demo"}
    page.locator("#id_file").set_input_files([document])
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("link", name="Invoice 1/2026")).to_be_visible()
    is_accessible(page)
    fits(page)
    screenshot(page, "contact")
    page.get_by_label("Write to Łucja Nowak").fill("Hello")
    page.get_by_role("button", name="Preview and send").click()
    expect(page.locator("#id_to")).to_have_value("+48600100200")

    for name in ("registers", "fields", "imports"):
        page.goto(site.at(name))
        is_accessible(page)
        fits(page)
        screenshot(page, name)

    page.goto(site.at("contact-add"))
    page.get_by_label("Full name").fill("Ewa Nowa")
    page.get_by_label("Voice").check()
    page.reload()
    expect(page.get_by_label("Voice")).to_be_checked()
    expect(page.get_by_label("Internet")).not_to_be_checked()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Ewa Nowa was added.")).to_be_visible()
    page.goto(site.at("contact-add"))
    expect(page.get_by_label("Full name")).to_have_value("")

    page.goto(site.at("contacts"))
    page.get_by_label("All 3 that fit").check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 3 contacts?")).to_be_visible()
    is_accessible(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="Nobody is here yet")).to_be_visible()
