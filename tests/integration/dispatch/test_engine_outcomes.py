"""What becomes of a message when the provider says no, later, slower, or nothing that makes sense."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.echo import NO_CONNECTION, POISON, refused

from gatepost.dispatch import brakes, runner, submitting
from gatepost.dispatch.decide import MAX_FAULTS
from gatepost.dispatch.explain import explained
from gatepost.dispatch.threads import in_thread
from gatepost.gateways.services import update_gateway
from gatepost.messages.models import Message
from gatepost.providers.wire import Response
from gatepost.sms.ids import from_ref, to_ref


def times(count, answer):
    """A behaviour that answers so for the first requests, and as usual afterwards."""
    left = [count]

    def behave(messages):
        left[0] -= 1
        return answer(messages) if left[0] >= 0 else None

    return behave


@pytest.mark.parametrize(
    ("error", "refusal"), [("bad_number", "bad_recipient"), ("again", "duplicate"), ("bad_sender", "bad_sender")]
)
async def test_a_refusal_that_repeating_cannot_cure_is_final_with_the_providers_words(engine, error, refusal):
    engine.other_side.behave = lambda messages: refused(messages, error)
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "rejected")
    row = engine.rows("select refusal, code, attempts from message where id = %s", message_id)
    assert row == [(refusal, error, 1)]
    assert engine.rows("select count(*) from outbox") == [(0,)]
    assert len(engine.other_side.requests) == 1
    [(kind, detail)] = engine.events(message_id)
    assert (kind, detail["class"], detail["code"]) == ("refused", refusal, error)


async def test_a_refusal_that_may_pass_is_tried_again_under_a_new_reference(engine):
    engine.other_side.behave = times(2, lambda messages: refused(messages, "busy"))
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "submitted")
    assert [from_ref(refs[0]) for refs in engine.other_side.requests] == [(message_id, n) for n in range(3)]
    assert engine.rows("select refusal, code, words, generation, attempts from message") == [(None, None, None, 2, 3)]


async def test_a_refusal_that_does_not_pass_ends_with_the_expiry(engine):
    engine.other_side.behave = lambda messages: refused(messages, "busy")
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.requests) > 1)

    def has_expired() -> bool:
        """Now and then the message is just under way, and has no place in the queue that could expire."""
        for table in ("message", "outbox"):
            engine.run(f"update {table} set expires_at = now() where expires_at > now()")
        return engine.states([message_id]) == {message_id: "expired"}

    await engine.until(has_expired)
    assert engine.events(message_id)[-1][0] == "expired"
    assert engine.rows("select count(*) from outbox") == [(0,)]


async def test_the_fallback_sender_is_tried_once_and_the_log_shows_which_was_used(engine):
    engine.other_side.behave = lambda messages: (
        refused(messages, "bad_sender") if messages[0]["sender"] == "First" else None
    )
    await engine.change_gateway(sender="First", fallback_sender="Second")
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "submitted")
    assert engine.other_side.requests == [[to_ref(message_id, 0)], [to_ref(message_id, 1)]]
    assert engine.rows("select sender, sender_reason from message") == [("Second", "fallback")]
    assert [kind for kind, _ in engine.events(message_id)] == ["fallback sender"]


async def test_a_refused_fallback_sender_ends_it(engine):
    engine.other_side.behave = lambda messages: refused(messages, "bad_sender")
    await engine.change_gateway(sender="First", fallback_sender="Second")
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "rejected")
    assert len(engine.other_side.requests) == 2


async def test_messages_with_a_fallback_sender_keep_out_of_the_requests_of_the_others(engine):
    await engine.use("alike")
    await engine.change_gateway(sender="First", fallback_sender="Second")
    engine.other_side.behave = times(1, lambda messages: refused(messages, "bad_sender"))
    first = await engine.accept(3)
    engine.start_worker()
    await engine.until_states(first, "submitted")
    await engine.accept(3)
    await engine.until(lambda: len(engine.other_side.log) == 6)
    senders = {message["ref"]: message["sender"] for message in engine.other_side.log}
    for refs in engine.other_side.requests[1:]:
        assert len({senders[ref] for ref in refs}) == 1


async def test_a_slower_please_holds_the_whole_gateway_for_as_long_as_the_provider_says(engine):
    engine.other_side.behave = times(1, lambda messages: Response(429, (), b""))
    ids = await engine.accept(3)
    await engine.change_gateway(pattern="loop", parallel=1)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    first, second = engine.other_side.written_at[:2]
    assert second - first >= 0.2
    assert sorted(engine.accepted_ids()) == sorted(ids)


async def test_what_provably_was_not_sent_is_tried_again_with_the_same_reference(engine):
    engine.other_side.behave = times(2, lambda messages: NO_CONNECTION)
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "submitted")
    assert set(map(tuple, engine.other_side.requests)) == {(to_ref(message_id),)}
    assert engine.rows("select attempts, generation from message") == [(3, 0)]


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, (), b"<html>"),
        Response(200, (), b""),
        Response(200, (), b"[]"),
        Response(200, (), b'[{"id": "7"}]'),
        Response(500, (), b"{}"),
        Response(503, (), b'[{"ref": "x", "error": "busy"}]'),
        Response(200, (), b'[{"ref": "\xff"}]'),
        Response(302, (("location", "http://169.254.169.254/"),), b""),
    ],
)
async def test_an_answer_that_makes_no_sense_leaves_it_unknown_and_is_never_repeated(engine, answer):
    engine.other_side.behave = lambda messages: answer
    ids = await engine.accept(2)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    assert len(engine.other_side.requests) == 1
    assert engine.rows("select count(*) from outbox") == [(0,)]
    assert [kind for kind, _ in engine.events(ids[0])] == ["unknown"]


async def test_only_what_the_answer_leaves_out_is_unknown(engine):
    engine.other_side.behave = lambda messages: Response(
        200, (), b'[{"ref": "%s", "id": "7"}]' % messages[0]["ref"].encode()
    )
    ids = await engine.accept(3)
    engine.start_worker()
    await engine.until(lambda: set(engine.states(ids).values()) == {"submitted", "unknown"})
    assert list(engine.states(ids).values()).count("submitted") == 1


async def test_what_no_database_can_keep_does_not_break_the_record(engine):
    nasty = "\x00\ud800" + "x" * 5000

    def behave(messages):
        one, other = messages
        answer = [{"ref": one["ref"], "id": f"{nasty},{nasty}2"}, {"ref": other["ref"], "error": nasty}]
        return Response(200, (("x-\x00", "\x00"),), json.dumps(answer).encode())

    engine.other_side.behave = behave
    ids = await engine.accept(2)
    engine.start_worker()
    await engine.until(lambda: not {"queued"} & set(engine.states(ids).values()))
    assert len(engine.other_side.requests) == 1
    assert engine.rows("select count(*) from submission where done_at is null") == [(0,)]


async def test_a_poison_message_is_set_aside_after_three_tries_while_the_others_flow(engine):
    [poison] = await engine.accept(text=POISON)
    others = await engine.accept(20)
    engine.start_worker()
    await engine.until_states([poison], "rejected")
    await engine.until_states(others, "submitted")
    assert engine.rows("select attempts from message where id = %s", poison) == [(MAX_FAULTS,)]
    assert engine.events(poison)[-1][0] == "set aside"
    message = await in_thread(Message.objects.select_related("gateway").get, pk=poison)
    found = await in_thread(lambda: explained(message, sees_all=False))
    assert [line.title for line in found.timeline if "request" in line.title] == [
        *["Not sent: no request could be made of it"] * (MAX_FAULTS - 1),
        "Set aside: no request could be made of it",
    ]
    assert found.failure is not None
    assert (found.failure.refusal, found.failure.side) == ("adapter_fault", "ours")
    assert "ZeroDivisionError" in found.failure.words
    assert "“ZeroDivisionError”" not in " ".join(found.timeline[-1].words)
    assert sorted(engine.accepted_ids()) == sorted(others)


async def test_a_gateway_that_refuses_everything_is_probed_instead_of_burning_its_queue(engine):
    engine.other_side.behave = lambda messages: refused(messages, "no_money")
    await engine.change_gateway(pattern="loop", parallel=1)
    ids = await engine.accept(40)
    engine.start_worker()
    await engine.until(lambda: len(engine.other_side.requests) >= 6)
    assert set(engine.states(ids).values()) == {"queued"}
    assert len(engine.other_side.requests) < 12
    engine.other_side.behave = None
    await engine.until_states(ids, "submitted")


async def test_a_paused_gateway_says_why_and_what_to_do_until_a_message_is_taken_again(engine):
    engine.other_side.behave = lambda messages: refused(messages, "no_money")
    await engine.change_gateway(pattern="loop", parallel=1)
    ids = await engine.accept(10)
    engine.start_worker()
    paused = "select paused_reason from gateway where paused_at is not null"
    await engine.until(lambda: bool(engine.rows(paused)))
    [(why,)] = engine.rows(paused)
    assert "the account is empty (no_money)" in why
    assert "Top up" in why
    engine.other_side.behave = None
    await engine.until_states(ids, "submitted")
    await engine.until(lambda: not engine.rows(paused))
    assert engine.rows("select paused_reason from gateway") == [("",)]


async def test_a_pause_outlives_its_worker_and_is_probed_with_one_message(engine):
    engine.run("update gateway set paused_at = now(), paused_reason = 'The provider refuses everything'")
    engine.other_side.behave = times(1, lambda messages: refused(messages, "no_money"))
    ids = await engine.accept(20)
    engine.start_worker()
    await engine.until_states(ids, "submitted")
    assert [len(refs) for refs in engine.other_side.requests[:2]] == [1, 1]


async def test_corrected_credentials_end_a_pause_at_once(engine, monkeypatch):
    monkeypatch.setattr(brakes, "PROBE_EVERY_S", 3600.0)
    engine.other_side.behave = lambda messages: refused(messages, "no_money")
    await engine.change_gateway(pattern="loop", parallel=1)
    ids = await engine.accept(10)
    engine.start_worker()
    await engine.until(lambda: bool(engine.rows("select from gateway where paused_at is not null")))
    engine.other_side.behave = None
    await in_thread(update_gateway, engine.gateway, actor="test", settings={"api_key": "another"})
    await engine.until_states(ids, "submitted")


async def test_exchanges_are_kept_of_what_was_not_plainly_accepted(engine):
    engine.other_side.behave = times(1, lambda messages: refused(messages, "bad_number"))
    [message_id] = await engine.accept()
    engine.start_worker()
    await engine.until_states([message_id], "rejected")
    [(trace,)] = engine.rows("select trace from exchange")
    assert trace["status"] == 200
    assert "bad_number" in trace["response_body"]
    plain = await engine.accept(30)
    await engine.until_states(plain, "submitted")
    assert engine.rows("select count(*) from exchange")[0][0] <= 1 + 3


async def test_a_message_past_its_expiry_never_leaves(engine):
    ids = await engine.accept(3)
    engine.run("update outbox set expires_at = now() - interval '1 second'")
    engine.start_worker()
    await engine.until_states(ids, "expired")
    assert engine.other_side.requests == []
    assert [kind for kind, _ in engine.events(ids[0])] == ["expired"]


async def test_a_message_past_its_expiry_does_not_leave_though_nobody_has_expired_it_yet(engine, monkeypatch):
    monkeypatch.setattr(runner, "HOUSEKEEPING_S", 3600.0)
    [first] = await engine.accept(1)
    engine.start_worker()
    await engine.until_states([first], "submitted")
    late = await engine.accept(2, send_at=datetime.now(UTC) + timedelta(hours=1))
    engine.run("update outbox set due_at = now(), expires_at = now()")
    [last] = await engine.accept(1)
    await engine.until_states([last], "submitted")
    assert set(engine.states(late).values()) == {"queued"}
    assert sorted(engine.accepted_ids()) == sorted([first, last])


async def test_a_held_message_expires_too(engine):
    ids = await engine.accept(1)
    await engine.change_gateway(is_active=False)
    engine.run("update outbox set expires_at = now() + %s", timedelta(seconds=0.3))
    engine.start_worker()
    await engine.until_states(ids, "expired")


async def test_a_fault_of_ours_after_the_answer_leaves_it_unknown_instead_of_on_its_way_for_ever(engine, monkeypatch):
    def failing(result):
        raise ZeroDivisionError

    monkeypatch.setattr(submitting, "last_status", failing)
    ids = await engine.accept(2)
    engine.start_worker()
    await engine.until_states(ids, "unknown")
    assert engine.rows("select count(*) from submission where done_at is null") == [(0,)]
