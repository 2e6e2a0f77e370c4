"""A thousand messages of every kind of text through a real Kannel: what the SMSC gets is what was sent, and our states
are what Kannel reports."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import kannel as kannels
from tests.support.installation import Installation, installation, wait_until
from tests.support.kannel import DENIED_PREFIX, PASSWORD, USERNAME, Incomplete, Kannel
from tests.support.reporting import Say

from gatepost.sms.gsm import BASIC, EXTENSION

pytestmark = pytest.mark.e2e

MESSAGES = 1000
DENIED = 20
ARRIVE_TIMEOUT_S = 180.0

TEXTS = (
    "Hello, your order {n} is ready.",
    "Braces [{n}] {{}} and ^ | ~ \\ cost 5 €",
    "Zażółć gęślą jaźń nr {n}",
    "Ваш заказ {n} готов, спасибо!",
    "Party 🎉 {n} 👍🏽 at eight 😀",
    "He said \"hi\" & 'bye' {n}",
    "50 %+more & #1 = {n}; a/b?c=d&e=%41%20+%2B",
    "%d %A %p %% {{{{text}}}} %TO% %MESSAGE% {n}",
    "First line {n}\nsecond line\n\nfourth line",
    "Pierwsza linia {n}\nżółta łódź",
    "  blanks around {n}   ",
    "Ünïcode façade naïve coöperate {n}",
    "“Quoted” — dashed … {n} zł",
    "<b>{n}</b> &amp; <!-- --> ]]> ${{n}} $(n) `n` ;--",
    "中文短信 {n}",
    "שלום {n} مرحبا",
    "+48 600 100 {n} text data udh",
    "\\n is no line feed, {n}, and \\u017c no letter",
)
# Filled up to so many characters: parts of every kind, at their limits and beyond.
LONG = (
    ("-", 459),
    ("0", 160),
    ("0", 161),
    ("{", 84),
    ("€", 200),
    ("я", 70),
    ("я", 71),
    ("ą", 201),
    ("😀", 36),
    ("😀", 80),
)
# The whole alphabet but for the escape itself, and line ends other than LF, which are normalised.
ALPHABET = "".join(character for character in (*BASIC, *EXTENSION) if character not in "\x1b\r\f")


def text(n: int) -> str:
    """The nth text: all kinds in turn, the long ones less often."""
    if n % 50 == 0:
        return f"{n} {ALPHABET}"
    if n % 4 == 3:
        filling, length = LONG[n // 4 % len(LONG)]
        return f"{n}".ljust(length, filling)
    return TEXTS[n % len(TEXTS)].format(n=n)


@pytest.fixture
def kannel(tmp_path: Path, say: Say) -> Iterator[Kannel]:
    missing = kannels.missing()
    if missing:
        say(
            f"SKIPPED: {', '.join(missing)} not found. Nothing was tested against a real SMS gateway. "
            "Install kannel and kannel-extras.",
            is_loud=True,
        )
        pytest.skip("Kannel is not installed")
    folder = tmp_path / "kannel"
    folder.mkdir()
    with kannels.kannel(folder) as running:
        yield running


@pytest.fixture
def gatepost(tmp_path: Path, kannel: Kannel, django_db_blocker: Any) -> Iterator[Installation]:
    limits = {"GATEPOST_PROVIDER_LIMITS": "generic_http=1000"}
    with django_db_blocker.unblock(), installation(tmp_path, [kannel.address], **limits) as running:
        running.start_web()
        running.start_worker()
        yield running


def test_what_was_sent_arrives_and_the_states_equal_the_receipts(gatepost: Installation, kannel: Kannel, say: Say):
    gateway_id = _add_gateway(gatepost, kannel)
    sent = {f"+4860010{n:04d}": text(n) for n in range(MESSAGES)}
    denied = {f"{DENIED_PREFIX}10{n:04d}": f"Not routable {n}" for n in range(DENIED)}
    started = time.monotonic()
    accepted = _post(gatepost, gateway_id, sent | denied)
    wait_until(lambda: _are_all_final(gatepost), ARRIVE_TIMEOUT_S, "final states of all messages")
    took_s = time.monotonic() - started

    wait_until(lambda: _has_arrived(kannel, sent), ARRIVE_TIMEOUT_S, "all parts of all messages at the SMSC")
    received = kannel.received()
    wrong = {to: (sent[to], got) for to, got in received.items() if got.text(_is_ucs2(accepted[to])) != sent[to]}
    assert not wrong
    assert {to: got.parts for to, got in received.items()} == {to: accepted[to]["segments"] for to in sent}

    states = {f"+{message['to'].lstrip('+')}": message["state"] for message in _messages(gatepost)}
    reported = {to: _state_of(kinds) for to, kinds in kannel.receipts().items()}
    assert states == reported
    assert {to for to, state in states.items() if state == "rejected"} == denied.keys()
    say(f"{len(sent)} messages in {sum(got.parts for got in received.values())} parts delivered in {took_s:.1f} s")


def _add_gateway(gatepost: Installation, kannel: Kannel) -> int:
    """As an operator does it: the preset, the address, the account."""
    status, provider = gatepost.call("GET", "/api/v1/providers/generic_http")
    assert status == 200, provider
    [preset] = [one["settings"] for one in provider["presets"] if one["slug"] == "kannel"]
    url = preset["url"].replace("HOST:13013", kannel.address)
    settings = preset | {"url": url, "username": USERNAME, "password": PASSWORD}
    new = {
        "name": "Kannel",
        "provider": "generic_http",
        "settings": settings,
        "sender": "Shop",
        "requests_per_second": 1000,
    }
    status, gateway = gatepost.call("POST", "/api/v1/gateways", new)
    assert status == 201, gateway
    return int(gateway["id"])


def _post(gatepost: Installation, gateway_id: int, texts: dict[str, str]) -> dict[str, dict[str, Any]]:
    wishes = [{"to": to, "text": body, "gateway": gateway_id} for to, body in texts.items()]
    status, document = gatepost.call("POST", "/api/v1/messages", {"messages": wishes})
    assert status == 202, document
    answers = dict(zip(texts, document["messages"], strict=True))
    assert not [answer for answer in answers.values() if "error" in answer]
    return answers


def _has_arrived(kannel: Kannel, sent: dict[str, str]) -> bool:
    try:
        return kannel.received().keys() == sent.keys()
    except Incomplete:
        return False


def _is_ucs2(answer: dict[str, Any]) -> bool:
    return bool(answer["encoding"] == "ucs2")


def _state_of(kinds: set[int]) -> str:
    """The state after receipts of these kinds."""
    return "delivered" if 1 in kinds else "undelivered" if 2 in kinds else "rejected" if 16 in kinds else "submitted"


def _are_all_final(gatepost: Installation) -> bool:
    waiting = "select count(*) from message where state in ('queued', 'submitted')"
    return gatepost.rows(waiting) == [(0,)]


def _messages(gatepost: Installation) -> Iterator[dict[str, Any]]:
    cursor = ""
    while cursor is not None:
        _, page = gatepost.call("GET", f"/api/v1/messages?limit=200&cursor={cursor}")
        yield from page["items"]
        cursor = page["next_cursor"]
