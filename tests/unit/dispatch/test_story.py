"""The timeline in words: which gateway it was, and who said what."""

import inspect
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatepost.dispatch import campaign_queue, decide, moving, services, statements
from gatepost.dispatch.story import GONE, Line, told
from gatepost.gateways.models import Gateway
from gatepost.messages import receipts
from gatepost.messages.log import Moment
from gatepost.messages.models import Message
from gatepost.sms.outcomes import Kind

BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
WRITTEN = {
    *(kind.value for kind in Kind if kind is not Kind.ACCEPTED),
    *re.findall(r'event="([a-z ]+)"', inspect.getsource(decide)),
    *(
        kind
        for module in (campaign_queue, moving, services, statements, receipts)
        for kind in re.findall(r"select (?:\w+\.)?\w+,\s*'([a-z ]+)'", inspect.getsource(module))
    ),
    "failed over",
}
"""Every kind of event that is written."""


def lines(*moments: tuple[str, dict[str, Any]], gateway: str | None = "Second") -> list[Line]:
    message = Message(gateway=Gateway(name=gateway) if gateway else None)
    return told(message, [Moment(BEGAN + timedelta(seconds=n), *moment) for n, moment in enumerate(moments)])


def titles(*moments: tuple[str, dict[str, Any]], gateway: str | None = "Second") -> list[str]:
    return [line.title for line in lines(*moments, gateway=gateway)]


@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_every_event_that_is_written_has_words(kind: str) -> None:
    assert {"unconfirmed", "moved", "left", "set aside", "receipt"} < WRITTEN
    [line] = lines((kind, {"strange": "detail"}))
    assert "strange: detail" not in line.words


def test_each_attempt_names_the_gateway_that_had_it() -> None:
    moved = {"from": "First", "to": "Second", "why": "First did not take it"}
    attempt = {"attempt": 1, "gateway": "First"}
    found = titles(("submitting", attempt), ("failed over", moved), ("submitting", attempt | {"gateway": "Second"}))
    assert found == ["Handed to First", "Taken over by another gateway", "Handed to Second"]


@pytest.mark.parametrize("move", ["moved", "failed over"])
def test_where_it_was_is_known_from_its_moves(move: str) -> None:
    moved = {"from": "First", "to": "Second"}
    moments: list[tuple[str, dict[str, Any]]] = [("submitting", {}), ("receipt", {}), (move, moved), ("receipt", {})]
    assert titles(*moments)[:2] == ["Handed to First", "Report from First"]
    assert titles(*moments)[-1] == "Report from Second"
    assert titles(*moments, gateway=None)[-1] == f"Report from {GONE}"


@pytest.mark.parametrize(
    ("cause", "title"),
    [
        ("connection failed", "The provider was not reached"),
        ("over the pace", "Held back: the pace allowed no more at that moment"),
        ("adapter fault", "Not sent: no request could be made of it"),
        ("the whole request was refused: too many", "Not sent"),
    ],
)
def test_what_was_not_sent_says_why(cause: str, title: str) -> None:
    [line] = lines(("not_sent", {"cause": cause}))
    assert line.title == title
    assert line.words[0].lower() == cause


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"words": "Invalid from", "code": "14"}, "“Invalid from” (code 14)"),
        ({"cause": "connection failed", "words": "Connection refused"}, "Connection failed: Connection refused"),
        ({"cause": "the answer is no JSON", "words": "<html>"}, "The answer is no JSON: “<html>”"),
        ({"cause": "no answer in time"}, "No answer in time"),
        ({"code": "7"}, "Code 7"),
    ],
)
def test_only_the_providers_words_are_quoted(detail: dict[str, str], said: str) -> None:
    [line] = lines(("unknown", detail))
    assert line.words[0] == said


def test_no_report_says_why_none_will_come() -> None:
    [line] = lines(("unconfirmed", {"why": "no final report came in time"}))
    assert (line.title, line.words) == ("No report will come", ("No final report came in time.",))
