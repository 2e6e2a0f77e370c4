"""Kannel and Jasmin as the generic gateway's presets meet them."""

from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import pytest

LOGIN = "username=demo&password=demo-password"


async def sendsms(client, query):
    return await client.ask("GET", f"/kannel/cgi-bin/sendsms?{query}")


async def send(client, data):
    return await client.ask("POST", "/jasmin/send", data=data)


async def test_kannel_accepts_with_202_and_no_id(client):
    got = await sendsms(client, f"{LOGIN}&from=2020&to=%2B250788383383&text=Simple+Message")
    assert (got.status, got.text) == (202, "0: Accepted for delivery")
    (entry,) = await client.log()
    assert (entry["to"], entry["sender"], entry["text"]) == ("250788383383", "2020", "Simple Message")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("username=demo&password=no&from=2020&to=1234&text=x", 403, "Authorization failed for sendsms"),
        (f"{LOGIN}&from=2020&text=x", 400, "Missing receiver number, rejected"),
        (f"{LOGIN}&to=1234&text=x", 400, "Sender missing and no global set, rejected"),
        (f"{LOGIN}&from=2020&to=1234", 400, "Empty text not allowed, rejected"),
        (f"{LOGIN}&from=2020&to=48100200003&text=x", 403, "Not routable. Do not try again."),
    ],
)
async def test_kannel_refuses_in_its_words(client, query, status, words):
    got = await sendsms(client, query)
    assert (got.status, got.text) == (status, words)
    assert await client.log() == []


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("coding=2&charset=UTF-8&text=Za%C5%BC%C3%B3%C5%82%C4%87", "Zażółć"),
        ("coding=0&charset=UTF-8&text=Za%C5%BC%C3%B3%C5%82%C4%87", "Za????"),
        ("coding=2&charset=UTF-16BE&text=%00Z%00a%01%7C%00%F3%01B%01%07", "Zażółć"),
        ("coding=2&text=%00Z%00a", "Za"),
        ("text=%E2%82%AC%5E%7B%7D%26%25%2B%23", "€^{}&%+#"),
    ],
)
async def test_kannel_reads_the_text_by_coding_and_charset(client, query, text):
    await sendsms(client, f"{LOGIN}&from=2020&to=250788383383&{query}")
    assert (await client.log())[0]["text"] == text


async def test_kannel_takes_several_receivers_separated_by_spaces(client):
    await sendsms(client, f"{LOGIN}&from=2020&to=250788383383+250788383384+x&text=Hi")
    assert [entry["to"] for entry in await client.log()] == ["250788383383", "250788383384"]


async def test_kannel_fills_the_escapes_of_the_receipt_url(client, receiver):
    url = f"{receiver.url}/own?ref=42%20a&status=%d&err=%A&id=%F&x=%z"
    await sendsms(client, f"{LOGIN}&from=2020&to=250788383383&text=Hi&dlr-mask=31&dlr-url={quote(url, safe='')}")
    calls = await receiver.wait_for(2)
    first, last = (parse_qs(urlsplit(target).query) for _, target, _, _ in calls)
    assert [method for method, *_ in calls] == ["GET", "GET"]
    assert (first["ref"], first["status"], first["err"]) == (["42 a"], ["8"], ["ACK/"])
    assert (last["status"], last["id"]) == (["1"], first["id"])
    assert "&x=%z" in calls[0][1]


@pytest.mark.parametrize(
    ("number", "mask", "statuses"),
    [
        ("250788380001", 31, ["8", "2"]),
        ("250788380006", 31, ["8", "16"]),
        ("250788383383", 3, ["1"]),
    ],
)
async def test_kannel_reports_what_the_mask_asks_for(client, receiver, number, mask, statuses):
    url = quote(f"{receiver.url}/own?status=%d", safe="")
    await sendsms(client, f"{LOGIN}&from=2020&to={number}&text=Hi&dlr-mask={mask}&dlr-url={url}")
    calls = await receiver.wait_for(len(statuses))
    assert [parse_qs(urlsplit(target).query)["status"][0] for _, target, _, _ in calls] == statuses


async def test_kannel_inbound_fills_the_get_url_or_adds_fields(client, receiver):
    body = {"from": "250788383383", "to": "2020", "text": "Tak & ż"}
    await client.control("POST", "/_phone/reply", body)
    assert dict(parse_qsl(urlsplit(receiver.calls[0][1]).query)) == body
    await client.switch("kannel", inbound_url=receiver.url + "/in?who=%p&what=%a")
    await client.control("POST", "/_phone/reply", body)
    assert receiver.calls[1][1] == "/in?who=250788383383&what=Tak%20%26%20%C5%BC"


async def test_jasmin_answers_success_with_the_id_that_receipts_carry(client, receiver):
    url = quote(f"{receiver.url}/own?ref=42", safe="")
    receiver.answers = [(200, b"OK"), (200, b"ACK/Jasmin")]
    got = await send(
        client, f"{LOGIN}&to=250788383383&from=2020&content=Hi&dlr=yes&dlr-level=2&dlr-method=POST&dlr-url={url}"
    )
    (entry,) = await client.log()
    assert (got.status, got.text) == (200, f'Success "{entry["id"]}"')
    calls = await receiver.wait_for(2)
    assert calls[0][:2] == calls[1][:2] == ("POST", "/own?ref=42")
    form = dict(parse_qsl(calls[0][3].decode()))
    assert (form["id"], form["message_status"], form["level"], form["connector"]) == (
        entry["id"],
        "DELIVRD",
        "2",
        "demo_cid",
    )
    assert form["id_smsc"].isdigit()
    assert len(form["donedate"]) == 10


@pytest.mark.parametrize(("level", "statuses"), [("1", ["ESME_ROK"]), ("3", ["ESME_ROK", "DELIVRD"])])
async def test_jasmin_reports_the_levels_asked_for(client, receiver, level, statuses):
    receiver.answers = [(200, b"ACK/Jasmin")]
    url = quote(f"{receiver.url}/own", safe="")
    await send(client, f"{LOGIN}&to=250788383383&content=Hi&dlr=yes&dlr-level={level}&dlr-method=GET&dlr-url={url}")
    calls = await receiver.wait_for(len(statuses))
    assert [parse_qs(urlsplit(target).query)["message_status"][0] for _, target, _, _ in calls] == statuses


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (f"{LOGIN}&to=250788383383&content=Hi&colour=red", 400, 'Error "Argument colour is unknown."'),
        (f"{LOGIN}&content=Hi", 400, 'Error "Mandatory argument to is not found."'),
        (
            f"{LOGIN}&to=250788383383",
            400,
            'Error "Mandatory arguments not found, please refer to the HTTPAPI specifications."',
        ),
        (f"{LOGIN}&to=250788383383&content=Hi&coding=12", 400, 'Error "Argument coding has an invalid value: 12."'),
        (
            f"{LOGIN}&to=250788383383&content=Hi&from=Refused",
            400,
            'Error "Argument from has an invalid value: Refused."',
        ),
        ("username=u&password=p&to=250788383383&content=Hi", 403, 'Error "Authentication failure for username:u"'),
        (f"{LOGIN}&to=250788380003&content=Hi", 412, 'Error "No route found"'),
    ],
)
async def test_jasmin_refuses_in_its_words(client, data, status, words):
    got = await send(client, data)
    assert (got.status, got.text) == (status, words)
    assert await client.log() == []


async def test_jasmin_without_credit(client):
    await client.switch("jasmin", balance="0")
    got = await send(client, f"{LOGIN}&to=250788383383&content=Hi")
    assert (got.status, got.text) == (403, 'Error "Cannot charge submit_sm, check RouterPB log file for details"')
    assert (await client.ask("GET", f"/jasmin/balance?{LOGIN}")).json == {"balance": 0.0, "sms_count": "ND"}


async def test_jasmin_takes_unicode_as_hexadecimal(client):
    await send(client, f"{LOGIN}&to=250788383383&coding=8&hex-content=005A0061017C00F301420107")
    assert (await client.log())[0]["text"] == "Zażółć"


async def test_jasmin_inbound_is_repeated_until_it_is_acknowledged(client, receiver):
    receiver.answers = [(200, b"OK"), (200, b"ACK/Jasmin")]
    got = await client.control("POST", "/_phone/reply", {"from": "250788383383", "to": "3030", "text": "ż"})
    assert got.json["taken"] is False
    calls = await receiver.wait_for(2)
    form = parse_qs(calls[1][3], keep_blank_values=True)
    assert (form[b"from"], form[b"to"], form[b"coding"]) == ([b"250788383383"], [b"3030"], [b"8"])
    assert form[b"content"] == ["ż".encode("utf-16-be")]
    assert form[b"binary"] == [b"017c"]
