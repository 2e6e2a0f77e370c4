"""At most so many requests at a time, urgent ones first, and nothing that was put is forgotten."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gatepost.dispatch import slots as letting_out
from gatepost.dispatch.slots import Flight, Slots


def flight(number: int, lane: int = 1) -> Flight:
    item: Any = SimpleNamespace(lane=lane)
    driven: Any = None
    return Flight(number, number, [item], driven, is_resend=False)


class OtherSide:
    """Holds each request until `answer`."""

    def __init__(self) -> None:
        self.under_way: dict[int, asyncio.Future[None]] = {}
        self.order: list[int] = []

    async def submit(self, flight: Flight) -> None:
        self.order.append(flight.id)
        self.under_way[flight.id] = asyncio.get_running_loop().create_future()
        await self.under_way[flight.id]

    async def answer(self, number: int) -> None:
        self.under_way.pop(number).set_result(None)
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def other_side() -> OtherSide:
    return OtherSide()


async def test_no_more_than_the_limit_are_under_way_and_the_others_follow(other_side):
    slots = Slots(other_side.submit, lambda: None)
    for number in range(5):
        slots.put(flight(number), limit=2)
    await asyncio.sleep(0)
    assert (sorted(other_side.under_way), slots.busy) == ([0, 1], 5)
    for number in range(5):
        await other_side.answer(number)
    assert (other_side.order, slots.busy) == ([0, 1, 2, 3, 4], 0)


async def test_a_code_takes_the_next_free_slot(other_side):
    slots = Slots(other_side.submit, lambda: None)
    for number in range(4):
        slots.put(flight(number, lane=2), limit=1)
    await asyncio.sleep(0)
    slots.put(flight(9, lane=0), limit=1)
    await other_side.answer(0)
    assert other_side.order == [0, 9]
    await slots.cancel()


async def test_a_lowered_limit_holds_from_the_next_answers_on(other_side):
    slots = Slots(other_side.submit, lambda: None)
    for number in range(4):
        slots.put(flight(number), limit=4)
    await asyncio.sleep(0)
    slots.put(flight(4), limit=1)
    slots.put(flight(5), limit=1)
    for number in range(3):
        await other_side.answer(number)
    assert other_side.order == [0, 1, 2, 3]
    await other_side.answer(3)
    assert other_side.order == [0, 1, 2, 3, 4]
    await slots.cancel()


async def test_what_is_put_while_the_last_slot_closes_is_let_out(other_side):
    # When this is heard, the slot has not yet looked whether there is more.
    slots = Slots(other_side.submit, lambda: asyncio.get_running_loop().call_soon(slots.put, flight(1), 1))
    slots.put(flight(0), limit=1)
    await asyncio.sleep(0)
    await other_side.answer(0)
    assert other_side.order == [0, 1]
    await slots.cancel()


async def test_more_is_opened_ahead_only_while_requests_land_quickly(other_side, monkeypatch):
    now = 100.0
    monkeypatch.setattr(letting_out.time, "monotonic", lambda: now)
    slots = Slots(other_side.submit, lambda: None)
    assert slots.ahead == 0
    for number in range(500):
        slots.put(flight(number), limit=1)
        await asyncio.sleep(0)
        await other_side.answer(number)
    now += letting_out.MEASURED_S
    assert slots.ahead == int(500 * letting_out.AHEAD_S / letting_out.MEASURED_S)
    now += 5 * letting_out.MEASURED_S
    assert slots.ahead == 0


async def test_more_is_wanted_once_half_of_what_was_opened_ahead_has_left(other_side, monkeypatch):
    monkeypatch.setattr(Slots, "ahead", 4)
    told = 0

    def hear() -> None:
        nonlocal told
        told += 1

    slots = Slots(other_side.submit, hear)
    assert slots.is_low
    for number in range(5):
        slots.put(flight(number), limit=1)
    await asyncio.sleep(0)
    assert (slots.is_low, told) == (False, 0)
    await other_side.answer(0)
    assert (slots.is_low, told) == (False, 0)
    await other_side.answer(1)
    assert (slots.is_low, told) == (True, 1)
    await slots.cancel()
