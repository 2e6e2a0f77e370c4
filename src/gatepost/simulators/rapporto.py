"""Rapporto's side: HTTP API 5.0 at /http, REST API 6.0 at /rest, REST_BATCH API 3.0 at /batch.

From the official documentation. Unknown parameters are refused, numbers are digits with 7 or 8 in front, or foreign.
Where it leaves the HTTP status of REST_BATCH open, a bad key is 401 and too much is 429. Not offered: flash, binary
messages, delivery windows, answers in XML, other channels.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.refusals import Refusal, refusing
from gatepost.simulators.wire import Answer, Push, Repeats, Request, json_answer, text_answer, with_query
from gatepost.sms.text import count_segments

MOSCOW: Final = timezone(timedelta(hours=3))
LONGEST, MOST = 2000, 3000
REMEMBERS_S: Final = 86_400.0
HTTP_PARAMETERS: Final = frozenset(
    ("serviceId", "pass", "clientId", "message", "source", "ptag", "partnerMsgId", "smsPriority", "shortenLinks")
)
# Status of the HTTP API to its words, and to status, code and words of REST.
ERRORS: Final[Mapping[str, tuple[str, int, int, str]]] = {
    "400": ("Bad request", 400, 4, "Invalid request"),
    "401": ("Invalid password", 401, 6, "Invalid password"),
    "402": ("Messages are used up", 400, 4, "Invalid request"),
    "403": ("Unknown service", 401, 5, "Invalid login"),
    "406": ("Wrong clientId", 406, 8, "destAddr is not correct"),
    "408": ("Too fast", 429, 3, "Too many connections"),
    "409": ("Duplicate", 409, 10, "Prohibited sending duplicates"),
    "414": ("Text too long", 400, 4, "Invalid request"),
    "500": ("Internal error", 500, 100, "Internal error"),
    "503": ("Still being processed", 503, 1, "Service is unavailable"),
    "source": ("Wrong source", 400, 7, "serviceNumber is not defined"),
}
STATUS: Final = {"sent": 0, "delivered": 2}
REASON: Final = {"undelivered": 3, "expired": 2, "rejected": 12, "cancelled": 11, "unknown": 1}
BATCH_STATUS: Final = {
    "sent": "SENT",
    "delivered": "DELIVERED",
    "undelivered": "UNDELIVERABLE",
    "expired": "EXPIRED",
    "rejected": "REJECTED",
    "cancelled": "REJECTED",
    "unknown": "UNKNOWN",
}
REPORTS: Final = Repeats(
    taken=lambda status, _: status == 200,
    hopeless=lambda status: status not in (0, 400, 500),
    waits_s=(60.0,) * 4,
)
# An answer of 200 would be sent to the subscriber, so only 204 ends it well.
QUESTIONS: Final = Repeats(taken=lambda status, _: status == 204, waits_s=(20.0,) * 199)
_ids = count(time.time_ns())


def refuse(code: str, request: Request) -> Answer:
    words, status, number, said = ERRORS[code]
    if request.path == "/http":
        return text_answer(words, int(code) if code.isdigit() else 400)
    if request.path == "/rest":
        return json_answer({"error": {"code": number, "description": said}}, status)
    return text_answer(words, status)


_guarded = refusing(refuse)


def send_http(request: Request, live: LiveAccount) -> Answer:
    pairs = request.query_pairs() if request.method == "GET" else request.form_pairs()
    values = {name: value.decode("utf-8", "strict") for name, value in pairs}
    if len(values) < len(pairs) or not set(values) <= HTTP_PARAMETERS:
        raise Refusal("400")
    if any(not values.get(name) for name in ("serviceId", "pass", "clientId", "message")) or "" in values.values():
        raise Refusal("400")
    if values["serviceId"] != live.credentials["service_id"]:
        raise Refusal("403")
    if values["pass"] != live.credentials["password"]:
        raise Refusal("401")
    if not re.fullmatch("[0-9a-zA-Z-]{1,50}", values.get("ptag", "-")):
        raise Refusal("400")
    known = _known(live, values.get("partnerMsgId", ""))
    message = known or _take(live, values["clientId"], values["message"], values.get("source", ""))
    if known is None:
        message.wire |= {"api": "http", "ptag": values.get("ptag", "")}
        _remember(live, values.get("partnerMsgId", ""), message)
    return text_answer(f"OK\n{message.id}")


def send_rest(request: Request, live: LiveAccount) -> Answer:
    body = _body(request)
    data = body.get("message", {}).get("data", {}) if isinstance(body.get("message"), dict) else {}
    if body.get("login") != live.credentials["service_id"]:
        raise Refusal("403")
    if body.get("password") != live.credentials["password"]:
        raise Refusal("401")
    ttl = data.get("ttl", 0)
    if not data.get("text") or body["message"].get("type") != "SMS" or not 0 <= ttl <= 2880 or body.get("id") == "":
        raise Refusal("400")
    known = _known(live, body.get("id", ""))
    message = known or _take(live, str(body.get("destAddr", "")), data["text"], data.get("serviceNumber", ""))
    if known is None:
        message.wire |= {"api": "rest", "id": body.get("id", "")}
        message.receipt_url = body.get("notifyUrl", "")
        _remember(live, body.get("id", ""), message)
    return json_answer({"mtNum": message.id} | ({"id": body["id"]} if "id" in body else {}))


def send_batch(request: Request, live: LiveAccount) -> Answer:
    if request.headers.get("authorization", "") != f"Key {live.credentials['api_key']}":
        raise Refusal("401")
    messages = _body(request).get("messages")
    if not isinstance(messages, list) or not messages:
        return json_answer({"result": [_rejected("must.be.not.null", "messages")]})
    if len(messages) > MOST:
        return json_answer({"result": [_rejected("too.many.messages", "messages")]})
    return json_answer({"result": [_element(live, each, place) for place, each in enumerate(messages)]})


def _element(live: LiveAccount, each: dict[str, Any], place: int) -> dict[str, Any]:
    reasons = {"406": ("invalid", "to"), "414": ("length.too.long", "text"), "source": ("not.available", "from")}
    if "validity" in each and not 60 <= each["validity"] <= 259_200:
        return _rejected("invalid", f"messages[{place}].validity")
    try:
        message = _take(
            live, str(each.get("to", "")), str(each.get("text", "")), str(each.get("from", "")), needed=True
        )
    except Refusal as refusal:
        key, field = reasons.get(refusal.code, ("unknown", ""))
        return _rejected(key, f"messages[{place}].{field}" if field else "")
    message.wire |= {"api": "batch", "id": each.get("id", "")}
    message.receipt_url = each.get("callbackUrl", "")
    return {"code": "OK", "messageId": message.id} | ({"id": each["id"]} if "id" in each else {})


def _rejected(key: str, ref: str) -> dict[str, Any]:
    return {
        "code": "REJECTED",
        "messageId": None,
        "reasons": [{"key": key, "ref": ref}],
        "description": f"Error: {key}",
    }


def _take(live: LiveAccount, to: str, text: str, sender: str, *, needed: bool = False) -> Message:
    number = re.sub(r"[+-]", "", to)
    number = f"7{number[1:]}" if re.fullmatch(r"8\d{10}", number) else number
    if not re.fullmatch(r"[1-9]\d{9,14}", number) or behaviour_of(number).at_submit:
        raise Refusal("406")
    if len(text) > LONGEST:
        raise Refusal("414")
    if (needed and not sender) or sender.lower() == REFUSED_SENDER or (sender and not live.allows_sender(sender)):
        raise Refusal("source")
    if not live.can_pay(Decimal(1)):
        raise Refusal("402")
    return live.accept(to=number, text=text, sender=sender, segments=count_segments(text)[1])


def _known(live: LiveAccount, ours: str) -> Message | None:
    """The message with this id of the customer's, where the service that recognises them is on."""
    found = live.find(live.memory.get(ours, "")) if live.options["recognises_ids"] == "yes" else None
    return found if found and time.time() - found.at <= REMEMBERS_S else None


def _remember(live: LiveAccount, ours: str, message: Message) -> None:
    if ours:
        live.memory[ours] = message.id


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal("400")
    return body


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    writers = {"http": _http_report, "rest": _rest_report, "batch": _batch_report}
    pushes = []
    for report in reports:
        url = report.message.receipt_url or live.receipt_url
        if url:
            pushes.append(writers[report.message.wire["api"]](report, url))
    return pushes


def _http_report(report: Report, url: str) -> Push:
    values = {"msgType": "SMS", "transactionId": report.message.id, "status": str(STATUS.get(report.state, 5))}
    if report.message.wire["ptag"]:
        values["ptag"] = report.message.wire["ptag"]
    if report.state in REASON:
        values["unifiedExtStatus"] = str(REASON[report.state])
    return Push(kind="receipt", url=with_query(url, values.items()), method="GET", repeats=REPORTS)


def _rest_report(report: Report, url: str) -> Push:
    message = report.message
    body = {
        "id": message.wire["id"],
        "mtNum": message.id,
        "status": STATUS.get(report.state, 5),
        "type": "SMS",
        "doneDate": _written(report.at) if report.state == "delivered" else "",
        "submitDate": _written(message.at),
        "sourceAddr": message.sender,
        "destAddr": message.to,
        "text": message.text,
        "partCount": f"{message.segments:03}",
        "errorCode": str(REASON.get(report.state, 0)),
        "trafficType": 1,
    }
    return _json_push(body, url)


def _batch_report(report: Report, url: str) -> Push:
    message = report.message
    error = REASON.get(report.state, 0) if report.state in ("rejected", "undelivered") else 0
    body = {
        "messageId": message.id,
        "id": message.wire["id"],
        "ts": int(report.at * 1000),
        "status": BATCH_STATUS[report.state],
        "errorCode": error,
    }
    return _json_push(body, url)


def _json_push(body: Mapping[str, Any], url: str) -> Push:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    text = json.dumps(body, ensure_ascii=False)
    return Push(kind="receipt", url=url, headers=headers, body=text.encode(), repeats=REPORTS)


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    if not live.inbound_url:
        return []
    if live.options["inbound"] == "rest":
        body = {
            "transactionId": reply.id,
            "destAddr": reply.to,
            "sourceAddr": reply.sender,
            "type": "SMS",
            "message": reply.text,
            "partCount": count_segments(reply.text)[1],
            "receivedDate": _written(reply.at),
        }
        headers = {"Content-Type": "application/json; charset=utf-8"}
        text = json.dumps(body, ensure_ascii=False)
        return [Push(kind="inbound", url=live.inbound_url, headers=headers, body=text.encode())]
    values = {
        "clientId": reply.sender,
        "message": reply.text,
        "connectorId": "50",
        "serviceId": live.credentials["service_id"],
        "receivedDate": datetime.fromtimestamp(reply.at, MOSCOW).strftime("%Y-%m-%d %H:%M:%S"),
        "shortNumber": reply.to,
        "messageId": reply.id,
        "sum_sms": str(count_segments(reply.text)[1]),
    }
    if live.options["hash_key"]:
        signed = f"{reply.sender}{reply.text}{reply.id}".encode()
        digest = hmac.new(live.options["hash_key"].encode(), signed, hashlib.sha256).digest()
        values["hash"] = base64.b64encode(digest).decode()
    url = with_query(live.inbound_url, values.items())
    return [Push(kind="inbound", url=url, method="GET", repeats=QUESTIONS)]


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, MOSCOW).strftime("%Y-%m-%dT%H:%M:%S%z")


def without_id(answer: Answer) -> Answer:
    if not answer.content_type.startswith("application/json"):
        return text_answer("OK")
    said = json.loads(answer.body)
    for each in (said, *said.get("result", ())):
        each.pop("mtNum", None)
        each.pop("messageId", None)
    return json_answer(said)


simulator = Simulator(
    slug="rapporto",
    label="Rapporto",
    credentials={"service_id": "demo", "password": "demo-password", "api_key": "DemoApiKey"},
    options={"inbound": "http", "recognises_ids": "no", "hash_key": ""},
    routes=(
        Route("POST", "/http", _guarded(send_http), submits=always),
        Route("GET", "/http", _guarded(send_http), submits=always),
        Route("POST", "/rest", _guarded(send_rest), submits=always),
        Route("POST", "/batch", _guarded(send_batch), submits=always),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=tuple(ERRORS),
    failed="500",
    throttled="408",
    not_found=lambda request: text_answer("Not found", 404),
    price=Decimal(1),
    interim=True,
    new_id=lambda: str(next(_ids)),
    without_id=without_id,
    memory=dict,
)
