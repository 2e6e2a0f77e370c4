"""Watches the health of one gateway for as long as this worker drives it: judges, writes down where it stands, and
moves what waits when it is down."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from psycopg_pool import AsyncConnectionPool

from gatepost.dispatch import detours
from gatepost.dispatch.driven import Driven
from gatepost.dispatch.threads import in_thread
from gatepost.dispatch.witness import Witness
from gatepost.gateways import check, services
from gatepost.gateways.countries import country_name
from gatepost.gateways.models import Gateway
from gatepost.problems import Problem
from gatepost.routing import health, health_store
from gatepost.routing.health import Evidence, Reports, Standing, State
from gatepost.routing.models import RoutingChange
from gatepost.sms.ids import EPOCH_MS, NODE_BITS, SEQUENCE_BITS
from gatepost.sms.msisdn import country_of

log = structlog.get_logger()

LOOK_S: Final = 0.5
JUDGE_S: Final = 20.0
ASK_S: Final = 5.0
LEAVE_AGAIN_S: Final = (1.0, 4.0)
"""After a gateway went down messages may still be led there for a moment: for longer, where the notice was lost."""
FORGET_S: Final = 3600.0
REPORTED_AFTER: Final = timedelta(minutes=1)
REPORTED_WITHIN: Final = timedelta(minutes=15)
SAMPLE: Final = 3000
MAX_COUNTRIES: Final = 20

# A sample of the newest messages that had time to be reported: however many there are, the same number is read.
REPORTS: Final = """
    select state, to_digits, extract(epoch from state_at - submitted_at)::float8
      from (select state, to_digits, state_at, submitted_at, gateway_id from message
             where id >= %s and id < %s order by id desc limit %s) m
     where gateway_id = %s and submitted_at is not null
"""
ARRIVED: Final = frozenset({"delivered"})
REPORTED: Final = frozenset({"delivered", "undelivered", "rejected", "expired"})

UP: Final = State()

Pool = AsyncConnectionPool[Any]


class Watch:
    """The health of one gateway. `now` gives aware UTC."""

    def __init__(self, driven: Callable[[], Driven], witness: Witness, pool: Pool, now: Callable[[], datetime]) -> None:
        self._driven = driven
        self._witness = witness
        self._pool = pool
        self._now = now
        self._states: dict[str, State] | None = None
        self._judged_at = 0.0
        self._asked_at = 0.0
        self._forgot_at = time.monotonic()
        self._is_answering = False
        self._to_leave: list[tuple[float, str]] = []

    async def run(self) -> None:
        """Until cancelled. A fault of the watch never stops the gateway."""
        while True:
            try:
                await self._look()
            except Exception:
                log.exception("watch_failed", gateway=self._driven().id)
                await asyncio.sleep(ASK_S)
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        driven = self._driven()
        if self._states is None:
            self._states = await in_thread(health_store.states_of, driven.id)
        now = self._now()
        evidence = self._evidence()
        state = self._states.get("", UP)
        if state.standing is Standing.DOWN:
            await self._ask_provider(driven)
        if state.standing is Standing.UP:
            await self._look_at_countries(driven, now)
        after = health.next_standing(state, self._besides_countries(evidence), now, self._is_answering)
        if after.standing is not state.standing:
            await self._change(driven, after)
        await self._leave_again(driven)
        if time.monotonic() >= self._judged_at + JUDGE_S:
            self._judged_at = time.monotonic()
            await self._judge(driven, evidence, now)

    async def _look_at_countries(self, driven: Driven, now: datetime) -> None:
        """One country alone may be refused, while the others are not."""
        assert self._states is not None
        by_country = self._witness.tries_by_country(now)
        for country in by_country.keys() | {country for country in self._states if country}:
            others = [each for other, tries in by_country.items() if other != country for each in tries]
            others.sort(key=lambda each: each.at, reverse=True)
            state = self._states.get(country, UP)
            after = health.next_standing_in(state, by_country.get(country, []), others, now)
            if after.standing is not state.standing:
                await self._change(driven, after, country)

    def _besides_countries(self, evidence: Evidence) -> Evidence:
        """What is refused for a country that is out says nothing more of the gateway as a whole."""
        out = {
            country for country, state in (self._states or {}).items() if country and state.standing is not UP.standing
        }
        if not out:
            return evidence
        tries = [each for each in evidence.tries if not (each.country in out and each.failure in health.LOCAL)]
        return replace(evidence, tries=tries)

    def _evidence(self) -> Evidence:
        return Evidence(
            tries=self._witness.tries(self._now()),
            silent_s=self._witness.silent_s(),
            open_requests=self._witness.open_requests,
            reports_expected=self._driven().conduct.reports,
        )

    async def _change(self, driven: Driven, after: State, country: str = "") -> None:
        assert self._states is not None
        standing = after.standing.value
        log.warning("gateway_stands", gateway=driven.id, country=country, standing=standing, cause=after.cause)
        await in_thread(health_store.keep_state, driven.id, after, country)
        self._states[country] = after
        self._judged_at = 0.0
        if after.standing is Standing.DOWN:
            if not country:
                self._is_answering = False
            await in_thread(_leave, driven.id, after.cause, country)
            left_at = time.monotonic()
            self._to_leave += [(left_at + again_s, country) for again_s in LEAVE_AGAIN_S]

    async def _leave_again(self, driven: Driven) -> None:
        """What has come since takes its other way, too."""
        assert self._states is not None
        now = time.monotonic()
        due = {country for at, country in self._to_leave if at <= now}
        self._to_leave = [(at, country) for at, country in self._to_leave if at > now]
        for country in due:
            state = self._states[country]
            if state.standing is Standing.DOWN:
                await in_thread(_leave, driven.id, state.cause, country)

    async def _ask_provider(self, driven: Driven) -> None:
        """A harmless call, where the provider offers one; where it offers none, a trial has to do."""
        if time.monotonic() < self._asked_at + ASK_S:
            return
        self._asked_at = time.monotonic()
        self._is_answering = await in_thread(_answers, driven.id)

    async def _judge(self, driven: Driven, evidence: Evidence, now: datetime) -> None:
        samples = await self._reports(driven.id, now)
        balance = await in_thread(health_store.last_balance, driven.id)
        whole = replace(evidence, reports=_together(samples), balance=balance)
        verdicts = {"": health.judge(whole, now)}
        countries = sorted({each.country for each in evidence.tries if each.country} | set(samples))[:MAX_COUNTRIES]
        for country in countries:
            own = replace(
                evidence,
                tries=[each for each in evidence.tries if each.country == country],
                reports=samples.get(country, Reports()),
                silent_s=0.0,
            )
            verdicts[country] = health.judge(own, now)
        await in_thread(health_store.keep_verdicts, driven.id, verdicts, now)
        if time.monotonic() >= self._forgot_at + FORGET_S:
            self._forgot_at = time.monotonic()
            await in_thread(health_store.forget_old)

    async def _reports(self, gateway_id: int, now: datetime) -> dict[str, Reports]:
        """What became of messages of the last quarter of an hour, by country."""
        bounds = [_first_id(now - REPORTED_WITHIN), _first_id(now - REPORTED_AFTER)]
        async with self._pool.connection() as connection:
            cursor = await connection.execute(REPORTS, [*bounds, SAMPLE, gateway_id])
            rows = await cursor.fetchall()
        by_country: dict[str, list[tuple[str, float | None]]] = {}
        for state, digits, delay_s in rows:
            by_country.setdefault(country_of(digits) or "", []).append((state, delay_s))
        return {country: _counted(found) for country, found in by_country.items() if country}


def _counted(found: list[tuple[str, float | None]]) -> Reports:
    delays = sorted(delay for state, delay in found if state in ARRIVED and delay is not None)
    return Reports(
        handed=len(found),
        reported=sum(state in REPORTED for state, _ in found),
        arrived=sum(state in ARRIVED for state, _ in found),
        delay_s=delays[len(delays) // 2] if delays else None,
    )


def _together(samples: dict[str, Reports]) -> Reports:
    delays = sorted(each.delay_s for each in samples.values() if each.delay_s is not None)
    return Reports(
        handed=sum(each.handed for each in samples.values()),
        reported=sum(each.reported for each in samples.values()),
        arrived=sum(each.arrived for each in samples.values()),
        delay_s=delays[len(delays) // 2] if delays else None,
    )


def _first_id(moment: datetime) -> int:
    return max(0, (int(moment.timestamp() * 1000) - EPOCH_MS) << (NODE_BITS + SEQUENCE_BITS))


def _leave(gateway_id: int, cause: str, country: str) -> None:
    """What waits there (for a country) goes its other way."""
    gateway = Gateway.objects.filter(pk=gateway_id).first()
    if gateway is None:
        return
    place = f" for {country_name(country)}" if country else ""
    count = detours.move_queue(gateway, f"{gateway.name} is down{place}: {cause}", country=country)
    if count:
        words = f"What waited for {gateway} and had another way took it."
        health_store.note(gateway, RoutingChange.ChangeKind.MOVED, words)


def _answers(gateway_id: int) -> bool:
    """Whether the provider lets us in; True where it cannot be asked without sending."""
    row = Gateway.objects.prefetch_related("secrets").filter(pk=gateway_id).first()
    if row is None:
        return False
    try:
        return check.run_check(services.runtime(row), verify_tls=row.verify_tls).ok
    except Problem as problem:
        return problem.code == "not_supported"
