"""E-mail and the customer portal: an account is checked, a customer asks for a link, reads, and the sender sees it."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site
from tests.support.installation import wait_until

from gatepost.audience.models import Contact
from gatepost.channels import portal_entrance
from gatepost.channels.models import EmailAccount, PortalMessage
from gatepost.sms.ids import to_ref

pytestmark = [pytest.mark.browser]


def test_a_customer_signs_in_by_a_mail_and_reads_without_script(
    site: Site,
    signed_in: SignIn,
    screenshot: Screenshot,
    is_accessible: Accessible,
    fits: Any,
) -> None:
    page = signed_in("owner")
    account = EmailAccount.objects.get(workspaces=site.workspace)
    page.goto(site.at("gateways"))
    expect(page.get_by_role("row").filter(has_text="Demo mailbox")).to_contain_text("E-mail")
    is_accessible(page)
    screenshot(page, "gateways-with-email")
    page.goto(site.at("email-account", account=account.pk))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="Check: in order")).to_be_visible()
    page.get_by_label("E-mail address", exact=True).fill("bounce@x.example")
    page.get_by_role("button", name="Send test mail").click()
    expect(page.get_by_role("heading", name="Test mail: not in order")).to_be_visible()
    expect(page.get_by_text("The address does not exist").first).to_be_visible()
    is_accessible(page)
    fits(page)
    screenshot(page, "email-account")

    message = PortalMessage.objects.filter(workspace=site.workspace, read_at=None).order_by("-pk")[0]
    contact = Contact.objects.get(pk=message.contact_id)
    assert page.context.browser is not None
    phone = page.context.browser.new_context(
        java_script_enabled=False, viewport={"width": 400, "height": 850}, base_url=site.url, color_scheme="dark"
    )
    visitor = phone.new_page()
    visitor.goto(f"/portal/{site.workspace.pk}/")
    visitor.get_by_label("Phone number or e-mail address").fill(contact.email.upper())
    visitor.get_by_role("button", name="Send me a link").click()
    expect(visitor.get_by_role("heading", name="Look for the link")).to_be_visible()

    def has_arrived() -> bool:
        page.goto(site.at("demo-mailbox"))
        return page.get_by_role("link", name="/enter/").count() > 0

    wait_until(has_arrived, 60, "the link in the mailbox")
    screenshot(page, "demo-mailbox")
    visitor.goto(str(page.get_by_role("link", name="/enter/").get_attribute("href")))
    visitor.get_by_role("button", name="Read my messages").click()
    expect(visitor.get_by_role("heading", name="Messages", exact=True)).to_be_visible()
    visitor.get_by_role("link", name=re.compile(re.escape(message.subject))).click()
    expect(visitor.get_by_role("heading", name=message.subject)).to_be_visible()
    page.goto(site.at("portal-message", ref=to_ref(message.pk)))
    expect(page.get_by_text("Read", exact=False).first).to_be_visible()
    expect(page.get_by_text("Not read yet")).to_have_count(0)
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_label("Phone number or e-mail address")).to_be_visible()
    phone.close()


def test_the_pages_are_accessible_and_fit_a_phone(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Any
) -> None:
    page = signed_in("owner")
    for name in ("mails", "email-suppressions", "portal-messages", "portal-settings"):
        page.goto(site.at(name))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        is_accessible(page)
        fits(page)
        screenshot(page, name)
    message = PortalMessage.objects.filter(workspace=site.workspace).exclude(documents=[]).first()
    assert message is not None
    page.goto(f"/portal/{site.workspace.pk}/")
    is_accessible(page)
    fits(page)
    screenshot(page, "portal-door")
    page.goto(portal_entrance.make_link(message.contact))
    page.get_by_role("button", name="Read my messages").click()
    expect(page.get_by_role("heading", name="Messages", exact=True)).to_be_visible()
    is_accessible(page)
    fits(page)
    screenshot(page, "portal-list")
    page.goto(f"/portal/{site.workspace.pk}/messages/{to_ref(message.pk)}/")
    expect(page.get_by_role("link", name=re.compile("Invoice|Payment|Pro-forma"))).to_be_visible()
    is_accessible(page)
    fits(page)
    screenshot(page, "portal-message-read")
