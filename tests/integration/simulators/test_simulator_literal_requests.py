"""Simulators given the literal requests of the providers' documents and clients, without any adapter of ours."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from yarl import URL

from gatepost.simulators.engine import Account
from gatepost.simulators.faults import Faults
from gatepost.simulators.registry import all_simulators
from gatepost.simulators.server import Server

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
DEMO = "Basic ZGVtbzpkZW1vLXBhc3N3b3Jk"
MD5 = hashlib.md5(b"demo-password").hexdigest()
MFMS = "/revoup/demo/send?login=demo&password=demo-password&subject[0]=MyBank"
SOAP = "application/soap+xml; charset=utf-8"
MVNO = "/userpanel_webservices.php/mvnoservices/handler"


def soap(body: str) -> str:
    return (
        '<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:ns1="urn:simulated:mvnoservices" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<env:Body>{body}</env:Body></env:Envelope>"
    )


def rpc(method: str, *members: tuple[str, str]) -> str:
    inside = "".join(f"<member><name>{name}</name><value>{value}</value></member>" for name, value in members)
    struct = f"<value><struct>{inside}</struct></value>"
    return f"<methodCall><methodName>{method}</methodName><params><param>{struct}</param></params></methodCall>"


# slug, method, path, headers, body, status, and what the answer must look like
CASES: list[tuple[str, str, str, Mapping[str, str], str, int, str]] = [
    (
        *("mobitex", "POST", "/sms.php", FORM),
        f"user=demo&pass={MD5}&number=48123456789&text=you+have+got+mail&from=SMS+Service&type=sms&ext_id=7222",
        *(200, r"Status: 002, Id: [a-f0-9]{32}, Number: 48123456789"),
    ),
    (
        *("mobitex", "POST", "/sms.php", FORM),
        f"user=demo&pass={MD5}&number=48123456789&text=Hi&from=Firma&type=concat",
        *(200, r"Status: 105, Id: 0{32}, Number: 0000000000"),
    ),
    ("mobitex", "GET", f"/balance.php?user=demo&pass={MD5}", {}, "", 200, r"OK 1000000"),
    ("mobitex", "GET", "/balance.php?user=demo&pass=x", {}, "", 200, r"ERROR 001"),
    (
        *("intellin", "GET"),
        "/sendsms.cgi?http_username=demo&http_password=demo-password&fromphone=SENDER&phone_list=79031234567"
        "&message=Hello&format=json",
        *({}, "", 200),
        r'\{"error_num": "0", .*"message_id": "\d+", .*"message_parts": "1"\}',
    ),
    (
        *("intellin", "GET"),
        "/sendsms.cgi?http_username=demo&http_password=demo-password&phone_list=79031234567&message=Hello",
        *({}, "", 200, r".*error_num=0<br>.*message_id=\d+<br>.*"),
    ),
    (
        *("seventech", "POST", "/messaging/v1/send", JSON | {"Authorization": DEMO}),
        '{"scenario":[{"channel":"sms","recipient":{"type":"MSISDN","value":79031234567},"sender":"SHOP","text":"Hello"}],'
        '"callback":"https://sms.example.org/report/TOKEN","clientRequestId":"3f1c0a52-5a0f-4e57-9d0e-000000000001"}',
        *(200, r'\{"txId": "[0-9a-f-]{36}", "state": "ACCEPTED"\}'),
    ),
    ("seventech", "POST", "/messaging/v1/send", JSON, "{}", 401, "Unauthorized"),
    (
        *("playmobile", "POST", "/broker-api/send"),
        {"Content-Type": "application/json; charset=UTF-8", "Authorization": DEMO},
        '{"messages":[{"message-id":"unique_string_1","recipient":"998903332211","sms":{"originator":"0001","content":'
        '{"text":"Hello world!"}}},{"message-id":"unique_string_2","recipient":"998903332211","sms":'
        '{"originator":"0001","content":{"text":"Yankee!"}}}]}',
        *(200, "Request is received"),
    ),
    (
        *("playmobile", "POST", "/broker-api/send"),
        {"Content-Type": "application/json; charset=UTF-8", "Authorization": DEMO},
        '{"messages":[{"message-id":"a","recipient":"998903332211","sms":{"originator":null,"content":{"text":"x"}}}]}',
        *(400, r'\{"error_code": "101", .*'),
    ),
    ("edna", "GET", f"{MFMS}&address[0]=79161234567&text[0]=Hello", {}, "", 200, r"ok;0;\d+"),
    ("edna", "GET", f"{MFMS}&address[0]=79161234567&text[0]=A&address[1]=7&text[1]=B", {}, "", 200, "error-syntax"),
    (
        *("edna", "POST", "/connector_sme/api/smsOutMessage", JSON | {"X-API-KEY": "demo-api-key"}),
        '{"id":"abc","subject":"MyBank","address":"79161234567","priority":"high","contentType":"text","content":"Hello"}',
        *(200, r'\{"id": "\d+", "code": "ok"\}'),
    ),
    (
        *("devino", "POST", "/online/sms/messages", JSON | {"Authorization": "Key demo-api-key"}),
        '{"messages":[{"from":"sendersName","to":"79483547434","text":"Hello","validity":0,"priority":"HIGH",'
        '"scheduledTime":"2022-09-09T08:52:27.319Z","callbackUrl":"https://www.callback-url.com/",'
        '"options":{"key1":"value1","key2":"value2"}},{"from":"sendersName","to":"790","text":"Hello"}]}',
        200,
        r'\{"result": \[\{"code": "OK", "messageId": "\d+", "segmentsId": null\}, \{"code": "REJECTED", .*"to".*',
    ),
    (
        *("devino", "POST", "/rest/v2/Sms/SendBulk", FORM),
        "Login=demo&Password=demo-password&SourceAddress=TESTSMS&DestinationAddresses=79160000000"
        f"&DestinationAddresses=79053500000&Data={'x' * 200}",
        *(200, r'\["\d+", "\d+-2-2", "\d+", "\d+-2-2"\]'),
    ),
    (
        *("devino", "POST", "/rest/v2/Sms/Send", FORM),
        "Login=demo&Password=wrong&DestinationAddress=79161002030&SourceAddress=DEVINO&Data=test&Validity=0",
        *(401, r'\{"Code": 4, "Desc": "Invalid user login or password"\}'),
    ),
    (
        *("smsimple", "GET"),
        "/http_send.php?user=demo&pass=demo-password&or_id=12345&phone=79161234567"
        "&message=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82",
        *({}, "", 200, r"Сообщение #\d+ отослано\."),
    ),
    (
        *("smsimple", "POST", "/", {"Content-Type": "text/xml; charset=UTF-8"}),
        rpc("pajm.user.auth", ("username", "<string>demo</string>"), ("password", "demo-password")),
        *(200, r".*<name>session_id</name><value><string>[0-9a-f]{32}</string>.*"),
    ),
    (
        *("smsimple", "POST", "/", {"Content-Type": "text/xml; charset=UTF-8"}),
        rpc("pajm.user.get_balance", ("session_id", "<string>none</string>")),
        *(200, r".*<name>info</name><value><string>Invalid session_id</string>.*"),
    ),
    (
        *("threes", "POST", MVNO, {"Content-Type": SOAP}),
        soap(
            '<ns1:login><username xsi:type="xsd:string">demo</username><password xsi:type="xsd:string">demo-password'
            '</password><timeout xsi:type="xsd:int">3600</timeout></ns1:login>'
        ),
        *(200, r'.*<rpc:result>loginResponse</rpc:result><loginResponse xsi:type="xsd:string">[0-9a-f]{32}<.*'),
    ),
    (
        *("threes", "POST", MVNO, {"Content-Type": SOAP, "Cookie": "sessionID=0123"}),
        soap("<ns1:smsSend><options/></ns1:smsSend>"),
        *(500, r".*<env:Fault>.*Authorization required!.*"),
    ),
]


@pytest.mark.parametrize(
    ("slug", "method", "path", "headers", "body", "status", "answer"), CASES, ids=lambda value: str(value)[:40]
)
async def test_answers_as_the_documents_say(
    slug: str, method: str, path: str, headers: dict[str, str], body: str, status: int, answer: str
) -> None:
    got = await _ask(slug, method, path, headers, body)
    assert got[0] == status, got
    assert re.fullmatch(answer, got[1].strip(), re.DOTALL), got[1]


ACCEPTED = [case for case in CASES if case[5] == 200 and re.search(r"Id: \[|message_id|txId|ok;0|messageId", case[6])]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: f"{case[0]} {case[2]}"[:60])
async def test_an_answer_can_lack_its_id(case: Any) -> None:
    slug, method, path, headers, body, status, answer = case
    got = await _ask(slug, method, path, headers, body, Faults(answer="ok_without_id"))
    assert got[0] == status
    assert not re.fullmatch(answer, got[1].strip(), re.DOTALL) or "0" * 32 in got[1]


async def _ask(
    slug: str, method: str, path: str, headers: Mapping[str, str], body: str, faults: Faults | None = None
) -> tuple[int, str]:
    account = Account(name="account", slug=slug, faults=faults or Faults())
    assert slug in all_simulators()
    async with Server([account]) as server, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        url = URL(server.url_of("account") + path, encoded=True)
        async with session.request(method, url, headers=headers, data=body.encode() or None) as answer:
            text = await answer.text()
            assert answer.content_type != "application/json" or json.loads(text) is not None
            return answer.status, text
