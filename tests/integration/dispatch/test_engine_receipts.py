"""Receipts meet messages in any order, any number of times, before and after our own record."""

import asyncio
import json
from decimal import Decimal
from itertools import permutations

import pytest

from gatepost.providers.base import Receipt
from gatepost.providers.wire import Response
from gatepost.sms.ids import to_ref
from gatepost.sms.outcomes import Price, Refusal
from gatepost.sms.states import State

DELIVERED = State.DELIVERED
UNDELIVERED = State.UNDELIVERED


def state_of(engine, message_id):
    return engine.states([message_id])[message_id]


async def submitted(engine, count=1, parts=0):
    """Messages that were submitted, each in that many parts."""
    if parts:
        engine.other_side.behave = lambda messages: Response(
            200,
            (),
            json.dumps(
                [{"ref": m["ref"], "id": ",".join(f"{m['ref']}-{n}" for n in range(parts))} for m in messages]
            ).encode(),
        )
    ids = await engine.accept(count)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    return ids


async def test_a_receipt_finds_its_message_by_our_reference_by_theirs_or_by_serial_and_number(engine):
    ids = await submitted(engine, 3)
    [serial] = engine.rows("select serial from submission")[0]
    digits = dict(engine.rows("select id, to_digits from message"))
    reports = [
        Receipt(DELIVERED, "ok", ref=to_ref(ids[0]).upper()),
        Receipt(DELIVERED, "ok", keys=("nobody's", f"id-{to_ref(ids[1])}")),
        Receipt(DELIVERED, "ok", serial=serial, to=digits[ids[2]]),
    ]
    assert (await engine.report(*reports)).matched == 3
    assert set(engine.states(ids).values()) == {"delivered"}


async def test_a_receipt_that_names_only_the_number_means_the_newest_message_on_its_way(engine):
    [older] = await submitted(engine)
    [newer] = await engine.accept(1)
    await engine.until_states([newer], "submitted")
    await engine.stop_workers()
    [waiting] = await engine.accept(1)
    digits = engine.rows("select to_digits from message where id = %s", older)[0][0]
    await engine.report(Receipt(DELIVERED, "ok", to=digits))
    assert engine.states([older, newer, waiting]) == {older: "submitted", newer: "delivered", waiting: "queued"}
    assert engine.rows("select message_id from outbox") == [(waiting,)]


async def test_a_receipt_before_our_record_counts_and_the_record_does_not_undo_it(engine):
    engine.other_side.delay_s = 0.3
    ids = await engine.accept(2)
    engine.start_worker()
    await engine.until(lambda: bool(engine.other_side.log))
    await engine.report(
        Receipt(DELIVERED, "ok", ref=to_ref(ids[0])),
        Receipt(UNDELIVERED, "no", ref=to_ref(ids[1]), words="absent", code="27", refusal=Refusal.BAD_RECIPIENT),
    )
    assert engine.states(ids) == {ids[0]: "delivered", ids[1]: "undelivered"}
    await engine.until(lambda: engine.rows("select done_at is not null from submission") == [(True,)])
    assert engine.states(ids) == {ids[0]: "delivered", ids[1]: "undelivered"}
    row = engine.rows("select refusal, code, words, provider_ref from message where id = %s", ids[1])
    assert row == [("bad_recipient", "27", "absent", f"id-{to_ref(ids[1])}")]


async def test_a_receipt_by_their_reference_that_overtakes_our_record_is_parked_and_claimed(engine):
    engine.other_side.delay_s = 0.3
    [message_id] = await engine.accept(1)
    engine.start_worker()
    await engine.until(lambda: bool(engine.other_side.log))
    applied = await engine.report(Receipt(DELIVERED, "ok", keys=(f"id-{to_ref(message_id)}",)))
    assert (applied.matched, applied.parked) == (0, 1)
    await engine.until_states([message_id], "delivered")
    assert engine.rows("select count(*) from orphan_receipt") == [(0,)]


async def test_a_parked_receipt_is_claimed_by_whoever_takes_over_after_a_crash(engine):
    [message_id] = await submitted(engine)
    await engine.stop_workers()
    engine.run(
        "insert into orphan_receipt (receipt_id, gateway_id, key, receipt) values (1, %s, %s, %s)",
        engine.gateway.pk,
        f"id-{to_ref(message_id)}",
        json.dumps({"state": "delivered", "status": "ok", "keys": [f"id-{to_ref(message_id)}"]}),
    )
    engine.start_worker()
    await engine.until_states([message_id], "delivered")


async def test_a_receipt_that_finds_nothing_is_kept(engine):
    applied = await engine.report(Receipt(DELIVERED, "ok", keys=("nobody's",)), Receipt(DELIVERED, "ok", to="4812345"))
    assert (applied.matched, applied.parked) == (0, 2)
    assert sorted(engine.rows("select key from orphan_receipt")) == [("nobody's",), ("to:4812345",)]


async def test_receipts_of_another_gateway_move_nothing(engine):
    [message_id] = await submitted(engine)
    await engine.use("echo")
    await engine.report(
        Receipt(DELIVERED, "ok", ref=to_ref(message_id)), Receipt(DELIVERED, "ok", keys=(f"id-{to_ref(message_id)}",))
    )
    assert state_of(engine, message_id) == "submitted"


async def test_late_and_repeated_receipts_change_no_final_state(engine):
    [message_id] = await submitted(engine)
    await engine.report(Receipt(DELIVERED, "ok", ref=to_ref(message_id)))
    at = engine.rows("select state_at from message")
    for state in (DELIVERED, State.SUBMITTED, UNDELIVERED, State.EXPIRED, None):
        await engine.report(Receipt(state, "again", ref=to_ref(message_id)))
    assert engine.rows("select state, words, refusal from message") == [("delivered", None, None)]
    assert engine.rows("select state_at from message") == at
    assert len(engine.events(message_id)) == 6


async def test_a_status_nobody_knows_is_kept_and_moves_nothing(engine):
    [message_id] = await submitted(engine)
    await engine.report(Receipt(None, "WHATEVER", ref=to_ref(message_id)))
    assert state_of(engine, message_id) == "submitted"
    assert engine.events(message_id)[0][1]["status"] == "WHATEVER"


async def test_a_receipt_resolves_an_unknown_message_and_stops_its_repetition(engine):
    await engine.use("knows_refs")
    engine.other_side.lost_answers = 1
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "unknown")
    await engine.report(Receipt(State.SUBMITTED, "buffered", ref=to_ref(message_id)))
    assert state_of(engine, message_id) == "submitted"
    assert engine.rows("select count(*) from outbox") == [(0,)]


async def test_a_report_of_an_attempt_that_was_refused_long_ago_does_not_fail_the_next_one(engine):
    await engine.change_gateway(sender="First", fallback_sender="Second")
    engine.other_side.behave = lambda messages: (
        Response(200, (), json.dumps([{"ref": m["ref"], "error": "bad_sender"} for m in messages]).encode())
        if messages[0]["sender"] == "First"
        else None
    )
    [message_id] = await submitted(engine)
    await engine.report(Receipt(State.REJECTED, "bad sender", ref=to_ref(message_id, 0)))
    assert state_of(engine, message_id) == "submitted"
    await engine.report(Receipt(DELIVERED, "ok", ref=to_ref(message_id, 1)))
    assert state_of(engine, message_id) == "delivered"


class TestParts:
    async def test_a_message_is_delivered_when_all_its_parts_are(self, engine):
        [message_id] = await submitted(engine, parts=3)
        ref = to_ref(message_id)
        for n in (2, 0):
            await engine.report(Receipt(DELIVERED, "ok", keys=(f"{ref}-{n}",)))
            await engine.report(Receipt(State.SUBMITTED, "buffered", keys=(f"{ref}-{n}",)))
            assert state_of(engine, message_id) == "submitted"
        await engine.report(Receipt(DELIVERED, "ok", keys=(f"{ref}-1",)))
        assert state_of(engine, message_id) == "delivered"

    async def test_one_part_that_fails_fails_it_with_the_words_of_that_part(self, engine):
        [message_id] = await submitted(engine, parts=2)
        ref = to_ref(message_id)
        await engine.report(
            Receipt(UNDELIVERED, "no", keys=(f"{ref}-1",), words="absent", code="27"),
            Receipt(DELIVERED, "ok", keys=(f"{ref}-0",), words="fine"),
        )
        assert engine.rows("select state, code, words from message") == [("undelivered", "27", "absent")]

    async def test_reports_of_one_part_in_one_callback_are_folded_whatever_their_order(self, engine):
        ids = await submitted(engine, 2, parts=2)
        for message_id, states in zip(ids, ((DELIVERED, State.SUBMITTED), (State.SUBMITTED, DELIVERED)), strict=True):
            keys = [f"{to_ref(message_id)}-{n}" for n in range(2)]
            await engine.report(*(Receipt(state, "x", keys=(key,)) for key in keys for state in states))
        assert set(engine.states(ids).values()) == {"delivered"}

    async def test_parts_may_report_before_they_are_known(self, engine):
        engine.other_side.delay_s = 0.3
        engine.other_side.behave = lambda messages: Response(
            200, (), json.dumps([{"ref": m["ref"], "id": "p1,p2"} for m in messages]).encode()
        )
        [message_id] = await engine.accept(1)
        engine.start_worker()
        await engine.until(lambda: bool(engine.other_side.requests))
        await engine.report(Receipt(DELIVERED, "ok", keys=("p2",)), Receipt(DELIVERED, "ok", keys=("p1",)))
        await engine.until_states([message_id], "delivered")
        assert engine.rows("select count(*) from orphan_receipt") == [(0,)]


async def test_every_order_of_the_same_receipts_ends_in_the_same_state(engine):
    reports = (State.SUBMITTED, None, DELIVERED, State.SUBMITTED)
    orders = sorted(set(permutations(range(len(reports)))))
    ids = await submitted(engine, len(orders))
    for step in range(len(reports)):
        await engine.report(
            *(
                Receipt(reports[order[step]], "x", ref=to_ref(message_id))
                for message_id, order in zip(ids, orders, strict=True)
            )
        )
    assert set(engine.states(ids).values()) == {"delivered"}


async def test_callbacks_and_the_record_at_the_same_time_lose_nothing(engine):
    engine.other_side.delay_s = 0.02
    await engine.change_gateway(pattern="loop", parallel=20)
    ids = await engine.accept(100)
    engine.start_worker()

    async def report(message_id):
        await engine.until(lambda: to_ref(message_id) in engine.other_side.accepted_refs())
        await engine.report(Receipt(DELIVERED, "ok", keys=(f"id-{to_ref(message_id)}",)))

    for some in (ids[n : n + 20] for n in range(0, 100, 20)):
        await asyncio.gather(*map(report, some))
    await engine.until_states(ids, "delivered")
    assert engine.rows("select count(*) from orphan_receipt") == [(0,)]


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt(DELIVERED, "\x00\ud800", keys=("\x00\ud800" * 300,), words="\x00" * 9000, code="\ud800" * 99),
        Receipt(DELIVERED, "x" * 9000, ref="\x00", to="\x00" * 500, serial=2**40),
        Receipt(UNDELIVERED, "x", serial=-(2**70), to="48"),
        Receipt(None, "", to="9" * 500),
    ],
)
async def test_a_receipt_that_no_database_could_keep_is_parked(engine, receipt):
    assert (await engine.report(receipt)).parked == 1


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e30", "99999999.9999999", "0.0000001"])
async def test_a_price_that_is_no_price_does_not_lose_the_receipt(engine, amount):
    [message_id] = await submitted(engine)
    await engine.report(Receipt(DELIVERED, "ok", ref=to_ref(message_id), price=Price(Decimal(amount), "\x00" * 99)))
    assert state_of(engine, message_id) == "delivered"


class TestAsking:
    async def test_a_state_is_asked_for_after_the_wait_until_it_is_final(self, engine):
        await engine.change_gateway(await_delivery_s=1)
        at = asyncio.get_running_loop().time()
        [message_id] = await submitted(engine)
        ref = to_ref(message_id)
        engine.other_side.states[ref] = "ok"
        await engine.until_states([message_id], "delivered")
        assert asyncio.get_running_loop().time() - at >= 1.0
        assert engine.rows("select count(*) from status_query") == [(0,)]

    async def test_without_an_answer_it_ends_as_unconfirmed(self, engine):
        await engine.change_gateway(await_delivery_s=1)
        [message_id] = await submitted(engine)
        engine.run("update status_query set due_at = now(), until = now() + interval '0.2 seconds'")
        await engine.until_states([message_id], "unconfirmed")
        assert [kind for kind, _ in engine.events(message_id)] == ["unconfirmed"]
        assert engine.rows("select count(*) from status_query") == [(0,)]

    async def test_a_feed_is_followed_from_where_it_stood(self, engine):
        await engine.use("fed")
        ids = await submitted(engine, 2)
        engine.other_side.states[to_ref(ids[0])] = "ok"
        await engine.until_states(ids[:1], "delivered")
        assert engine.rows("select cursor from feed_cursor") == [(to_ref(ids[0]),)]
        engine.other_side.states[to_ref(ids[1])] = "no"
        await engine.until_states(ids[1:], "undelivered")

    async def test_a_feed_that_makes_no_sense_does_not_stop_the_sending(self, engine):
        await engine.use("fed")
        [first] = await submitted(engine)
        engine.other_side.states["\x00" * 13] = "ok"
        engine.other_side.states[to_ref(first)] = "ok"
        await engine.beats(3)
        more = await engine.accept(2)
        await engine.until_states(more, "submitted")
