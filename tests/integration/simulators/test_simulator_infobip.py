"""Infobip as its sheet describes it, asked with the sheet's own requests."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tests.integration.simulators.conftest import QUICK, Client, Receiver

from gatepost.simulators.engine import Account
from gatepost.simulators.server import Server

KEY = {"Authorization": "App demo-api-key"}
LITERAL = {
    "messages": [
        {
            "sender": "InfoSMS",
            "destinations": [
                {"to": "41793026727", "messageId": "m-0001"},
                {"to": "41793026834", "messageId": "m-0002"},
            ],
            "content": {
                "text": "This is a sample message",
                "transliteration": "NONE",
                "language": {"languageCode": "NONE"},
            },
            "options": {"validityPeriod": {"amount": 2880, "timeUnit": "MINUTES"}},
            "webhooks": {"contentType": "application/json", "callbackData": "b-1"},
        }
    ],
    "options": {"schedule": {"bulkId": "b-1"}, "includeSmsCountInResponse": True},
}
OLDER = {
    "messages": [
        {"destinations": [{"to": "41793026727"}], "from": "InfoSMS", "text": "This is a sample message"},
    ]
}


@pytest.fixture
async def server(receiver: Receiver) -> AsyncIterator[Server]:
    account = Account(name="account", slug="infobip", numbers=("385921004026",), delivery_s=QUICK)
    async with Server([account], patience=0.001) as server:
        yield server


async def send(client: Client, body: Any = LITERAL, path: str = "/sms/3/messages", auth: Any = KEY) -> Any:
    return await client.ask("POST", "/account" + path, json=body, headers=auth)


async def ask(client: Client, path: str) -> Any:
    return await client.ask("GET", "/account" + path, headers=KEY)


def single(**changes: Any) -> dict[str, Any]:
    message = {
        "sender": "InfoSMS",
        "destinations": [{"to": "41793026727", "messageId": "a1"}],
        "content": {"text": "Hi"},
    }
    return {"messages": [message | changes]}


async def test_the_literal_request_is_accepted_in_order(client: Client) -> None:
    got = await send(client)
    assert got.status == 200
    assert [item["messageId"] for item in got.json["messages"]] == ["m-0001", "m-0002"]
    assert got.json["messages"][0] == {
        "messageId": "m-0001",
        "status": {
            "groupId": 1,
            "groupName": "PENDING",
            "id": 26,
            "name": "PENDING_ACCEPTED",
            "description": "Message sent to next instance",
        },
        "destination": "41793026727",
        "details": {"messageCount": 1},
    }
    assert [entry["reference"] for entry in await client.log()] == ["m-0001", "m-0002"]


async def test_the_literal_request_of_version_2_is_accepted(client: Client) -> None:
    (item,) = (await send(client, OLDER, "/sms/2/text/advanced")).json["messages"]
    assert item["messageId"]
    assert (item["to"], "smsCount" in item, "destination" in item) == ("41793026727", False, False)
    counted = await send(client, OLDER | {"includeSmsCountInResponse": True}, "/sms/2/text/advanced")
    assert counted.json["messages"][0]["smsCount"] == 1


@pytest.mark.parametrize("auth", [{}, {"Authorization": "App wrong"}, {"Authorization": "Bearer demo-api-key"}])
async def test_wrong_credentials_have_the_form_of_the_version(client: Client, auth: Any) -> None:
    current = await send(client, auth=auth)
    assert (current.status, current.json["errorCode"]) == (401, "E401")
    older = await send(client, OLDER, "/sms/2/text/advanced", auth)
    assert older.json == {
        "requestError": {"serviceException": {"messageId": "UNAUTHORIZED", "text": "Invalid login details"}}
    }


async def test_user_name_and_password_sign_in_too(client: Client) -> None:
    basic = {"Authorization": aiohttp.encode_basic_auth("demo", "demo-password")}
    assert (await send(client, auth=basic)).status == 200


@pytest.mark.parametrize(
    ("body", "property_"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"from": "InfoSMS"}]}, "messages[0].from"),
        (single(destinations=[]), "messages[0].destinations"),
        (single(destinations=[{"to": "1", "ref": "a"}]), "messages[0].destinations[0].ref"),
        (single(destinations=[{"to": "1", "messageId": "x" * 201}]), "messages[0].destinations[0].messageId"),
        (single(content={"text": ""}), "messages[0].content.text"),
        (single(content={"text": "Hi", "transliteration": "KLINGON"}), "messages[0].content.transliteration"),
        (single(options={"validityPeriod": {"amount": 49, "timeUnit": "HOURS"}}), "messages[0].options.validityPeriod"),
        (single() | {"options": {"schedule": {"sendAt": "2026-11-21"}}}, "options.schedule.sendAt"),
    ],
)
async def test_a_bad_field_is_named(client: Client, body: Any, property_: str) -> None:
    got = await send(client, body)
    assert (got.status, got.json["errorCode"]) == (400, "E400")
    assert got.json["violations"][0]["property"] == property_
    assert await client.log() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"destinations": [{"to": ""}]}, 51),
        ({"destinations": [{"to": "12"}]}, 52),
        ({"destinations": [{"to": "41790000003"}]}, 52),
        ({"destinations": [{"to": "41790000011"}]}, 10),
        ({"sender": "Refused"}, 13),
        ({"sender": "A"}, 11),
        ({"content": {"text": "a" * 4000}}, 25),
    ],
)
async def test_an_item_is_rejected_within_a_200(client: Client, changes: dict[str, Any], code: int) -> None:
    got = await send(client, single(**changes))
    assert got.status == 200
    status = got.json["messages"][0]["status"]
    assert (status["groupId"], status["id"]) == (5, code)
    assert await client.log() == []


async def test_a_message_id_is_used_once(client: Client) -> None:
    assert (await send(client, single())).json["messages"][0]["status"]["groupId"] == 1
    again = (await send(client, single(content={"text": "Other"}))).json["messages"][0]
    assert (again["messageId"], again["status"]["id"]) == ("a1", 23)
    assert len(await client.log()) == 1


async def test_too_little_credit_is_id_12(client: Client) -> None:
    await client.switch("account", balance="0")
    assert (await send(client, single())).json["messages"][0]["status"]["id"] == 12
    assert (await ask(client, "/account/1/balance")).json == {"balance": 0.0, "currency": "EUR"}
    await client.switch("account", options={"balance_scope": "no"})
    assert (await ask(client, "/account/1/balance")).status == 403


async def test_reports_come_to_the_address_of_the_message(client: Client, receiver: Receiver) -> None:
    webhooks = {"delivery": {"url": receiver.url + "/mine", "intermediateReport": True}}
    await send(client, single(webhooks=webhooks))
    calls = await receiver.wait_for(2)
    names = [json.loads(body)["results"][0]["status"]["name"] for _, path, _, body in calls if path == "/mine"]
    assert names == ["PENDING_ENROUTE", "DELIVERED_TO_HANDSET"]
    report = json.loads(calls[1][3])["results"][0]
    assert (report["messageId"], report["messageCount"], report["error"]["id"]) == ("a1", 1, 0)
    assert report["doneAt"].endswith("+0000")


async def test_a_report_without_an_address_is_given_once(client: Client, eventually: Any) -> None:
    await send(client, single(destinations=[{"to": "41790000001", "messageId": "a1"}]))

    async def reports() -> Any:
        return (await ask(client, "/sms/3/reports?limit=10")).json["results"]

    (report,) = await eventually(reports)
    assert (report["status"]["name"], report["error"]["name"]) == (
        "UNDELIVERABLE_NOT_DELIVERED",
        "EC_UNKNOWN_SUBSCRIBER",
    )
    assert await reports() == []
    logs = (await ask(client, "/sms/3/logs?messageId=a1,a2&limit=1000")).json["results"]
    assert [entry["messageId"] for entry in logs] == ["a1"]


async def test_a_reply_is_pushed_or_kept_for_one_reading(client: Client, receiver: Receiver) -> None:
    reply = {"from": "385916242493", "to": "385921004026", "text": "QUIZ Correct answer"}
    await client.control("POST", "/_phone/reply", reply)
    got = (await ask(client, "/sms/1/inbox/reports?limit=1")).json
    assert (got["messageCount"], got["pendingMessageCount"]) == (1, 0)
    assert (await ask(client, "/sms/1/inbox/reports")).json["results"] == []
    await client.switch("account", inbound_url=receiver.url + "/in")
    await client.control("POST", "/_phone/reply", reply)
    (pushed,) = json.loads(receiver.calls[0][3])["results"]
    assert {name: pushed[name] for name in ("from", "to", "text", "cleanText", "keyword", "smsCount")} == {
        **reply,
        "cleanText": "Correct answer",
        "keyword": "QUIZ",
        "smsCount": 1,
    }


async def test_a_picture_comes_in_segments(client: Client, receiver: Receiver) -> None:
    await client.switch("account", inbound_url=receiver.url + "/in")
    media = [{"name": "a.png", "content_type": "image/png", "base64": "UE5H"}]
    reply = {"from": "385916242493", "to": "385921004026", "text": "Look", "media": media}
    await client.control("POST", "/_phone/reply", reply)
    (pushed,) = json.loads(receiver.calls[0][3])["results"]
    assert [part["contentType"] for part in pushed["message"]] == ["image/png", "text/plain"]
    assert "text" not in pushed


@pytest.mark.parametrize("path", ["/sms/3/logs?messageId=" + "a" * 2049, "/sms/3/reports?limit=1001"])
async def test_what_may_be_asked_has_limits(client: Client, path: str) -> None:
    assert (await ask(client, path)).status == 400


@pytest.mark.parametrize("path", ["/sms/3/messages", "/sms/2/text/advanced"])
async def test_every_error_of_the_tables_can_be_asked_for_on_the_wire(client: Client, path: str) -> None:
    body = single() if path.startswith("/sms/3") else OLDER
    for code in (await client.control("GET", "/_control/account")).json["codes"]:
        await client.switch("account", refuse=code)
        got = await send(client, body, path)
        if code.startswith("E"):
            assert got.status == int(code[1:])
        else:
            assert got.json["messages"][0]["status"]["id"] == int(code)
    assert await client.log() == []
