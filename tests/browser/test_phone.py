"""The first minutes in a browser: write, watch it arrive on the virtual phone, answer, break a gateway."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site
from tests.support.installation import wait_until
from tests.support.reporting import Say
from tests.support.tenants import tenant

from gatepost.console import phone
from gatepost.dispatch.models import Submission
from gatepost.inbox.models import InboundMessage
from gatepost.messages.models import Message
from gatepost.routing.models import GatewayHealth
from gatepost.workspaces.models import Role

pytestmark = [pytest.mark.browser]

MOST_CLICKS = 10
SOON_S = 5.0
"""So long after the first gateway broke new messages go through the second."""
COUNT_CLICKS = "addEventListener('click', (event) => event.isTrusted && countClick(), true)"


def switches(page: Page, gateway: str) -> Locator:
    """The line of a simulated gateway."""
    return page.locator(".switches li", has_text=gateway)


def test_from_the_dashboard_to_delivered_on_the_phone(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None],
    say: Say,
) -> None:  # fmt: skip
    page = signed_in("owner")
    clicks: list[int] = []
    page.expose_function("countClick", lambda: clicks.append(1))
    page.add_init_script(COUNT_CLICKS)
    page.goto(site.at("home"))
    began = time.monotonic()
    page.get_by_role("link", name="Virtual phone").click()
    page.locator("#write_text").fill("Your parcel is here")
    page.get_by_role("button", name="Send").click()
    arrived = page.locator("#conversation .bubble:not(.under-way)", has_text="Your parcel is here")
    expect(arrived.locator(".tick-words")).to_have_text("delivered")
    took_s = time.monotonic() - began
    say(f"dashboard to delivered on the phone: {len(clicks)} clicks, {took_s:.1f} s")
    assert 2 <= len(clicks) < MOST_CLICKS
    expect(page.locator("#write_text")).to_have_value("")
    screenshot(page, "phone")
    is_accessible(page)
    fits(page)


def test_a_reply_from_the_phone_comes_in(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None]
) -> None:
    page = signed_in("agent")
    page.goto(site.at("phone"))
    page.locator("#write_text").fill("Will you be there?")
    page.get_by_role("button", name="Send").click()
    asked = page.locator("#conversation .bubble", has_text="Will you be there?")
    expect(asked.locator(".tick-words")).to_have_text("delivered")
    page.locator("#id_reply").fill("Yes <b>sure</b>, at ten 🙂")
    page.get_by_role("button", name="Reply").click()
    expect(page.locator("#conversation .bubble.own")).to_contain_text("Yes <b>sure</b>, at ten 🙂")
    # The handset shows its own before we have it.
    wait_until(InboundMessage.objects.filter(text__contains="at ten 🙂").exists, 60, "the answer to be stored")
    page.get_by_role("link", name="Inbound").first.click()
    row = page.locator("tbody tr", has_text="Yes <b>sure</b>, at ten 🙂")
    expect(row).to_contain_text("[SMS]")
    screenshot(page, "inbound")
    is_accessible(page)
    fits(page)
    row.get_by_role("link", name="Reply").click()
    expect(page.locator("#id_to")).to_have_value(f"+{phone.PHONE}")
    page.go_back()
    row.locator("a.mono").click()
    expect(page.locator("#live .bubble")).to_have_text("Will you be there?")


def test_a_broken_gateway_holds_its_messages_until_it_is_repaired(
    site: Site, signed_in: SignIn, screenshot: Screenshot
) -> None:
    page = signed_in("operator")
    page.goto(site.at("phone"))
    switches(page, "Cape").get_by_role("button", name="Break this gateway").click()
    expect(switches(page, "Cape")).to_contain_text("broken")
    page.locator("#write_gateway").select_option(label="Cape")
    page.locator("#write_text").fill("Through thick and thin")
    page.get_by_role("button", name="Send").click()
    waiting = page.locator("#conversation .bubble.under-way", has_text="Through thick and thin")
    expect(waiting.locator(".tick-words")).to_contain_text("queued")
    message = Message.objects.get(body="Through thick and thin")
    tried = Submission.objects.filter(message_ids=[message.pk], done_at__isnull=False)
    wait_until(tried.exists, 60, "the first attempt")
    screenshot(page, "phone-broken")
    switches(page, "Cape").get_by_role("button", name="Repair").click()
    expect(switches(page, "Cape")).to_contain_text("works")
    arrived = page.locator("#conversation .bubble:not(.under-way)", has_text="Through thick and thin")
    expect(arrived.locator(".tick-words")).to_have_text("delivered")
    arrived.get_by_role("link", name="Cape").click()
    expect(page.locator(".timeline")).to_contain_text("The provider was not reached")


def test_when_the_first_gateway_breaks_the_second_takes_over(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None],
    say: Say,
) -> None:  # fmt: skip
    page = signed_in("operator")
    page.goto(site.at("phone"))
    switches(page, "Warsaw").get_by_role("button", name="Break this gateway").click()
    expect(switches(page, "Warsaw")).to_contain_text("broken")
    for number in ("first", "second", "third", "fourth"):
        page.locator("#write_text").fill(f"The {number} one")
        began = time.monotonic()
        page.get_by_role("button", name="Send").click()
        arrived = page.locator("#conversation .bubble:not(.under-way)", has_text=f"The {number} one")
        expect(arrived.get_by_role("link", name="Cape")).to_be_visible()
        say(f"the {number} message was on the phone by the second gateway after {time.monotonic() - began:.1f} s")
    # The handset may have the last one before its answer is written down.
    submitted = Message.objects.filter(body__endswith=" one", submitted_at__isnull=False)
    wait_until(lambda: submitted.count() == 4, 60, "four submitted messages")
    accepted_to_taken = [
        (message.submitted_at - message.created_at).total_seconds() for message in submitted if message.submitted_at
    ]
    say(f"from accepted to taken by the second gateway: {max(accepted_to_taken):.1f} s at most")
    assert max(accepted_to_taken) < SOON_S
    page.locator("#conversation .bubble", has_text="The first one").get_by_role("link", name="Cape").click()
    expect(page.locator(".timeline").first).to_contain_text("The provider was not reached")
    expect(page.locator(".timeline").first).to_contain_text("From Warsaw to Cape")
    screenshot(page, "failed-over")
    wait_until(GatewayHealth.objects.filter(standing="down").exists, 60, "the verdict on the gateway")
    page.get_by_role("link", name="Gateways").first.click()
    row = page.locator("tbody tr", has_text="Warsaw")
    expect(row.get_by_role("link", name="Down")).to_be_visible()
    row.get_by_role("link", name="Down").click()
    expect(page.locator("main")).to_contain_text("Warsaw is down: the provider is not reached")
    screenshot(page, "health")
    is_accessible(page)
    fits(page)
    page.goto(site.at("phone"))
    switches(page, "Warsaw").get_by_role("button", name="Repair").click()
    expect(switches(page, "Warsaw")).to_contain_text("works")


def test_a_slow_gateway_is_seen_to_be_slow(site: Site, signed_in: SignIn) -> None:
    page = signed_in("operator")
    page.goto(site.at("phone"))
    switches(page, "Warsaw").get_by_role("button", name="Slow").click()
    expect(switches(page, "Warsaw")).to_contain_text("slow")
    page.locator("#write_gateway").select_option(label="Warsaw")
    page.locator("#write_text").fill("Slowly")
    page.get_by_role("button", name="Send").click()
    # The handset may have it long before the provider has answered.
    arrived = page.locator("#conversation .bubble:not(.under-way)", has_text="Slowly")
    expect(arrived.locator(".tick-words")).to_have_text("delivered")
    message = Message.objects.get(body="Slowly")
    answered = Submission.objects.filter(message_ids=[message.pk], latency_ms__gte=4000)
    wait_until(answered.exists, 60, "the slow answer")
    switches(page, "Warsaw").get_by_role("button", name="Repair").click()
    expect(switches(page, "Warsaw")).to_contain_text("works")


def test_another_handset_has_its_own_conversation(site: Site, signed_in: SignIn) -> None:
    page = signed_in("sender")
    page.goto(site.at("phone"))
    page.get_by_label("Another number").fill("+48 600 100 777")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#conversation header")).to_have_text("+48600100777")
    expect(page.locator("#conversation")).to_contain_text("Nothing has arrived yet")


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_the_phone_and_only_its_own_buttons(
    site: Site, signed_in: SignIn, role: Role, is_accessible: Accessible
) -> None:
    page = signed_in(role.value)
    page.goto(site.at("phone"))
    expect(page.locator("#conversation")).to_be_visible()
    is_accessible(page)
    expect(page.locator("#id_reply")).to_have_count(0 if role is Role.VIEWER else 1)
    may_break = role in (Role.OWNER, Role.OPERATOR)
    expect(page.get_by_role("button", name="Reset demo…")).to_have_count(1 if may_break else 0)
    expect(page.locator(".switches form")).to_have_count(3 if may_break else 0)


def test_a_workspace_without_simulators_is_told_where_the_phone_is(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible
) -> None:
    other = tenant("Real providers")
    page = signed_in("administrator")
    page.goto(f"{site.url}/w/{other.workspace.pk}/phone/")
    expect(page.get_by_role("heading", name="There is no virtual phone here")).to_be_visible()
    screenshot(page, "phone-none")
    is_accessible(page)
    page.goto(f"{site.url}/w/{other.workspace.pk}/inbound/")
    expect(page.get_by_role("heading", name="Nobody has written yet")).to_be_visible()
    screenshot(page, "inbound-empty")
    is_accessible(page)
    page.goto(f"{site.url}/w/{other.workspace.pk}/log/")
    expect(page.get_by_role("heading", name="Nothing was sent yet")).to_be_visible()
    screenshot(page, "log-empty")
    is_accessible(page)


def test_the_demo_starts_over(site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible) -> None:
    page = signed_in("owner")
    page.goto(site.at("phone"))
    page.locator("#write_text").fill("To be forgotten")
    page.get_by_role("button", name="Send").click()
    forgotten = page.locator("#conversation .bubble", has_text="To be forgotten")
    expect(forgotten.locator(".tick-words")).to_have_text("delivered")
    page.get_by_role("button", name="Reset demo…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile("(is|are) deleted"))
    screenshot(page, "phone-reset")
    is_accessible(page)
    dialog.get_by_role("button", name="Not now").click()
    assert Message.objects.filter(body="To be forgotten").exists()
    page.get_by_role("button", name="Reset demo…").click()
    dialog.get_by_role("button", name="Reset demo").click()
    expect(page.locator(".notices")).to_contain_text("The demo is as at the start")
    expect(page.locator("#conversation")).to_contain_text("Nothing has arrived yet")
    assert not Message.objects.filter(body="To be forgotten").exists()
