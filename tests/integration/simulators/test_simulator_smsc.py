"""SMSC as its sheet describes it, asked with the sheet's own requests."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from tests.integration.simulators.conftest import QUICK, Client, Receiver

from gatepost.simulators.engine import Account
from gatepost.simulators.server import Server

LOGIN = {"login": "demo", "psw": "demo-password", "fmt": "3"}
SINGLE = {"phones": "79001234567", "mes": "Код 1234", "id": "24", "charset": "utf-8", "cost": "3"}


@pytest.fixture
async def server(receiver: Receiver) -> AsyncIterator[Server]:
    account = Account(
        name="account",
        slug="smsc",
        numbers=("79990000001",),
        delivery_s=QUICK,
        receipt_url=receiver.url + "/dlr",
        inbound_url=receiver.url + "/in",
    )
    async with Server([account], patience=0.001) as server:
        yield server


async def ask(client: Client, name: str, encoding: str = "utf-8", **values: str) -> Any:
    body = urlencode({**LOGIN, **values}, encoding=encoding)
    return await client.ask("POST", f"/account/sys/{name}.php", data=body)


async def send(client: Client, **changes: str) -> Any:
    return await ask(client, "send", **{**SINGLE, **changes})


async def test_the_literal_request_is_accepted(client: Client) -> None:
    got = await send(client)
    assert (got.status, got.json) == (200, {"id": 24, "cnt": 1, "cost": "2.15", "balance": "999997.85"})
    (entry,) = await client.log()
    assert (entry["to"], entry["text"]) == ("79001234567", "Код 1234")


async def test_get_works_too_and_the_older_charset_is_the_default(client: Client) -> None:
    query = urlencode({**LOGIN, "phones": "+79001234567", "mes": "Привет"}, encoding="windows-1251")
    assert (await client.ask("GET", f"/account/sys/send.php?{query}")).json["cnt"] == 1
    (entry,) = await client.log()
    assert entry["text"] == "Привет"


async def test_a_list_has_texts_of_its_own_and_one_id(client: Client) -> None:
    values = {"list": "79001234567:Hello\\nAnn: hi\n79001234568:Hello Bob", "id": "25", "cost": "3", "op": "1"}
    got = (await ask(client, "send", **values)).json
    assert (got["id"], got["cnt"], got["cost"]) == (25, 2, "4.30")
    assert got["phones"][0] == {
        "phone": "79001234567",
        "mccmnc": "25001",
        "cost": "2.15",
        "status": "-1",
        "error": "",
    }
    assert [entry["text"] for entry in await client.log()] == ["Hello\nAnn: hi", "Hello Bob"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"psw": "wrong"}, 2),
        ({"login": "", "psw": "demo-password"}, 2),
        ({"phones": ""}, 1),
        ({"mes": ""}, 1),
        ({"id": "2147483648"}, 1),
        ({"charset": "latin-1"}, 1),
        ({"colour": "red"}, 1),
        ({"valid": "25"}, 1),
        ({"mes": "a" * 200, "maxsms": "1"}, 1),
        ({"fmt": "0"}, 1),
        ({"time": "soon"}, 5),
        ({"sender": "Refused"}, 6),
        ({"sender": "TwelveLetter"}, 6),
        ({"phones": "12"}, 7),
        ({"phones": "79001230003"}, 7),
        ({"phones": "79001230011"}, 8),
    ],
)
async def test_what_is_wrong_has_its_code_and_status_200(client: Client, changes: dict[str, str], code: int) -> None:
    got = await send(client, **changes)
    assert (got.status, got.json["error_code"]) == (200, code)
    assert await client.log() == []


@pytest.mark.parametrize(
    "sign_in",
    [
        {"psw": hashlib.md5(b"demo-password", usedforsecurity=False).hexdigest()},
        {"login": "", "psw": "demo-api-key"},
        {"login": "", "psw": "", "apikey": "demo-api-key"},
    ],
)
async def test_every_way_to_sign_in_works(client: Client, sign_in: dict[str, str]) -> None:
    assert (await ask(client, "balance", **sign_in)).json == {"balance": "1000000.00"}


async def test_the_same_request_within_a_minute_is_error_9(client: Client) -> None:
    assert "error" not in (await send(client)).json
    again = (await send(client)).json
    assert (again["error_code"], again["id"]) == (9, 24)
    assert "error" not in (await send(client, id="25")).json


async def test_a_price_check_sends_nothing(client: Client) -> None:
    assert (await send(client, cost="1")).json == {"cost": "2.15", "cnt": 1}
    await client.switch("account", balance="2")
    assert (await send(client)).json["error_code"] == 3
    assert await client.log() == []


async def test_a_bad_number_among_good_ones_is_named(client: Client) -> None:
    got = (await send(client, phones="79001234567,79001230003", op="1")).json
    assert [(item["status"], item["error"]) for item in got["phones"]] == [("-1", ""), ("22", "7")]
    assert len(await client.log()) == 1


async def test_states_are_asked_in_pairs(client: Client, receiver: Receiver) -> None:
    await send(client, phones="79001234567,79001230001")
    await receiver.wait_for(2)
    pairs = {"id": "24,24,26,", "phone": "79001234567,79001230001,79001234567,"}
    got = (await ask(client, "status", **pairs)).json
    assert [(item["id"], item["phone"], item["status"]) for item in got] == [
        ("24", "79001234567", 1),
        ("24", "79001230001", 20),
        ("26", "79001234567", -3),
    ]
    assert got[1]["err"] == 1
    single = (await ask(client, "status", id="24", phone="79001234567")).json
    assert single.keys() == {"status", "last_date", "last_timestamp"}
    for _ in range(3):
        await ask(client, "status", id="24", phone="79001234567")
    assert (await ask(client, "status", id="24", phone="79001234567")).json["error_code"] == 9
    assert (await ask(client, "status", id="24,25", phone="79001234567")).json["error_code"] == 1


async def test_a_report_is_signed(client: Client, receiver: Receiver) -> None:
    await send(client)
    _, path, _, body = (await receiver.wait_for(1))[0]
    fields = dict(parse_qsl(body.decode()))
    assert (path, fields["id"], fields["phone"], fields["status"]) == ("/dlr", "24", "79001234567", "1")
    assert fields["md5"] == md5("24:79001234567:1:demo-callback-secret")


async def test_a_reply_is_pushed_signed_and_can_be_fetched(client: Client, receiver: Receiver) -> None:
    await send(client)
    await receiver.wait_for(1)
    await client.control("POST", "/_phone/reply", {"from": "79001234567", "to": "79990000001", "text": "STOP"})
    fields = dict(parse_qsl(receiver.calls[-1][3].decode()))
    assert (fields["phone"], fields["mes"], fields["to"], fields["sms_id"]) == (
        "79001234567",
        "STOP",
        "79990000001",
        "24",
    )
    assert fields["md5"] == md5("79001234567:STOP:79990000001:demo-callback-secret")
    (answer,) = (await ask(client, "get", get_answers="1", hour="1")).json
    assert (answer["phone"], answer["message"], answer["to_phone"]) == ("79001234567", "STOP", "79990000001")
    assert (await ask(client, "get", get_answers="1", after_id=str(answer["id"]))).json["error_code"] == 3


async def test_every_error_of_the_table_can_be_asked_for_on_the_wire(client: Client) -> None:
    for code in (await client.control("GET", "/_control/account")).json["codes"]:
        await client.switch("account", refuse=code)
        assert (await send(client)).json["error_code"] == int(code)
    assert await client.log() == []


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
