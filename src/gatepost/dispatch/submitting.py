"""One submission on its way: what the adapter gets, the gate before the first byte, and what became of it."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError

from gatepost.dispatch import detours
from gatepost.dispatch.debug import log_submit
from gatepost.dispatch.line import Gate, as_json, as_message, last_status
from gatepost.dispatch.outcomes import NO_DETOURS, close
from gatepost.dispatch.slots import Flight
from gatepost.dispatch.store import Closing, Due
from gatepost.dispatch.strangers import kept_apart
from gatepost.dispatch.threads import in_thread
from gatepost.dispatch.witness import Witness
from gatepost.messages.detour import Detour
from gatepost.providers.base import Batch, Context
from gatepost.sms.ids import to_ref
from gatepost.sms.outcomes import Kind, Outcome, not_sent
from gatepost.transport.driver import MISSING, Driver, SubmitResult
from gatepost.transport.traces import Exchange

log = structlog.get_logger()

KEPT_PER_HOUR = 3
RETRY_AT_GATE_S = 0.05


class Submitter:
    """Submits for one gateway. `check_line` is asked immediately before the first byte, and stops it by raising;
    `learn` hears of every answer, and `witness` remembers what it was; `now` gives aware UTC."""

    def __init__(
        self,
        driver: Driver,
        check_line: Callable[[Flight], None],
        learn: Callable[[SubmitResult], None],
        now: Callable[[], datetime],
        witness: Witness,
    ) -> None:
        self._driver = driver
        self._now = now
        self._check_line = check_line
        self._learn = learn
        self._witness = witness
        self._kept: Counter[int] = Counter()

    async def submit(self, flight: Flight) -> Closing:
        """What the submission is closed with. Never raises."""
        intent_at = self._now()
        exchanges: list[Exchange] = []
        self._witness.begin()
        try:
            closing, exchanges = await self._attempt(flight, intent_at)
        except Exception:
            # A fault of ours, and bytes may have left: what is not mentioned is unknown.
            log.exception("submit_failed", gateway=flight.driven.id)
            closing = close(
                flight.driven,
                flight.id,
                flight.items,
                [MISSING] * len(flight.items),
                intent_at=intent_at,
                now=self._now(),
                is_resend=flight.is_resend,
            )
        finally:
            self._witness.end()
        log_submit(flight.driven, flight.items, exchanges)
        return closing

    async def _attempt(self, flight: Flight, intent_at: datetime) -> tuple[Closing, list[Exchange]]:
        driven, items = flight.driven, flight.items
        gate = Gate(lambda: self._check_line(flight))
        messages = tuple([as_message(item, intent_at) for item in items])
        result = await self._driver.run_submit(
            driven.provider,
            Batch(messages),
            driven.account,
            _context(flight, intent_at),
            link=driven.link,
            # However many steps come before it, nothing of this submission is written after its deadline.
            deadline=time.monotonic() + driven.link.total_timeout_s,
            before_write=gate.open,
        )
        outcomes = [result.outcomes[message.ref] for message in messages]
        is_plain = all(outcome.kind is Kind.ACCEPTED for outcome in outcomes)
        others: Mapping[int, Detour] = NO_DETOURS
        if gate.is_shut:
            outcomes = [not_sent(gate.why, retry_after_s=RETRY_AT_GATE_S)] * len(items)
        else:
            self._learn(result)
            self._witness.note(items, outcomes, result.latency_ms)
            if not is_plain:
                others = await self._detours(items, outcomes)
                outcomes = kept_apart(items, outcomes)
        closing = close(
            driven,
            flight.id,
            items,
            outcomes,
            intent_at=intent_at,
            now=self._now(),
            is_resend=flight.is_resend,
            status=last_status(result),
            latency_ms=result.latency_ms,
            traces=self._traces(items, result, is_plain=is_plain),
            detours=others,
        )
        return closing, result.exchanges

    async def _detours(self, items: list[Due], outcomes: Sequence[Outcome]) -> Mapping[int, Detour]:
        """Other ways for those that may have one. Without one, or without the database, they are tried here again."""
        failed = [
            item
            for item, outcome in zip(items, outcomes, strict=True)
            if not item.is_unknown and outcome.kind is not Kind.ACCEPTED and detours.may_go_elsewhere(outcome)
        ]
        if not failed:
            return NO_DETOURS
        try:
            return await in_thread(detours.of_failed, [item.message_id for item in failed])
        except DatabaseError as error:
            log.warning("no_detour_without_database", cause=type(error).__name__)
            return NO_DETOURS

    def _traces(self, items: list[Due], result: SubmitResult, *, is_plain: bool) -> list[dict[str, Any]]:
        """Kept for tests and for whatever is not plainly accepted, and for the first few of an hour."""
        hour = int(time.time() // 3600)
        if is_plain and not any(item.kind == "test" for item in items):
            if self._kept[hour] >= KEPT_PER_HOUR:
                return []
            self._kept = Counter({hour: self._kept[hour] + 1})
        return [as_json(exchange) for exchange in result.exchanges]


def _context(flight: Flight, now: datetime) -> Context:
    return Context(
        now=now,
        nonce=to_ref(flight.id),
        serial=flight.serial,
        is_resend=flight.is_resend,
        receipt_url=flight.driven.receipt_url,
        inbound_url=flight.driven.inbound_url,
    )
