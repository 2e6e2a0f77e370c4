"""Why an attempt came to nothing, in words that blame nobody who had no part in it."""

import pytest

from gatepost.dispatch.causes import why
from gatepost.dispatch.decide import ADAPTER_FAULT, DATABASE_LOST
from gatepost.dispatch.line import Gate
from gatepost.dispatch.pacing import TooFast
from gatepost.dispatch.store import LeaseLost
from gatepost.sms.outcomes import Kind, Side
from gatepost.transport.egress import UNREACHABLE, Cause

OTHER = why("not_sent", {"cause": "in words of its own"})


def raising(fault: type[Exception]) -> str:
    """The cause that the gate keeps when this stops a message."""

    def check() -> None:
        raise fault

    gate = Gate(check)
    with pytest.raises(fault):
        gate.open()
    return gate.why


@pytest.mark.parametrize("cause", [*Cause, ADAPTER_FAULT, DATABASE_LOST, raising(LeaseLost), raising(TooFast)])
def test_every_cause_of_ours_has_words_of_its_own(cause: str) -> None:
    found = why("not_sent", {"cause": str(cause)})
    assert found != OTHER
    assert found.title
    assert found.reason.rstrip(".") == found.reason
    assert ("was not reached" in found.title) == (cause in UNREACHABLE | {Cause.DEADLINE})


@pytest.mark.parametrize("cause", [ADAPTER_FAULT, DATABASE_LOST, raising(LeaseLost), raising(TooFast), Cause.FAULT])
def test_what_is_our_own_is_not_the_providers(cause: str) -> None:
    assert why("not_sent", {"cause": str(cause)}).side is Side.OURS


@pytest.mark.parametrize("what", [Kind.THROTTLED, Kind.REFUSED, Kind.UNKNOWN, "fallback sender", "repeat failed"])
def test_an_answer_is_told_by_what_it_was(what: str) -> None:
    found = why(what, {"cause": str(Cause.TIMEOUT)})
    assert found.reason not in (OTHER.reason, why("not_sent", {"cause": str(Cause.TIMEOUT)}).reason)


def test_time_ran_out_for_the_reason_of_the_last_attempt() -> None:
    assert why("expired", {"code": "429", "words": "slow down"}) == why(Kind.THROTTLED, {})
    assert why("expired", {"cause": str(Cause.DNS)}) == why("not_sent", {"cause": str(Cause.DNS)})
