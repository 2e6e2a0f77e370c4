"""A batch of a thousand is built and read at the price per message of a small one, for every provider with batches, and
so are questions for the states of many messages.

Counted are the steps of our own code (bytecode instructions, and calls of other Python code), with the provider's
simulator answering in between, uncounted: no clock is involved. Looking through a list is a single instruction, so
references and numbers count how often they are compared, too.
"""

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.integration.simulators.meetings import Meeting, all_meetings

from gatepost import providers
from gatepost.providers import base
from gatepost.providers.fields import clean
from gatepost.providers.registry import Provider, provider
from gatepost.providers.wire import Request, Response
from gatepost.simulators import wire
from gatepost.simulators.engine import Account, LiveAccount
from gatepost.simulators.server import Server
from gatepost.sms.outcomes import Kind, Outcome
from gatepost.sms.text import count_segments
from gatepost.transport.driver import Driver
from gatepost.transport.egress import Reply

SMALL, LARGE = 50, 1000
TOLERANCE = 1.3
OURS = str(Path(providers.__file__).parent.parent)
BASE = "http://127.0.0.1:9/account"
MEETINGS = {meeting.name: meeting for meeting in all_meetings() if provider(meeting.slug).manifest.batch}
ASKED_TOGETHER = [name for name, meeting in MEETINGS.items() if provider(meeting.slug).manifest.query_limit >= SMALL]


class Compared(str):
    """A text whose comparisons are calls of Python code, which are counted."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)


def context(serial: int) -> base.Context:
    return base.Context(
        now=datetime.now(UTC),
        nonce=f"n{serial}",
        serial=serial,
        receipt_url="http://127.0.0.1:9/receipt",
        inbound_url="http://127.0.0.1:9/inbound",
    )


class Counter:
    """Counts steps while it is on."""

    def __init__(self) -> None:
        self.steps = 0

    @contextmanager
    def on(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(before)

    @contextmanager
    def off(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(None)
        try:
            yield
        finally:
            sys.settrace(before)

    def _call(self, frame: FrameType, event: str, arg: Any) -> Any:
        self.steps += 1
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, frame: FrameType, event: str, arg: Any) -> Any:
        self.steps += 1
        return self._step


@dataclass(frozen=True, slots=True)
class InProcess:
    """Hands requests to the simulator by a function call, which is not counted."""

    live: LiveAccount
    counter: Counter

    async def exchange(
        self, request: Request, *, deadline: float | None = None, before_write: Callable[[], None] | None = None
    ) -> Reply:
        with self.counter.off():
            url = urlsplit(request.url)
            headers = {name.lower(): value for name, value in request.headers}
            path = url.path.removeprefix(urlsplit(BASE).path)
            answer = await self._answer(wire.Request(request.method, path, url.query.encode(), headers, request.body))
            said = (("content-type", answer.content_type), *((n.lower(), v) for n, v in answer.headers.items()))
            return Reply(Response(answer.status, said, answer.body), None, request.url, 0.0, 0.0)

    async def _answer(self, request: wire.Request) -> wire.Answer:
        found = self.live.simulator.find(request)
        assert found is not None, request.path
        route, request = found
        answer = route.handler(request, self.live)
        return await answer if inspect.isawaitable(answer) else answer


class Bench:
    """One provider account and its simulator. The batch may be as large as the provider allows at all."""

    def __init__(self, meeting: Meeting) -> None:
        account = Account(
            name="account",
            slug=meeting.slug,
            options=meeting.options,
            numbers=(meeting.number,),
            delivery_s=(900, 1000),
            balance=Decimal(10**9),
        )
        self.meeting = meeting
        self.live = Server([account]).accounts["account"]
        self.provider: Provider = provider(meeting.slug)
        fields = tuple(replace(field, schemes=("http", "https")) for field in self.provider.manifest.fields)
        settings, faults = clean(fields, meeting.settings(BASE, self.live.credentials))
        assert faults == []
        prepared = dict(self.provider.prepare(settings) if self.provider.prepare else settings)
        batch = self.provider.manifest_for(prepared).batch
        if batch is not None and batch.limit_setting:
            field = next(field for field in fields if field.name == batch.limit_setting)
            prepared[batch.limit_setting] = int(getattr(field, "max", None) or batch.limit)
        self.gateway = base.Gateway(meeting.slug, prepared, meeting.name)
        self.batching = self.provider.manifest_for(prepared).batch

    @property
    def limit(self) -> int:
        """How many one-segment messages one request takes; 0: this protocol sends one by one."""
        if self.batching is None:
            return 0
        return min(self.batching.limit, self.batching.max_segments or self.batching.limit)

    def message(self, number: int) -> base.Message:
        has_one_text = self.batching is not None and "text" in self.batching.same
        text = "test" if has_one_text else f"test {number}"
        encoding, segments = count_segments(text)
        return base.Message(
            ref=Compared(f"ref{number}"),
            to=Compared(f"{self.meeting.country}6{number:04d}0200"),
            text=text,
            sender=self.meeting.sender,
            encoding=encoding,
            segments=segments,
        )

    async def steps_per_message(self, size: int) -> float:
        counter = Counter()
        driver = Driver(InProcess(self.live, counter))

        async def submit(serial: int, *numbers: int) -> dict[str, Outcome]:
            batch = base.Batch(tuple(map(self.message, numbers)))
            with counter.on():
                run = driver.run_submit(self.provider, batch, self.gateway, context(serial), before_write=bool)
                return (await run).outcomes

        await submit(1, 9999)  # signs in, and fills what is kept for the next
        counter.steps = 0
        outcomes = await submit(2, *range(size))
        self.live.stop()
        assert {outcome.kind for outcome in outcomes.values()} == {Kind.ACCEPTED}, next(iter(outcomes.values()))
        return counter.steps / size

    async def steps_per_state(self, size: int) -> float:
        counter = Counter()
        driver = Driver(InProcess(self.live, counter))
        batch = base.Batch(tuple(map(self.message, range(size))))
        submitted = await driver.run_submit(self.provider, batch, self.gateway, context(1), before_write=bool)
        sent = tuple(
            base.Sent(message.ref, tuple(map(Compared, submitted.outcomes[message.ref].keys)), message.to, serial=1)
            for message in batch.messages
        )
        assert self.provider.query is not None
        query = self.provider.query
        with counter.on():
            asked = await driver.run_flow(lambda: query(sent, self.gateway, context(2)), self.provider, self.gateway)
        self.live.stop()
        assert len(asked.value or ()) == size, asked.outcome
        return counter.steps / size


@pytest.mark.parametrize("name", ASKED_TOGETHER)
def test_a_state_costs_no_more_among_many(name: str) -> None:
    def measure(size: int) -> float:
        async def run() -> float:
            return await Bench(MEETINGS[name]).steps_per_state(size)

        return asyncio.run(run())

    limit = provider(MEETINGS[name].slug).manifest.query_limit
    few, many = measure(limit // 4), measure(limit)
    assert many <= few * TOLERANCE, f"{few:.0f} steps a state, {many:.0f} among many"


@pytest.mark.parametrize("name", MEETINGS)
def test_a_message_costs_no_more_in_a_large_batch(name: str) -> None:
    def measure(size: int) -> float:
        async def run() -> float:
            return await Bench(MEETINGS[name]).steps_per_message(size)

        return asyncio.run(run())

    async def limit_of() -> int:
        return Bench(MEETINGS[name]).limit

    limit = asyncio.run(limit_of())
    if not limit:
        pytest.skip("this protocol of the provider sends one by one")
    small, large = measure(min(SMALL, limit // 2)), measure(min(LARGE, limit))
    assert large <= small * TOLERANCE, f"{small:.0f} steps a message, {large:.0f} in a large batch"
