"""The waits of a message that is out of the queue: when, for how long, and because of what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatepost.dispatch.waiting import ATTEMPT, DOUBT, QUEUE, SCHEDULED, waits_of
from gatepost.messages.log import Moment, Standing
from gatepost.messages.models import Message
from gatepost.sms.ids import to_ref
from gatepost.sms.states import State

BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
SLOWER = "the provider asked for a slower pace"


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def handed(seconds: float, what: str = "submitting") -> Moment:
    return Moment(at(seconds), what, {"attempt": 1})


def event(seconds: float, what: str, **detail: Any) -> Moment:
    return Moment(at(seconds), what, detail)


def outcome(seconds: float, what: str, again: float | None = None, **detail: Any) -> Moment:
    """What an attempt came to; `again`: when the next one is due."""
    again_at = {} if again is None else {"again_at": at(again).isoformat()}
    return event(seconds, what, submission=to_ref(7), **detail, **again_at)


def waited(*moments: Moment, state: State = State.SUBMITTED, ended: float = 0.0, due: float | None = None) -> list[Any]:
    """(from, to, why) of each wait, in seconds since the message was accepted."""
    message = Message(created_at=BEGAN, state_at=at(ended), due_at=None if due is None else at(due), attempts=1)
    waits = waits_of(message, [Moment(BEGAN, "accepted"), *moments], Standing(state))
    return [
        ((wait.since - BEGAN).total_seconds(), (wait.until - BEGAN).total_seconds() if wait.until else None, wait.why)
        for wait in waits
    ]


def test_less_than_a_second_is_no_wait() -> None:
    assert waited(handed(0.9), event(1, "submitted")) == []


def test_past_holds_and_turns_are_the_queue() -> None:
    assert waited(handed(90), event(91, "submitted")) == [(0, 90, QUEUE)]


def test_what_was_scheduled_waited_for_its_time_and_then_for_its_turn() -> None:
    assert waited(handed(65), due=60) == [(0, 60, SCHEDULED), (60, 65, QUEUE)]


def test_a_retry_leaves_the_wait_before_the_first_attempt_and_the_attempt_itself_is_none() -> None:
    moments = (handed(120), outcome(150, "throttled", 210), handed(215), event(216, "submitted"))
    assert waited(*moments) == [(0, 120, QUEUE), (150, 210, SLOWER), (210, 215, QUEUE)]


@pytest.mark.parametrize(
    ("what", "detail", "words"),
    [
        ("not_sent", {"cause": "connection failed"}, "the provider was not reached"),
        ("not_sent", {"cause": "over the pace"}, "the pace allowed no more at that moment"),
        ("refused", {"class": "temporary"}, "the provider refused it for the time being"),
        ("unknown", {"cause": "no answer in time"}, "no answer came that can be trusted"),
    ],
)
def test_the_wait_for_the_next_attempt_says_what_the_last_one_came_to(
    what: str, detail: dict[str, str], words: str
) -> None:
    moments = (handed(0.1), outcome(1, what, 31, **detail), handed(31))
    assert waited(*moments) == [(1, 31, words)]


def test_after_a_failover_only_the_queue_of_the_next_gateway_counts() -> None:
    moments = (handed(5), outcome(35, "not_sent"), event(35.1, "failed over"), handed(40), event(41, "submitted"))
    assert waited(*moments) == [(0, 5, QUEUE), (35.1, 40, QUEUE)]


def test_moving_a_queue_interrupts_no_wait() -> None:
    assert waited(event(10, "moved"), handed(20)) == [(0, 20, QUEUE)]


def test_what_was_in_doubt_waited_until_somebody_decided() -> None:
    moments = (handed(0), outcome(30, "unknown"), event(90, "send again"), handed(95, "sent again"))
    assert waited(*moments) == [(30, 90, DOUBT), (90, 95, QUEUE)]


def test_what_is_not_sent_again_after_all_is_in_doubt() -> None:
    moments = (handed(0), outcome(1, "unknown", 61), event(50, "not sent again"), event(80, "left"))
    words = "no answer came that can be trusted"
    assert waited(*moments, state=State.UNKNOWN) == [(1, 50, words), (50, 80, DOUBT)]


def test_a_late_report_ends_a_doubt_which_was_no_wait() -> None:
    moments = (handed(0), outcome(30, "unknown"), event(600, "receipt", state="delivered"))
    assert waited(*moments, state=State.DELIVERED, ended=600) == []


def test_a_report_ends_the_wait_for_another_attempt() -> None:
    moments = (handed(0), outcome(1, "refused", 900, **{"class": "temporary"}), event(31, "receipt", state="delivered"))
    words = "the provider refused it for the time being"
    assert waited(*moments, state=State.DELIVERED, ended=31) == [(1, 31, words)]


@pytest.mark.parametrize("what", ["cancelled", "expired", "blocked"])
def test_what_left_the_queue_unsent_has_waited_until_then(what: str) -> None:
    assert waited(event(300, what), state=State(what), ended=300) == [(0, 300, QUEUE)]


def test_an_attempt_whose_beginning_is_not_known_is_not_called_a_turn_in_the_queue() -> None:
    moments = (outcome(30, "unknown", 60), handed(70, "sent again"), event(71, "submitted"))
    found = waited(*moments)
    assert found[0] == (0, 30, ATTEMPT)
    assert found[-1] == (60, 70, QUEUE)


def test_a_repetition_that_failed_does_not_say_when_the_next_one_is() -> None:
    moments = (handed(0), outcome(1, "repeat failed"), handed(20, "sent again"))
    assert waited(*moments) == [(1, 20, "the repetition did not go through")]


def test_a_final_refusal_is_no_wait() -> None:
    assert waited(handed(0), outcome(1, "refused"), state=State.REJECTED, ended=1) == []
    assert waited(handed(0), outcome(1, "set aside"), state=State.REJECTED, ended=1) == []
