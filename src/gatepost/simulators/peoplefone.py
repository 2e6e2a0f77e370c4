"""peoplefone's side of its REST SMS API, below /customer/sms.

From two public clients and the support page; the API description was not seen. Where these leave something open the
strict reading is taken: a number without `+` is refused, an unknown member too. Words of states and of the event of
an incoming message are guesses. Callbacks are not repeated. `from` is taken although no client sends it.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import NEVER_REPEATED, Answer, Push, Request, json_answer, text_answer, without_keys
from gatepost.sms.text import count_segments

PATH: Final = "/customer/sms/v1/sms/messages"
ERRORS: Final = {
    "400": "recipient: not a valid number",
    "400-text": "text must not be empty",
    "401": "Unauthorized",
    "402": "Payment Required",
    "403": "Forbidden",
    "404": "Not Found",
    "413": "text is too long",
    "429": "Too Many Requests",
    "503": "Service Unavailable",
}
FIELDS: Final = {"to", "text", "scheduledDeliveryTime", "validityPeriod", "callbackUrl", "from"}
STATUS: Final = {
    "accepted": "ACCEPTED",
    "scheduled": "SCHEDULED",
    "sent": "SENT",
    "delivered": "DELIVERED",
    "undelivered": "UNDELIVERED",
    "expired": "EXPIRED",
    "rejected": "REJECTED",
    "cancelled": "DELETED",
    "unknown": "UNKNOWN",
}


@dataclass(slots=True)
class Memory:
    received: list[dict[str, Any]] = field(default_factory=list)


class Refusal(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.answer = text_answer(ERRORS[code], int(code[:3]))


def submit(request: Request, live: LiveAccount) -> Answer:
    """All recipients are checked before any is taken."""
    try:
        _authorise(request, live)
        body = _body(request)
        text, sender, numbers = body.get("text"), str(body.get("from", "")), body.get("to")
        if not isinstance(numbers, list) or not numbers or not all(map(_is_good, numbers)):
            raise Refusal("400")
        if not isinstance(text, str) or not text:
            raise Refusal("400-text")
        if sender.lower() == REFUSED_SENDER or (sender and not live.allows_sender(sender)):
            raise Refusal("403")
        send_at = _moment(body.get("scheduledDeliveryTime"))
        validity = body.get("validityPeriod")
        if validity is not None and (isinstance(validity, bool) or not isinstance(validity, int) or validity < 1):
            raise Refusal("400-text")
    except Refusal as refusal:
        return refusal.answer
    segments = count_segments(text)[1]
    taken = [
        live.accept(
            to=number.removeprefix("+"),
            text=text,
            sender=sender,
            segments=segments,
            receipt_url=str(body.get("callbackUrl") or live.receipt_url),
            send_at=send_at,
        )
        for number in dict.fromkeys(numbers)
    ]
    return json_answer({"messages": [_resource(message) for message in reversed(taken)]}, 202)


def _is_good(number: Any) -> bool:
    is_number = isinstance(number, str) and re.fullmatch(r"\+[1-9][0-9]{7,14}", number)
    return bool(is_number) and not behaviour_of(str(number)).at_submit


def _moment(text: Any) -> float | None:
    if text is None:
        return None
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refusal("400-text") from None


def _resource(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "direction": "MT",
        "from": message.sender,
        "to": f"+{message.to}",
        "status": STATUS[message.state],
        "receivedAt": _iso(message.at),
        "sentAt": _iso(message.at),
    }


def messages(request: Request, live: LiveAccount) -> Answer:
    """Sent and received ones together, the latest first."""
    try:
        _authorise(request, live)
    except Refusal as refusal:
        return refusal.answer
    memory: Memory = live.memory
    found = [_resource(message) for message in reversed(live.messages)] + memory.received[::-1]
    found.sort(key=lambda item: str(item["receivedAt"]), reverse=True)
    size = dict(request.query_pairs()).get("pageSize", b"20").decode()
    return json_answer({"messages": found[: int(size) if size.isdigit() else 20], "totalElements": len(found)})


def message(request: Request, live: LiveAccount) -> Answer:
    try:
        _authorise(request, live)
        found = live.find(request.captured["id"])
        if found is None:
            raise Refusal("404")
    except Refusal as refusal:
        return refusal.answer
    return json_answer({**_resource(found), "text": found.text})


def receipts(reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    return [
        _event(
            "receipt",
            report.message.receipt_url,
            {
                "eventType": "smsStatusUpdateEvent",
                "messageId": report.message.id,
                "status": STATUS[report.state],
                "direction": "MT",
                "updatedAt": _iso(report.at),
                "to": f"+{report.message.to}",
                "from": report.message.sender,
            },
        )
        for report in reports
        if report.message.receipt_url
    ]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    """Without a URL of their own, incoming messages go to the one for states."""
    event = {
        "eventType": "smsMessageEvent",
        "messageId": reply.id,
        "status": "RECEIVED",
        "text": reply.text,
        "from": f"+{reply.sender}",
        "to": f"+{reply.to}",
        "binary": False,
        "validityPeriod": 0,
    }
    memory: Memory = live.memory
    memory.received.append({**event, "direction": "MO", "receivedAt": _iso(reply.at), "sentAt": _iso(reply.at)})
    url = live.inbound_url or live.receipt_url
    return [_event("inbound", url, event)] if url else []


def _event(kind: Any, url: str, event: Mapping[str, Any]) -> Push:
    body = json.dumps(event, ensure_ascii=False).encode()
    return Push(kind=kind, url=url, headers={"Content-Type": "application/json"}, body=body, repeats=NEVER_REPEATED)


def _authorise(request: Request, live: LiveAccount) -> None:
    if request.bearer() != live.credentials["api_key"]:
        raise Refusal("401")


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or set(body) - FIELDS:
        raise Refusal("400-text")
    return body


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


simulator = Simulator(
    slug="peoplefone",
    label="peoplefone",
    credentials={"api_key": "demo-api-key"},
    routes=(
        Route("POST", PATH, submit, submits=always),
        Route("GET", PATH, messages),
        Route("GET", f"{PATH}/{{id}}", message),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=lambda code, _request: Refusal(code).answer,
    codes=tuple(ERRORS),
    failed="503",
    throttled="429",
    not_found=lambda _request: Refusal("404").answer,
    price=Decimal(1),
    interim=True,
    keeps_replies=True,
    new_id=lambda: str(uuid.uuid4()),
    without_id=lambda answer: without_keys(answer, "messageId"),
    memory=Memory,
)
