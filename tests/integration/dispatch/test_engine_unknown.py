"""What becomes of a message when nobody knows whether it arrived: nothing without consent."""

import json

import pytest
from tests.support.echo import NO_ANSWER, refused

from gatepost.dispatch import driven, services, story
from gatepost.dispatch.threads import in_thread
from gatepost.messages.log import timeline
from gatepost.messages.models import Message
from gatepost.providers.base import Receipt
from gatepost.sms.ids import to_ref
from gatepost.sms.states import State

DEADLINE_S = 0.3


@pytest.fixture(autouse=True)
def _short_deadline(monkeypatch):
    monkeypatch.setattr(driven, "DEADLINE_S", DEADLINE_S)


async def test_it_is_never_sent_again_by_itself(engine):
    engine.other_side.lost_answers = 1
    ids = await engine.accept(3)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    await engine.beats(6)
    assert sorted(engine.accepted_ids()) == sorted(ids)
    assert engine.rows("select cause from submission") == [("no answer in time",)]


async def test_a_provider_that_knows_our_references_gets_each_once_more_alone(engine):
    await engine.use("knows_refs")
    engine.other_side.knows_refs = True
    engine.other_side.lost_answers = 1
    ids = await engine.accept(3)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert sorted(engine.accepted_ids()) == sorted(ids)
    first, *again = engine.other_side.requests
    assert len(first) == 3
    assert sorted(again) == sorted([ref] for ref in first)
    assert engine.other_side.written_at[1] - engine.other_side.written_at[0] >= DEADLINE_S
    assert engine.rows("select bool_and(is_resend) from submission where cardinality(message_ids) = 1") == [(True,)]


async def test_a_provider_that_knows_requests_gets_exactly_the_same_one_again(engine):
    await engine.use("knows_requests")
    engine.other_side.knows_requests = True
    engine.other_side.lost_answers = 2
    ids = await engine.accept(3)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert len(engine.other_side.bodies) == 2
    assert len(set(engine.other_side.bodies)) == 1
    assert sorted(engine.accepted_ids()) == sorted(ids)
    assert engine.other_side.written_at[1] - engine.other_side.written_at[0] >= DEADLINE_S
    assert engine.rows("select is_resend, done_at is not null from submission") == [(True, True)]
    await engine.beats(3)
    assert len(engine.other_side.bodies) == 2
    assert engine.rows("select count(*) from outbox") == [(0,)]


async def test_a_repeated_request_stays_the_same_though_one_of_its_messages_was_reported_meanwhile(engine):
    await engine.use("knows_requests")
    engine.other_side.knows_requests = True
    engine.other_side.lost_answers = 1
    ids = await engine.accept(3)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    await engine.report(Receipt(State.DELIVERED, "ok", ref=to_ref(ids[0])))
    await engine.until_states(ids, "submitted", "delivered")
    assert len(set(engine.other_side.bodies)) == 1
    assert engine.states(ids)[ids[0]] == "delivered"


async def test_a_request_with_somebody_who_opted_out_meanwhile_is_not_repeated(engine):
    await engine.use("knows_requests")
    engine.other_side.behave = lambda messages: NO_ANSWER
    ids = await engine.accept(3)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    engine.run("insert into suppression (digits, reason) select to_digits, '' from message limit 1")
    await engine.until(lambda: engine.rows("select count(*) from outbox") == [(0,)])
    await engine.beats(3)
    assert len(engine.other_side.requests) == 1
    assert set(engine.states(ids).values()) == {"unknown"}
    why = "a number of its request must not be sent to any more"
    assert [engine.events(message_id)[-1] for message_id in ids] == [("not sent again", {"why": why})] * 3


async def test_a_repetition_that_is_given_up_after_all_is_told(engine, monkeypatch):
    monkeypatch.setattr(driven, "DEADLINE_S", 60.0)
    await engine.use("knows_refs")
    engine.other_side.behave = lambda messages: NO_ANSWER
    stopped, late = await engine.accept(2)
    engine.start_worker()
    await engine.until(lambda: engine.rows("select count(*) from outbox where due_at > now()") == [(2,)])
    engine.run("insert into suppression (digits, reason) select to_digits, '' from message where id = %s", stopped)
    engine.run("update outbox set due_at = now() where message_id = %s", stopped)
    engine.run("update outbox set expires_at = now() where message_id = %s", late)
    await engine.until(lambda: engine.rows("select count(*) from outbox") == [(0,)])
    assert len(engine.other_side.requests) == 1
    assert engine.states([stopped, late]) == dict.fromkeys((stopped, late), "unknown")
    for message_id, why in ((stopped, "the number must not be sent to any more"), (late, "its time ran out")):
        assert engine.events(message_id)[-1] == ("not sent again", {"why": why})
        message = await in_thread(Message.objects.select_related("gateway", "api_key", "user").get, pk=message_id)
        line = story.told(message, await in_thread(timeline, message))[-1]
        assert (line.title, line.words) == ("Not sent again after all", (f"{why.capitalize()}.",))


async def test_an_operator_may_prefer_a_duplicate_over_a_loss(engine):
    await engine.change_silently(prefers_duplicate=True)
    engine.other_side.lost_answers = 1
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "submitted")
    assert engine.accepted_ids() == [message_id, message_id]
    assert "prefers" in engine.events(message_id)[0][1]["why"]


async def test_repetitions_come_to_an_end(engine):
    await engine.change_silently(prefers_duplicate=True)
    engine.other_side.behave = lambda messages: NO_ANSWER
    [message_id] = await engine.accept()
    engine.run("update message set attempts = 4")
    engine.run("update outbox set attempts = 4")
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.requests) == 2)
    await engine.until(lambda: engine.rows("select count(*) from submission where done_at is null") == [(0,)])
    assert engine.rows("select count(*) from outbox") == [(0,)]
    assert engine.states([message_id]) == {message_id: "unknown"}


async def test_what_a_look_up_finds_is_submitted_and_what_it_never_saw_is_queued_again(engine):
    await engine.use("finder")
    seen = []

    def behave(messages):
        if not seen:
            seen.append(messages[0]["ref"])
            engine.other_side.log.append(messages[0])
            return NO_ANSWER
        return None

    engine.other_side.behave = behave
    ids = await engine.accept(2)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert sorted(engine.accepted_ids()) == sorted(ids)
    assert engine.other_side.requests[1:] == [[ref] for ref in engine.other_side.requests[0] if ref not in seen]
    found = dict(engine.rows("select id, provider_ref from message"))
    assert found == {message_id: f"id-{to_ref(message_id)}" for message_id in ids}
    assert engine.rows("select count(*) from message_event where kind = 'send again'") == [(1,)]


async def test_a_look_up_waits_until_the_old_request_cannot_arrive_any_more(engine):
    await engine.use("finder")
    engine.other_side.behave = lambda messages: NO_ANSWER
    ids = await engine.accept(1)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    await engine.until(lambda: len(engine.other_side.requests) >= 2)
    assert engine.other_side.written_at[1] - engine.other_side.written_at[0] >= DEADLINE_S


async def test_a_person_may_send_it_again_though_it_may_arrive_twice(engine):
    engine.other_side.lost_answers = 1
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "unknown")
    assert await in_thread(services.send_again, engine.workspace.pk, [message_id], actor="user 7") == [message_id]
    await engine.until_states([message_id], "submitted")
    assert engine.other_side.requests == [[to_ref(message_id)]] * 2
    [(_, detail)] = [event for event in engine.events(message_id) if event[0] == "send again"]
    assert detail == {"why": "a person decided", "by": "user 7"}


async def test_what_a_person_sends_again_stays_unknown_when_it_is_refused(engine):
    engine.other_side.behave = lambda messages: NO_ANSWER
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "unknown")
    engine.other_side.behave = lambda messages: refused(messages, "bad_number")
    await in_thread(services.send_again, engine.workspace.pk, [message_id], actor="user 7")
    await engine.until(lambda: len(engine.other_side.requests) == 2)
    await engine.until(lambda: engine.events(message_id)[-1][0] == "repeat failed")
    assert engine.states([message_id]) == {message_id: "unknown"}


async def test_left_as_it_is_nothing_is_sent_or_asked_again_and_a_receipt_still_resolves_it(engine):
    await engine.use("finder")
    engine.other_side.behave = lambda messages: NO_ANSWER
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "unknown")
    assert await in_thread(services.leave, engine.workspace.pk, [message_id], actor="user 7") == [message_id]
    await engine.beats(6)
    assert len(engine.other_side.requests) == 1
    await engine.report(Receipt(State.DELIVERED, "ok", ref=to_ref(message_id)))
    assert engine.states([message_id]) == {message_id: "delivered"}


@pytest.mark.parametrize("service", [services.send_again, services.leave])
async def test_a_queued_message_can_neither_be_sent_again_nor_left(engine, service):
    [message_id] = await engine.accept()
    assert await in_thread(service, engine.workspace.pk, [message_id], actor="user 7") == []
    assert engine.rows("select message_id from outbox") == [(message_id,)]
    engine.start_worker()
    await engine.until_states([message_id], "submitted")


async def test_cancelled_is_what_was_still_in_the_queue(engine):
    ids = await engine.accept(2)
    assert await in_thread(services.cancel, engine.workspace.pk, ids[:1], actor="user 7") == ids[:1]
    assert await in_thread(services.cancel, engine.workspace.pk, ids[:1], actor="user 7") == []
    engine.start_worker()
    await engine.until_states(ids[1:], "submitted")
    assert await in_thread(services.cancel, engine.workspace.pk, ids, actor="user 7") == []
    assert engine.accepted_ids() == ids[1:]
    assert engine.states(ids) == {ids[0]: "cancelled", ids[1]: "submitted"}
    assert engine.events(ids[0]) == [("cancelled", {"by": "user 7"})]


async def test_cancelling_does_not_stop_the_repetition_of_an_unknown_message(engine):
    await engine.use("knows_refs")
    engine.other_side.knows_refs = True
    engine.other_side.lost_answers = 1
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "unknown")
    assert await in_thread(services.cancel, engine.workspace.pk, [message_id], actor="user 7") == []
    await engine.until_states([message_id], "submitted")


@pytest.mark.parametrize("service", [services.send_again, services.leave, services.cancel])
async def test_a_foreign_workspace_can_do_nothing_with_it(engine, service):
    engine.other_side.behave = lambda messages: NO_ANSWER
    waiting = await engine.accept(1, send_at=None)
    engine.start_worker()
    await engine.until_states(waiting, "unknown")
    assert await in_thread(service, engine.workspace.pk + 1, waiting, actor="stranger") == []
    assert engine.rows("select left_at from message") == [(None,)]
    assert engine.rows("select count(*) from outbox") == [(0,)]


async def test_the_serial_of_a_repeated_request_is_the_old_one(engine):
    await engine.use("knows_requests")
    engine.other_side.lost_answers = 1
    engine.other_side.knows_requests = True
    await engine.accept(1)
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.bodies) == 2)
    serials = {json.loads(body)["serial"] for body in engine.other_side.bodies}
    assert [(serial,) for serial in serials] == engine.rows("select serial from submission")
