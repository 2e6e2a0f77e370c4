"""What the requests of one gateway met lately, kept in memory by who drives it: the evidence for its health."""

import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from gatepost.dispatch.store import Due
from gatepost.routing.health import WORDS, Try
from gatepost.sms.msisdn import country_of
from gatepost.sms.outcomes import Kind, Outcome, Side

REMEMBERED: Final = 200


class Witness:
    """Remembers the last requests. Noting one is cheap; what is kept is made readable when somebody asks."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, str, str, float | None, str]] = deque(maxlen=REMEMBERED)
        self._answered_at = time.monotonic()
        self.open_requests = 0

    def begin(self) -> None:
        """A request sets out."""
        if not self.open_requests:
            self._answered_at = time.monotonic()
        self.open_requests += 1

    def end(self) -> None:
        """A request that set out has come to its end, whatever that was."""
        self.open_requests -= 1

    def note(self, items: list[Due], outcomes: Iterable[Outcome], latency_ms: float | None) -> None:
        """What a request met."""
        now = time.monotonic()
        failure, cause = _failure(list(outcomes))
        latency_s = None if latency_ms is None else latency_ms / 1000
        if failure not in ("unknown", "not_sent"):
            self._answered_at = now
        self._seen.append((now, failure, cause, latency_s, items[0].to if items else ""))

    def tries(self, now: datetime) -> list[Try]:
        """The last requests, newest first, as seen from `now`."""
        clock = time.monotonic()
        return [
            Try(now - timedelta(seconds=clock - at), failure, cause, latency_s, country_of(to) or "" if to else "")
            for at, failure, cause, latency_s, to in reversed(self._seen)
        ]

    def silent_s(self) -> float:
        """Since when requests have been open and nothing was answered."""
        return time.monotonic() - self._answered_at if self.open_requests else 0.0


def _failure(outcomes: list[Outcome]) -> tuple[str, str]:
    """What half or more of the messages of a request met, where that is the gateway's or the provider's fault."""
    if len(outcomes) == 1:
        return _fault(outcomes[0])
    faults = [fault for fault in map(_fault, outcomes) if fault[0]]
    return faults[0] if faults and 2 * len(faults) >= len(outcomes) else ("", "")


def _fault(outcome: Outcome) -> tuple[str, str]:
    if outcome.kind is Kind.ACCEPTED:
        return "", ""
    if outcome.kind is Kind.REFUSED and outcome.refusal is not None and outcome.policy is not None:
        is_ours = outcome.policy.side in (Side.OURS, Side.RECIPIENT)
        name = outcome.refusal.value
        return ("", "") if is_ours or name not in WORDS else (name, outcome.words or outcome.code)
    if outcome.kind is Kind.NOT_SENT and outcome.is_alone:
        return "", ""
    return outcome.kind.value, outcome.cause or outcome.words
