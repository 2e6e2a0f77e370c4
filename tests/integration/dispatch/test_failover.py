"""Gateways that fail: what is safe goes elsewhere, what is unknown stays, and new messages avoid what is down."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.echo import NO_ANSWER, refused

from gatepost.dispatch import decide, detours, watching
from gatepost.dispatch.story import told
from gatepost.dispatch.threads import in_thread
from gatepost.gateways.services import create_gateway, update_gateway
from gatepost.messages.log import timeline
from gatepost.messages.models import Message, Suppression
from gatepost.messages.services import accept_one
from gatepost.messages.store import Origin
from gatepost.messages.wishes import Wish
from gatepost.providers.base import Receipt
from gatepost.routing import health
from gatepost.routing.models import GatewayHealth, RoutingChange
from gatepost.routing.services import create_rule
from gatepost.sms.ids import from_ref, to_ref
from gatepost.sms.states import State
from gatepost.workspaces import services
from gatepost.workspaces.permissions import Scope

GERMAN = "+4915112345678"
FIRST, SECOND = "first.example", "second.example"
PATIENCE_S = 120.0
"""What a test proves does not hang on how busy the machine is."""


@pytest.fixture(autouse=True)
def short_watch(monkeypatch):
    values = {
        watching: {"LOOK_S": 0.1, "JUDGE_S": 0.5, "ASK_S": 0.2},
        decide: {"DETOUR_S": 1.0},
        detours: {"FRESH_S": 0.1},
    }
    for module, changed in values.items():
        for name, value in changed.items():
            monkeypatch.setattr(module, name, value)


@pytest.fixture
async def pair(engine):
    """Two gateways at one provider; everything goes through the first, and the second stands in."""
    return await in_thread(_pair, engine.workspace)


def _pair(workspace):
    gateways = [
        create_gateway(
            [workspace],
            "echo",
            name,
            {"base_url": f"https://{host}"},
            {"sender": sender, "pattern": "loop"},
            actor="test",
        )
        for name, host, sender in (("First", FIRST, "One"), ("Second", SECOND, "Two"))
    ]
    targets = [(gateways[0].pk, 1), (gateways[1].pk, 0)]
    create_rule(workspace, {"name": "All", "targets": targets}, actor="test")
    return gateways


def where(engine):
    """The gateways that the messages lie at."""
    return {row[0] for row in engine.rows("select gateway_id from message")}


async def test_what_was_not_sent_goes_through_the_next_gateway_of_its_route(engine, pair):
    first, second = pair
    engine.other_side.broken.add(FIRST)
    [message_id] = await engine.accept(gateway="")
    engine.start_worker()
    await engine.until_states([message_id], "submitted", seconds=PATIENCE_S)
    [row] = engine.rows("select gateway_id, tried, sender, sender_reason, attempts, route from message")
    assert row[:5] == (second.pk, [first.pk], "Two", "gateway", 2)
    assert row[5].startswith("rule:")
    kinds = [kind for kind, _ in engine.events(message_id)]
    assert kinds == ["not_sent", "failed over"]
    detail = engine.events(message_id)[1][1]
    assert (detail["from"], detail["to"]) == ("First", "Second")
    assert engine.other_side.taken_by == {to_ref(message_id): SECOND}


@pytest.mark.parametrize(
    ("error", "moves"), [("busy", True), ("no_money", True), ("bad_sender", True), ("bad_number", False)]
)
async def test_refusals_go_elsewhere_where_that_may_help(engine, pair, error, moves):
    first, second = pair
    engine.other_side.behave = lambda messages: refused(messages, error) if messages[0]["sender"] == "One" else None
    [message_id] = await engine.accept(gateway="")
    engine.start_worker()
    await engine.until_states([message_id], "submitted" if moves else "rejected", seconds=PATIENCE_S)
    assert where(engine) == {second.pk if moves else first.pk}
    assert len(engine.other_side.accepted_refs()) == moves


async def test_the_fallback_sender_comes_before_another_gateway(engine, pair):
    first, _ = pair
    await in_thread(update_gateway, first, actor="test", common_values={"fallback_sender": "Spare"})
    engine.other_side.behave = lambda messages: (
        refused(messages, "bad_sender") if messages[0]["sender"] == "One" else None
    )
    [message_id] = await engine.accept(gateway="")
    engine.start_worker()
    await engine.until_states([message_id], "submitted", seconds=PATIENCE_S)
    assert engine.rows("select gateway_id, sender from message") == [(first.pk, "Spare")]


async def test_what_is_unknown_never_moves(engine, pair):
    first, _ = pair
    engine.other_side.behave = lambda messages: NO_ANSWER
    ids = await engine.accept(12, gateway="")
    engine.start_worker()
    await engine.until_states(ids, "unknown", seconds=PATIENCE_S)
    await engine.until(lambda: standing(engine, first) == "down", PATIENCE_S)
    moved = await in_thread(detours.move_queue, first, "a test")
    assert moved == 0
    assert where(engine) == {first.pk}
    assert not engine.other_side.accepted_refs()


async def test_a_message_never_goes_back_and_forth(engine, pair):
    first, second = pair
    engine.other_side.broken |= {FIRST, SECOND}
    [message_id] = await engine.accept(gateway="")
    engine.start_worker()
    await engine.until(lambda: where(engine) == {second.pk}, PATIENCE_S)
    await engine.beats(8)
    assert engine.rows("select gateway_id, tried, state from message") == [(second.pk, [first.pk], "queued")]
    engine.other_side.broken.clear()
    await engine.until_states([message_id], "submitted", seconds=PATIENCE_S)
    assert engine.other_side.taken_by == {to_ref(message_id): SECOND}


async def test_what_named_its_gateway_stays_unless_that_lets_it_go(engine, pair):
    first, second = pair
    engine.other_side.broken.add(FIRST)
    [message_id] = await engine.accept(gateway=first.pk)
    engine.start_worker()
    await engine.beats(5)
    assert where(engine) == {first.pk}
    await in_thread(update_gateway, first, actor="test", common_values={"named_fails_over": True})
    await engine.until_states([message_id], "submitted", seconds=PATIENCE_S)
    assert where(engine) == {second.pk}


async def test_everything_is_checked_again_at_the_next_gateway(engine, pair):
    first, second = pair
    await in_thread(
        update_gateway,
        second,
        actor="test",
        common_values={"only_verified_phones": True, "verified_phones": ["+48600100200"]},
    )
    engine.other_side.broken.add(FIRST)
    await engine.accept(gateway="")
    engine.start_worker()
    await engine.until(lambda: standing(engine, first) == "down", PATIENCE_S)
    assert where(engine) == {first.pk}


async def test_a_number_that_was_suppressed_meanwhile_gets_nothing(engine, pair):
    engine.other_side.broken.add(FIRST)
    [message_id] = await engine.accept(gateway="")
    await in_thread(lambda: Suppression.objects.create(digits="48600100000"))
    engine.start_worker()
    await engine.until_states([message_id], "blocked", seconds=PATIENCE_S)
    assert not engine.other_side.accepted_refs()


async def test_receipts_find_a_message_at_the_gateway_that_took_it(engine, pair):
    _, second = pair
    engine.other_side.broken.add(FIRST)
    [message_id] = await engine.accept(gateway="")
    engine.start_worker()
    await engine.until_states([message_id], "submitted", seconds=PATIENCE_S)
    engine.gateway = second
    await engine.report(Receipt(State.DELIVERED, "ok", keys=(f"id-{to_ref(message_id)}",)))
    assert engine.states([message_id]) == {message_id: "delivered"}


@pytest.mark.parametrize("last", [State.DELIVERED, State.UNDELIVERED])
async def test_a_report_of_the_gateway_that_a_message_left_is_shown_and_never_ends_what_was_handed_on(
    engine, pair, last
):
    first, second = pair
    engine.other_side.behave = lambda messages: refused(messages, "busy") if messages[0]["sender"] == "One" else None
    [message_id] = await engine.accept(gateway="")
    engine.start_worker()
    await engine.until_states([message_id], "submitted", seconds=PATIENCE_S)
    engine.gateway = first
    for state in (State.UNDELIVERED, State.DELIVERED, State.SUBMITTED):
        await engine.report(Receipt(state, f"late {state}", ref=to_ref(message_id)))
        assert engine.states([message_id]) == {message_id: "submitted"}
    engine.gateway = second
    await engine.report(Receipt(last, "own", ref=to_ref(message_id, 1)))
    assert engine.states([message_id]) == {message_id: last.value}
    engine.gateway = first
    await engine.report(Receipt(State.DELIVERED, "much too late", ref=to_ref(message_id)))
    assert engine.states([message_id]) == {message_id: last.value}
    said = [detail for kind, detail in engine.events(message_id) if kind == "receipt"]
    assert [(detail["status"], detail.get("gateway")) for detail in said] == [
        *[(f"late {state}", "First") for state in ("undelivered", "delivered", "submitted")],
        ("own", None),
        ("much too late", "First"),
    ]
    message = await in_thread(Message.objects.select_related("gateway", "api_key", "user").get, pk=message_id)
    lines = told(message, await in_thread(timeline, message))
    assert [line.title for line in lines if line.title.startswith("Report")][:4] == [
        *["Report from First"] * 3,
        "Report from Second",
    ]
    handed = [(line.title, *line.words) for line in lines if line.title.startswith("Handed")]
    assert handed == [("Handed to First", "Attempt 1."), ("Handed to Second", "Attempt 2.")]
    assert engine.rows("select count(*) from orphan_receipt") == [(0,)]


async def test_what_arrived_through_the_gateway_that_it_left_is_not_sent_a_second_time(engine, pair):
    first, second = pair
    engine.other_side.broken.add(SECOND)
    engine.other_side.behave = lambda messages: refused(messages, "busy") if messages[0]["sender"] == "One" else None
    [message_id, other] = await engine.accept(2, gateway="")
    engine.start_worker()
    await engine.until(lambda: where(engine) == {second.pk}, PATIENCE_S)
    engine.gateway = first
    await engine.report(Receipt(State.UNDELIVERED, "lost", ref=to_ref(message_id)))
    assert engine.states([message_id]) == {message_id: "queued"}
    await engine.until(lambda: engine.rows("select 1 from outbox where message_id = %s", message_id), PATIENCE_S)
    for _ in range(50):
        # Now and then it is just being handed over.
        await engine.report(Receipt(State.DELIVERED, "there", ref=to_ref(message_id)))
        if engine.states([message_id]) == {message_id: "delivered"}:
            break
        await asyncio.sleep(0.1)
    assert engine.states([message_id]) == {message_id: "delivered"}
    assert engine.rows("select message_id from outbox where message_id = %s", message_id) == []
    engine.other_side.broken.clear()
    await engine.until_states([other], "submitted", seconds=PATIENCE_S)
    assert engine.accepted_ids() == [other]


async def test_a_report_by_the_id_of_the_gateway_that_it_left_is_found_too(engine, pair):
    first, second = pair
    due = datetime.now(UTC) + timedelta(hours=1)
    [message_id] = await engine.accept(gateway="", send_at=due)
    engine.run("update message set provider_ref = 'theirs' where id = %s", message_id)
    assert await in_thread(detours.move_queue, first, "a test") == 1
    assert engine.rows("select gateway_id, provider_ref from message") == [(second.pk, None)]
    engine.gateway = second
    assert (await engine.report(Receipt(State.DELIVERED, "foreign", keys=("theirs",)))).parked == 1
    engine.gateway = first
    assert (await engine.report(Receipt(State.UNDELIVERED, "late", keys=("theirs",)))).matched == 1
    assert engine.states([message_id]) == {message_id: "queued"}


async def test_a_message_of_the_api_goes_to_a_gateway_whose_list_has_its_address(engine, pair):
    first, second = pair
    await in_thread(update_gateway, second, actor="test", common_values={"send_ips": ["192.0.2.0/24"]})
    engine.other_side.broken.add(FIRST)
    _, token = await in_thread(services.create_api_key, engine.workspace, "key", list(Scope), actor="test")
    key = await in_thread(services.authenticate_key, token)
    ids = {}
    for peer in ("192.0.2.7", "203.0.113.9", ""):
        origin = Origin(engine.workspace.pk, api_key_id=key.pk)
        ids[peer] = await in_thread(lambda o=origin, p=peer: accept_one(o, Wish("+48600100200", "hello"), peer=p))
    assert engine.rows("select peer from message order by id") == [("192.0.2.7",), ("203.0.113.9",), (None,)]
    engine.start_worker()
    await engine.until_states([ids["192.0.2.7"]], "submitted", seconds=PATIENCE_S)
    await engine.until(lambda: standing(engine, first) == "down", PATIENCE_S)
    assert dict(engine.rows("select id, gateway_id from message")) == {
        ids["192.0.2.7"]: second.pk,
        ids["203.0.113.9"]: first.pk,
        ids[""]: first.pk,
    }


async def test_a_dead_gateway_loses_its_queue_and_gets_nothing_new(engine, pair):
    first, second = pair
    ids = await engine.accept(300, gateway="")
    engine.run("update outbox set due_at = now() + interval '1 hour' where message_id = any(%s)", ids[100:])
    engine.other_side.broken.add(FIRST)
    engine.start_worker()
    await engine.until(lambda: standing(engine, first) == "down", PATIENCE_S)
    await engine.until(lambda: where(engine) == {second.pk}, PATIENCE_S)
    await engine.until_states(ids[:100], "submitted", seconds=PATIENCE_S)
    [(due,)] = engine.rows("select count(*) from outbox where gateway_id = %s and due_at > now()", second.pk)
    assert due == 200
    assert await engine.accept(gateway="")
    assert where(engine) == {second.pk}
    words = await in_thread(lambda: list(RoutingChange.objects.filter(gateway=first).values_list("kind", "words")))
    assert (
        "down",
        "First is down: the provider is not reached (connection failed). New messages go elsewhere where they can.",
    ) in words
    assert any(kind == "moved" and said.startswith("What waited for First") for kind, said in words)


async def test_what_is_still_led_to_a_gateway_that_just_went_down_leaves_it_too(engine, pair, monkeypatch):
    first, second = pair
    monkeypatch.setattr(watching, "LEAVE_AGAIN_S", (2.0,))
    engine.other_side.broken.add(FIRST)
    await engine.accept(5, gateway="")
    engine.start_worker()
    await engine.until(lambda: standing(engine, first) == "down", PATIENCE_S)
    [late] = await engine.accept(gateway="", send_at=datetime.now(UTC) + timedelta(hours=1))
    for table, column in (("message", "id"), ("outbox", "message_id")):
        engine.run(f"update {table} set gateway_id = %s where {column} = %s", first.pk, late)
    found = "select gateway_id, tried from message where id = %s"
    await engine.until(lambda: engine.rows(found, late) == [(second.pk, [first.pk])], PATIENCE_S)


async def test_a_gateway_comes_back_through_a_trial(engine, pair, monkeypatch):
    first, _ = pair
    monkeypatch.setattr(health, "SWITCH_S", 0.5)
    monkeypatch.setattr(health, "TRIAL_AFTER_S", 0.2)
    engine.other_side.broken.add(FIRST)
    await engine.accept(5, gateway="")
    engine.start_worker()
    await engine.until(lambda: standing(engine, first) in ("down", "trial"), PATIENCE_S)
    engine.other_side.broken.clear()
    await engine.until(lambda: standing(engine, first) == "trial", PATIENCE_S)
    engine.other_side.taken_by.clear()
    for _ in range(200):
        if standing(engine, first) == "up":
            break
        await engine.accept(3, gateway="")
        await asyncio.sleep(0.1)
    assert standing(engine, first) == "up"
    assert FIRST in engine.other_side.taken_by.values()
    kinds = await in_thread(
        lambda: list(RoutingChange.objects.filter(gateway=first).order_by("pk").values_list("kind", flat=True))
    )
    assert [kind for kind in kinds if kind in ("down", "trial", "up")][-2:] == ["trial", "up"]


async def test_a_country_alone_is_led_past_a_gateway_that_refuses_it_and_comes_back(engine, pair, monkeypatch):
    first, second = pair
    monkeypatch.setattr(health, "SWITCH_S", 0.5)
    monkeypatch.setattr(health, "TRIAL_AFTER_S", 0.2)

    def behave(messages):
        [one] = messages
        return refused(messages, "busy") if one["sender"] == "One" and one["to"].startswith("49") else None

    engine.other_side.behave = behave
    polish = await engine.accept(8, gateway="")
    german = await engine.accept(15, gateway="", to=GERMAN)
    engine.start_worker()
    await engine.until_states(polish + german, "submitted", seconds=PATIENCE_S)
    await engine.until(lambda: standing(engine, first, "DE") == "trial", PATIENCE_S)
    assert standing(engine, first) == "up"
    found = "select gateway_id from message where id = any(%s) group by gateway_id"
    assert engine.rows(found, german) == [(second.pk,)]
    assert engine.rows(found, polish) == [(first.pk,)]
    engine.run("update gateway_health set share = 0 where country = 'DE'")
    led_past = await engine.accept(3, gateway="", to=GERMAN)
    assert engine.rows("select gateway_id, tried from message where id = any(%s)", led_past) == [(second.pk, None)] * 3
    assert engine.rows(found, await engine.accept(3, gateway="")) == [(first.pk,)]
    engine.other_side.behave = None
    engine.run("update gateway_health set share = 1 where country = 'DE'")
    for _ in range(200):
        if standing(engine, first, "DE") == "up":
            break
        await engine.accept(3, gateway="", to=GERMAN)
        await asyncio.sleep(0.1)
    assert standing(engine, first, "DE") == "up"
    words = await in_thread(lambda: list(RoutingChange.objects.filter(gateway=first).values_list("words", flat=True)))
    assert any(said.startswith("First is down for Germany: ") for said in words)
    assert "First is back for Germany: new messages go there again." in words


async def test_the_score_and_its_reasons_are_kept_by_country(engine, pair):
    first, _ = pair
    ids = await engine.accept(20, gateway="")
    engine.start_worker()
    await engine.until_states(ids, "submitted", seconds=PATIENCE_S)
    await engine.until(lambda: score(engine, first, "PL") == 100, PATIENCE_S)
    engine.other_side.behave = lambda messages: refused(messages, "busy") if messages[0]["sender"] == "One" else None
    await engine.accept(20, gateway="")
    await engine.until(lambda: score(engine, first, "PL") not in (None, 100), PATIENCE_S)
    row = await in_thread(lambda: GatewayHealth.objects.get(gateway=first, country="PL"))
    assert any("the provider has a temporary fault" in reason for reason in row.reasons)


async def test_most_new_messages_are_elsewhere_within_five_seconds_and_none_twice(engine, pair):
    """200 messages a second, and the first gateway breaks under them."""
    engine.start_worker()
    ids, accepted_at = [], {}
    broken_at = started_at = time.monotonic()
    for step in range(60):
        if step == 15:
            engine.other_side.broken.add(FIRST)
            broken_at = time.monotonic()
        began = time.monotonic()
        for message_id in await engine.accept(20, gateway=""):
            ids.append(message_id)
            accepted_at[message_id] = time.monotonic()
        await asyncio.sleep(max(0.0, began + 0.1 - time.monotonic()))
    new = {message_id for message_id, at in accepted_at.items() if at > broken_at}
    last = max(accepted_at.values())
    # On a machine that does not even manage the 200 a second everything takes longer.
    slowness = max(1.0, (last - started_at) / 5.9)
    await engine.until(lambda: len(elsewhere(engine) & new) >= 0.95 * len(new), 5.0 * slowness)
    await engine.until_states(ids, "submitted", seconds=PATIENCE_S)
    refs = engine.other_side.accepted_refs()
    assert len(refs) == len(set(refs)) == len(ids)
    assert {from_ref(ref)[0] for ref in refs} == set(ids)


def elsewhere(engine) -> set[int]:
    """The messages that the second gateway's provider took."""
    return {from_ref(ref)[0] for ref, host in dict(engine.other_side.taken_by).items() if host == SECOND}


def standing(engine, gateway, country=""):
    statement = "select standing from gateway_health where gateway_id = %s and country = %s"
    rows = engine.rows(statement, gateway.pk, country)
    return rows[0][0] if rows else "up"


def score(engine, gateway, country):
    rows = engine.rows("select score from gateway_health where gateway_id = %s and country = %s", gateway.pk, country)
    return rows[0][0] if rows else None
