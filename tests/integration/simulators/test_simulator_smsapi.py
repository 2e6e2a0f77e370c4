"""SMSAPI as its sheet describes it, asked with the sheet's own requests."""

import hashlib
import time
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

TOKEN = {"Authorization": "Bearer demo-token"}
MD5 = hashlib.md5(b"demo-password").hexdigest()


async def sms_do(client, data, headers=TOKEN):
    return await client.ask("POST", "/warsaw/sms.do", data=data, headers=headers)


async def test_a_single_message_is_accepted_with_the_fields_of_the_sheet(client):
    got = await sms_do(
        client, "to=48100200300&message=test&from=Test&format=json&encoding=utf-8&idx=a1b2c3&check_idx=1"
    )
    assert got.status == 200
    item = got.json["list"][0]
    assert got.json["count"] == 1
    assert item["id"]
    assert item | {"id": "", "date_sent": 0} == {
        "id": "",
        "points": 0.16,
        "number": "48100200300",
        "date_sent": 0,
        "submitted_number": "48100200300",
        "status": "QUEUE",
        "error": None,
        "idx": "a1b2c3",
        "parts": 1,
    }


async def test_a_national_number_in_json_is_completed_and_details_are_given(client):
    got = await client.ask(
        "POST",
        "/warsaw/sms.do?format=json",
        json={"to": "100200300", "message": "test", "details": True},
        headers=TOKEN,
    )
    item = got.json["list"][0]
    assert (item["number"], item["submitted_number"]) == ("48100200300", "100200300")
    assert (item["message"], item["length"], item["parts"]) == ("test", 4, 1)


async def test_a_batch_gives_points_as_text_and_each_idx(client):
    got = await sms_do(client, "to=48100200300%2C48100200301&message=test&idx=r1%7Cr2&check_idx=1&format=json")
    assert [(item["number"], item["idx"], item["points"]) for item in got.json["list"]] == [
        ("48100200300", "r1", "0.1600"),
        ("48100200301", "r2", "0.1600"),
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("to=%2B48100200300&message=test", 13),
        ("to=48100200003&message=test", 13),
        ("to=48100200011&message=test", 59),
        ("message=test", 13),
        ("to=48100200300", 11),
        ("to=48100200300&message=" + "a" * 919, 11),
        ("to=48100200300&message=" + "a" * 161 + "&max_parts=1", 12),
        ("to=48100200300&message=%C5%BC&nounicode=1", 11),
        ("to=48100200300&message=%C5%BC&flash=1", 17),
        ("to=48100200300&message=test&from=Refused", 14),
        ("to=48100200300&message=test&from=TwelveLetter", 14),
        ("to=48100200300&message=test&from=48500100200", 14),
        ("to=48100200300,48100200301&message=test&idx=one", 20),
        ("to=48100200300&message=test&idx=" + "x" * 256, 27),
        ("to=48100200300&message=test&date=99999999999", 50),
        ("to=48100200300&message=test&date=tomorrow&date_validate=1", 54),
        ("to=48100200300&message=test&expiration_date=1", 56),
        ("to=48100200300&message=test&notify_url=nowhere", 70),
        ("to=48100200300,48100200301&message=[%251%25]&param1=a|b|c", 18),
        ("group=friends&message=test", 40),
        ("group=friends&message=test&param1=a", 93),
        ("to=48100200300&template=welcome", 104),
        ("to=48100200300&message=zz&datacoding=bin", 30),
        ("status=ABCDEF", 301),
        ("status=%21", 400),
        ("sch_del=ABCDEF", 301),
        ("to=" + ",".join(["48100200300"] * 10_001) + "&message=test", 19),
    ],
)
async def test_what_is_wrong_has_its_error_with_status_200_and_nothing_is_taken(client, data, code):
    got = await sms_do(client, data + "&format=json")
    assert (got.status, got.json["error"]) == (200, code)
    assert got.json["message"]
    assert await client.log() == []
    text = await sms_do(client, data)
    assert text.text == f"ERROR:{code}"


@pytest.mark.parametrize(
    ("headers", "extra", "code"),
    [
        ({}, "", 101),
        ({"Authorization": "Bearer other"}, "", 101),
        ({}, f"&username=demo&password={MD5}", None),
        ({}, "&username=demo&password=demo-password", 102),
        ({}, f"&username=other&password={MD5}", 102),
    ],
)
async def test_token_or_login_with_md5_password(client, headers, extra, code):
    got = await sms_do(client, "to=48100200300&message=test&format=json" + extra, headers)
    assert got.json.get("error") == code


async def test_an_idx_is_accepted_once_with_check_idx(client):
    data = "to=48100200300&message=test&idx=once&check_idx=1&format=json"
    assert "list" in (await sms_do(client, data)).json
    assert (await sms_do(client, data)).json["error"] == 53
    assert "list" in (await sms_do(client, data.replace("&check_idx=1", ""))).json
    assert len(await client.log()) == 2


async def test_too_little_credit_refuses_the_whole_request(client):
    await client.switch("warsaw", balance="0.20")
    got = await sms_do(client, "to=48100200300,48100200301&message=test&format=json")
    assert got.json["error"] == 103
    assert "list" in (await sms_do(client, "to=48100200300&message=test&format=json")).json
    balance = await client.ask("GET", "/warsaw/user.do?credits=1&details=1&format=json", headers=TOKEN)
    assert balance.json["points"] == pytest.approx(0.04)


async def test_the_eleventh_message_to_a_number_within_a_minute_is_refused(client):
    data = "to=48100200300&message=test&format=json"
    answers = [(await sms_do(client, data)).json for _ in range(11)]
    assert ["error" in answer for answer in answers] == [False] * 10 + [True]
    assert answers[-1]["error"] == 52


async def test_invalid_numbers_of_a_batch_are_dropped_and_named(client):
    got = await sms_do(client, "to=48100200300,12&message=test&format=json")
    assert [item["number"] for item in got.json["list"]] == ["48100200300"]
    assert got.json["invalid_numbers"][0]["submitted_number"] == "12"


async def test_the_test_parameter_takes_nothing(client):
    got = await sms_do(client, "to=48100200300&message=test&test=1&format=json")
    assert got.json["count"] == 1
    assert await client.log() == []


async def test_placeholders_are_filled_for_each_number(client):
    await sms_do(client, "to=48100200300,48100200301&message=Hi+%5B%251%25%5D&param1=Ala%7COla&format=json")
    assert [entry["text"] for entry in await client.log()] == ["Hi Ala", "Hi Ola"]


@pytest.mark.parametrize(("encoding", "raw"), [("utf-8", "%C5%BC"), ("windows-1250", "%BF"), ("iso-8859-2", "%BF")])
async def test_the_encoding_parameter_tells_how_to_read_the_text(client, encoding, raw):
    await sms_do(client, f"to=48100200300&message={raw}&encoding={encoding}&format=json")
    assert (await client.log())[0]["text"] == "ż"


async def test_without_format_the_answer_is_text(client):
    got = await sms_do(client, "to=48100200300&message=test")
    word, message_id, points = got.text.split(":")
    assert (word, points) == ("OK", "0.16")
    assert message_id == (await client.log())[0]["id"]


async def test_the_receipt_comes_by_get_to_the_urls_and_is_repeated_until_ok(client, receiver):
    receiver.answers = [(200, b"thanks"), (500, b"OK"), (200, b"OK")]
    got = await sms_do(client, "to=48100200300&message=test&idx=a1b2c3&from=Test&format=json")
    calls = await receiver.wait_for(3)
    assert len({call[1] for call in calls}) == 1
    method, target, _, _ = calls[0]
    assert method == "GET"
    assert urlsplit(target).path == "/dlr"
    query = dict(parse_qsl(urlsplit(target).query))
    assert abs(int(query.pop("donedate")) - time.time()) < 60
    assert abs(int(query.pop("sent_at")) - time.time()) < 60
    assert query == {
        "MsgId": got.json["list"][0]["id"],
        "status": "404",
        "status_name": "DELIVERED",
        "idx": "a1b2c3",
        "username": "demo",
        "from": "Test",
        "to": "48100200300",
        "points": "0.16",
        "mcc": "260",
        "mnc": "2",
    }


async def test_notify_url_overrides_the_account_and_reports_are_joined_by_comma(client, receiver):
    await client.switch("warsaw", delivery_s=[0.02, 0.02])
    numbers = ",".join(f"4810020030{n}" for n in range(7))
    await sms_do(client, f"to={numbers}&message=test&notify_url={receiver.url}/own%3Fk%3D1&format=json")
    calls = await receiver.wait_for(2)
    queries = [parse_qs(urlsplit(target).query) for _, target, _, _ in calls]
    assert all(target.startswith("/own?k=1&") for _, target, _, _ in calls)
    assert sorted(len(query["MsgId"][0].split(",")) for query in queries) == [2, 5]
    assert {query["from"][0] for query in queries} == {"Test"}
    assert all(len(query["status"][0].split(",")) == len(query["to"][0].split(",")) for query in queries)


@pytest.mark.parametrize(
    ("number", "status"),
    [("48100200001", "405"), ("48100200002", "402"), ("48100200006", "407"), ("48100200010", "408")],
)
async def test_special_numbers_have_their_receipts(client, receiver, number, status):
    await sms_do(client, f"to={number}&message=test&format=json")
    ((_, target, _, _),) = await receiver.wait_for(1)
    assert parse_qs(urlsplit(target).query)["status"] == [status]


async def test_the_state_can_be_asked_for(client, eventually):
    message_id = (await sms_do(client, "to=48100200300&message=test&format=json")).json["list"][0]["id"]

    async def state():
        got = await client.ask("GET", f"/warsaw/sms.do?format=json&status={message_id}", headers=TOKEN)
        return got.json["list"][0]["status"]

    assert await state() == "QUEUE"

    async def is_delivered():
        return await state() == "DELIVERED"

    await eventually(is_delivered)


async def test_a_scheduled_message_waits_and_can_be_deleted(client, receiver):
    at = int(time.time()) + 3600
    message_id = (await sms_do(client, f"to=48100200300&message=test&date={at}&format=json")).json["list"][0]["id"]
    assert (await client.phone())[0]["state"] == "scheduled"
    deleted = await sms_do(client, f"sch_del={message_id}&format=json")
    assert deleted.json == {"count": 1, "list": [{"id": message_id}]}
    assert (await client.phone())[0]["state"] == "cancelled"
    assert receiver.calls == []


async def test_a_reply_comes_as_the_form_of_the_sheet(client, receiver):
    body = {"from": "+48500100200", "to": "48661000112", "text": "TAK ż"}
    got = await client.control("POST", "/_phone/reply", body)
    assert got.json["taken"] is True
    method, target, headers, raw = receiver.calls[0]
    assert (method, target) == ("POST", "/in")
    assert headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    form = dict(parse_qsl(raw.decode()))
    assert form.pop("sms_date").isdigit()
    assert form == {"sms_to": "48661000112", "sms_from": "48500100200", "sms_text": "TAK ż", "username": "demo"}


async def test_a_picture_comes_as_mms_to_its_own_address(client, receiver):
    media = [{"name": "cat.png", "content_type": "image/png", "base64": "iVBORw=="}]
    body = {"from": "48500100200", "to": "48661000112", "text": "look", "media": media}
    await client.control("POST", "/_phone/reply", body)
    _, target, headers, raw = receiver.calls[0]
    assert target == "/mms"
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="mms_text"\r\n\r\nlook\r\n' in raw
    assert b'filename="cat.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n' in raw


async def test_account_paths_need_the_token(client):
    assert (await client.ask("GET", "/warsaw/profile")).status == 401
    assert (await client.ask("GET", "/warsaw/profile", headers=TOKEN)).json["payment_type"] == "prepaid"
    assert (await client.ask("GET", "/warsaw/ping", headers=TOKEN)).json == {"authorized": True, "unavailable": []}
    senders = await client.ask("GET", "/warsaw/sms/sendernames", headers=TOKEN)
    assert senders.json["collection"][0]["sender"] == "Test"


async def test_callbacks_can_be_registered_tested_and_switched(client, receiver):
    url = receiver.url + "/registered"
    await client.switch("warsaw", receipt_url="")
    added = await client.ask("POST", "/warsaw/callbacks", json={"url": url, "type": "sms_dlr"}, headers=TOKEN)
    number = added.json["id"]
    tested = await client.ask("GET", f"/warsaw/callbacks/{number}/commands/test", headers=TOKEN)
    assert tested.json["test_result"] is True
    assert tested.json["http_response_body"] == "OK"
    await sms_do(client, "to=48100200300&message=test&format=json")
    assert (await receiver.wait_for(2))[1][1].startswith("/registered?MsgId=")
    off = await client.ask("PUT", f"/warsaw/callbacks/{number}/commands/deactivate", headers=TOKEN)
    assert off.json["active"] is False
    assert (await client.ask("GET", "/warsaw/callbacks", headers=TOKEN)).json["size"] == 1


async def test_mms_has_the_list_form_and_a_limit_on_its_subject(client):
    data = "to=48100200300&smil=%3Csmil%2F%3E&format=json&subject="
    assert (await client.ask("POST", "/warsaw/mms.do", data=data + "x" * 31, headers=TOKEN)).json["error"] == 26
    assert (await client.ask("POST", "/warsaw/mms.do", data=data + "Cat", headers=TOKEN)).json["count"] == 1


async def test_every_error_of_the_table_can_be_asked_for_on_the_wire(client):
    state = (await client.control("GET", "/_control/warsaw")).json
    for code in state["codes"]:
        await client.switch("warsaw", refuse=code)
        got = await sms_do(client, "to=48100200300&message=test&format=json")
        assert got.json["error"] == int(code)
    assert await client.log() == []
