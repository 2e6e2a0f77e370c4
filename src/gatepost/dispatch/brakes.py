"""What a provider's answers say of a gateway as a whole: when it pauses, when it is only probed, how fast it may be.

paused   it refuses everything for a reason that only its operator can cure: one message is tried now and then
slowed   it asked for a slower pace: halved at once, and raised again in small steps while all is well
"""

import time
from collections.abc import Iterable

from gatepost.dispatch.decide import backoff_s, pauses_gateway
from gatepost.dispatch.pacing import Pacer
from gatepost.dispatch.witness import cause_of
from gatepost.routing.health import BREAK_AFTER, WORDS
from gatepost.sms.outcomes import Kind, Outcome
from gatepost.transport.driver import SubmitResult

PAUSE_AFTER = 5
PROBE_EVERY_S = 30.0
LONGEST_UNREACHABLE_S = 2.0
SHORT_UNREACHABLE_S = 0.2
"""Until there is evidence of an outage: pauses would only put off what leads messages elsewhere."""
SLOWER_S = 1.0
"""How long to pause where the provider asks for a slower pace and does not say for how long."""


class Brakes:
    """Holds back one gateway, and where the provider asks for a slower pace also the others of its account (`account`:
    their pacer). `why`: why it is paused, in words for all who use it; empty while it is not."""

    def __init__(self, pacer: Pacer, why: str = "", account: Pacer | None = None) -> None:
        self._pacer = pacer
        self._slowing = [pacer, account] if account else [pacer]
        self._bad_in_a_row = PAUSE_AFTER if why else 0
        self._failures_in_a_row = 0
        self._probe_at = 0.0
        self.why = why

    @property
    def is_probing(self) -> bool:
        """Whether one message at a time finds out if the gateway works again."""
        return self._bad_in_a_row >= PAUSE_AFTER

    def wait_s(self, now: float) -> float:
        """How long until the next probe; 0 while nothing is wrong."""
        return max(0.0, self._probe_at - now)

    def release(self) -> None:
        """The settings have changed, and with them perhaps what was wrong: the next probe goes at once."""
        self._probe_at = 0.0
        self._failures_in_a_row = 0
        self._pacer.resume()

    def learn(self, result: SubmitResult) -> None:
        """From the answer to a submit, or from none."""
        outcomes = result.outcomes.values()
        if outcomes and all(outcome.kind is Kind.ACCEPTED for outcome in outcomes):
            self._take_heart()
            self._failures_in_a_row = 0
            return
        now = time.monotonic()
        self._learn_of_refusals(outcomes, now)
        slow = [o for o in outcomes if o.kind is Kind.THROTTLED and not o.is_recipient_only]
        if slow:
            pause_s = max(o.retry_after_s or SLOWER_S for o in slow)
            for pacer in self._slowing:
                pacer.slow_down(now, pause_s)
        was_unreachable = not result.is_sent and any(outcome.kind is Kind.NOT_SENT for outcome in outcomes)
        self._failures_in_a_row = self._failures_in_a_row + 1 if was_unreachable else 0
        if was_unreachable:
            self._pacer.pause(now + _unreachable_s(self._failures_in_a_row))

    def _learn_of_refusals(self, outcomes: Iterable[Outcome], now: float) -> None:
        bad = next((outcome for outcome in outcomes if pauses_gateway(outcome)), None)
        if bad is not None:
            self._bad_in_a_row += 1
            if self.is_probing:
                self._probe_at = now + PROBE_EVERY_S
                self.why = _in_words(bad)
        elif any(outcome.kind is Kind.ACCEPTED for outcome in outcomes):
            self._take_heart()

    def _take_heart(self) -> None:
        self._bad_in_a_row = 0
        self._probe_at = 0.0
        self.why = ""


def _unreachable_s(failures: int) -> float:
    """How long to pause after so many failures in a row."""
    if failures < BREAK_AFTER:
        return SHORT_UNREACHABLE_S
    return min(LONGEST_UNREACHABLE_S, backoff_s(failures - BREAK_AFTER + 1))


def _in_words(outcome: Outcome) -> str:
    assert outcome.refusal is not None
    assert outcome.policy is not None
    cause = cause_of(outcome)
    told = f" ({cause})" if cause else ""
    return f"The provider refuses everything: {WORDS[outcome.refusal.value]}{told}. {outcome.policy.advice}"
