"""SerwerSMS's side of its HTTPS API v2, with JSON bodies.

From the official pages in excerpts and the official clients. Where these leave something open the strict reading is
taken: a number without `+` that is not nine Polish digits is a bad one, `utf` without a sender is ignored and letters
outside GSM become question marks, a report URL that is called gives the English words of the report call. Replies are
fetched, never pushed, because the names in the pushed form are not known. Not offered: XML and form bodies, groups,
voice, premium numbers, the older API under another host.
"""

import base64
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import Answer, Push, Repeats, Request, json_answer, text_answer, without_keys
from gatepost.sms.text import count_segments, is_gsm7

ZONE: Final = ZoneInfo("Europe/Warsaw")
ERRORS: Final = {
    "1000": ("NoAction", "No action given"),
    "1001": ("InvalidUser", "Incorrect login or password"),
    "1002": ("NoPermission", "No permission to use the API"),
    "1003": ("InvalidIp", "IP address is not authorised"),
    "1006": ("InvalidFormat", "Incorrect data format"),
    "1007": ("InactiveAccount", "Account is not fully active"),
    "2000": ("MissingParameter", "Required parameter is missing"),
    "2001": ("InvalidPhone", "Incorrect phone number"),
    "3000": ("EcoLimit", "ECO+ limit has been used up"),
    "3002": ("FullLimit", "FULL limit has been used up"),
    "3100": ("Blocked", "Sending has been blocked"),
    "3101": ("EmptyMessage", "Message is empty"),
    "3102": ("TooLong", "Message is too long"),
    "4400": ("InvalidSender", "Incorrect sender name"),
}
UNSENT: Final = {
    "2200": "Invalid number",
    "2201": "Limit used up",
    "2203": "Wrong message",
    "2204": "Operator error",
    "2205": "Wrong sender name",
    "2206": "Number is blacklisted",
}
TOO_MANY: Final = "429"
STATUS: Final = {
    "accepted": "in_progress",
    "scheduled": "saved",
    "sent": "sent",
    "delivered": "delivered",
    "undelivered": "undelivered",
    "expired": "undelivered",
    "rejected": "undelivered",
    "cancelled": "unsent",
    "unknown": "sent",
}
REASON: Final = {"undelivered": "other_error", "expired": "message_expired", "rejected": "message_rejected"}
INBOUND_TYPES: Final = ("eco", "nd", "ndi", "pre", "mms")
UNTIL_OK: Final = Repeats(taken=lambda status, body: status == 200 and body == b"OK")


@dataclass(slots=True)
class Memory:
    """What phones wrote, as it can be fetched; `read` holds the ids that were marked so."""

    received: list[dict[str, Any]] = field(default_factory=list)
    read: set[int] = field(default_factory=set)
    ids: Any = field(default_factory=lambda: count(2_477_793))


class Refusal(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.answer = _error(code)


def send_sms(request: Request, live: LiveAccount) -> Answer:
    try:
        body = _authorised(request, live)
        return _taken(body, [(number, body.get("text")) for number in _numbers(body)], live)
    except Refusal as refusal:
        return refusal.answer


def send_personalized(request: Request, live: LiveAccount) -> Answer:
    try:
        body = _authorised(request, live)
        messages = body.get("messages")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            raise Refusal("1006")
        return _taken(body, [(str(message.get("phone", "")), message.get("text")) for message in messages], live)
    except Refusal as refusal:
        return refusal.answer


def _taken(body: Mapping[str, Any], wanted: list[tuple[str, Any]], live: LiveAccount) -> Answer:
    if not wanted:
        raise Refusal("2000")
    references = _references(body, len(wanted))
    for _, text in wanted:
        if not isinstance(text, str) or not text:
            raise Refusal("3101")
        if len(text) > 918:
            raise Refusal("3102")
    items: dict[str, dict[str, Any]] = {}
    for (number, text), reference in zip(wanted, references, strict=True):
        if number not in items:
            items[number] = _item(number, text, reference, body, live)
    found = list(items.values())
    queued = sum(item["status"] == "queued" for item in found)
    answer: dict[str, Any] = {"success": True, "queued": queued, "unsent": len(found) - queued}
    return json_answer(answer | ({"items": found} if body.get("details") is True else {}))


def _item(number: str, text: str, reference: str, body: Mapping[str, Any], live: LiveAccount) -> dict[str, Any]:
    sender = str(body.get("sender") or "")
    is_full = bool(sender)
    text = text if is_gsm7(text) or (body.get("utf") is True and is_full) else _replaced(text)
    segments = count_segments(text)[1]
    digits = f"48{number}" if re.fullmatch("[0-9]{9}", number) else number.removeprefix("+")
    code = _unsent_code(number, digits, sender, live.can_pay(live.simulator.price * segments), live)
    item = {"phone": number, "queued": _local(datetime.now(ZONE)), "parts": segments, "text": text}
    if code:
        details = {"id": secrets.token_hex(5), "status": "unsent", "error_code": int(code)}
        return details | item | {"error_message": UNSENT[code]}
    if body.get("test") is True:
        return {"id": secrets.token_hex(5), "status": "queued", **item}
    message = live.accept(
        to=digits,
        text=text,
        sender=sender,
        segments=segments,
        reference=reference,
        receipt_url=str(body.get("dlr_url") or live.receipt_url),
        send_at=_moment(body.get("date")),
        wire={"type": "full" if is_full else "eco", "utf": body.get("utf") is True},
    )
    return {"id": message.id, "status": "queued", **item}


def _unsent_code(number: str, digits: str, sender: str, can_pay: bool, live: LiveAccount) -> str:
    at_submit = behaviour_of(digits).at_submit
    is_number = re.fullmatch(r"\+[1-9][0-9]{9,14}|[0-9]{9}", number)
    if not is_number or at_submit == "bad_number":
        return "2200"
    if at_submit == "blocked":
        return "2206"
    if sender and (len(sender) > 11 or sender.lower() == REFUSED_SENDER or not live.allows_sender(sender)):
        return "2205"
    return "" if can_pay else "2201"


def _replaced(text: str) -> str:
    return "".join(character if is_gsm7(character) else "?" for character in text)


def _references(body: Mapping[str, Any], wanted: int) -> list[str]:
    given = body.get("unique_id")
    if given is None:
        return [""] * wanted
    references = given if isinstance(given, list) else [given]
    is_right = all(re.fullmatch("[A-Za-z0-9]{3,50}", str(reference)) for reference in references)
    if len(references) != wanted or len(set(references)) != wanted or not is_right:
        raise Refusal("1006")
    return [str(reference) for reference in references]


def _numbers(body: Mapping[str, Any]) -> list[str]:
    phone = body.get("phone")
    return [str(number) for number in phone] if isinstance(phone, list) else [str(phone)] if phone else []


def reports(request: Request, live: LiveAccount) -> Answer:
    try:
        body = _authorised(request, live)
    except Refusal as refusal:
        return refusal.answer
    ids, references = (_several(body.get(name)) for name in ("id", "unique_id"))
    if len(ids) > 500 or len(references) > 500:
        return _error("1006")
    found = [
        message
        for message in live.messages
        if (not ids or message.id in ids)
        and (not references or message.reference in references)
        and body.get("status") in (None, STATUS[message.state])
    ]
    page = _page(body, [_report(message) for message in found])
    return json_answer({"paging": {"page": int(body.get("page", 1)), "count": 1}, "items": page})


def _report(message: Message) -> dict[str, Any]:
    status = STATUS[message.state]
    item: dict[str, Any] = {
        "id": message.id,
        "phone": f"+{message.to}",
        "status": status,
        "queued": _at(message.at),
        "sent": _at(message.at),
        "delivered": _at(message.state_at) if status in ("delivered", "undelivered") else "",
        "sender": message.sender,
        "type": message.wire["type"],
        "text": message.text,
        "flash": False,
        "utf": message.wire["utf"],
        "parts": message.segments,
        "cost": float(message.price),
        "method": "api",
    }
    return item | ({"reason": REASON[message.state]} if message.state in REASON else {})


def received(request: Request, live: LiveAccount) -> Answer:
    try:
        body = _authorised(request, live)
    except Refusal as refusal:
        return refusal.answer
    if body.get("type") not in INBOUND_TYPES:
        return _error("2000")
    memory: Memory = live.memory
    since = str(body.get("date_from", ""))
    found = [item for item in memory.received if item["type"] == body["type"] and item["recived"] >= since]
    found.sort(key=lambda item: int(item["id"]), reverse=body.get("order", "desc") != "asc")
    page = _page(body, found)
    if body.get("read") is True:
        memory.read |= {int(item["id"]) for item in page}
    return json_answer({"items": page})


def limits(request: Request, live: LiveAccount) -> Answer:
    try:
        _authorised(request, live)
    except Refusal as refusal:
        return refusal.answer
    values = {"eco": "no_limit", "full": str(live.balance), "voice": "not_available", "mms": "6"}
    items = [{"type": kind, "chars_limit": "918/6", "value": value} for kind, value in values.items()]
    return json_answer({"account": {"type": "prepaid"}, "items": items})


def receipts(reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    return [_push(report) for report in reports if report.message.receipt_url]


def _push(report: Report) -> Push:
    """The customer's URL with its placeholders replaced; a browser-like client never sends what follows a stray #."""
    values = {
        "#SMSID#": report.message.id,
        "#STAN#": STATUS[report.state],
        "#DATA#": _at(report.at),
        "#PRZYCZYNA#": REASON.get(report.state, ""),
    }
    url = report.message.receipt_url
    for placeholder, value in values.items():
        url = url.replace(placeholder, quote(value, safe=""))
    return Push(kind="receipt", method="GET", url=url, repeats=UNTIL_OK)


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    memory: Memory = live.memory
    kind = "mms" if reply.media else "eco" if reply.answers and reply.answers.wire["type"] == "eco" else "nd"
    item: dict[str, Any] = {
        "id": next(memory.ids),
        "type": kind,
        "phone": f"+{reply.sender}",
        "recived": _at(reply.at),
        "blacklist": reply.text.strip().upper() == "STOP",
        "text": reply.text,
    }
    if kind == "eco" and reply.answers:
        item["message_id"] = reply.answers.id
    if kind == "mms":
        attachments = [
            {
                "id": index,
                "name": media.name,
                "content_type": media.content_type,
                "data": base64.b64encode(media.data).decode(),
            }
            for index, media in enumerate(reply.media, 1)
        ]
        item |= {"to_number": reply.to, "title": reply.text, "attachments": attachments}
    memory.received.append(item)
    return []


def refuse(code: str, request: Request) -> Answer:
    if code == TOO_MANY:
        return text_answer("Too many requests", 429)
    if code not in UNSENT:
        return _error(code)
    numbers = _numbers(_body(request)) or [str(each.get("phone", "")) for each in _body(request).get("messages", [])]
    items = [
        {"phone": number, "status": "unsent", "parts": 1, "error_code": int(code), "error_message": UNSENT[code]}
        for number in numbers
    ]
    return json_answer({"success": True, "queued": 0, "unsent": len(items), "items": items})


def _authorised(request: Request, live: LiveAccount) -> dict[str, Any]:
    body = _body(request)
    token = request.bearer()
    if token is not None:
        is_known = token == live.credentials["token"]
    else:
        given = (body.get("username"), body.get("password"))
        is_known = given == (live.credentials["login"], live.credentials["password"])
    if not is_known:
        raise Refusal("1001")
    return body


def _body(request: Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise Refusal("1006")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refusal("1006") from None
    if not isinstance(body, dict):
        raise Refusal("1006")
    return body


def _page(body: Mapping[str, Any], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    size, page = int(body.get("limit", 100)), int(body.get("page", 1))
    return items[(page - 1) * size : page * size]


def _several(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []


def _error(code: str) -> Answer:
    kind, words = ERRORS[code]
    return json_answer({"error": {"code": int(code), "type": kind, "message": words}})


def _moment(text: Any) -> float | None:
    if text is None:
        return None
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE).timestamp()
    except ValueError:
        raise Refusal("1006") from None


def _at(at: float) -> str:
    return _local(datetime.fromtimestamp(at, ZONE))


def _local(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


simulator = Simulator(
    slug="serwersms",
    label="SerwerSMS",
    credentials={"login": "demo", "password": "demo-password", "token": "demo-token"},
    routes=tuple(
        Route("POST", f"/{path}{suffix}", handler, submits=submits)
        for suffix in (".json", "")
        for path, handler, submits in (
            ("messages/send_sms", send_sms, always),
            ("messages/send_personalized", send_personalized, always),
            ("messages/reports", reports, lambda _request: False),
            ("messages/recived", received, lambda _request: False),
            ("account/limits", limits, lambda _request: False),
        )
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=(*ERRORS, *UNSENT, TOO_MANY),
    failed="2204",
    throttled=TOO_MANY,
    not_found=lambda _request: _error("1000"),
    price=Decimal(1),
    keeps_replies=True,
    new_id=lambda: secrets.token_hex(5),
    without_id=lambda answer: without_keys(answer, "id"),
    memory=Memory,
)
