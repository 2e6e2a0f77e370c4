"""Gateways of one account at a provider share its limit, whichever worker drives them."""

import asyncio

from tests.unit.dispatch.test_pacing import worst_second

from gatepost.dispatch import asking
from gatepost.dispatch.threads import in_thread
from gatepost.gateways.services import update_gateway
from gatepost.providers.wire import Response

RATE = 20


async def add_gateways(engine, count, **settings):
    """More gateways at the provider; those with the same settings are of the same account."""
    gateways = [engine.gateway]
    for _ in range(count):
        await engine.use("echo", pattern="loop", parallel=20)
        gateways.append(engine.gateway)
        if settings:
            await in_thread(update_gateway, engine.gateway, actor="test", settings=settings)
    return gateways


async def accept_at(engine, gateways, count):
    return [message_id for one in gateways for message_id in await engine.accept(count, gateway=str(one.pk))]


def worst(engine):
    return worst_second([(at, 1) for at in engine.other_side.written_at])


def drivers(engine):
    return dict(engine.rows("select gateway_id, worker_id from gateway_lease where expires_at > now()"))


async def test_all_of_them_together_keep_the_limit(engine):
    await engine.change_gateway(pattern="loop", parallel=20)
    gateways = await add_gateways(engine, 2)
    ids = await accept_at(engine, gateways, 20)
    engine.start_worker(provider_limits={"echo": RATE})
    await engine.until_states(ids, "submitted")
    assert worst(engine) <= RATE
    assert sorted(engine.accepted_ids()) == sorted(ids)


async def test_asking_for_states_counts_as_sending_does(engine, monkeypatch):
    monkeypatch.setattr(asking, "LOOK_S", 0.02)
    await engine.change_gateway(pattern="loop", parallel=20, await_delivery_s=1)
    gateways = await add_gateways(engine, 1)
    await engine.change_gateway(await_delivery_s=1)
    ids = await accept_at(engine, gateways, 30)
    engine.start_worker(provider_limits={"echo": RATE})
    await engine.until_states(ids, "submitted")
    await engine.until(lambda: engine.rows("select min(asked) from status_query")[0][0] >= 1)
    assert len(engine.other_side.written_at) > len(ids) + 10
    assert worst(engine) <= RATE


async def test_a_slower_please_to_one_of_them_holds_them_all(engine):
    """The provider counts the account, whichever of its gateways it answers."""
    first, other = await add_gateways(engine, 1)
    engine.other_side.behave = lambda messages: Response(429, (), b"")
    await engine.accept(gateway=str(first.pk))
    engine.start_worker(provider_limits={"echo": RATE})
    slowed = "select slowed_to < %s from gateway where id = %s"
    await engine.until(lambda: engine.rows(slowed, RATE, other.pk) == [(True,)])


async def test_one_worker_drives_them_all_and_takes_them_over_together(engine):
    await engine.change_gateway(pattern="loop", parallel=20)
    gateways = await add_gateways(engine, 2)
    ids = await accept_at(engine, gateways, 30)
    for _ in range(2):
        engine.start_worker(provider_limits={"echo": RATE})
    await engine.until(lambda: len(engine.other_side.written_at) > 15)
    await engine.until(lambda: len(drivers(engine)) == 3)
    [driver] = set(drivers(engine).values())
    leaving = next(one for one in engine.workers if one[0].id == driver)
    engine.workers.remove(leaving)
    leaving[0].stop()
    await leaving[1]
    await engine.until_states(ids, "submitted")
    assert worst(engine) <= RATE
    assert driver not in drivers(engine).values()
    assert len(set(drivers(engine).values())) == 1


async def test_another_account_has_a_limit_of_its_own_and_may_go_to_another_worker(engine):
    await add_gateways(engine, 1, api_key="another account")
    for _ in range(2):
        engine.start_worker(provider_limits={"echo": RATE})
    await engine.until(lambda: len(set(drivers(engine).values())) == 2)


async def test_a_gateway_that_joins_an_account_keeps_its_limit_from_then_on(engine):
    await engine.change_gateway(pattern="loop", parallel=20)
    first = engine.gateway
    [_, other] = await add_gateways(engine, 1, api_key="another account")
    for _ in range(2):
        engine.start_worker(provider_limits={"echo": RATE})
    await engine.until(lambda: len(set(drivers(engine).values())) == 2)
    await in_thread(update_gateway, other, actor="test", settings={"api_key": "k"})
    await engine.until(lambda: len(drivers(engine)) == 2 and len(set(drivers(engine).values())) == 1)
    await asyncio.sleep(1.0)
    ids = await accept_at(engine, [first, other], 25)
    await engine.until_states(ids, "submitted")
    assert worst(engine) <= RATE


async def test_without_a_limit_gateways_of_one_account_go_to_any_worker(engine):
    await add_gateways(engine, 1)
    for _ in range(2):
        engine.start_worker()
    await engine.until(lambda: len(set(drivers(engine).values())) == 2)
