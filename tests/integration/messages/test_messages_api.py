"""Messages over the API, with an engine that runs: read, sent again, left, cancelled, tried."""

import asyncio

import pytest
from django.test import Client
from tests.support.echo import NO_ANSWER, refused
from tests.support.engine import Engine
from tests.support.tenants import Tenant, tenant

from gatepost.dispatch import trial_send
from gatepost.dispatch.threads import in_thread
from gatepost.providers.base import Receipt
from gatepost.sms.ids import to_ref
from gatepost.sms.states import State


@pytest.fixture
async def client(engine: Engine) -> Client:
    return await in_thread(Tenant(engine.workspace).api)


async def asked(client, method, path):
    return await in_thread(client.generic, method, f"/api/v1{path}", "{}", "application/json")


async def test_a_message_is_read_with_everything_that_happened_to_it(engine, client):
    [message_id] = await engine.accept(1, text="hello there", client_ref="order 7")
    before = (await asked(client, "GET", f"/messages/{to_ref(message_id)}")).json()
    assert (before["state"], before["word"], before["due_at"] is not None) == ("queued", "New", True)
    engine.start_worker()
    await engine.until_states([message_id], "submitted")
    await engine.report(Receipt(State.DELIVERED, "ok", ref=to_ref(message_id)))
    after = (await asked(client, "GET", f"/messages/{to_ref(message_id).upper()}")).json()
    assert (after["state"], after["word"], after["attempts"]) == ("delivered", "Sent", 1)
    assert (after["text"], after["client_ref"], after["provider_ref"]) == (
        *("hello there", "order 7"),
        f"id-{to_ref(message_id)}",
    )
    assert [moment["what"] for moment in after["timeline"]] == ["accepted", "submitting", "submitted", "receipt"]
    assert after["gateway"] == {"id": engine.gateway.pk, "name": "Echo one"}


async def test_a_message_on_its_way_is_seen_as_submitting(engine, client):
    engine.other_side.delay_s = 1.0
    [message_id] = await engine.accept(1)
    engine.start_worker()
    await engine.until(lambda: bool(engine.other_side.log))
    shown = (await asked(client, "GET", f"/messages/{to_ref(message_id)}")).json()
    assert (shown["state"], shown["word"]) == ("submitting", "Sending")
    listed = (await asked(client, "GET", "/messages?word=Sending")).json()["items"]
    assert [item["id"] for item in listed] == [to_ref(message_id)]
    assert (await asked(client, "GET", "/messages?word=New")).json()["items"] == []
    await engine.until_states([message_id], "submitted")


async def test_the_list_is_newest_first_and_goes_on_where_it_stopped(engine, client):
    ids = await engine.accept(5)
    first = (await asked(client, "GET", "/messages?limit=3")).json()
    second = (await asked(client, "GET", f"/messages?limit=3&cursor={first['next_cursor']}")).json()
    shown = [item["id"] for item in first["items"] + second["items"]]
    assert shown == [to_ref(message_id) for message_id in sorted(ids, reverse=True)]
    assert second["next_cursor"] is None


async def test_a_refusal_is_told_with_the_providers_words_and_advice(engine, client):
    engine.other_side.behave = lambda messages: refused(messages, "bad_number")
    [message_id] = await engine.accept(1)
    engine.start_worker()
    await engine.until_states([message_id], "rejected")
    shown = (await asked(client, "GET", f"/messages/{to_ref(message_id)}")).json()
    assert shown["refusal"]["class"] == "bad_recipient"
    assert shown["refusal"]["side"] == "recipient"
    assert shown["refusal"]["advice"]


async def test_an_unknown_message_is_sent_again_or_left_and_nothing_else_is(engine, client):
    [queued] = await engine.accept(1)
    for what in ("send-again", "leave"):
        answer = await asked(client, "POST", f"/messages/{to_ref(queued)}/{what}")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_unknown")
    engine.other_side.behave = lambda messages: NO_ANSWER
    engine.start_worker()
    await engine.until_states([queued], "unknown")
    left = (await asked(client, "POST", f"/messages/{to_ref(queued)}/leave")).json()
    assert (left["state"], left["timeline"][-1]["what"]) == ("unknown", "left")
    engine.other_side.behave = None
    again = (await asked(client, "POST", f"/messages/{to_ref(queued)}/send-again")).json()
    assert again["state"] == "unknown"
    await engine.until_states([queued], "submitted")


async def test_an_unknown_message_whose_gateway_is_gone_can_only_be_left(engine, client):
    [message_id] = await engine.accept(1)
    engine.run("delete from outbox")
    for gone in (None, engine.gateway.pk + 1):
        engine.run("update message set state = 'unknown', gateway_id = %s", gone)
        answer = await asked(client, "POST", f"/messages/{to_ref(message_id)}/send-again")
        assert (answer.status_code, answer.json()["code"]) == (409, "gateway_gone")
        assert engine.rows("select count(*) from outbox") == [(0,)]
    assert (await asked(client, "POST", f"/messages/{to_ref(message_id)}/leave")).status_code == 200


async def test_a_queued_message_is_cancelled_and_a_sent_one_is_not(engine, client):
    [message_id] = await engine.accept(1)
    cancelled = (await asked(client, "POST", f"/messages/{to_ref(message_id)}/cancel")).json()
    assert (cancelled["state"], cancelled["word"]) == ("cancelled", "Cancelled")
    answer = await asked(client, "POST", f"/messages/{to_ref(message_id)}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")


async def test_nothing_of_another_workspace_is_there(engine, client):
    [message_id] = await engine.accept(1)
    stranger = await in_thread(lambda: tenant("Stranger").api())
    for method, path in (("GET", ""), ("POST", "/send-again"), ("POST", "/leave"), ("POST", "/cancel")):
        answer = await asked(stranger, method, f"/messages/{to_ref(message_id)}{path}")
        assert answer.status_code == 404
    assert (await asked(stranger, "GET", "/messages")).json()["items"] == []
    for ref in ("nothing", "0" * 13, "%00", "z" * 13, "%ED%A0%80"):
        assert (await asked(client, "GET", f"/messages/{ref}")).status_code == 404


async def test_a_gateway_is_tried_and_shows_what_was_asked_and_answered(engine, client, monkeypatch):
    monkeypatch.setattr(trial_send, "WAIT_S", 60.0)
    engine.start_worker()
    path = f"/api/v1/gateways/{engine.gateway.pk}/test"
    answer = await in_thread(client.generic, "POST", path, '{"to": "+48600100200"}', "application/json")
    document = answer.json()
    assert answer.status_code == 200, document
    assert (document["message"]["state"], document["message"]["kind"]) == ("submitted", "test")
    [exchange] = document["exchanges"]
    assert (exchange["status"], exchange["method"]) == (200, "POST")
    assert "600100200" in exchange["body"]


async def test_a_test_does_not_wait_for_ever(engine, client, monkeypatch):
    monkeypatch.setattr(trial_send, "WAIT_S", 0.2)
    path = f"/api/v1/gateways/{engine.gateway.pk}/test"
    answer = await asyncio.wait_for(
        in_thread(client.generic, "POST", path, '{"to": "+48600100200"}', "application/json"), 60
    )
    assert answer.json()["message"]["state"] == "queued"
    assert answer.json()["exchanges"] == []
