"""The calls that send, one per interface."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from gatepost.simulators.clickatell.tables import Interface, Refusal, interface_of
from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message
from gatepost.simulators.wire import Answer, Request, json_answer, text_answer
from gatepost.sms.text import count_segments, is_gsm7

ITEM: Final = {"channel", "to", "content", "from", "clientMessageId"}
BODY: Final = {
    "content",
    "to",
    "from",
    "binary",
    "clientMessageId",
    "scheduledDeliveryTime",
    "validityPeriod",
    "charset",
}
REST: Final = {"text", "to", "from", "callback", "validity", "concat", "mo"}
COMMAND: Final = {"to", "text", "unicode", "from", "mo", "callback", "climsgid", "concat", "validity"}


def guarded(make: Callable[[Request, LiveAccount], Answer]) -> Callable[[Request, LiveAccount], Answer]:
    def handle(request: Request, live: LiveAccount) -> Answer:
        try:
            interface = interface_of(request)
            key = request.headers.get("authorization", "")
            given = key.removeprefix("Bearer ") if interface == "rest_legacy" else key
            is_versioned = interface != "rest_legacy" or request.headers.get("x-version") == "1"
            if interface != "http_legacy" and (given != live.credentials["api_key"] or not is_versioned):
                raise Refusal("auth")
            return make(request, live)
        except Refusal as refusal:
            return refusal.answer(interface_of(request))

    return handle


def one_api(request: Request, live: LiveAccount) -> Answer:
    items = _body(request, {"messages"}).get("messages")
    if not isinstance(items, list) or not 0 < len(items) <= 200 or not all(isinstance(item, dict) for item in items):
        raise Refusal("parameter", "messages")
    found = [_item(item, live) for item in items]
    good = sum(item["accepted"] for item in found)
    status = 202 if good == len(found) else 207 if good else 400
    return json_answer({"messages": found, "error": None}, status)


def _item(item: Mapping[str, Any], live: LiveAccount) -> dict[str, Any]:
    to = str(item.get("to", ""))
    try:
        if item.keys() - ITEM or item.get("channel", "sms") != "sms":
            raise Refusal("parameter", ", ".join(sorted(item.keys() - ITEM)) or "channel")
        if not to:
            raise Refusal("parameter", "to")
        taken = _take("one_api", to, item.get("content"), item.get("from"), item.get("clientMessageId"), live)
    except Refusal as refusal:
        return {**refusal.as_json("one_api"), "accepted": False, "to": to}
    return {"apiMessageId": taken.id, "accepted": True, "to": to, "error": None}


def platform(request: Request, live: LiveAccount) -> Answer:
    body = _body(request, BODY)
    send_at = _moment(body.get("scheduledDeliveryTime"))
    nothing = {"errorCode": None, "error": None, "errorDescription": None}
    items = []
    for to in _numbers(body):
        try:
            taken = _take(
                "platform", to, body.get("content"), body.get("from"), body.get("clientMessageId"), live, send_at
            )
            items.append({"apiMessageId": taken.id, "accepted": True, "to": to, **nothing})
        except Refusal as refusal:
            items.append({"apiMessageId": None, "accepted": False, "to": to, **refusal.as_json("platform")})
    return json_answer({"messages": items, **nothing}, 202)


def rest_legacy(request: Request, live: LiveAccount) -> Answer:
    body = _body(request, REST)
    level = str(body.get("callback", "0"))
    items: list[dict[str, Any]] = []
    for to in _numbers(body):
        try:
            taken = _take("rest_legacy", to, body.get("text"), body.get("from"), "", live, level=level)
            items.append({"accepted": True, "to": to, "apiMessageId": taken.id})
        except Refusal as refusal:
            items.append({"accepted": False, "to": to, "apiMessageId": "", **refusal.as_json("rest_legacy")})
    return json_answer({"data": {"message": items}}, 202)


def sendmsg(request: Request, live: LiveAccount) -> Answer:
    values = signed_in(request, live)
    if values.keys() - COMMAND:
        raise Refusal("parameter", ", ".join(sorted(values.keys() - COMMAND)))
    text, numbers = _legacy_text(values), latin(values, "to").split(",")
    if len(numbers) > (600 if request.method == "POST" else 300):
        raise Refusal("parameter", "to")
    if count_segments(text)[1] > int(latin(values, "concat") or 1):
        raise Refusal("parts")
    sender, reference = latin(values, "from"), latin(values, "climsgid")
    if not re.fullmatch("[A-Za-z0-9]{0,32}", reference):
        raise Refusal("parameter", "climsgid")
    lines = []
    for to in numbers:
        try:
            taken = _take("http_legacy", to, text, sender, reference, live, level=latin(values, "callback") or "0")
            lines.append(f"ID: {taken.id}" + (f" To: {to}" if len(numbers) > 1 else ""))
        except Refusal as refusal:
            lines.append(refusal.as_line(to if len(numbers) > 1 else ""))
    return text_answer("\n".join(lines))


def _take(
    interface: Interface,
    to: str,
    text: Any,
    sender: Any,
    reference: Any,
    live: LiveAccount,
    send_at: float | None = None,
    level: str = "7",
) -> Message:
    sender, at_submit = str(sender or ""), behaviour_of(to).at_submit
    if not re.fullmatch("[1-9][0-9]{7,14}", to) or at_submit == "bad_number":
        raise Refusal("destination")
    if at_submit == "blocked":
        raise Refusal("opted_out")
    if not isinstance(text, str) or not text:
        raise Refusal("empty")
    is_good = re.fullmatch("[A-Za-z0-9 .&_-]{0,11}|[0-9]{1,15}", sender) and sender.lower() != REFUSED_SENDER
    if not is_good or (sender and not live.allows_sender(sender)):
        raise Refusal("sender")
    segments = count_segments(text)[1]
    if not live.can_pay(live.simulator.price * segments):
        raise Refusal("credit")
    wire = {"interface": interface, "level": level}
    reference = str(reference or "")
    return live.accept(
        to=to, text=text, sender=sender, segments=segments, reference=reference, send_at=send_at, wire=wire
    )


def _numbers(body: Mapping[str, Any]) -> list[str]:
    numbers = body.get("to")
    if not isinstance(numbers, list) or not 0 < len(numbers) <= 200:
        raise Refusal("parameter", "to")
    return [str(number) for number in numbers]


def _body(request: Request, fields: set[str]) -> dict[str, Any]:
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or body.keys() - fields:
        raise Refusal("parameter", ", ".join(sorted(body.keys() - fields)) if isinstance(body, dict) else "body")
    return body


def _moment(text: Any) -> float | None:
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S%z").timestamp() if text else None
    except ValueError:
        raise Refusal("parameter", "scheduledDeliveryTime") from None


def signed_in(request: Request, live: LiveAccount) -> dict[str, bytes]:
    """The values without those that sign in: user, password and API ID, or a session."""
    values = dict([*request.query_pairs(), *request.form_pairs()])
    known = ("user", "password", "api_id")
    is_known = all(latin(values, name) == live.credentials[name] for name in known)
    if not is_known and latin(values, "session_id") not in live.memory.sessions:
        raise Refusal("auth")
    return {name: value for name, value in values.items() if name not in (*known, "session_id")}


def latin(values: Mapping[str, bytes], name: str) -> str:
    return values.get(name, b"").decode("latin-1")


def _legacy_text(values: Mapping[str, bytes]) -> str:
    text = latin(values, "text")
    if latin(values, "unicode") == "1":
        try:
            return bytes.fromhex(text).decode("utf-16-be")
        except ValueError:
            raise Refusal("parameter", "text") from None
    if not is_gsm7(text):
        raise Refusal("parameter", "text")
    return text
