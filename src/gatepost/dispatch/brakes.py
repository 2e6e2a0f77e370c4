"""What answers say of a gateway as a whole: when it pauses, and when it is only probed."""

import time

from gatepost.dispatch.decide import backoff_s, pauses_gateway
from gatepost.dispatch.pacing import Pacer
from gatepost.sms.outcomes import Kind
from gatepost.transport.driver import SubmitResult

PAUSE_AFTER = 5
PROBE_EVERY_S = 30.0
LONGEST_UNREACHABLE_S = 5.0
SLOWER_S = 1.0
"""How long to pause where the provider asks for a slower pace and does not say for how long."""


class Brakes:
    """Holds back the pacer of one gateway."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._bad_in_a_row = 0
        self._failures_in_a_row = 0

    @property
    def is_probing(self) -> bool:
        """Whether one request at a time finds out if the gateway works again."""
        return self._bad_in_a_row >= PAUSE_AFTER

    def release(self) -> None:
        """The settings have changed: what was learnt under the old ones says nothing."""
        self._bad_in_a_row = 0
        self._failures_in_a_row = 0

    def learn(self, result: SubmitResult) -> None:
        """From the answer to a submit, or from none."""
        outcomes = result.outcomes.values()
        if len(result.outcomes) == 1 and next(iter(outcomes)).kind is Kind.ACCEPTED:
            self._bad_in_a_row = self._failures_in_a_row = 0
            return
        now = time.monotonic()
        if any(pauses_gateway(outcome) for outcome in outcomes):
            self._bad_in_a_row += 1
            if self._bad_in_a_row >= PAUSE_AFTER:
                self._pacer.pause(now + PROBE_EVERY_S)
        elif any(outcome.kind is Kind.ACCEPTED for outcome in outcomes):
            self._bad_in_a_row = 0
        slow = [o for o in outcomes if o.kind is Kind.THROTTLED and not o.is_recipient_only]
        if slow:
            self._pacer.pause(now + max(o.retry_after_s or SLOWER_S for o in slow))
        was_unreachable = not result.is_sent and any(outcome.kind is Kind.NOT_SENT for outcome in outcomes)
        self._failures_in_a_row = self._failures_in_a_row + 1 if was_unreachable else 0
        if was_unreachable:
            self._pacer.pause(now + min(LONGEST_UNREACHABLE_S, backoff_s(self._failures_in_a_row)))
