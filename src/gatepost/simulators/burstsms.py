"""Burst SMS's side of its API v1 (Transmit SMS, Kudosity), also below /2.

From the official reference in excerpts and clients. Where these leave something open the strict reading is taken: an
unknown field is an invalid one, a local number is not usable, numbers that are skipped are named only where none is
left. The callbacks' signature covers the customer's own parameters too. Not offered: stored lists, tracked links,
replies by e-mail, XML.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final, Literal

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import (
    Answer,
    Push,
    Repeats,
    Request,
    is_success,
    json_answer,
    split_pairs,
    text_answer,
    with_query,
    without_keys,
)
from gatepost.sms.text import count_segments

ERRORS: Final = {
    "AUTH_FAILED": (401, "Authentication failed - key: KEY"),
    "AUTH_FAILED_NO_DATA": (401, "Authentication failed - no data"),
    "NOT_IMPLEMENTED": (404, "Method is not implemented"),
    "OVER_LIMIT": (429, "Over the limit of requests"),
    "FIELD_EMPTY": (400, "Field 'message' is empty."),
    "FIELD_INVALID": (400, "Field is not valid."),
    "FIELD_UNSAFE": (400, "Field 'message' has characters that are not allowed."),
    "NO_ACCESS": (400, "No access"),
    "KEY_EXISTS": (400, "Already exists"),
    "LEDGER_ERROR": (400, "Not enough funds"),
    "BAD_CALLER_ID": (400, "Caller ID is not allowed"),
    "LIST_EMPTY": (400, "List is empty"),
    "RECIPIENTS_ERROR": (400, "No usable recipient"),
}
DOWN: Final = "503"
OK: Final = {"error": {"code": "SUCCESS", "description": "OK"}}
FIELDS: Final = {"message", "to", "from", "countrycode", "send_at", "validity", "dlr_callback", "reply_callback"}
STATUS: Final = {
    "accepted": "pending",
    "scheduled": "pending",
    "sent": "pending",
    "delivered": "delivered",
    "undelivered": "hard-bounce",
    "expired": "soft-bounce",
    "rejected": "hard-bounce",
    "cancelled": "failed",
    "unknown": "failed",
}
TIME: Final = "%Y-%m-%d %H:%M:%S"
STOP_WORDS: Final = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit"}
REPEATS: Final = Repeats(taken=is_success, waits_s=(60, 300, 3600, 86_400))
_ids = count(time.time_ns() // 1_000_000_000)


@dataclass(slots=True)
class Memory:
    """`calls`: messages of a call by number. `opted_out`: phones that wrote a stop word."""

    calls: dict[str, dict[str, Message]] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    replies: list[dict[str, Any]] = field(default_factory=list)


class Refusal(Exception):
    def __init__(self, code: str, description: Any = None) -> None:
        super().__init__(code)
        status, words = ERRORS[code]
        self.answer = json_answer({"error": {"code": code, "description": description or words}}, status)


Values = Mapping[str, str]


def _answered(make: Callable[[Values, LiveAccount], dict[str, Any]]) -> Callable[[Request, LiveAccount], Answer]:
    """The handler behind the sign-in; what it makes is a success."""

    def handle(request: Request, live: LiveAccount) -> Answer:
        signed_in = request.basic()
        try:
            if signed_in is None:
                raise Refusal("AUTH_FAILED_NO_DATA")
            if signed_in != (live.credentials["api_key"], live.credentials["api_secret"]):
                raise Refusal("AUTH_FAILED")
            pairs = [*request.query_pairs(), *request.form_pairs()]
            body = make({name: value.decode("utf-8", "replace") for name, value in pairs}, live)
        except Refusal as refusal:
            return refusal.answer
        return json_answer({**body, **OK})

    return handle


def _send(values: Values, live: LiveAccount) -> dict[str, Any]:
    _check(values, live)
    text, sender, memory = values["message"], values.get("from", ""), live.memory
    given = values["to"].split(",")
    opted_out = [number for number in given if _is_opted_out(number, memory)]
    fails = [number for number in given if number not in opted_out and not _is_good(number)]
    usable = list(dict.fromkeys(number for number in given if number not in (*opted_out, *fails)))
    if not usable:
        named = {"fails": fails, "optouts": opted_out}
        raise Refusal("RECIPIENTS_ERROR", {key: numbers for key, numbers in named.items() if numbers})
    segments = count_segments(text)[1]
    cost = live.simulator.price * segments * len(usable)
    if not live.can_pay(cost):
        raise Refusal("LEDGER_ERROR")
    send_at = _moment(values.get("send_at", ""))
    taken = [
        live.accept(
            to=number,
            text=text,
            sender=sender,
            segments=segments,
            receipt_url=values.get("dlr_callback") or live.receipt_url,
            send_at=send_at,
            wire={"reply_callback": values.get("reply_callback", "")},
        )
        for number in usable
    ]
    call_id = taken[0].id
    memory.calls[call_id] = {message.to: message for message in taken}
    for message in taken:
        message.wire["call_id"] = call_id
    none_yet = dict.fromkeys(("delivered", "pending", "bounced", "responses", "optouts"), 0)
    return {
        "message_id": int(call_id),
        "send_at": _written(send_at or taken[0].at),
        "recipients": len(taken),
        "cost": float(cost),
        "sms": segments,
        "delivery_stats": none_yet,
    }


def _check(values: Values, live: LiveAccount) -> None:
    sender = values.get("from", "")
    for name in ("message", "to"):
        if not values.get(name):
            raise Refusal("FIELD_EMPTY", f"Field '{name}' is empty.")
    faults = {
        "unknown field": not set(values) <= FIELDS,
        "to: too many numbers": values["to"].count(",") >= 500,
        "message is too long": count_segments(values["message"])[1] > 4,
        "Sender ID is not valid": re.fullmatch("[A-Za-z0-9]{0,11}|[0-9]{3,15}", sender) is None,
        "countrycode": re.fullmatch("([A-Za-z]{2})?", values.get("countrycode", "")) is None,
        "validity": re.fullmatch("[0-9]{0,9}", values.get("validity", "")) is None,
    }
    fault = next((words for words, is_so in faults.items() if is_so), "")
    if fault:
        raise Refusal("FIELD_INVALID", f"Field is not valid: {fault}")
    if sender.lower() == REFUSED_SENDER or (sender and not live.allows_sender(sender)):
        raise Refusal("BAD_CALLER_ID")


def _is_good(number: str) -> bool:
    return re.fullmatch("[1-9][0-9]{7,14}", number) is not None and behaviour_of(number).at_submit != "bad_number"


def _is_opted_out(number: str, memory: Memory) -> bool:
    return number in memory.opted_out or behaviour_of(number).at_submit == "blocked"


def _call(values: Values, live: LiveAccount, name: str = "message_id") -> dict[str, Message]:
    found: dict[str, Message] | None = live.memory.calls.get(values.get(name, ""))
    if found is None:
        raise Refusal("FIELD_INVALID", f"Field is not valid: {name}")
    return found


def _state(values: Values, live: LiveAccount) -> dict[str, Any]:
    message = _call(values, live).get(values.get("msisdn") or values.get("mobile", ""))
    if message is None:
        raise Refusal("FIELD_INVALID", "Field is not valid: msisdn")
    stats = {
        "message_id": int(message.wire["call_id"]),
        "sender_id": message.sender,
        "mobile": int(message.to),
        "send_at": _written(message.at),
        "datetime": _written(message.state_at),
        "status": STATUS[message.state],
        "message": message.text,
    }
    return {"stats": stats}


def _sent(values: Values, live: LiveAccount) -> dict[str, Any]:
    found = [
        {"msisdn": int(message.to), "delivery_status": STATUS[message.state], "optout": _is_out(message, live)}
        for message in _call(values, live).values()
    ]
    return _paged("recipients", found, values)


def _is_out(message: Message, live: LiveAccount) -> bool:
    return message.to in live.memory.opted_out


def _cancel(values: Values, live: LiveAccount) -> dict[str, Any]:
    if not sum(live.cancel(message) for message in _call(values, live, "id").values()):
        raise Refusal("FIELD_INVALID", "Field is not valid: id")
    return {"success": "OK"}


def _responses(values: Values, live: LiveAccount) -> dict[str, Any]:
    wanted = values.get("message_id")
    return _paged("responses", [one for one in live.memory.replies if wanted in (None, str(one["message_id"]))], values)


def _paged(name: str, found: list[dict[str, Any]], values: Values) -> dict[str, Any]:
    page, most = (values.get(key, default) for key, default in (("page", "1"), ("max", "10")))
    if not page.isdecimal() or not most.isdecimal() or not 0 < int(page) < 10**6 or not 0 < int(most) <= 100:
        raise Refusal("FIELD_INVALID", "Field is not valid: page, max")
    first = (int(page) - 1) * int(most)
    pages = {"count": -(-len(found) // int(most)), "number": int(page)}
    return {"page": pages, "total": len(found), name: found[first : first + int(most)]}


def _balance(_values: Values, live: LiveAccount) -> dict[str, Any]:
    return {"balance": float(live.balance), "currency": "AUD"}


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    return [
        _push(
            "receipt",
            report.message.receipt_url,
            live,
            message_id=report.message.wire["call_id"],
            mobile=report.message.to,
            datetime=_written(report.at),
            status=STATUS[report.state],
            user_id="54911",
        )
        for report in reports
        if report.message.receipt_url
    ]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    """To the address of the message answered, else to the one of the number."""
    memory: Memory = live.memory
    is_optout = reply.text.strip().lower() in STOP_WORDS
    if is_optout:
        memory.opted_out.add(reply.sender)
    answered = reply.answers.wire["call_id"] if reply.answers else ""
    about = {"msisdn": int(reply.sender), "response": reply.text, "longcode": int(reply.to)}
    call = {"id": int(reply.id), "message_id": int(answered) if answered else None}
    memory.replies.append({**call, "received_at": _written(reply.at), "first_name": "", "last_name": "", **about})
    url = (reply.answers.wire["reply_callback"] if reply.answers else "") or live.inbound_url
    told = {
        "user_id": "54911",
        **({"message_id": answered} if answered else {}),
        "response": reply.text,
        "response_id": reply.id,
        "mobile": reply.sender,
        "longcode": reply.to,
        "datetime_entry": _written(reply.at),
        "is_optout": "yes" if is_optout else "no",
    }
    return [_push("inbound", url, live, **told)] if url else []


def _push(kind: Literal["receipt", "inbound"], url: str, live: LiveAccount, **values: str) -> Push:
    """Signed over the whole query as PHP writes it in JSON."""
    full = with_query(url, values.items())
    query = {name: value.decode("utf-8", "replace") for name, value in split_pairs(full.partition("?")[2].encode())}
    as_php = json.dumps(query, separators=(",", ":")).replace("/", "\\/")
    signature = hmac.new(live.credentials["api_secret"].encode(), as_php.encode(), hashlib.sha256).hexdigest()
    headers = {"x-transmitsms-signature": signature}
    return Push(kind=kind, url=full, method="GET", headers=headers, repeats=REPEATS)


def _moment(text: str) -> float | None:
    try:
        return datetime.strptime(text, TIME).replace(tzinfo=UTC).timestamp() if text else None
    except ValueError:
        raise Refusal("FIELD_INVALID", "Field is not valid: send_at") from None


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(TIME)


def _refused(code: str, request: Request) -> Answer:
    if code == DOWN:
        return text_answer("Service Unavailable", 503)
    numbers = dict(request.form_pairs()).get("to", b"").decode().split(",")
    return Refusal(code, {"fails": numbers} if code == "RECIPIENTS_ERROR" else None).answer


simulator = Simulator(
    slug="burstsms",
    label="Burst SMS",
    credentials={"api_key": "demo-api-key", "api_secret": "demo-api-secret"},
    routes=tuple(
        Route(method, f"{prefix}/{call}.json", _answered(make), submits=always)
        if call == "send-sms"
        else Route(method, f"{prefix}/{call}.json", _answered(make))
        for prefix in ("", "/2")
        for method, call, make in (
            ("POST", "send-sms", _send),
            ("POST", "get-sms-delivery-status", _state),
            ("POST", "get-sms-sent", _sent),
            ("POST", "cancel-sms", _cancel),
            ("POST", "get-sms-responses", _responses),
            ("GET", "get-user-sms-responses", _responses),
            ("GET", "get-balance", _balance),
        )
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=_refused,
    codes=(*ERRORS, DOWN),
    failed=DOWN,
    throttled="OVER_LIMIT",
    not_found=lambda _request: Refusal("NOT_IMPLEMENTED").answer,
    price=Decimal("0.087"),
    keeps_replies=True,
    new_id=lambda: str(next(_ids)),
    without_id=lambda answer: without_keys(answer, "message_id"),
    memory=Memory,
)
