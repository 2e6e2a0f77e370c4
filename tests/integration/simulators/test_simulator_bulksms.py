"""BulkSMS as its sheet describes it, asked with the sheet's own requests."""

import json

import aiohttp
import pytest

AUTH = {"Authorization": aiohttp.encode_basic_auth("demo-token-id", "demo-token-secret")}
CANONICAL = {
    "from": {"type": "ALPHANUMERIC", "address": "Acme"},
    "to": [{"type": "INTERNATIONAL", "address": "27001234567"}],
    "body": "Hello World!",
    "encoding": "TEXT",
    "longMessageMaxParts": 3,
    "deliveryReports": "ALL",
    "userSuppliedId": "a0",
}


async def send(client, body, query="auto-unicode=true", auth=AUTH):
    return await client.ask("POST", f"/cape/v1/messages?{query}", json=body, headers=auth)


async def test_one_object_with_a_plain_number_is_accepted(client):
    got = await send(client, {"to": "+27001234567", "body": "Hello World!"})
    assert got.status == 201
    (item,) = got.json
    assert isinstance(item["id"], str)
    assert (item["type"], item["to"], item["from"]) == ("SENT", "27001234567", "27000000000")
    assert item["status"] == {"id": "ACCEPTED.null", "type": "ACCEPTED", "subtype": None}
    assert (item["numberOfParts"], item["creditCost"]) == (None, None)


async def test_the_canonical_form_is_accepted(client):
    (item,) = (await send(client, [CANONICAL])).json
    assert (item["from"], item["userSuppliedId"], item["messageClass"]) == ("Acme", "a0", 2)


async def test_a_batch_is_answered_in_another_order(client):
    got = await send(
        client,
        [
            {"to": "27001234567", "body": "One", "userSuppliedId": "a1"},
            {"to": "27007654321", "body": "Two", "userSuppliedId": "a2"},
        ],
    )
    assert [(item["userSuppliedId"], item["to"]) for item in got.json] == [("a2", "27007654321"), ("a1", "27001234567")]
    assert [(entry["reference"], entry["text"]) for entry in await client.log()] == [("a1", "One"), ("a2", "Two")]


@pytest.mark.parametrize("auth", [{}, {"Authorization": aiohttp.encode_basic_auth("demo-token-id", "wrong")}])
async def test_wrong_credentials_are_a_401_problem(client, auth):
    got = await send(client, CANONICAL, auth=auth)
    assert got.status == 401
    assert got.json["type"].endswith("#authentication-failed")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"to": "12"}, "'to' is"),
        ({"to": None}, "'to' is"),
        ({"to": ["27001234567", "27001200003"]}, "'to': 27001200003"),
        ({"to": {"type": "GROUP", "name": "friends"}}, "'to': there is no such GROUP"),
        ({"body": ""}, "'body'"),
        ({"body": "a" * 460}, "'body' is longer"),
        ({"body": "zz", "encoding": "BINARY"}, "'body' is not hex"),
        ({"encoding": "UTF-8"}, "encoding"),
        ({"messageClass": 4}, "messageClass"),
        ({"userSuppliedId": "x" * 21}, "userSuppliedId"),
        ({"longMessageMaxParts": "3"}, "longMessageMaxParts"),
        ({"longMessageMaxParts": True}, "longMessageMaxParts"),
        ({"validity": 60}, "'validity' is not a known property"),
        ({"from": {"type": "ALPHANUMERIC", "address": "TwelveLetter"}}, "'from' is not a valid"),
        ({"from": {"type": "SHORTCODE", "address": "1234567"}}, "'from' is not a valid"),
        ({"from": "Refused"}, "'from' is not an approved"),
    ],
)
async def test_a_bad_field_is_named_in_a_400_and_nothing_is_taken(client, changes, words):
    got = await send(client, [CANONICAL, {**CANONICAL, **changes}])
    assert got.status == 400
    assert got.json["type"].endswith("#bad-request")
    assert words in got.json["detail"]
    assert await client.log() == []


@pytest.mark.parametrize(
    "query", ["deduplication-id=x", "deduplication-id=2147483648", "schedule-date=2030-01-01T00:00:00"]
)
async def test_a_bad_parameter_is_a_400(client, query):
    assert (await send(client, CANONICAL, query)).status == 400


async def test_what_is_no_json_is_a_400(client):
    headers = {"Content-Type": "application/json", **AUTH}
    assert (await client.ask("POST", "/cape/v1/messages", data=b"{", headers=headers)).status == 400
    assert (await client.ask("POST", "/cape/v1/messages", data="to=1&body=x", headers=AUTH)).status == 400


async def test_a_repeat_with_the_same_key_is_answered_alike_and_not_taken_again(client):
    first = await send(client, [CANONICAL], "deduplication-id=7")
    again = await send(client, [CANONICAL], "deduplication-id=7")
    other = await send(client, [CANONICAL], "deduplication-id=8")
    assert again.json == first.json
    assert other.json != first.json
    assert len(await client.log()) == 2


async def test_too_little_credit_is_a_403(client):
    await client.switch("cape", balance="1")
    got = await send(client, {"to": ["27001234567", "27007654321"], "body": "Hi"})
    assert (got.status, got.json["type"].partition("#")[2]) == (403, "insufficient-credits")
    assert (await send(client, {"to": "27001234567", "body": "Hi"})).status == 201
    profile = (await client.ask("GET", "/cape/v1/profile", headers=AUTH)).json
    assert profile["credits"]["balance"] == 0
    assert profile["quota"]["remaining"] == 9_999


async def test_a_blocked_number_is_accepted_charged_and_failed(client):
    blocked = await client.ask("POST", "/cape/v1/blocked-numbers", json=["+27007654321"], headers=AUTH)
    assert blocked.status == 201
    got = await send(client, {"to": ["27007654321", "27001200011"], "body": "Hi"})
    assert got.status == 201
    assert [item["status"]["id"] for item in got.json] == ["FAILED.BLOCKED"] * 2
    assert (await client.control("GET", "/_control/cape")).json["balance"] == "999998"


@pytest.mark.parametrize(
    ("query", "body", "text"),
    [
        ("auto-unicode=true", {"body": "Dobrá práce"}, "Dobrá práce"),
        ("auto-unicode=false", {"body": "Dobrá práce"}, "Dobr? pr?ce"),
        ("", {"body": "Dobrá práce", "encoding": "UNICODE"}, "Dobrá práce"),
        ("", {"body": "00ff", "encoding": "BINARY"}, "00ff"),
    ],
)
async def test_text_outside_gsm_needs_unicode(client, query, body, text):
    assert (await send(client, {"to": "27001234567", **body}, query)).status == 201
    assert (await client.log())[0]["text"] == text


async def test_one_message_by_get(client):
    got = await client.ask("GET", "/cape/v1/messages/send?to=%2B27001234567&body=Hi", headers=AUTH)
    assert got.status == 201
    assert (await client.log())[0]["text"] == "Hi"


async def test_receipts_are_lists_of_messages_and_end_delivered(client, receiver):
    (item,) = (await send(client, [CANONICAL])).json
    calls = await receiver.wait_for(2)
    reports = [report for _, _, _, raw in calls for report in json.loads(raw)]
    assert [report["status"]["id"] for report in reports] == ["SENT.null", "DELIVERED.null"]
    assert {report["id"] for report in reports} == {item["id"]}
    assert reports[1]["numberOfParts"] == 1
    assert reports[1]["creditCost"] == 1.0
    assert calls[0][0] == "POST"
    assert calls[0][2]["Content-Type"] == "application/json"


async def test_a_refused_callback_never_comes_again_and_a_failed_one_does(client, receiver):
    receiver.answers = [(404, b""), (500, b""), (200, b"")]
    await client.switch("cape", options={"invoke": "ONE"})
    await send(client, [CANONICAL])
    calls = await receiver.wait_for(3)
    types = [json.loads(raw)[0]["status"]["type"] for _, _, _, raw in calls]
    assert types == ["SENT", "DELIVERED", "DELIVERED"]


@pytest.mark.parametrize(
    ("wanted", "number", "types"), [("ERRORS", "27001200002", ["FAILED.EXPIRED"]), ("NONE", "27001234567", [])]
)
async def test_only_the_wanted_reports_come(client, receiver, eventually, wanted, number, types):
    await send(client, {**CANONICAL, "to": number, "deliveryReports": wanted})

    async def is_final():
        return (await client.phone())[0]["state"] in ("expired", "delivered")

    await eventually(is_final)
    if types:
        await receiver.wait_for(1)
    assert [report["status"]["id"] for _, _, _, raw in receiver.calls for report in json.loads(raw)] == types


async def test_a_webhook_is_probed_with_an_empty_list(client, receiver):
    await client.switch("cape", receipt_url="")
    hook = {"name": "dlr", "url": receiver.url + "/hook", "triggerScope": "SENT", "invokeOption": "ONE"}
    assert (await client.ask("POST", "/cape/v1/webhooks", json=hook, headers=AUTH)).status == 201
    assert receiver.calls[0][3] == b"[]"
    receiver.answers = [(500, b"")]
    refused = await client.ask("POST", "/cape/v1/webhooks", json=hook, headers=AUTH)
    assert refused.status == 400
    receiver.answers = [(200, b"")]
    await send(client, [CANONICAL])
    assert (await receiver.wait_for(4))[-1][1] == "/hook"
    assert len((await client.ask("GET", "/cape/v1/webhooks", headers=AUTH)).json) == 1


async def test_a_reply_is_a_received_message_with_number_ids(client, receiver):
    (item,) = (await send(client, {"to": "27001234567", "body": "Hi", "deliveryReports": "NONE"})).json
    await client.control("POST", "/_phone/reply", {"from": "27001234567", "to": "27000000000", "text": "STOP"})
    (reply,) = json.loads(receiver.calls[0][3])
    assert isinstance(reply["id"], int)
    assert len(str(reply["id"])) == 19
    assert (reply["type"], reply["from"], reply["to"], reply["body"]) == (
        "RECEIVED",
        "27001234567",
        "27000000000",
        "STOP",
    )
    assert reply["relatedSentMessageId"] == int(item["id"])
    related = await client.ask("GET", f"/cape/v1/messages/{item['id']}/relatedReceivedMessages", headers=AUTH)
    assert [found["id"] for found in related.json] == [reply["id"]]


async def test_messages_can_be_looked_up_one_by_one_and_by_filter(client):
    (first,) = (await send(client, [CANONICAL])).json
    (second,) = (await send(client, [{**CANONICAL, "userSuppliedId": "b1"}])).json
    shown = await client.ask("GET", f"/cape/v1/messages/{first['id']}", headers=AUTH)
    assert shown.json["userSuppliedId"] == "a0"
    missing = await client.ask("GET", "/cape/v1/messages/1", headers=AUTH)
    assert (missing.status, missing.json["type"].partition("#")[2]) == (404, "not-found")

    async def found(expression):
        got = await client.ask("GET", f"/cape/v1/messages?filter={expression}&sortOrder=ASCENDING", headers=AUTH)
        return [item["id"] for item in got.json]

    assert await found("userSuppliedId%3Db1") == [second["id"]]
    assert await found("type%3DSENT%26submission.id%3D" + first["submission"]["id"]) == [first["id"]]
    assert await found(f"id%3C{second['id']}") == [first["id"]]
    assert (await client.ask("GET", "/cape/v1/messages?filter=colour%3Dred", headers=AUTH)).status == 400


async def test_every_error_of_the_table_can_be_asked_for_on_the_wire(client):
    for code in (await client.control("GET", "/_control/cape")).json["codes"]:
        await client.switch("cape", refuse=code)
        got = await send(client, [CANONICAL])
        assert got.json["type"].endswith(f"#{code}")
        assert got.json["status"] == got.status
    assert await client.log() == []
