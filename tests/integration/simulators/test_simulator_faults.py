"""What a sick provider does, seen from the client's side of the socket."""

import asyncio
import json
import time
from types import SimpleNamespace

import aiohttp
import pytest
import uvloop

from gatepost.simulators import engine
from gatepost.simulators.engine import Account
from gatepost.simulators.faults import Faults
from gatepost.simulators.server import Server
from gatepost.simulators.spoil import HUGE

TOKEN = {"Authorization": "Bearer demo-token"}
MESSAGE = "to=48100200300&message=test&format=json"


async def submit(client):
    return await client.ask("POST", "/warsaw/sms.do", data=MESSAGE, headers=TOKEN)


@pytest.mark.parametrize("answer", ["drop_after_accept", "reset", "truncated"])
async def test_a_message_is_taken_although_the_connection_breaks(client, answer):
    await client.switch("warsaw", answer=answer)
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)):
        await submit(client)
    assert [entry["to"] for entry in await client.log()] == ["48100200300"]


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_reset_is_a_reset_on_both_loops(loop_factory):
    async def read_to_the_end():
        async with Server([Account(name="warsaw", slug="smsapi")]) as server:
            server.accounts["warsaw"].set_faults(Faults(answer="reset"))
            port = int(server.url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = (
                "POST /warsaw/sms.do HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo-token\r\n"
                f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(MESSAGE)}\r\n\r\n"
            )
            writer.write((head + MESSAGE).encode())
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(read_to_the_end())


@pytest.mark.parametrize(
    ("answer", "status", "taken"),
    [("status", 500, 1), ("status", 429, 0), ("redirect", 302, 0), ("html", 200, 1), ("huge", 200, 1)],
)
async def test_what_is_likely_decides_whether_a_message_is_taken(client, answer, status, taken):
    await client.switch("warsaw", answer=answer, status=status)
    got = await submit(client)
    assert got.status == status
    assert len(await client.log()) == taken


@pytest.mark.parametrize(("takes", "taken"), [(True, 1), (False, 0)])
async def test_the_switch_decides_whether_a_message_is_taken(client, takes, taken):
    await client.switch("warsaw", answer="redirect", takes=takes)
    got = await submit(client)
    assert got.headers["location"].startswith("http://169.254.169.254/")
    assert len(await client.log()) == taken


async def test_429_says_when_to_come_again(client):
    await client.switch("warsaw", answer="status", status=429, retry_after_s=7)
    assert (await submit(client)).headers["retry-after"] == "7"


async def test_bodies_are_spoilt_as_named(client):
    await client.switch("warsaw", answer="bad_json")
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads((await submit(client)).body)
    await client.switch("warsaw", answer="wrong_charset")
    with pytest.raises(UnicodeDecodeError):
        (await submit(client)).body.decode()
    await client.switch("warsaw", answer="ok_without_id")
    assert "id" not in (await submit(client)).json["list"][0]
    await client.switch("warsaw", answer="huge")
    assert len((await submit(client)).body) == HUGE


async def test_slow_and_endless_answers_do_not_end(client, eventually):
    for taken, answer in enumerate(("slow_bytes", "endless"), 1):
        await client.switch("warsaw", answer=answer)
        asking = asyncio.ensure_future(submit(client))

        async def is_taken(taken=taken):
            return len(await client.log()) == taken

        await eventually(is_taken)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asking, 0.3)


async def test_an_answer_is_spoilt_as_often_as_said(client):
    await client.switch("warsaw", answer="status", status=500, times=2)
    assert [(await submit(client)).status for _ in range(4)] == [500, 500, 200, 200]


async def test_nothing_but_submits_is_concerned(client):
    await client.switch("warsaw", answer="status", status=500, fail=1.0, delay_ms=5000)
    got = await client.ask("GET", "/warsaw/user.do?credits=1&format=json", headers=TOKEN)
    assert got.status == 200
    asked = await client.ask("GET", "/warsaw/sms.do?status=ABC&format=json", headers=TOKEN)
    assert asked.json["error"] == 301


async def test_a_share_of_the_submits_fails_with_the_providers_own_error(client):
    await client.switch("warsaw", fail=1.0)
    assert (await submit(client)).json["error"] == 201
    assert await client.log() == []
    await client.switch("warsaw", fail=0.0)
    assert "list" in (await submit(client)).json


async def test_a_throttled_account_takes_so_many_a_second(client, monkeypatch):
    now = 0.0
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: now, time=time.time))
    await client.switch("warsaw", throttle=2)
    answers = [(await submit(client)).json for _ in range(4)]
    assert ["list" in answer for answer in answers] == [True, True, False, False]
    assert answers[2]["error"] == 203
    now = 1.0
    assert "list" in (await submit(client)).json


async def test_a_delayed_answer_comes_after_the_message_was_taken(client, eventually):
    await client.switch("warsaw", delay_ms=1000)
    asking = asyncio.ensure_future(submit(client))
    await eventually(client.log)
    assert not asking.done()
    assert (await asking).status == 200


async def test_duplicate_ids(client):
    await client.switch("warsaw", duplicate_ids=True)
    ids = [(await submit(client)).json["list"][0]["id"] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(await client.log()) == 2


async def test_receipts_in_each_order(client, receiver):
    await client.switch("cape", receipts="early")
    headers = {"Authorization": aiohttp.encode_basic_auth("demo-token-id", "demo-token-secret")}

    async def statuses(count):
        receiver.calls.clear()
        await client.ask("POST", "/cape/v1/messages", json={"to": "27001234567", "body": "Hi"}, headers=headers)
        before = len(receiver.calls)
        await receiver.wait_for(count)
        await asyncio.sleep(0.1)
        return before, [item["status"]["type"] for *_, raw in receiver.calls for item in json.loads(raw)]

    await client.switch("cape", options={"invoke": "ONE"})
    assert await statuses(1) == (1, ["DELIVERED"])
    await client.switch("cape", receipts="duplicate")
    assert (await statuses(3))[1] == ["SENT", "DELIVERED", "DELIVERED"]
    await client.switch("cape", receipts="reordered")
    assert (await statuses(2))[1] == ["DELIVERED", "SENT"]
    await client.switch("cape", receipts="late", late_s=0.3)
    began = time.monotonic()
    assert (await statuses(2))[1] == ["SENT", "DELIVERED"]
    assert time.monotonic() - began >= 0.3


async def test_no_receipts_although_delivered(client, receiver, eventually):
    await client.switch("warsaw", receipts="none")
    await submit(client)

    async def is_delivered():
        return (await client.phone())[0]["state"] == "delivered"

    await eventually(is_delivered)
    await asyncio.sleep(0.05)
    assert receiver.calls == []


async def test_broken_on_the_shared_port_ends_every_request(client):
    await client.switch("warsaw", **{"break": True})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await submit(client)
    await client.switch("warsaw", **{"break": "503"})
    assert (await submit(client)).status == 503
    assert await client.log() == []
    await client.switch("warsaw", **{"break": False})
    assert (await submit(client)).status == 200


async def test_broken_with_a_port_of_its_own_refuses_connections_and_comes_back():
    account = Account(name="own", slug="smsapi", port=0)
    other = Account(name="other", slug="smsapi")
    async with Server([account, other]) as server, aiohttp.ClientSession() as session:
        url = server.url_of("own")
        assert not url.startswith(server.url)
        headers = {"X-Simulators-Token": server.token}

        async def switch(value):
            async with session.post(server.url + "/_control/own", json={"break": value}, headers=headers) as got:
                assert got.status == 200

        async def ping():
            async with session.get(url + "/ping", headers=TOKEN) as got:
                return (await got.json())["authorized"]

        assert await ping()
        await switch(True)
        with pytest.raises(aiohttp.ClientConnectorError):
            await ping()
        async with session.get(server.url_of("other") + "/ping", headers=TOKEN) as got:
            assert got.status == 200
        await switch(False)
        assert server.url_of("own") == url
        assert await ping()
