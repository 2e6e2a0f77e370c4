"""What is remembered of failed requests may be read by all who use the gateway."""

from datetime import UTC, datetime

import pytest

from gatepost.dispatch.store import Due
from gatepost.dispatch.witness import Witness
from gatepost.sms.outcomes import Outcome, Refusal, not_sent, refused, throttled, unknown

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLANTED = "+48600100200: your code is 4711"


def noted(outcome: Outcome) -> tuple[str, str]:
    """Failure and cause, as they are remembered of a request with one message."""
    item = Due(
        1, 1, 0, 1, NOW, NOW, 0, 0, 0, None, None, "48600100200", "Acme", "hello", "gsm7", 1, None, "single", False
    )
    witness = Witness()
    witness.note([item], [outcome], 5.0)
    [found] = witness.tries(NOW)
    [by_country] = witness.tries_by_country(NOW)["PL"]
    assert (found.failure, found.cause) == (by_country.failure, by_country.cause)
    return found.failure, found.cause


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (refused(Refusal.AUTH, 403, PLANTED), ("auth", "403")),
        (refused(Refusal.NO_CREDIT, "no_money", PLANTED), ("no_credit", "no_money")),
        (refused(Refusal.TEMPORARY, "", PLANTED), ("temporary", "")),
        (throttled(1.0, 429, PLANTED), ("throttled", "429")),
        (unknown("no answer in time", 0, PLANTED), ("unknown", "no answer in time")),
        (unknown("the answer was not recognised", 200, PLANTED), ("unknown", "200")),
        (not_sent("connection failed"), ("not_sent", "connection failed")),
        (not_sent(f"the whole request was refused: {PLANTED}", retry_after_s=1.0), ("not_sent", "")),
    ],
)
def test_a_providers_words_are_not_and_its_code_is(outcome: Outcome, expected: tuple[str, str]):
    assert noted(outcome) == expected


@pytest.mark.parametrize("code", [PLANTED, "48600100200", "a text", "x" * 41, "żółć"])
def test_a_code_that_may_be_a_text_or_a_number_is_not(code: str):
    assert noted(refused(Refusal.CONFIG, code)) == ("config", "")
