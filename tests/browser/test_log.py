"""Finding messages again in a browser, exporting them, and deciding on those whose fate is unknown."""

import csv
import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Accessible, Screenshot, SignIn, Site, copied
from tests.support.installation import wait_until
from tests.support.sending import a_message, in_queue

from gatepost.cli import demo_file
from gatepost.messages.models import Message
from gatepost.sms.ids import to_ref
from gatepost.workspaces.models import Role

pytestmark = [pytest.mark.browser]


def control(site: Site, account: str, **changes: Any) -> None:
    """Set fault switches of a simulated provider."""
    known = demo_file.read(site.installation.folder)
    assert known is not None
    request = urllib.request.Request(
        f"{known.simulators.url}/_control/{account}",
        json.dumps(changes).encode(),
        {"X-Simulators-Token": known.simulators.token},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def an_unknown(site: Site, text: str) -> Message:
    """A message that left and got no answer, through a provider that does not de-duplicate."""
    control(site, "flaky", fail=0, delay_ms=0, answer="drop_after_accept", takes=False, times=1)
    status, _ = site.installation.call(
        "POST", "/api/v1/messages", {"to": "+447700900155", "text": text, "gateway": "Flaky"}, **key(site)
    )
    assert status == 202
    wait_until(lambda: Message.objects.filter(body=text, state="unknown").exists(), 60, "the message is unknown")
    return Message.objects.get(body=text)


def key(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.tenant.key()}"}


def test_filters_narrow_the_log_and_the_export(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None],
    tmp_path: Path,
) -> None:  # fmt: skip
    gateway = site.workspace.gateways.get(name="Cape")
    a_message(site.workspace, gateway, state="undelivered", to_digits="48511000001", body="=HYPERLINK(1)", kind="test")
    a_message(site.workspace, gateway, to_digits="48511000002")
    a_message(site.workspace, gateway, to_digits="48513000003")
    page = signed_in("viewer")
    page.goto(site.at("log"))
    screenshot(page, "log")
    is_accessible(page)
    fits(page)
    expect(page.get_by_label("From", exact=True)).to_be_hidden()
    page.get_by_label("Period").select_option("custom")
    expect(page.get_by_label("From", exact=True)).to_be_visible()
    page.get_by_label("Period").select_option("week")
    page.get_by_label("Number").fill("+48 511")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("State").select_option("Error")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("undelivered")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export CSV").click()
    file = tmp_path / "messages.csv"
    waiting.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        [row] = csv.DictReader(opened)
    assert (row["to"], row["text"], row["word"]) == ("'+48511000001", "'=HYPERLINK(1)", "Error")
    page.get_by_label("Type").select_option("mass")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    screenshot(page, "log-nothing-fits")
    is_accessible(page)
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("tbody tr").nth(2)).to_be_visible()


def test_an_unknown_message_is_sent_again_after_the_risk_was_shown(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None]
) -> None:
    message = an_unknown(site, "Nobody knows")
    page = signed_in("sender")
    page.goto(site.at("message", ref=to_ref(message.pk)))
    expect(page.locator(".state-line .badge")).to_have_text("unknown")
    expect(page.locator(".timeline")).to_contain_text("It is not sent again by itself")
    screenshot(page, "message-unknown")
    is_accessible(page)
    fits(page)
    page.locator(".exchange summary").first.click()
    curl = copied(page, page.get_by_role("button", name="Copy as curl").first)
    assert curl.startswith(': "${SECRET:?}"\ncurl ')
    assert "flaky-demo-password" not in curl + page.content()
    page.get_by_role("button", name="Send again…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("gets it twice")
    is_accessible(page)
    dialog.get_by_role("button", name="Send again").click()
    expect(page.locator(".notices")).to_contain_text("1 message: sent again.")
    expect(page.locator(".state-line .badge")).to_have_text("delivered")
    expect(page.locator(".timeline")).to_contain_text("By user sender@")


def test_messages_are_chosen_and_left_or_cancelled_together(
    site: Site, signed_in: SignIn, screenshot: Screenshot
) -> None:
    unknown = an_unknown(site, "Leave me")
    gateway = site.workspace.gateways.get(name="Cape")
    for number in range(3):
        waiting = a_message(site.workspace, gateway, state="queued", to_digits=f"4851200000{number}", body="Waiting")
        in_queue(waiting, held="for the test")
    page = signed_in("operator")
    page.goto(site.at("log") + "?to=48512")
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("dialog")).to_contain_text("3 messages")
    screenshot(page, "log-cancel")
    page.get_by_role("button", name="Cancel sending").click()
    expect(page.locator(".notices")).to_contain_text("3 messages: cancelled.")
    expect(page.locator("tbody .badge")).to_have_text(["cancelled"] * 3)
    expect(page).to_have_url(re.compile("to=48512"))
    page.goto(site.at("log") + "?word=Error")
    page.get_by_role("checkbox", name=to_ref(unknown.pk)).check()
    page.get_by_role("button", name="Leave…").click()
    page.get_by_role("button", name="Leave as it is").click()
    expect(page.locator(".notices")).to_contain_text("1 message: left as they are.")


@pytest.mark.parametrize("role", list(Role))
def test_only_those_who_may_send_choose_messages(site: Site, signed_in: SignIn, role: Role) -> None:
    a_message(site.workspace, site.workspace.gateways.get(name="Cape"))
    page = signed_in(role.value)
    page.goto(site.at("log"))
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.get_by_label("All on this page")).to_have_count(0 if role is Role.VIEWER else 1)


def test_messages_in_doubt_are_settled_together(
    site: Site, signed_in: SignIn, screenshot: Screenshot, is_accessible: Accessible, fits: Callable[[Page], None]
) -> None:
    message = an_unknown(site, "Settle me")
    page = signed_in("sender")
    page.goto(site.at("doubts"))
    row = page.locator("tbody tr").filter(has_text="Flaky").filter(has_text="or for you")
    expect(row).to_be_visible()
    screenshot(page, "doubts")
    is_accessible(page)
    fits(page)
    row.get_by_role("button", name="Leave…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing is sent again")
    is_accessible(page)
    dialog.get_by_role("button", name="Leave as it is").click()
    expect(page.locator(".notices")).to_contain_text("left as they are")
    wait_until(lambda: Message.objects.filter(pk=message.pk, left_at__isnull=False).exists(), 60, "it is left")
