"""Burst SMS, BulkSMS's older interface, Stream Telecom and Clickatell, asked with the examples of their sheets.

A case is a conversation with one account: requests with what their answers must look like; `{}` in a path or body is
what the last group of the answer before matched.
"""

import re
from collections.abc import Mapping

import aiohttp
import pytest
from yarl import URL

from gatepost.simulators.engine import Account
from gatepost.simulators.faults import Faults
from gatepost.simulators.registry import all_simulators
from gatepost.simulators.server import Server

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BURST = FORM | {"Authorization": aiohttp.encode_basic_auth("demo-api-key", "demo-api-secret")}
KEY = {"Content-Type": "application/json", "Authorization": "demo-api-key"}
BEARER = {"Content-Type": "application/json", "Authorization": "Bearer demo-api-key", "X-Version": "1"}
EAPI = "username=demo&password=demo-password"
STREAM = "login=demo&pass=demo-password"
OLD = "user=demo&password=demo-password&api_id=12345"
HEX = "([0-9a-f]{32})"

Ask = tuple[str, str, Mapping[str, str], str, int, str]
TALKS: list[tuple[str, list[Ask]]] = [
    (
        "burstsms",
        [
            (
                *("POST", "/send-sms.json", BURST),
                "message=Hello+world&to=61400000201&from=Acme&dlr_callback=https%3A%2F%2Fgw.example.com%2Fdlr%3Fref%3Db1",
                200,
                r'{"message_id": (\d+), "send_at": "[-0-9]+ [:0-9]+", "recipients": 1, "cost": 0.087, .*"SUCCESS".*',
            ),
            (
                *("POST", "/get-sms-delivery-status.json", BURST, "message_id={}&msisdn=61400000201", 200),
                r'{"stats": {.*"mobile": 61400000201, .*"status": "pending", "message": "Hello world"}, "error": .*',
            ),
        ],
    ),
    (
        "burstsms",
        [
            (
                *("POST", "/2/send-sms.json", BURST, "message=Hi&to=61400000201,0400000001,61400000011", 200),
                r'{"message_id": (\d+), .*"recipients": 1, .*',
            ),
            (
                *("POST", "/get-sms-sent.json", BURST, "message_id={}&page=1&max=100", 200),
                r'.*"recipients": \[{"msisdn": 61400000201, "delivery_status": "pending", "optout": false}\], .*',
            ),
        ],
    ),
    (
        "burstsms",
        [
            (
                *("POST", "/send-sms.json", BURST, "message=Hi&to=0400000001,61400000011", 400),
                r'.*"description": {"fails": \["0400000001"\], "optouts": \["61400000011"\]}.*',
            ),
            ("POST", "/send-sms.json", BURST, "to=61400000201", 400, r'.*"FIELD_EMPTY".*message.*'),
            ("GET", "/get-balance.json", BURST, "", 200, r'{"balance": 1000000.0, "currency": "AUD", .*'),
            ("GET", "/get-balance.json", {}, "", 401, r'.*"AUTH_FAILED_NO_DATA".*'),
            ("GET", "/nothing.json", BURST, "", 404, r'.*"NOT_IMPLEMENTED".*'),
        ],
    ),
    (
        "burstsms",
        [
            (
                *("POST", "/send-sms.json", BURST, "message=Hi&to=61400000201&send_at=2099-06-18+02:42:06", 200),
                r'{"message_id": (\d+), "send_at": "2099-06-18 02:42:06", .*',
            ),
            ("POST", "/cancel-sms.json", BURST, "id={}", 200, r'{"success": "OK", "error": .*'),
        ],
    ),
    (
        "bulksms_eapi",
        [
            (
                *("POST", "/eapi/submission/send_sms/2/2.0", FORM),
                f"{EAPI}&message=Hello+World&msisdn=27001234567&allow_concat_text_sms=1&concat_text_sms_max_parts=4"
                "&source_id=m-1&want_report=1",
                *(200, r"0\|IN_PROGRESS\|(\d+)"),
            ),
            (
                *(
                    "GET",
                    f"/eapi/status_reports/get_report/2/2.0?{EAPI}&batch_id={{}}&optional_fields=source_id,body",
                    {},
                ),
                *("", 200, r"0\|Returns to follow\n\n27001234567\|0\|Hello World\|m-1"),
            ),
        ],
    ),
    (
        "bulksms_eapi",
        [
            (
                *("POST", "/eapi/submission/send_batch/1/1.0", FORM),
                f"{EAPI}&batch_data=msisdn%2Cmessage%0A%22111111111%22%2C%22Hi+there%22%0A%22333333333%22%2C%22Hello+again%22"
                "%0A%22x%22%2C%22dropped%22%0A%22444444444%22%2C%22%5C%22b%5C%22%5Cnc%22",
                *(200, r"0\|IN_PROGRESS\|(\d+)"),
            ),
            (
                *("GET", f"/eapi/status_reports/get_report/2/2.0?{EAPI}&batch_id={{}}&optional_fields=body", {}),
                *(
                    "",
                    200,
                    r'0\|Returns to follow\n\n111111111\|0\|Hi there\n333333333\|0\|Hello again\n444444444\|0\|"b"\nc',
                ),
            ),
            (
                "POST",
                "/eapi/submission/send_batch/1/1.0",
                FORM,
                f"{EAPI}&batch_data=msisdn",
                200,
                r"24\|invalid batch_data\|",
            ),
        ],
    ),
    (
        "bulksms_eapi",
        [
            (
                *("POST", "/eapi/submission/send_sms/2/2.0", FORM),
                f"{EAPI}&message=Hi&msisdn=27001234567&stop_dup_id=7",
                *(200, r"0\|IN_PROGRESS\|(\d+)"),
            ),
            (
                *("POST", "/eapi/submission/send_sms/2/2.0", FORM),
                f"{EAPI}&message=Hi&msisdn=27001234567&stop_dup_id=7",
                *(200, r"0\|IN_PROGRESS\|{}"),
            ),
            (
                *("POST", "/eapi/submission/send_sms/2/2.0", FORM),
                f"{EAPI}&dca=16bit&message=041F044004380432043504420021&msisdn=27001234567",
                *(200, r"0\|IN_PROGRESS\|\d+"),
            ),
            ("GET", f"/eapi/user/get_credits/1/1.1?{EAPI}", {}, "", 200, r"0\|999998\.00"),
        ],
    ),
    (
        "bulksms_eapi",
        [
            (
                *("GET", "/eapi/user/get_credits/1/1.1?username=USER&password=x", {}, "", 200),
                r"23\|invalid credentials \(username was: USER\)\|",
            ),
            *(
                ("POST", "/eapi/submission/send_sms/2/2.0", FORM, f"{EAPI}&{sent}", 200, rf"24\|invalid {name}\|")
                for name, sent in (
                    ("msisdn", "message=Hi&msisdn=%2B27001234567"),
                    ("msisdn", "message=Hi&msisdn=27001234567,27001234567"),
                    ("message", "message=" + "a" * 161 + "&msisdn=27001234567"),
                    ("message", "message=%E9%F0&msisdn=27001234567"),
                    ("sender", "message=Hi&msisdn=27001234567&sender=Acme&repliable=1"),
                    ("colour", "message=Hi&msisdn=27001234567&colour=red"),
                )
            ),
        ],
    ),
    (
        "streamtelecom",
        [
            (
                *("POST", "/rest/Send/SendSms/", FORM),
                f"{STREAM}&sourceAddress=SENDER&destinationAddress=79111234567&data=Hello&validity=1440",
                *(200, r'\["(\d+)"\]'),
            ),
            (
                *("POST", "/rest/State/state.php", FORM, f"{STREAM}&messageId={{}}", 200),
                r'{"State": -2, "ReportedDateUtc": null, "StateDescription": "[^"]+", "Price": 1.5}',
            ),
            (
                *("POST", "/rest/Send/SendSms/", FORM),
                f"{STREAM}&sourceAddress=SENDER&destinationAddress=79111234567&data=Hello",
                *(400, r'{"Code": 10, "Desc": "Flood SMS"}'),
            ),
            (
                *("POST", "/rest/Send/SendBulkPacket/", FORM),
                f"{STREAM}&sourceAddress=SENDER&phone_data=%7B%22sms%22%3A%5B%7B%22phone%22%3A%2279111234567%22%2C%22text%22"
                "%3A%22One%22%7D%2C%7B%22phone%22%3A%2279111234568%22%2C%22text%22%3A%22Two%22%7D%5D%7D",
                *(200, r'\["\d+", "\d+"\]'),
            ),
            (
                *("POST", "/rest/Send/SendBulk/", FORM),
                f"{STREAM}&sourceAddress=SENDER&destinationAddresses=79111234567,7911&data=Three",
                *(200, r'\[\["\d+"\], {"Code": 2, "Desc": "Invalid destination address"}\]'),
            ),
            ("POST", "/rest/Balance/balance.php", FORM, STREAM, 200, r"999994\.0"),
        ],
    ),
    (
        "streamtelecom",
        [
            ("POST", "/rest/Session/session.php", FORM, "login=demo&password=demo-password", 200, f'"{HEX}"'),
            ("GET", "/rest/Balance/?sessionId={}", {}, "", 200, r"1000000\.0"),
            ("GET", "/rest/Balance/?sessionId=none", {}, "", 400, r'{"Code": 3, .*'),
            ("POST", "/rest/Session/", FORM, "login=demo&pass=demo-password", 401, r'{"Code": 4, .*'),
            ("POST", "/rest/State/state.php", FORM, f"{STREAM}&messageId=1", 200, r'{"State": 255, .*'),
        ],
    ),
    (
        "clickatell",
        [
            (
                *("POST", "/v1/message", KEY),
                '{"messages":[{"channel":"sms","to":"2799900201","content":"Hello","clientMessageId":"m-1"}]}',
                202,
                rf'{{"messages": \[{{"apiMessageId": "{HEX}", "accepted": true, "to": "2799900201", .*',
            ),
            ("GET", "/v1/message/{}", KEY, "", 200, r'{"sms": {"status": "QUEUED", "timestamp": \d{13}}}'),
            (
                *("POST", "/v1/message", KEY),
                '{"messages":[{"to":"2799900201","content":"Hello"},{"to":"27999abcde","content":"Hello"}]}',
                *(207, rf'.*"{HEX}".*"accepted": false, "to": "27999abcde"}}.*'),
            ),
            ("POST", "/v1/message", KEY, '{"messages":[{"to":"","content":"Hello"}]}', 400, r".*parameter: to \..*"),
            ("GET", "/v1/balance", {}, "", 401, r'{"error": {"code": 1, .*'),
        ],
    ),
    (
        "clickatell",
        [
            (
                *("POST", "/messages", KEY),
                '{"content":"Test Message Text","to":["1234567980","123"],"clientMessageId":"b-1","validityPeriod":60}',
                202,
                rf'.*"{HEX}", "accepted": true, .*"accepted": false, .*"error": "Invalid destination address.".*',
            ),
            ("GET", "/public-client/balance", KEY, "", 200, r'{"currency": "ZAR", "balance": 999999.0}'),
            (
                *("POST", "/rest/message", BEARER, '{"text":"Hi","to":["2799900201"]}', 202),
                rf'{{"data": {{"message": \[{{"accepted": true, "to": "2799900201", "apiMessageId": "{HEX}"}}\]}}}}',
            ),
            ("POST", "/rest/message", KEY, '{"text":"Hi","to":["2799900201"]}', 401, r'{"error": {"code": "001", .*'),
        ],
    ),
    (
        "clickatell",
        [
            (
                *(
                    "POST",
                    "/http/sendmsg",
                    FORM,
                    f"{OLD}&to=2799900201&text=Hello&callback=7&climsgid=m1&concat=3",
                    200,
                ),
                rf"ID: {HEX}",
            ),
            ("POST", "/http/querymsg", FORM, f"{OLD}&apimsgid={{}}", 200, r"ID: [0-9a-f]{32} Status: 002"),
            (
                *("POST", "/http/sendmsg", FORM, f"{OLD}&to=2799900201,2799900202,123&text=Hello", 200),
                rf"ID: {HEX} To: 2799900201\nID: {HEX} To: 2799900202\nERR: 105, Invalid Destination Address To: 123",
            ),
            (
                "POST",
                "/http/sendmsg",
                FORM,
                "user=demo&to=2799900201&text=Hello",
                200,
                "ERR: 001, Authentication failed",
            ),
            ("POST", "/http/sendmsg", FORM, f"{OLD}&to=2799900201&text=" + "a" * 161, 200, "ERR: 113, .*"),
            ("GET", f"/http/auth?{OLD}", {}, "", 200, rf"OK: {HEX}"),
            ("GET", "/http/getbalance?session_id={}", {}, "", 200, r"Credit: 999997\.000"),
        ],
    ),
]
SLUGS = sorted({slug for slug, _ in TALKS})


@pytest.mark.parametrize(("slug", "talk"), TALKS, ids=lambda value: value if isinstance(value, str) else "")
async def test_answers_as_the_sheet_says(slug: str, talk: list[Ask]) -> None:
    async with Server([_account(slug)]) as server, aiohttp.ClientSession() as session:
        before = ""
        for ask in talk:
            status, text = await _ask(session, server, ask, before)
            found = re.fullmatch(ask[5].replace("{}", before), text.strip(), re.DOTALL)
            assert (status, bool(found)) == (ask[4], True), (ask, status, text)
            before = found.groups()[-1] if found and found.groups() else before


@pytest.mark.parametrize("slug", SLUGS)
async def test_every_code_and_a_missing_id_can_be_asked_for(slug: str) -> None:
    first = [talk[0] for name, talk in TALKS if name == slug]
    sends = [ask for ask in first if ask[4] in (200, 202) and re.search("send|message", ask[1], re.IGNORECASE)]
    codes = all_simulators()[slug].codes
    async with Server([_account(slug)]) as server, aiohttp.ClientSession() as session:
        assert sends
        live = server.accounts["account"]
        sends = [ask for ask in sends if "Session" not in ask[1]]
        assert sends
        for faults in (*(Faults(refuse=code) for code in codes), Faults(answer="ok_without_id")):
            live.set_faults(faults)
            for ask in sends:
                _, text = await _ask(session, server, ask, "")
                assert not re.fullmatch(ask[5], text.strip(), re.DOTALL), (faults, text)


def _account(slug: str) -> Account:
    """Nothing is delivered while the talk goes on."""
    return Account(name="account", slug=slug, delivery_s=(600.0, 600.0))


async def _ask(session: aiohttp.ClientSession, server: Server, ask: Ask, before: str) -> tuple[int, str]:
    method, path, headers, body, *_ = ask
    url = URL(server.url_of("account") + path.replace("{}", before), encoded=True)
    data = body.replace("{}", before).encode() or None
    async with session.request(method, url, headers=headers, data=data) as answer:
        return answer.status, await answer.text()
