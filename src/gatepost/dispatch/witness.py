"""What the requests of one gateway met lately, kept in memory by who drives it: the evidence for its health.

All who use the gateway read what follows from it, and it goes into the log. A provider's words may quote the message
that it was asked to take, so only its code is kept, and what our own transport says.
"""

import re
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from gatepost.dispatch.store import Due
from gatepost.routing.health import ENOUGH, WORDS, Try
from gatepost.sms.msisdn import country_of
from gatepost.sms.outcomes import Kind, Outcome, Side
from gatepost.transport.driver import OUR_CAUSES

REMEMBERED: Final = 200
REMEMBERED_IN: Final = 2 * ENOUGH
COUNTRIES: Final = 50
CODE: Final = re.compile(r"(?!.*\d{7})[\w.:-]{1,40}", re.ASCII)
"""What passes for a code: one word, and no number that could be somebody's."""

_Seen = tuple[float, str, str, float | None, str]


class Witness:
    """Remembers the last requests, and the last ones to each country. Noting one is cheap; what is kept is made
    readable when somebody asks. A request to several countries counts for that of its first message, unless some of
    its messages failed."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque(maxlen=REMEMBERED)
        self._unsorted: deque[_Seen] = deque(maxlen=REMEMBERED)
        self._by_country: dict[str, deque[_Seen]] = {}
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

    def note(self, items: list[Due], outcomes: Sequence[Outcome], latency_ms: float | None) -> None:
        """What a request met, in the order of its messages."""
        now = time.monotonic()
        failure, cause = _failure(outcomes)
        latency_s = None if latency_ms is None else latency_ms / 1000
        if failure not in ("unknown", "not_sent"):
            self._answered_at = now
        seen = (now, failure, cause, latency_s, items[0].to if items else "")
        self._seen.append(seen)
        if len(items) == 1 or all(outcome.kind is Kind.ACCEPTED for outcome in outcomes):
            self._unsorted.append(seen)
            return
        for item, outcome in zip(items, outcomes, strict=True):
            self._unsorted.append((now, *_fault(outcome), latency_s, item.to))

    def tries(self, now: datetime) -> list[Try]:
        """The last requests, newest first, as seen from `now`."""
        return [_try(seen, now, country_of(seen[-1]) or "" if seen[-1] else "") for seen in reversed(self._seen)]

    def tries_by_country(self, now: datetime) -> dict[str, list[Try]]:
        """The last requests to each country, newest first, as seen from `now`; what went to none is left out."""
        while self._unsorted:
            seen = self._unsorted.popleft()
            country = (country_of(seen[-1]) if seen[-1] else None) or ""
            # The one that was used last stands last.
            kept = self._by_country.pop(country, None) or deque(maxlen=REMEMBERED_IN)
            kept.append(seen)
            self._by_country[country] = kept
        for country in list(self._by_country)[:-COUNTRIES]:
            del self._by_country[country]
        return {
            country: [_try(seen, now, country) for seen in reversed(kept)]
            for country, kept in self._by_country.items()
            if country
        }

    def silent_s(self) -> float:
        """Since when requests have been open and nothing was answered."""
        return time.monotonic() - self._answered_at if self.open_requests else 0.0


def _try(seen: _Seen, now: datetime, country: str) -> Try:
    at, failure, cause, latency_s, _ = seen
    return Try(now - timedelta(seconds=time.monotonic() - at), failure, cause, latency_s, country)


def _failure(outcomes: Sequence[Outcome]) -> tuple[str, str]:
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
        return ("", "") if is_ours or name not in WORDS else (name, cause_of(outcome))
    if outcome.kind is Kind.NOT_SENT and outcome.is_alone:
        return "", ""
    return outcome.kind.value, cause_of(outcome)


def cause_of(outcome: Outcome) -> str:
    """Why it failed, as far as everybody may read it: a cause of our own, else the provider's code; may be empty."""
    if outcome.cause in OUR_CAUSES:
        return outcome.cause
    return outcome.code if CODE.fullmatch(outcome.code) else ""
