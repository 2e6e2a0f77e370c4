"""What leaves when, in which order, in which request, and what waits."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.dispatch.test_pacing import worst_second

from gatepost.dispatch import line, look_ahead, runner
from gatepost.dispatch.runner import Runner
from gatepost.dispatch.threads import in_thread
from gatepost.gateways.models import SenderId
from gatepost.gateways.services import update_gateway
from gatepost.providers.base import Message
from gatepost.sms.ids import to_ref


async def test_a_batch_gateway_puts_many_into_a_request_and_a_loop_gateway_one(engine):
    ids = await engine.accept(150)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert sorted(map(len, engine.other_side.requests)) == [50, 100]
    engine.other_side.requests.clear()
    await engine.change_gateway(pattern="loop")
    ids = await engine.accept(10)
    await engine.until_states(ids, "submitted")
    assert set(map(len, engine.other_side.requests)) == {1}
    assert len(engine.other_side.requests) == 10


async def test_different_texts_never_share_a_request_even_when_the_gateway_was_switched_to_batch_meanwhile(engine):
    await engine.use("alike", pattern="loop")
    ids = await engine.accept(5, text="mine") + await engine.accept(5, text="yours")
    assert engine.rows("select distinct group_key from outbox") == [(0,)]
    await engine.change_gateway(pattern="batch")
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    texts = {message["ref"]: message["text"] for message in engine.other_side.log}
    assert sorted(map(len, engine.other_side.requests)) == [5, 5]
    assert all(len({texts[ref] for ref in refs}) == 1 for refs in engine.other_side.requests)


async def test_what_was_not_sent_comes_back_without_mixing_texts(engine):
    await engine.use("alike")
    ids = await engine.accept(3, text="mine") + await engine.accept(3, text="yours")
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    submission_ids = [row[0] for row in engine.rows("select id from submission")]
    await engine.stop_workers()
    # As if the answer to the intents' commit had been lost: open, and nobody here knows of them.
    engine.run("update message set state = 'queued'")
    engine.other_side.requests.clear()
    engine.start_worker()
    await engine.until(lambda: bool(engine.rows("select from gateway_lease where worker_id is not null")))
    await engine.beats(2)
    fence = "(select fence from gateway_lease l where l.gateway_id = submission.gateway_id)"
    engine.run(f"update submission set done_at = null, fence = {fence}")
    await engine.until(lambda: len(engine.other_side.requests) >= len(submission_ids))
    await engine.until_states(ids, "submitted")
    texts = {message["ref"]: message["text"] for message in engine.other_side.log}
    assert all(len({texts[ref] for ref in refs}) == 1 for refs in engine.other_side.requests)


async def test_a_one_time_code_overtakes_thousands_of_bulk_messages(engine):
    await engine.change_gateway(pattern="loop", parallel=2, requests_per_second=200)
    await engine.accept(5000, priority="bulk")
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.log) > 5)
    [code] = await engine.accept(1, priority="code")
    await engine.until_states([code], "submitted")
    assert engine.accepted_ids().index(code) < 2500


async def test_no_more_requests_are_under_way_than_the_gateway_allows(engine):
    engine.other_side.delay_s = 0.02
    await engine.change_gateway(pattern="loop", parallel=3)
    ids = await engine.accept(40)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert engine.other_side.most_in_flight == 3


async def test_the_rate_is_never_exceeded_and_nearly_used(engine):
    await engine.change_gateway(pattern="loop", parallel=20, requests_per_second=10)
    ids = await engine.accept(30)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    written = engine.other_side.written_at
    assert worst_second([(at, 1) for at in written]) <= 10
    # Some ten of them, for a busy machine now and then holds up others.
    assert min(later - earlier for earlier, later in zip(written, written[10:], strict=False)) < 10 / (0.8 * 10)


async def test_a_permit_that_comes_due_while_the_worker_is_busy_is_not_slept_over(engine, monkeypatch):
    groups = Runner._groups

    def slowly(self):
        found = groups(self)
        if not found and not self._open:
            time.sleep(0.06)
        return found

    monkeypatch.setattr(Runner, "_groups", slowly)
    monkeypatch.setattr(look_ahead, "POLL_S", 30.0)
    await engine.change_gateway(pattern="loop", parallel=20, requests_per_second=20)
    ids = await engine.accept(10)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    written = engine.other_side.written_at
    assert written[-1] - written[0] < look_ahead.POLL_S


async def test_a_paced_sender_keeps_its_pace_and_holds_nobody_up(engine, monkeypatch):
    monkeypatch.setattr(look_ahead, "LOOK_AHEAD", 20)
    await in_thread(approve, engine.workspace, "Paced", "Free")
    await engine.change_gateway(pattern="loop", parallel=20, sender_rates=["Paced = 10"])
    paced = await engine.accept(100, sender="Paced")
    free = await engine.accept(30, sender="Free")
    engine.start_worker()
    await engine.until_states(free, "submitted")
    assert "queued" in engine.states(paced).values()
    await engine.until(lambda: len(engine.other_side.written_at) >= len(free) + 15)
    senders = [json.loads(body)["messages"][0]["sender"] for body in engine.other_side.bodies]
    written = [at for at, sender in zip(engine.other_side.written_at, senders, strict=False) if sender == "Paced"]
    assert worst_second([(at, 1) for at in written]) <= 10


def approve(workspace, *senders):
    for sender in senders:
        SenderId.objects.create(workspace=workspace, sender=sender, status=SenderId.Status.APPROVED)


async def test_no_more_than_the_window_is_ever_between_intent_and_record(engine, monkeypatch):
    monkeypatch.setattr(runner, "RECORD_BUFFER", 5)
    engine.other_side.delay_s = 0.01
    await engine.change_gateway(pattern="loop", parallel=4)
    ids = await engine.accept(60)
    worker = engine.start_worker()
    most = 0
    in_the_open = "select coalesce(sum(cardinality(message_ids)), 0) from submission where done_at is null"
    while len(engine.other_side.log) < len(ids):
        most = max(most, engine.rows(in_the_open)[0][0])
        await asyncio.sleep(0.005)
    [lead] = worker._leads.values()
    assert 0 < most <= lead.runner.window == 4 + 5


async def test_a_scheduled_message_does_not_leave_early(engine):
    due_at = datetime.now(UTC) + timedelta(seconds=0.6)
    [message_id] = await engine.accept(1, send_at=due_at)
    engine.start_worker()
    await engine.until_states([message_id], "submitted")
    assert datetime.now(UTC) >= due_at
    assert engine.rows("select intent_at >= due_at from submission, message") == [(True,)]


async def test_a_message_that_was_put_off_after_it_was_looked_at_does_not_leave(engine):
    engine.other_side.may_answer = asyncio.Event()
    await engine.change_gateway(pattern="loop", parallel=1)
    ids = await engine.accept(3)
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.log) == 1)
    engine.run("update outbox set due_at = now() + interval '1 hour'")
    engine.other_side.may_answer.set()
    await engine.until(lambda: "submitted" in engine.states(ids).values())
    await engine.beats(6)
    assert len(engine.other_side.log) == 1
    assert sorted(engine.states(ids).values()) == ["queued", "queued", "submitted"]


async def test_a_number_that_opts_out_after_it_was_accepted_is_blocked(engine):
    ids = await engine.accept(3)
    engine.run("insert into suppression (digits, reason) select to_digits, '' from message where id = %s", ids[1])
    engine.start_worker()
    await engine.until_states(ids, "submitted", "blocked")
    assert engine.states(ids)[ids[1]] == "blocked"
    assert ids[1] not in engine.accepted_ids()
    assert [kind for kind, _ in engine.events(ids[1])] == ["blocked"]
    assert engine.rows("select count(*) from outbox") == [(0,)]


async def test_a_suppression_of_another_workspace_blocks_nothing(engine):
    [message_id] = await engine.accept(1)
    other = await in_thread(lambda: type(engine.workspace).objects.create(name="Other").pk)
    engine.run("insert into suppression (workspace_id, digits, reason) select %s, to_digits, '' from message", other)
    engine.start_worker()
    await engine.until_states([message_id], "submitted")


async def test_what_waits_for_an_inactive_gateway_is_held_and_goes_when_it_is_active_again(engine):
    await engine.change_gateway(requests_per_second=1, pattern="loop")
    ids = await engine.accept(10)
    engine.start_worker()
    await engine.until(lambda: bool(engine.other_side.log))
    await engine.change_gateway(is_active=False)
    await engine.until(lambda: set(engine.rows("select held from outbox")) == {("gateway inactive",)})
    taken = len(engine.other_side.log)
    await engine.beats(12)
    assert len(engine.other_side.log) == taken
    await engine.change_gateway(is_active=True, requests_per_second=None)
    await engine.until_states(ids, "submitted")


async def test_sending_switched_off_for_gateway_or_workspace_holds_and_releases(engine):
    engine.start_worker()
    for switch in (
        lambda is_on: update_gateway(engine.gateway, actor="test", common_values={"sending_enabled": is_on}),
        lambda is_on: type(engine.workspace).objects.filter(pk=engine.workspace.pk).update(sending_enabled=is_on),
    ):
        await in_thread(switch, False)
        ids = await engine.accept(2)
        await engine.beats(4)
        assert set(engine.rows("select held from outbox")) == {("sending disabled",)}
        assert set(engine.states(ids).values()) == {"queued"}
        await in_thread(switch, True)
        await engine.until_states(ids, "submitted")


async def test_sending_switched_off_for_the_installation_holds(engine):
    ids = await engine.accept(2)
    engine.start_worker(is_sending=False)
    await engine.until(lambda: set(engine.rows("select held from outbox")) == {("sending disabled",)})
    await engine.beats(3)
    assert engine.other_side.log == []
    await engine.stop_workers()
    engine.start_worker()
    await engine.until_states(ids, "submitted")


async def test_a_hold_that_somebody_else_set_is_not_lifted(engine):
    ids = await engine.accept(2)
    engine.run("update outbox set held = 'campaign paused' where message_id = %s", ids[0])
    engine.start_worker()
    await engine.until_states(ids[1:], "submitted")
    await engine.beats(4)
    assert engine.states(ids)[ids[0]] == "queued"
    assert engine.rows("select held from outbox") == [("campaign paused",)]


async def test_messages_leave_though_every_notice_is_lost(engine, monkeypatch):
    monkeypatch.setattr(runner.Runner, "wake", lambda self: None)
    engine.start_worker()
    await engine.beats(3)
    ids = await engine.accept(5)
    await engine.until_states(ids, "submitted")


@pytest.mark.parametrize("is_notice_lost", [False, True])
async def test_a_change_of_settings_is_picked_up(engine, is_notice_lost):
    engine.start_worker()
    ids = await engine.accept(3)
    await engine.until_states(ids, "submitted")
    assert len(engine.other_side.requests) == 1
    change = engine.change_silently if is_notice_lost else engine.change_gateway
    await change(pattern="loop")
    await engine.beats(3)
    ids = await engine.accept(3)
    await engine.until_states(ids, "submitted")
    assert len(engine.other_side.requests) == 4


async def test_a_new_gateway_is_taken_up_while_the_worker_runs(engine):
    engine.start_worker()
    await engine.beats(2)
    await engine.use("echo")
    ids = await engine.accept(2)
    await engine.until_states(ids, "submitted")


async def test_a_gateway_that_cannot_be_read_waits_and_the_others_go_on(engine):
    broken = engine.gateway
    waiting = await engine.accept(1)
    await engine.use("echo")
    engine.run("update gateway_secret set token = 'x' where gateway_id = %s", broken.pk)
    ids = await engine.accept(2)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert engine.states(waiting) == {waiting[0]: "queued"}


async def test_the_validity_that_remains_is_told_to_the_provider(engine, monkeypatch):
    seen = []

    def remember(**values):
        seen.append(values)
        return Message(**values)

    monkeypatch.setattr(line, "Message", remember)
    [message_id] = await engine.accept(1, validity_s=600)
    engine.start_worker()
    await engine.until_states([message_id], "submitted")
    assert 500 <= seen[0]["validity_s"] <= 600
    assert seen[0]["ref"] == to_ref(message_id)
