"""The line where bytes leave: what is handed to the adapter, and the gate that stands before the first byte."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from gatepost.dispatch.decide import LEASE_TOO_SHORT, OVER_THE_PACE
from gatepost.dispatch.pacing import TooFast
from gatepost.dispatch.store import Due, LeaseLost
from gatepost.providers.base import Message
from gatepost.sms.ids import to_ref
from gatepost.transport.driver import SubmitResult
from gatepost.transport.traces import Exchange

MIN_VALIDITY_S = 60


class Gate:
    """Asks `check` immediately before the first byte, and remembers why it stopped it."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self.why = ""

    @property
    def is_shut(self) -> bool:
        return bool(self.why)

    def open(self) -> None:
        """Raises LeaseLost or TooFast; nothing is written then."""
        try:
            self._check()
        except LeaseLost:
            self.why = LEASE_TOO_SHORT
            raise
        except TooFast:
            self.why = OVER_THE_PACE
            raise


def as_message(item: Due, now: datetime) -> Message:
    """A due message as adapters take it `now`; what remains of its validity is never less than a minute."""
    remaining_s = None
    if item.validity_s is not None:
        remaining_s = max(MIN_VALIDITY_S, int((item.expires_at - now).total_seconds()))
    return Message(
        ref=to_ref(item.message_id, item.generation),
        to=item.to,
        text=item.text,
        sender=item.sender_override or item.sender,
        encoding="ucs2" if item.encoding == "ucs2" else "gsm7",
        segments=item.segments,
        validity_s=remaining_s,
        attempt=item.attempts + 1,
        is_urgent=item.lane == 0,
    )


def last_status(result: SubmitResult) -> int | None:
    """The HTTP status of the last answer."""
    answers = [exchange.reply.response for exchange in result.exchanges if exchange.reply.response is not None]
    return answers[-1].status if answers else None


def as_json(exchange: Exchange) -> dict[str, Any]:
    """An exchange as it is kept: redacted, times in ISO 8601."""
    trace = exchange.trace()
    return {**asdict(trace), "started_at": trace.started_at.isoformat()}
