"""Play Mobile's side of its broker API: /broker-api/send.

From the beginning of the official wiki and several clients. Where these leave something open the strict reading is
taken: an unknown member and an empty value are refused, and so is the whole request where one message is. A message id
that was seen before is not sent again (one client says so). A bad number is refused as an empty one, for want of
another code. Reports go to the agreed address with `/status` behind it. Not offered: templates, voice, the cabinet.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Reply
from gatepost.simulators.wire import Answer, Push, Request, json_answer, text_answer
from gatepost.sms.text import count_segments

ERRORS: Final = {
    "100": "Internal server error",
    "101": "Syntax error",
    "102": "Account lock",
    "103": "Empty channel",
    "104": "Invalid priority",
    "105": "Too much IDs",
    "202": "Empty recipient",
    "205": "Empty message-id",
    "302": "Invalid start-datetime",
    "401": "Empty originator",
    "403": "Empty ttl",
    "404": "Empty content",
    "405": "Content error",
    "406": "Invalid content",
    "407": "Invalid ttl",
}
# Statuses of HTTP with their usual meaning, beside the provider's codes.
STATUSES: Final = {"http-401": "Unauthorized", "http-429": "Too Many Requests", "http-503": "Service Unavailable"}
PRIORITIES: Final = ("low", "normal", "high", "realtime")
SHARED: Final = {"sms", "priority", "timing"}
TIMING: Final = {"localtime", "start-datetime", "end-datetime", "allowed-starttime", "allowed-endtime", "send-evenly"}
LIMIT: Final = 1000
STATUS: Final = {
    "sent": "transmitted",
    "delivered": "delivered",
    "undelivered": "not_delivered",
    "expired": "expired",
    "rejected": "rejected",
    "unknown": "unknown",
}


class Refusal(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.answer = refuse(code)


def refuse(code: str) -> Answer:
    if code in STATUSES:
        return text_answer(STATUSES[code], int(code[-3:]))
    return json_answer({"error_code": code, "error_description": ERRORS[code]}, 400)


def submit(request: Request, live: LiveAccount) -> Answer:
    """All messages are checked before any is taken."""
    try:
        if request.basic() != (live.credentials["user_id"], live.credentials["password"]):
            raise Refusal("http-401")
        body = _body(request)
        messages = body["messages"]
        if not isinstance(messages, list) or not messages:
            raise Refusal("101")
        if len(messages) > LIMIT:
            raise Refusal("105")
        shared = {name: value for name, value in body.items() if name in SHARED}
        checked = [_checked(shared, message, live) for message in messages]
    except Refusal as refusal:
        return refusal.answer
    for message in checked:
        if not live.with_reference(message["reference"], float("inf")):
            live.accept(**message)
    return text_answer("Request is received")


def _body(request: Request) -> dict[str, Any]:
    is_announced = re.fullmatch(
        r"application/json;\s*charset=utf-8", request.headers.get("content-type", ""), re.IGNORECASE
    )
    try:
        body = json.loads(request.body) if is_announced else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or "messages" not in body or set(body) - SHARED - {"messages"} or _has_empty(body):
        raise Refusal("101")
    return body


def _has_empty(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(_has_empty, inner))


def _checked(shared: Mapping[str, Any], message: Any, live: LiveAccount) -> dict[str, Any]:
    if not isinstance(message, dict) or set(message) - SHARED - {"recipient", "message-id"}:
        raise Refusal("101")
    own_id, to = message.get("message-id", ""), str(message.get("recipient", ""))
    if not isinstance(own_id, str) or not 1 <= len(own_id) <= 20:
        raise Refusal("205")
    if not re.fullmatch("998[0-9]{9}", to) or behaviour_of(to).at_submit:
        raise Refusal("202")
    merged = {**shared, **message}
    if merged.get("priority", "normal") not in PRIORITIES:
        raise Refusal("104")
    sms = merged.get("sms")
    if not isinstance(sms, dict) or set(sms) - {"originator", "ttl", "content"}:
        raise Refusal("103")
    sender, content, ttl = sms.get("originator", ""), sms.get("content"), sms.get("ttl", 1)
    if not sender or sender.lower() == REFUSED_SENDER or not live.allows_sender(sender):
        raise Refusal("401")
    if isinstance(ttl, bool) or not isinstance(ttl, int) or ttl < 1:
        raise Refusal("407")
    text = content.get("text") if isinstance(content, dict) else None
    if not isinstance(text, str) or not text:
        raise Refusal("404")
    return {
        "to": to,
        "text": text,
        "sender": sender,
        "segments": count_segments(text)[1],
        "reference": own_id,
        "send_at": _start(merged.get("timing", {})),
    }


def _start(timing: Any) -> float | None:
    if not isinstance(timing, dict) or set(timing) - TIMING:
        raise Refusal("101")
    start = timing.get("start-datetime")
    try:
        moment = datetime.strptime(start, "%Y-%m-%d %H:%M").replace(tzinfo=UTC) if start else None
    except (ValueError, TypeError):
        raise Refusal("302") from None
    return moment.timestamp() if moment and moment.timestamp() > time.time() else None


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    if not live.receipt_url:
        return []
    return [
        Push(
            kind="receipt",
            url=f"{live.receipt_url}/status",
            headers={"Content-Type": "application/json"},
            body=json.dumps(
                {
                    "message-id": report.message.reference,
                    "channel": "sms",
                    "status": STATUS[report.state],
                    "status-date": datetime.fromtimestamp(report.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "description": "ok",
                }
            ).encode(),
        )
        for report in reports
        if report.state in STATUS
    ]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    if not live.inbound_url:
        return []
    moment = datetime.fromtimestamp(reply.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    named = f"id={quoteattr(reply.id)} msisdn={quoteattr(reply.sender)} submit-date={quoteattr(moment)}"
    content = f'<content type="text/plain">{escape(reply.text)}</content>'
    document = f'<sms-request version="1.0"><message {named}>{content}</message></sms-request>'
    return [Push(kind="inbound", url=live.inbound_url, headers={"Content-Type": "text/xml"}, body=document.encode())]


simulator = Simulator(
    slug="playmobile",
    label="Play Mobile",
    credentials={"user_id": "demo", "password": "demo-password"},
    routes=(Route("POST", "/broker-api/send", submit, submits=always),),
    receipts=receipts,
    inbound=inbound,
    refuse=lambda code, _request: refuse(code),
    codes=(*ERRORS, *STATUSES),
    failed="100",
    throttled="http-429",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal(1),
    interim=True,
)
