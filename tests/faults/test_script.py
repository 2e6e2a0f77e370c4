"""Whatever a provider does to a submit, reports or sends, ends as it should: here each thing alone, end to end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from django.db import connections
from tests.faults.arena import REPORTING, SINGLE, Arena
from tests.faults.behaviours import BEHAVIOURS
from tests.faults.proxy import running_proxy
from tests.support.installation import until

from gatepost.dispatch import driven, threads
from gatepost.dispatch.threads import in_thread
from gatepost.dispatch.worker import Worker
from gatepost.inbox.arrivals import Arrivals
from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client
from gatepost.transport.driver import Driver
from gatepost.transport.egress import Cause

pytestmark = pytest.mark.faults

DEADLINE_S = 6.0
STATES = {
    "accepted": {"submitted", "unconfirmed"},
    "unknown": {"unknown"},
    "rejected": {"rejected"},
    "again": {"queued"},
}
HARMS: tuple[dict[str, bool], ...] = ({"cut": True}, {"is_frozen": True}, {"is_open": False, "cut": True})
TIMED_OUT = """
    select 1 from message m join submission s on s.id = m.submission_id where m.state = 'unknown' and s.cause = %s
"""
ATTEMPTED = "select client_ref, state from message where attempts > 0 or state <> 'queued'"


@contextlib.asynccontextmanager
async def working(arena: Arena) -> AsyncIterator[None]:
    """A worker in this process, so that its deadline can be short."""
    async with Client(allow=parse_allow_list(["127.0.0.0/8"])) as client:
        worker = Worker(arena.gatepost.dsn, Driver(client), Arrivals(), provider_limits={})
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            worker.stop()
            await task


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driven, "DEADLINE_S", DEADLINE_S)
    monkeypatch.setattr("gatepost.messages.services._ids", None)
    # Threads outlive the test, their connections must not.
    monkeypatch.setattr(threads, "close_old_connections", connections.close_all)


async def test_everything_that_a_provider_does_to_a_submit_ends_as_it_should(arena: Arena):
    """Each behaviour has a gateway and one message."""
    behaviour_of: dict[str, str] = {}
    for name in BEHAVIOURS:
        gateway = arena.add_gateway(name.replace(" ", "-"), SINGLE, 1)
        arena.script((0.0, 0.0), gateway.name, **{name: 1})
        order = arena.ledger.order(gateway.pk)
        await in_thread(arena.ledger.accept, order)
        behaviour_of[order.messages[0]["client_ref"]] = name
    async with working(arena):
        await until(lambda: len(arena.gatepost.rows(ATTEMPTED)) == len(BEHAVIOURS), 60, "an attempt of each")
    found = {behaviour_of[ref]: state for ref, state in arena.gatepost.rows(ATTEMPTED)}
    expected = {name: STATES[behaviour.leaves] for name, behaviour in BEHAVIOURS.items()}
    assert {name: state for name, state in found.items() if state not in expected[name]} == {}
    once = [name for name, behaviour in BEHAVIOURS.items() if behaviour.leaves != "again"]
    gateways = [request.gateway for request in arena.requests()]
    assert {name for name in once if gateways.count(name.replace(" ", "-")) > 1} == set()


async def test_reports_and_inbound_messages_take_effect_once_in_whatever_order_they_come(arena: Arena):
    gateway = arena.add_gateway("one", SINGLE | REPORTING, 4)
    await in_thread(arena.ledger.accept, arena.ledger.order(gateway.pk, 80))
    arena.script((0.0, 0.1))
    arena.report(once=1, early=2, twice=2, in_order=2, reordered=2)
    arena.gatepost.start_web()
    arena.gatepost.start_worker()
    arena.burst(gateway, 20)
    await asyncio.to_thread(arena.settle)
    assert arena.verdict().faults == []
    assert {state for (state,) in arena.gatepost.rows("select state from message")} == {"delivered", "undelivered"}
    assert arena.gatepost.rows("select count(*) from inbound_message") == [(20,)]


async def test_a_cut_and_a_half_open_line_to_the_provider_leave_doubt_and_no_duplicate(arena: Arena, tmp_path: Path):
    with running_proxy(tmp_path, "127.0.0.1", arena.provider_port) as proxy:
        arena.entrance = proxy.port
        gateway = arena.add_gateway("one", SINGLE, 4)
        arena.script((0.02, 0.05))
        proxy.do(latency_s=0.05)
        await in_thread(arena.ledger.accept, arena.ledger.order(gateway.pk, 200))
        async with working(arena):
            for harm in HARMS:
                seen = arena.count_accepted()
                await until(lambda seen=seen: arena.count_accepted() >= seen + 20, 20, "traffic")
                with arena.disturbed():
                    proxy.do(**harm)
                    if "is_frozen" in harm:
                        await until(
                            lambda: arena.gatepost.rows(TIMED_OUT, Cause.TIMEOUT.value), 20, "a request that timed out"
                        )
                    proxy.heal()
            await asyncio.to_thread(arena.settle)
    verdict = arena.verdict()
    assert verdict.faults == []
    assert 0 < verdict.unknown < 100
