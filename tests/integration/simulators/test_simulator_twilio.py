"""Twilio as its sheet describes it, asked with the sheet's own requests."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from tests.integration.simulators.conftest import QUICK, Client, Receiver

from gatepost.simulators.engine import Account
from gatepost.simulators.server import Server

SID = "AC" + "0123456789abcdef" * 2
SERVICE = "MG" + "0123456789abcdef" * 2
BASE = f"/account/2010-04-01/Accounts/{SID}"
AUTH = {"Authorization": aiohttp.encode_basic_auth(SID, "demo-auth-token")}
LITERAL = "To=%2B14155552345&From=%2B14155550100&Body=Hello%21+%F0%9F%91%8D"


@pytest.fixture
async def server(receiver: Receiver) -> AsyncIterator[Server]:
    account = Account(
        name="account",
        slug="twilio",
        numbers=("12028831111",),
        delivery_s=QUICK,
        receipt_url=receiver.url + "/dlr",
        inbound_url=receiver.url + "/in?x=%2F",
    )
    async with Server([account], patience=0.001) as server:
        yield server


async def send(client: Client, body: str = LITERAL, auth: Any = AUTH) -> Any:
    return await client.ask("POST", BASE + "/Messages.json", data=body, headers=auth)


async def test_the_literal_request_is_accepted(client: Client) -> None:
    got = await send(client)
    assert got.status == 201
    item = got.json
    assert item["sid"].startswith("SM")
    assert (item["status"], item["num_segments"], item["price"], item["error_code"]) == ("queued", "1", None, None)
    assert (item["to"], item["from"], item["body"]) == ("+14155552345", "+14155550100", "Hello! 👍")


async def test_a_messaging_service_accepts_without_counting(client: Client) -> None:
    got = await send(client, f"To=%2B14155552345&MessagingServiceSid={SERVICE}&Body=Hi")
    assert (got.json["status"], got.json["num_segments"], got.json["from"]) == ("accepted", "0", "+12028831111")


@pytest.mark.parametrize(
    ("auth", "path", "status", "code"),
    [
        ({}, BASE, 401, 20003),
        ({"Authorization": aiohttp.encode_basic_auth(SID, "wrong")}, BASE, 401, 20003),
        (AUTH, BASE[:-1] + "0", 404, 20404),
    ],
)
async def test_strangers_get_nothing(client: Client, auth: Any, path: str, status: int, code: int) -> None:
    got = await client.ask("GET", path + "/Balance.json", headers=auth)
    assert (got.status, got.json["code"], got.json["status"]) == (status, code, status)


async def test_an_api_key_signs_in_too(client: Client) -> None:
    key = aiohttp.encode_basic_auth("SK" + "0123456789abcdef" * 2, "demo-api-key-secret")
    got = await client.ask("GET", BASE + "/Balance.json", headers={"Authorization": key})
    assert got.json == {"account_sid": SID, "balance": "1000000", "currency": "USD"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("From=%2B14155550100&Body=Hi", 21604),
        ("To=14155552345&From=%2B14155550100&Body=Hi", 21211),
        ("To=%2B14155550003&From=%2B14155550100&Body=Hi", 21211),
        ("To=%2B14155550011&From=%2B14155550100&Body=Hi", 21610),
        ("To=%2B14155552345&Body=Hi", 21603),
        ("To=%2B14155552345&From=Refused&Body=Hi", 21212),
        ("To=%2B14155552345&From=TwelveLetter&Body=Hi", 21212),
        ("To=%2B14155552345&From=Acme", 21602),
        ("To=%2B14155552345&From=Acme&Body=" + "a" * 1601, 21617),
        ("To=%2B14155552345&From=Acme&Body=Hi&StatusCallback=nowhere", 21609),
        ("To=%2B14155552345&From=Acme&Body=Hi&ValidityPeriod=36001", 21624),
        ("To=%2B14155552345&From=Acme&Body=Hi&Validity=60", 20422),
        ("To=%2B14155552345&From=Acme&Body=Hi&Body=Ho", 20422),
        ("To=%2B14155552345&MessagingServiceSid=MG1&Body=Hi", 21701),
        ("To=%2B14155552345&From=Acme&Body=Hi&ScheduleType=fixed&SendAt=2099-01-01T00:00:00Z", 35118),
        (f"To=%2B1415555234&MessagingServiceSid={SERVICE}&Body=Hi&SendAt=2099-01-01T00:00:00Z", 35111),
        (
            f"To=%2B1415555234&MessagingServiceSid={SERVICE}&Body=Hi&ScheduleType=fixed&SendAt=2020-01-01T00:00:00Z",
            35114,
        ),
        (
            f"To=%2B1415555234&MessagingServiceSid={SERVICE}&Body=Hi&ScheduleType=fixed&SendAt=2099-01-01T00:00:00Z",
            35117,
        ),
    ],
)
async def test_what_is_wrong_has_its_code_and_nothing_is_taken(client: Client, body: str, code: int) -> None:
    got = await send(client, body)
    assert (got.status, got.json["code"]) == (got.json["status"], code)
    assert got.json["more_info"].endswith(f"/{code}")
    assert await client.log() == []


async def test_reports_come_signed_to_the_address_of_the_message(client: Client, receiver: Receiver) -> None:
    sid = (await send(client, f"{LITERAL}&StatusCallback={receiver.url}/mine%3Fref%3Da1")).json["sid"]
    calls = await receiver.wait_for(2)
    for (method, path, headers, body), status in zip(calls, ("sent", "delivered"), strict=True):
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        assert (method, path) == ("POST", "/mine?ref=a1")
        assert (fields["MessageSid"], fields["MessageStatus"], fields["SmsStatus"]) == (sid, status, status)
        assert headers["X-Twilio-Signature"] == signature(receiver.url + path, fields)


async def test_a_failure_carries_its_code(client: Client, receiver: Receiver) -> None:
    sid = (await send(client, LITERAL.replace("552345", "550001"))).json["sid"]
    _, path, _, body = (await receiver.wait_for(2))[-1]
    fields = dict(parse_qsl(body.decode()))
    assert (path, fields["MessageStatus"], fields["ErrorCode"]) == ("/dlr", "undelivered", "30005")
    shown = (await client.ask("GET", f"{BASE}/Messages/{sid}.json", headers=AUTH)).json
    assert (shown["status"], shown["error_code"], shown["price"]) == ("undelivered", 30005, "-0.00750")


async def test_a_reply_comes_with_blanks_and_a_signature(client: Client, receiver: Receiver) -> None:
    await client.control("POST", "/_phone/reply", {"from": "14155552345", "to": "12028831111", "text": "Msg"})
    _, path, headers, body = receiver.calls[0]
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    assert path == "/in?x=%2F"
    assert (fields["From"], fields["To"], fields["Body"]) == ("+14155552345", "+12028831111", "Msg")
    assert (fields["ToCity"], fields["SmsStatus"], fields["NumMedia"]) == ("", "received", "0")
    assert headers["X-Twilio-Signature"] == signature(receiver.url + path, fields)


async def test_stop_and_start_change_who_may_be_sent_to(client: Client, receiver: Receiver) -> None:
    await client.switch("account", options={"advanced_opt_out": "on"})
    for word, status in (("Stop", 400), ("START", 201)):
        await client.control("POST", "/_phone/reply", {"from": "14155552345", "to": "12028831111", "text": word})
        assert f"OptOutType={word.upper()}" in receiver.calls[-1][3].decode()
        receiver.calls.clear()
        assert (await send(client)).status == status


async def test_a_picture_can_be_fetched_with_credentials(client: Client, server: Server, receiver: Receiver) -> None:
    await client.switch("account", options={"media_base": f"{server.url}/account"})
    media = [{"name": "a.png", "content_type": "image/png", "base64": base64.b64encode(b"PNG").decode()}]
    reply = {"from": "14155552345", "to": "12028831111", "text": "Look", "media": media}
    await client.control("POST", "/_phone/reply", reply)
    fields = dict(parse_qsl(receiver.calls[0][3].decode()))
    assert (fields["NumMedia"], fields["MediaContentType0"]) == ("1", "image/png")
    path = fields["MediaUrl0"].removeprefix(server.url)
    assert (await client.ask("GET", path)).status == 401
    assert (await client.ask("GET", path, headers=AUTH)).body == b"PNG"


async def test_messages_are_listed_by_number_and_day(client: Client) -> None:
    sid = (await send(client)).json["sid"]
    day = (await client.ask("GET", f"{BASE}/Messages/{sid}.json", headers=AUTH)).json["date_created"]
    assert day.endswith("+0000")

    async def found(query: str) -> list[str]:
        got = await client.ask("GET", f"{BASE}/Messages.json?{query}", headers=AUTH)
        return [item["sid"] for item in got.json["messages"]]

    assert await found("To=%2B14155552345&PageSize=10") == [sid]
    assert await found("To=%2B14155552346") == []
    assert await found("DateSent=2001-01-01") == []


async def test_a_scheduled_message_can_be_canceled_and_redacted(client: Client) -> None:
    from datetime import UTC, datetime, timedelta

    at = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = f"To=%2B14155552345&MessagingServiceSid={SERVICE}&Body=Hi&ScheduleType=fixed&SendAt={at}"
    sid = (await send(client, body)).json["sid"]
    canceled = await client.ask("POST", f"{BASE}/Messages/{sid}.json", data="Status=canceled", headers=AUTH)
    assert canceled.json["status"] == "canceled"
    again = await client.ask("POST", f"{BASE}/Messages/{sid}.json", data="Status=canceled", headers=AUTH)
    assert again.json["code"] == 20422
    redacted = await client.ask("POST", f"{BASE}/Messages/{sid}.json", data="Body=", headers=AUTH)
    assert redacted.json["body"] == ""


async def test_every_error_of_the_table_can_be_asked_for_on_the_wire(client: Client) -> None:
    for code in (await client.control("GET", "/_control/account")).json["codes"]:
        await client.switch("account", refuse=code)
        got = await send(client)
        assert (got.json["code"], got.json["status"]) == (int(code), got.status)
    assert await client.log() == []


def signature(url: str, fields: dict[str, str]) -> str:
    data = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(b"demo-auth-token", data.encode(), hashlib.sha1).digest()).decode()
