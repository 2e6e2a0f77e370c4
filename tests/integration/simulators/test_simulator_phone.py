"""The control interface: the virtual phone, the logs, the switches, and who may use them."""

import asyncio
from decimal import Decimal

import pytest

from gatepost.simulators.control import TOKEN_HEADER
from gatepost.simulators.engine import Account
from gatepost.simulators.faults import BadSwitch, Faults
from gatepost.simulators.handset import BY_ENDING
from gatepost.simulators.registry import all_simulators
from gatepost.simulators.server import Server
from gatepost.simulators.wire import Repeats

TOKEN = {"Authorization": "Bearer demo-token"}


async def submit(client, number="48100200300"):
    data = f"to={number}&message=test&idx=r1&format=json"
    return await client.ask("POST", "/warsaw/sms.do", data=data, headers=TOKEN)


@pytest.mark.parametrize("headers", [{}, {TOKEN_HEADER: "wrong"}, {TOKEN_HEADER: "\u00e9"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/_phone/messages"), ("POST", "/_phone/reply"), ("GET", "/_control/log"), ("POST", "/_control/reset")],
)
async def test_nothing_is_told_without_the_token(client, method, path, headers):
    got = await client.ask(method, path, headers=headers)
    assert (got.status, got.json["code"]) == (401, "bad_token")


async def test_the_phone_shows_a_message_and_how_its_state_changes(client, eventually):
    await submit(client)
    first = (await client.control("GET", "/_phone/messages")).json
    (bubble,) = first["messages"]
    assert (bubble["direction"], bubble["number"], bubble["other"], bubble["text"], bubble["state"]) == (
        "to_phone",
        "48100200300",
        "Test",
        "test",
        "accepted",
    )

    async def changed():
        return (await client.control("GET", f"/_phone/messages?since={first['cursor']}")).json["messages"]

    assert [message["state"] for message in await eventually(changed)] == ["delivered"]


async def test_the_phone_shows_replies_and_can_be_narrowed_to_a_number(client):
    await submit(client)
    await client.control("POST", "/_phone/reply", {"from": "48500100200", "to": "warsaw", "text": "Hello"})
    narrowed = (await client.control("GET", "/_phone/messages?number=48500100200")).json["messages"]
    assert [(bubble["direction"], bubble["other"], bubble["text"]) for bubble in narrowed] == [
        ("from_phone", "48661000112", "Hello")
    ]


async def test_a_burst_of_replies(client, receiver):
    body = {"from": "48500100200", "to": "48661000112", "text": "Hello", "times": 5}
    got = await client.control("POST", "/_phone/reply", body)
    assert (got.json["times"], len(receiver.calls)) == (5, 5)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"from": "48500100200", "to": "123", "text": "x"}, 404, "not_our_number"),
        ({"from": "me", "to": "warsaw", "text": "x"}, 400, "bad_number"),
        ({"from": "48500100200", "to": "warsaw", "text": 1}, 400, "bad_field"),
        ({"from": "48500100200", "to": "warsaw", "text": "x", "times": 0}, 400, "bad_times"),
        ({"from": "48500100200", "to": "warsaw", "text": "x", "media": [{}]}, 400, "bad_media"),
        (["x"], 400, "bad_json"),
    ],
)
async def test_a_bad_reply_is_refused_with_its_reason(client, receiver, body, status, code):
    got = await client.control("POST", "/_phone/reply", body)
    assert (got.status, got.json["code"]) == (status, code)
    assert receiver.calls == []


async def test_a_reply_without_an_inbound_url_is_refused(client):
    await client.switch("warsaw", inbound_url="")
    got = await client.control("POST", "/_phone/reply", {"from": "48500100200", "to": "warsaw", "text": "x"})
    assert (got.status, got.json["code"]) == (409, "no_inbound_url")


@pytest.mark.parametrize(
    "switches",
    [
        {"brake": True},
        {"fail": 2},
        {"fail": True},
        {"answer": "nice"},
        {"delay_ms": -1},
        {"receipts": "sometimes"},
        {"refuse": "9999"},
        {"receipt_url": "ftp://x"},
        {"balance": "much"},
        {"delivery_s": [2, 1]},
        {"options": {"invoke": 1}},
    ],
)
async def test_a_bad_switch_changes_nothing(client, switches):
    before = (await client.control("GET", "/_control/warsaw")).json
    got = await client.control("POST", "/_control/warsaw", {"throttle": 5, "balance": "1", **switches})
    assert (got.status, got.json["code"]) == (400, "bad_switch")
    assert (await client.control("GET", "/_control/warsaw")).json == before


async def test_reset_forgets_everything_but_keeps_counting(client, receiver):
    await submit(client, "48100200005")
    await client.switch("warsaw", balance="1", fail=1.0)
    cursor = (await client.control("GET", "/_control/log")).json["cursor"]
    await client.control("POST", "/_control/reset")
    state = (await client.control("GET", "/_control/warsaw")).json
    assert (state["balance"], state["fail"], state["taken"]) == ("1000000", 0.0, 0)
    assert await client.log() == []
    assert await client.phone() == []
    await submit(client)
    entries = (await client.control("GET", f"/_control/log?since={cursor}&account=warsaw")).json["entries"]
    assert [entry["reference"] for entry in entries] == ["r1"]


async def test_the_log_is_written_before_the_answer_leaves(client, eventually):
    """The answer is held back; what a kill would lose is in the log already."""
    await client.switch("warsaw", answer="slow_bytes")
    asking = asyncio.ensure_future(submit(client))
    await eventually(client.log)
    assert not asking.done()
    asking.cancel()


async def test_what_was_called_back_is_shown(client, receiver, eventually):
    await submit(client)
    await receiver.wait_for(1)

    async def shown():
        return (await client.control("GET", "/_control/warsaw")).json["callbacks"]

    (callback,) = await eventually(shown)
    assert (callback["kind"], callback["status"], callback["answer"]) == ("receipt", 200, "OK")


async def test_callbacks_do_not_leave_the_machine(client, eventually):
    await client.switch("warsaw", receipt_url="http://192.0.2.1/dlr")
    await submit(client)

    async def shown():
        return (await client.control("GET", "/_control/warsaw")).json["callbacks"]

    callback = (await eventually(shown))[0]
    assert callback["status"] == 0
    assert "not allowed" in callback["answer"]


async def test_unknown_paths_are_404(client):
    assert (await client.ask("GET", "/nobody/sms.do")).status == 404
    assert (await client.ask("GET", "/warsaw/nothing")).status == 404
    assert (await client.control("GET", "/_control/nobody")).json["code"] == "no_such_account"


async def test_one_account_alone_answers_at_the_root():
    import aiohttp

    async with (
        Server([Account(name="warsaw", slug="smsapi")], root="warsaw") as server,
        aiohttp.ClientSession() as session,
        session.get(server.url + "/ping", headers=TOKEN) as got,
    ):
        assert (await got.json())["authorized"] is True


@pytest.mark.parametrize(
    ("accounts", "host"),
    [
        ([Account(name="a", slug="smsapi")], "0.0.0.0"),
        ([Account(name="a", slug="nobody")], "127.0.0.1"),
        ([Account(name="a", slug="smsapi"), Account(name="a", slug="bulksms")], "127.0.0.1"),
        ([Account(name="reset", slug="smsapi")], "127.0.0.1"),
    ],
)
def test_what_cannot_be_served_is_refused(accounts, host):
    with pytest.raises(ValueError, match=r"loopback|no simulator|own name"):
        Server(accounts, host)


def test_names_and_codes_of_an_account_are_checked():
    with pytest.raises(ValueError, match="lower-case"):
        Account(name="A/b", slug="smsapi")
    with pytest.raises(BadSwitch):
        Server([Account(name="a", slug="smsapi", faults=Faults(refuse="9999"))])


def test_repeats_follow_the_schedule_and_end():
    repeats = Repeats(taken=lambda status, body: False, waits_s=(90, 180), then_every_s=900, for_s=3600)
    assert [repeats.wait_s(attempts, 100.0) for attempts in (1, 2, 3, 9)] == [90, 180, 900, 900]
    assert repeats.wait_s(9, 3600.0) is None
    assert Repeats(taken=lambda status, body: False).wait_s(1, 0.0) is None


def test_every_simulator_can_be_started_from_its_defaults():
    assert {"smsapi", "bulksms", "generic_http"} <= all_simulators().keys()
    for slug, simulator in all_simulators().items():
        assert simulator.failed in simulator.codes
        assert simulator.throttled in simulator.codes
        assert simulator.price > Decimal(0)
        Server([Account(name="one", slug=slug)])


def test_the_special_endings_do_not_meet_the_numbers_of_the_examples():
    assert not {"48100200300"[-4:], "27001234567"[-4:]} & BY_ENDING.keys()
