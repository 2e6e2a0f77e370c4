"""Every provider from the console: an operator adds a gateway, tries it, sends, and reads what comes back, through a
web and a worker process, against the provider's simulator.

Each provider is an errand of its own. Errands take long and do little, so the next ones are under way while a test
waits for its own.
"""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from html import unescape
from typing import Any

import pytest
from tests.integration.simulators.meetings import Meeting, all_meetings
from tests.support.browsing import Browser, Page
from tests.support.installation import Installation, installation
from tests.support.simulated import Simulated, simulated

from gatepost.gateways.forms import COMMON, OWN
from gatepost.pages.forms import initial_text
from gatepost.providers.fields import Field, clean
from gatepost.providers.manifest import Manifest
from gatepost.providers.registry import all_providers, provider
from gatepost.simulators.engine import Account
from gatepost.simulators.registry import all_simulators
from gatepost.sms.msisdn import InvalidNumber, parse
from gatepost.sms.states import State
from gatepost.workspaces import services
from gatepost.workspaces.models import Role

pytestmark = pytest.mark.e2e

MEETINGS = {meeting.name: meeting for meeting in all_meetings()}
EMAIL, PASSWORD = "operator@example.com", "a-horse-sends-nothing-9"
AT_ONCE = 6
PATIENCE_S = 120.0
"""How long an operator waits for one thing, while the machine is busy with other errands."""
LOOK_EVERY_S = 0.4
BATCH = 3
BALANCE = Decimal(98765)
ADDRESSES = {"Delivery receipts": "receipt_url", "Incoming SMS": "inbound_url", "Incoming MMS": "mms_url"}


@dataclass(frozen=True)
class Office:
    """The running system, the providers' side, and the operator's session."""

    gatepost: Installation
    providers: Simulated
    session: dict[str, str]

    def browser(self) -> Browser:
        return Browser(f"http://127.0.0.1:{self.gatepost.port}", self.session)


class Errand:
    """One gateway, from its form to the answer of a phone."""

    def __init__(self, office: Office, meeting: Meeting) -> None:
        self.office, self.meeting = office, meeting
        self.account = account_name(meeting)
        self.browser = office.browser()
        self.home = f"/w/{office.gatepost.workspace.pk}"
        self.provider = provider(meeting.slug)
        url = f"{office.providers.url}/{self.account}"
        self.settings = dict(meeting.settings(url, office.providers.credentials(self.account)))
        self.phones = phones(meeting)
        self.sent: dict[str, tuple[str, str]] = {}
        self.gateway = 0

    def run(self) -> None:
        if self.provider.manifest.confidence == "operator-supplied":
            self.is_refused_without_an_address()
        answer = self.write_from_a_phone() if self.hears and self.is_fetched else ""
        self.add()
        self.tell_the_provider_our_addresses()
        self.check()
        self.read_the_balance()
        self.send_a_test_sms()
        self.send(f"One message through {self.meeting.name}")
        self.follow(is_told="push" in self.manifest.receipts)
        if self.manifest.batch:
            self.send_a_batch()
        if self.hears:
            self.read_the_answer(answer or self.write_from_a_phone())

    @cached_property
    def manifest(self) -> Manifest:
        """What the gateway can do with these settings."""
        fields = tuple(replace(field, schemes=("http", "https")) for field in self.provider.manifest.fields)
        settings, faults = clean(fields, self.settings)
        assert not faults
        return self.provider.manifest_for(self.provider.prepare(settings) if self.provider.prepare else settings)

    @property
    def hears(self) -> bool:
        return "sms" in self.manifest.inbound and self.meeting.reads_replies

    @property
    def is_fetched(self) -> bool:
        """Whether we ask for what phones write, once a minute; what is there before the first time is found at once."""
        return "poll" in self.manifest.inbound_delivery or not self.meeting.pushes_replies

    def is_refused_without_an_address(self) -> None:
        page = self.browser.press(self.form(), "Save", **self.typed(self.settings | {"url": ""}))
        assert page.status == 422
        assert "Not saved yet" in page.words
        assert "URL" in page.words[page.words.index("Not saved yet") :]

    def add(self) -> None:
        page = self.browser.press(self.form(), "Save", **self.typed(self.settings))
        found = re.fullmatch(rf"{self.home}/gateways/(\d+)/", page.path)
        assert found, f"not saved: {page.words}"
        assert "is saved" in page.words
        self.gateway = int(found[1])

    def form(self) -> Page:
        return self.browser.get(f"{self.home}/gateways/add/{self.meeting.slug}/")

    def typed(self, settings: dict[str, Any]) -> dict[str, str | bool | None]:
        fields = {field.name: field for field in self.provider.manifest.fields}
        common = {"sender": self.meeting.sender, "inbound_number": self.meeting.number}
        if "push" not in self.manifest.receipts:
            common["await_delivery_s"] = "1"
        return {
            "name": self.meeting.name,
            **{f"{OWN}-{name}": as_typed(fields[name], value) for name, value in settings.items()},
            **{f"{COMMON}-{name}": value for name, value in common.items()},
        }

    def page(self) -> Page:
        return self.browser.get(f"{self.home}/gateways/{self.gateway}/")

    def tell_the_provider_our_addresses(self) -> None:
        """What the page offers for copying is what the protocol can call, and is entered at the provider."""
        shown = dict(re.findall(r'strong">([^<]+)</div><code id="callback-\d+">([^<]+)<', self.page().html))
        pushes_inbound = "push" in self.manifest.inbound_delivery
        wanted = {
            "Delivery receipts": "push" in self.manifest.receipts,
            "Incoming SMS": pushes_inbound and "sms" in self.manifest.inbound,
            "Incoming MMS": pushes_inbound and "mms" in self.manifest.inbound,
        }
        assert shown.keys() == {title for title, is_called in wanted.items() if is_called}
        if not self.meeting.pushes_replies:
            shown.pop("Incoming SMS", None)
        addresses = {ADDRESSES[title]: unescape(url) for title, url in shown.items()}
        self.office.providers.control("POST", f"/_control/{self.account}", addresses)

    def check(self) -> None:
        page = self.page()
        can = self.provider.check is not None or self.provider.balance is not None
        assert page.offers("Check") == can
        if can:
            told = self.browser.press(page, "Check").panel
            assert "Check: in order" in told
            assert "With the settings as they are saved." in told

    def read_the_balance(self) -> None:
        page = self.page()
        assert page.offers("Balance") == (self.provider.balance is not None)
        told = self.browser.get(f"{self.home}/catalogue/{self.meeting.slug}/").words
        abilities = told[told.index("What it can do") : told.index("How well it is known")]
        assert ("Balance" in abilities) == (self.provider.balance is not None)
        if self.provider.balance is None:
            return
        told = self.browser.press(page, "Balance").panel
        if self.meeting.has_balance:
            assert "Balance: in order" in told
            assert str(BALANCE) in re.sub(r"[\s,']", "", told)
        else:
            assert "Balance: not in order" in told
            assert "What to do:" in told

    def send_a_test_sms(self) -> None:
        to, text = next(self.phones), f"Trial of {self.meeting.name}"
        told = self.browser.press(self.page(), "Send test SMS", trial_to=f"+{to}", trial_text=text).panel
        found = re.match(r".*Test SMS: in order ([0-9a-z]{13}) to \+", told)
        assert found, told
        self.sent[found[1]] = (to, text)

    def send(self, text: str) -> str:
        to = next(self.phones)
        page = self.browser.get(f"{self.home}/compose/?gateway={self.gateway}")
        page = self.browser.press(page, "Send", to=f"+{to}", text=text, gateway=str(self.gateway))
        found = re.fullmatch(rf"{self.home}/messages/([0-9a-z]{{13}})/", page.path)
        assert found, f"not accepted: {page.words}"
        self.sent[found[1]] = (to, text)
        return found[1]

    def send_a_batch(self) -> None:
        """Messages that wait while sending is off go together once it is on."""
        batch = self.manifest.batch
        assert batch
        self.browser.press(self.page(), "Save", **{f"{COMMON}-sending_enabled": False})
        texts = [f"Batch of {self.meeting.name}{'' if 'text' in batch.same else f', {n}'}" for n in range(BATCH)]
        refs = [self.send(text) for text in texts]
        assert {self.states()[ref] for ref in refs} == {State.QUEUED}
        self.browser.press(self.page(), "Save", **{f"{COMMON}-sending_enabled": True})
        self.follow(is_told="push" in self.manifest.receipts and self.meeting.pushes_batch)
        requests = self.office.gatepost.rows(
            "select count(distinct submission_id) from message where gateway_id = %s and body = any(%s)",
            self.gateway,
            texts,
        )
        assert requests == [(1,)], "they went in several requests"

    def follow(self, *, is_told: bool) -> None:
        """In the log until everything is where the provider's news lead it, and at the handsets once.

        `is_told`: the news come by themselves; else they are asked for, here without the pauses between questions.
        """
        end = State.DELIVERED if self.manifest.receipts else State.UNCONFIRMED

        def has_ended() -> bool:
            if not is_told:
                self.office.gatepost.rows("update status_query set due_at = now() where gateway_id = %s", self.gateway)
            return set(self.states().values()) == {end}

        eventually(has_ended, f"{end} of all messages", self.states)
        assert self.states().keys() == self.sent.keys()
        eventually(lambda: len(self.at_handsets()) >= len(self.sent), "everything at the handsets", self.at_handsets)
        assert sorted(self.at_handsets()) == sorted(self.sent.values())
        [*_, ref] = self.sent
        page = self.browser.get(f"{self.home}/messages/{ref}/")
        assert re.search(rf'state-line"><span class="badge[^>]*>{end}<', page.html), page.words
        assert self.sent[ref][1] in page.words

    def states(self) -> dict[str, str]:
        """What the log says of the gateway's messages."""
        html = self.browser.get(f"{self.home}/log/?gateway={self.gateway}").html
        row = r'/messages/([0-9a-z]{13})/">.*?data-label="State".*?<span class="badge[^>]*>([^<]+)<'
        return dict(re.findall(row, html, re.DOTALL))

    def at_handsets(self) -> list[tuple[str, str]]:
        shown = self.office.providers.control("GET", "/_phone/messages")["messages"]
        return [
            (bubble["number"].lstrip("+"), bubble["text"])
            for bubble in shown
            if bubble["account"] == self.account and bubble["direction"] == "to_phone"
        ]

    def write_from_a_phone(self) -> str:
        """The text that it wrote."""
        text = f"Answer to {self.meeting.name}"
        reply = {"from": next(self.phones), "to": self.account, "text": text}
        result = self.office.providers.control("POST", "/_phone/reply", reply)
        assert result["taken"] or self.is_fetched, result
        return text

    def read_the_answer(self, text: str) -> None:
        def row() -> str:
            html = self.browser.get(f"{self.home}/inbound/").html
            return next((part for part in html.split("<tr>") if f">{text}<" in part), "")

        eventually(row, f"{text!r} on the page of inbound messages")
        assert f">{self.meeting.name}<" in row()


def account_name(meeting: Meeting) -> str:
    return meeting.name.replace("_", "-")


def phones(meeting: Meeting) -> Iterator[str]:
    """Numbers of the meeting's country that no other meeting has, as long as numbers there must be."""
    for n in range(100):
        ending = f"{20 + list(MEETINGS).index(meeting.name)}{n:02}"
        longer = (meeting.phone(f"{'1' * more}{ending}") for more in range(4))
        yield next(number for number in longer if is_number(number))


def is_number(digits: str) -> bool:
    try:
        return bool(parse(f"+{digits}"))
    except InvalidNumber:
        return False


def as_typed(field: Field, value: Any) -> str | bool | None:
    """A setting as one types it into its field."""
    if value is None or isinstance(value, bool):
        return value
    return str(initial_text(field, value))


def eventually(is_so: Callable[[], object], what: str, now: Callable[[], object] = str) -> None:
    """Fails with `what` and with how things are `now`."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s for {what}: {now()}"
        time.sleep(LOOK_EVERY_S)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Iterator[Office]:
    accounts = [
        Account(
            name=account_name(meeting),
            slug=meeting.slug,
            options=meeting.options,
            numbers=(meeting.number,),
            balance=BALANCE,
            delivery_s=(0.1, 0.2),
        )
        for meeting in MEETINGS.values()
    ]
    folder = tmp_path_factory.mktemp("office")
    with (
        simulated(accounts) as providers,
        django_db_blocker.unblock(),
        installation(folder, [providers.address]) as running,
    ):
        operator = services.create_user(EMAIL, PASSWORD, actor="test")
        services.add_member(running.workspace, operator, Role.OPERATOR, actor="test")
        running.start_web()
        running.start_worker()
        browser = Browser(f"http://127.0.0.1:{running.port}")
        page = browser.press(browser.get("/accounts/login/"), "Sign in", login=EMAIL, password=PASSWORD)
        assert page.path.startswith("/w/"), page.words
        yield Office(running, providers, browser.cookies)


@pytest.fixture(scope="module")
def errands(office: Office, request: pytest.FixtureRequest) -> Iterator[Callable[[str], "Future[None]"]]:
    """The errand of a meeting by its name. Those whose tests follow in this run are begun ahead."""
    asked = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    order = [spec.params["name"] for spec in asked if spec is not None and "name" in spec.params]
    begun: dict[str, Future[None]] = {}
    pool = ThreadPoolExecutor(AT_ONCE)

    def of(name: str) -> "Future[None]":
        position = order.index(name)
        for each in order[position : position + AT_ONCE]:
            if each not in begun:
                begun[each] = pool.submit(Errand(office, MEETINGS[each]).run)
        return begun[name]

    yield of
    pool.shutdown(wait=False, cancel_futures=True)


@pytest.mark.parametrize("name", MEETINGS)
def test_a_gateway_is_added_tried_used_and_answered(errands: Callable[[str], "Future[None]"], name: str) -> None:
    errands(name).result()


def test_no_provider_is_left_out() -> None:
    known = set(all_providers())
    assert known - all_simulators().keys() == set(), "without a simulator"
    assert known - {meeting.slug for meeting in MEETINGS.values()} == set(), "without a meeting"
