"""The two sides of MTS: OmniChannel at /http-api/v1, Communicator's SOAP at /m2m/m2m_api.asmx.

From the WSDL and from clients. How OmniChannel pushes states is not known: the event record of its `info` is sent. How
it tells of incoming messages is not known either, so it does not. Unknown fields are refused, and a bad number
refuses the whole request of OmniChannel. Not offered: the plain forms, the schedule.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.refusals import Refusal, refusing
from gatepost.simulators.wire import Answer, Push, Repeats, Request, json_answer, text_answer, with_query, without_keys
from gatepost.sms.text import count_segments

ZONE: Final = ZoneInfo("Europe/Moscow")
OMNI, SOAP = "/http-api/v1", "/m2m/m2m_api.asmx"
NAMESPACE: Final = "http://mcommunicator.ru/M2M"
MOST: Final = 100
# Code to HTTP status and words; Communicator tells the words only, in a fault.
ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    "auth": (401, "Access denied: wrong login or password"),
    "forbidden": (403, "Access denied"),
    "request": (400, "Wrong request"),
    "msid": (422, "Wrong msid"),
    "naming": (422, "Naming is not allowed"),
    "packet": (402, "Пакет SMS не подключен"),
    "speed": (429, "Too many requests"),
    "failed": (500, "Internal error"),
}
EVENT: Final = {
    "accepted": 200,
    "sent": 200,
    "rejected": 201,
    "cancelled": 201,
    "delivered": 300,
    "undelivered": 301,
    "expired": 301,
}
DELIVERY: Final = {
    "accepted": "Pending",
    "scheduled": "Pending",
    "sent": "Sent",
    "delivered": "Delivered",
    "undelivered": "NotDelivered",
    "expired": "TimedOut",
    "rejected": "NotSent",
    "cancelled": "Cancelled",
    "unknown": "Error",
}
_ids = count(time.time_ns())


@dataclass(slots=True)
class Memory:
    """`ours`: messages by the customer's ids. `replies`: what phones wrote."""

    ours: dict[str, Message] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)


def refuse(code: str, request: Request) -> Answer:
    status, words = ERRORS[code]
    if request.path != SOAP:
        return json_answer({"code": status, "message": words}, status)
    if code in ("speed", "forbidden"):
        return text_answer(words, status)
    fault = f"<soap:Fault><faultcode>soap:Server</faultcode><faultstring>{escape(words)}</faultstring></soap:Fault>"
    return _envelope(fault, 500)


_guarded = refusing(refuse)


def _take(live: LiveAccount, to: str, text: str, sender: str, ours: str = "") -> Message:
    segments = count_segments(text)[1]
    message = live.accept(to=to, text=text, sender=sender, segments=segments, reference=ours)
    message.wire["ours"] = ours
    if ours:
        memory: Memory = live.memory
        memory.ours[ours] = message
    return message


def _check(live: LiveAccount, wanted: Sequence[tuple[str, str]], sender: str) -> None:
    for to, text in wanted:
        if not re.fullmatch(r"7\d{10}", to) or behaviour_of(to).at_submit:
            raise Refusal("msid")
        if not text:
            raise Refusal("request")
    if not sender or sender.lower() == REFUSED_SENDER or not live.allows_sender(sender):
        raise Refusal("naming")
    if not wanted or len(wanted) > MOST:
        raise Refusal("request")
    if not live.can_pay(Decimal(len(wanted))):
        raise Refusal("packet")


def omni_send(request: Request, live: LiveAccount) -> Answer:
    body = _omni_body(request, live)
    common = body.get("options", {}).get("from", {}).get("sms_address", "")
    wanted: list[tuple[str, str, str, str]] = []
    for each in body.get("messages", ()):
        sender = each.get("from", {}).get("sms_address", common)
        text = each.get("content", {}).get("short_text", "")
        recipients = [(str(to.get("msisdn", "")), str(to.get("message_id", ""))) for to in each.get("to", ())]
        _check(live, [(to, text) for to, _ in recipients], sender)
        wanted += [(to, text, sender, ours) for to, ours in recipients]
    if not wanted:
        raise Refusal("request")
    taken = [_take(live, *each) for each in wanted]
    return json_answer({"messages": [{"internal_id": each.id, "msisdn": each.to} for each in taken]})


def omni_info(request: Request, live: LiveAccount) -> Answer:
    body = _omni_body(request, live)
    memory: Memory = live.memory
    by_ours = "msg_ids" in body
    keys: list[str] = body.get("msg_ids") or body.get("int_ids") or []
    found = {key: memory.ours.get(key) if by_ours else live.find(key) for key in keys}
    shown = [{"key": key, "events_info": _events(message)} for key, message in found.items() if message]
    return json_answer({"events_info": shown})


def omni_balance(request: Request, live: LiveAccount) -> Answer:
    _omni_sign_in(request, live)
    return json_answer({"balance": str(live.balance)})


def _events(message: Message) -> list[dict[str, Any]]:
    """The history: handed over, and what became of it."""
    if message.state not in EVENT:
        return []
    states = [message.state] if EVENT[message.state] in (200, 201) else ["sent", message.state]
    return [_event(message, state, message.at if i == 0 else message.state_at) for i, state in enumerate(states)]


def _event(message: Message, state: str, at: float) -> dict[str, Any]:
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "internal_id": message.id,
        "status": EVENT[state],
        "event_at": moment,
        "received_at": moment,
        "internal_errors": [13] if EVENT[state] == 201 else [],
        "total_parts": message.segments,
        "client_id": 1,
        "call_direction": "",
    }


def _omni_sign_in(request: Request, live: LiveAccount) -> None:
    if request.basic() != (live.credentials["login"], live.credentials["password"]):
        raise Refusal("auth")


def _omni_body(request: Request, live: LiveAccount) -> dict[str, Any]:
    _omni_sign_in(request, live)
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not set(body) <= {"messages", "options", "int_ids", "msg_ids"}:
        raise Refusal("request")
    return body


Params = Mapping[str, Element]
Method = Callable[[Params, LiveAccount], str]


def soap(request: Request, live: LiveAccount) -> Answer:
    """The method stands in the SOAPAction and in the body, with its parameters in the order of the WSDL."""
    name = request.headers.get("soapaction", "").strip('"').removeprefix(f"{NAMESPACE}/")
    if name not in METHODS:
        raise Refusal("request")
    order, method = METHODS[name]
    params = _params(request, name)
    has_token = request.bearer() == live.credentials["token"]
    allowed = order if has_token else (*order, "login", "password")
    if [each for each in allowed if each in params] != list(params):
        raise Refusal("request")
    if not has_token:
        md5 = hashlib.md5(live.credentials["password"].encode(), usedforsecurity=False).hexdigest()
        if (_text(params, "login"), _text(params, "password")) != (live.credentials["login"], md5):
            raise Refusal("auth")
    result = method(params, live)
    return _envelope(f'<{name}Response xmlns="{NAMESPACE}"><{name}Result>{result}</{name}Result></{name}Response>')


def _params(request: Request, name: str) -> dict[str, Element]:
    try:
        root: Element = fromstring(request.body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        raise Refusal("request") from None
    called = root.find(f"{{http://schemas.xmlsoap.org/soap/envelope/}}Body/{{{NAMESPACE}}}{name}")
    if called is None:
        raise Refusal("request")
    return {each.tag.removeprefix(f"{{{NAMESPACE}}}"): each for each in called}


def _text(params: Params, name: str) -> str:
    return (params[name].text or "") if name in params else ""


def _child(element: Element, name: str) -> str:
    return element.findtext(f"{{{NAMESPACE}}}{name}") or ""


def send_message(params: Params, live: LiveAccount) -> str:
    to, text, sender = (_text(params, name) for name in ("msid", "message", "naming"))
    _check_period(_text(params, "validityPeriod"))
    _check(live, [(to, text)], sender)
    return _take(live, to, text, sender).id


def send_various(params: Params, live: LiveAccount) -> str:
    """A number that nobody has gets no id; what else is wrong refuses all."""
    given = [(_child(each, "Msid"), _child(each, "Message")) for each in params.get("msidsAndMessages", ())]
    wanted = [(to, text) for to, text in given if not behaviour_of(to).at_submit]
    sender = _text(params, "naming")
    _check_period(_text(params, "validityPeriod"))
    _check(live, wanted, sender)
    taken = [_take(live, to, text, sender) for to, text in wanted]
    return "".join(
        f"<SendMessageIDs><Msid>{each.to}</Msid><MessageID>{each.id}</MessageID></SendMessageIDs>" for each in taken
    )


def _check_period(period: str) -> None:
    if period and not re.fullmatch(r"\d{12}000R", period):
        raise Refusal("request")


def message_status(params: Params, live: LiveAccount) -> str:
    message = live.find(_text(params, "messageID"))
    return _delivery(message) if message else ""


def messages_status(params: Params, live: LiveAccount) -> str:
    ids = [each.text or "" for each in params.get("messageIDs", ())]
    found = {key: live.find(key) for key in ids}
    return "".join(
        f"<MessageStatusWithID><MessageID>{key}</MessageID><Delivery>{_delivery(message)}</Delivery></MessageStatusWithID>"
        for key, message in found.items()
        if message
    )


def _delivery(message: Message) -> str:
    dates = "".join(f"<{name}>{_written(message.state_at)}</{name}>" for name in ("DeliveryDate", "UserDeliveryDate"))
    status = DELIVERY[message.state]
    return (
        f"<DeliveryInfo><Msid>{message.to}</Msid><DeliveryStatus>{status}</DeliveryStatus>{dates}"
        f"<PartCount>{message.segments}</PartCount></DeliveryInfo>"
    )


def get_messages(params: Params, live: LiveAccount) -> str:
    """Newest first."""
    memory: Memory = live.memory
    start, end = _text(params, "DateFrom"), _text(params, "DateTo")
    if _text(params, "messageType") != "MO" or not start or not end:
        raise Refusal("request")
    found = [reply for reply in reversed(memory.replies) if start <= _written(reply.at) <= end]
    return "".join(
        f"<MessageInfo><MessageID>{reply.id}</MessageID><CreationDate>{_written(reply.at)}</CreationDate>"
        f"<SenderMsid>{reply.sender}</SenderMsid><SenderName></SenderName><DeliveryInfo></DeliveryInfo>"
        f"<MessageType>MO</MessageType><MessageText>{escape(reply.text)}</MessageText></MessageInfo>"
        for reply in found
    )


def statistics(_params: Params, live: LiveAccount) -> str:
    return f"<PacketSize>1000000</PacketSize><ExtraSMS>0</ExtraSMS><Remainder>{live.balance}</Remainder>"


METHODS: Final[Mapping[str, tuple[tuple[str, ...], Method]]] = {
    "SendMessage": (("msid", "message", "naming"), send_message),
    "SendMessageWithValidityPeriod": (("msid", "message", "naming", "validityPeriod"), send_message),
    "SendVariousMessages": (("msidsAndMessages", "naming", "scheduledSendDate", "validityPeriod"), send_various),
    "GetMessageStatus": (("messageID",), message_status),
    "GetMessagesStatus": (("messageIDs",), messages_status),
    "GetMessages": (("messageType", "subscriberMsids", "DateFrom", "DateTo"), get_messages),
    "GetStatistics": ((), statistics),
}


def _envelope(inside: str, status: int = 200) -> Answer:
    document = (
        '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<soap:Body>{inside}</soap:Body></soap:Envelope>"
    )
    return text_answer(document, status, "text/xml; charset=utf-8")


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, ZONE).strftime("%Y-%m-%dT%H:%M:%S")


def _submits(request: Request) -> bool:
    return "/Send" in request.headers.get("soapaction", "")


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    """Communicator pushes no states; whose message it was shows by the id that only OmniChannel takes."""
    headers = {"Content-Type": "application/json"}
    return [
        Push(
            kind="receipt",
            url=live.receipt_url,
            headers=headers,
            body=json.dumps(_event(report.message, report.state, report.at)).encode(),
        )
        for report in reports
        if live.receipt_url and report.message.wire["ours"] and report.state in EVENT
    ]


OPERATION_RESULT: Final = Repeats(taken=lambda status, body: status == 200 and b"<code>0</code>" in body)


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    memory: Memory = live.memory
    memory.replies.append(reply)
    if not live.inbound_url:
        return []
    url = with_query(live.inbound_url, (("msid", reply.sender), ("message", reply.text)))
    return [Push(kind="inbound", url=url, method="GET", repeats=OPERATION_RESULT)]


def without_id(answer: Answer) -> Answer:
    if answer.content_type.startswith("text/xml"):
        body = re.sub(rb">\d+</(MessageID|\w+Result)>", rb"></\1>", answer.body)
        return Answer(answer.status, body, answer.content_type)
    return without_keys(answer, "internal_id")


simulator = Simulator(
    slug="mts",
    label="MTS",
    credentials={"login": "demo", "password": "demo-password", "token": "demo-token"},
    routes=(
        Route("POST", f"{OMNI}/messages", _guarded(omni_send), submits=always),
        Route("POST", f"{OMNI}/messages/info", _guarded(omni_info)),
        Route("POST", f"{OMNI}/messages/balanceManagement/balance/full", _guarded(omni_balance)),
        Route("POST", SOAP, _guarded(soap), submits=_submits),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=tuple(ERRORS),
    failed="failed",
    throttled="speed",
    not_found=lambda request: text_answer("Not found", 404),
    price=Decimal(1),
    interim=True,
    keeps_replies=True,
    new_id=lambda: str(next(_ids)),
    without_id=without_id,
    memory=Memory,
)
