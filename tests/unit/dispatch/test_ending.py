"""A task that is told to end ends, also when a cancellation is lost."""

import asyncio

import pytest

from gatepost.dispatch import ending
from gatepost.dispatch.ending import end


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.02)


async def deaf(times: int) -> str:
    """Goes on as if nothing had been said, so many times."""
    for _ in range(times):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(60)
    return "over"


async def test_a_task_that_missed_it_is_told_again():
    task = asyncio.create_task(deaf(3))
    await asyncio.sleep(0)
    [result] = await asyncio.wait_for(end(task), 5)
    assert isinstance(result, asyncio.CancelledError)


async def test_results_and_exceptions_come_back_in_order():
    async def fails() -> None:
        raise ValueError("x")

    async def returns() -> int:
        return 7

    tasks = [asyncio.create_task(one) for one in (fails(), returns(), deaf(0))]
    await asyncio.sleep(0.01)
    failed, returned, cancelled = await end(*tasks)
    assert isinstance(failed, ValueError)
    assert returned == 7
    assert isinstance(cancelled, asyncio.CancelledError)


async def test_nothing_to_end_is_fine():
    assert await end() == []
