"""Devino's side of devino.online below /online, and of the older REST v2 and v1 below /rest/v2 and /rest.

Sending and errors are documented. The keys of reasons were not found and are made up; so are the body of reports (JSON
with id, state and our options) and the rule that incoming messages come as the older platform sends them. Where the
sources leave something open the strict reading is taken: an unknown member or parameter is refused. Not offered: other
channels, sending by the recipient's time zone, a query of states at devino.online (its address alone is known).
"""

import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.refusals import Refusal, refusing
from gatepost.simulators.wire import Answer, Push, Repeats, Request, form, json_answer, text_answer, without_keys
from gatepost.sms.text import count_segments

ONLINE, V2, V1 = "/online", "/rest/v2", "/rest"
SESSION_S: Final = 120 * 60
# To status of HTTP, or key and field of a reason at devino.online; and to status, code and words of the older platform.
ERRORS: Final[dict[str, tuple[int | tuple[str, str], tuple[int, int, str]]]] = {
    "unauthorized": (401, (401, 4, "Invalid user login or password")),
    "session": (401, (401, 4, "SessionID expired")),
    "no_credit": (402, (403, 5, "Not enough credits")),
    "forbidden": (403, (403, 7, "Forbidden")),
    "invalid": (400, (400, 2, "Invalid argument")),
    "phone": (("INVALID_PHONE", "to"), (400, 2, "Invalid destination address")),
    "sender": (("INVALID_SENDER", "from"), (400, 6, "Invalid source address")),
    "text": (("INVALID_TEXT", "text"), (400, 1, "Argument cannot be null or empty: Data")),
    "stop_list": (("STOP_LIST", "to"), (400, 2, "Invalid destination address")),
    "throttled": (429, (500, 8, "Gateway error")),
    "failed": (503, (500, 9, "Internal error")),
}
PRIORITIES: Final = ("LOW", "MEDIUM", "HIGH", "REALTIME")
MEMBERS: Final = {"from", "to", "text", "validity", "scheduledTime", "priority", "callbackUrl", "options"}
WORDS: Final = {
    "sent": "SENT",
    "delivered": "DELIVERED",
    "undelivered": "UNDELIVERED",
    "expired": "EXPIRED",
    "rejected": "REJECTED",
    "unknown": "NOTHING_KNOWN",
}
STATES: Final = {
    "accepted": -2,
    "scheduled": -2,
    "sent": -1,
    "delivered": 0,
    "undelivered": 41,
    "expired": 46,
    "rejected": 69,
    "cancelled": 47,
    "unknown": 99,
}
# A body would be read as an order to reply to the subscriber; once more after 30 seconds without an answer.
QUIETLY: Final = Repeats(taken=lambda status, body: status == 200 and not body, waits_s=(30.0,))
_ids = count(3_482_512_350_952_730_368)


@dataclass(slots=True)
class Memory:
    """`parts`: the id of each part to its message. `sessions`: until when each is valid. `received`: for `/Sms/In`."""

    parts: dict[str, Message] = field(default_factory=dict)
    sessions: dict[str, float] = field(default_factory=dict)
    received: list[dict[str, Any]] = field(default_factory=list)


def refuse(code: str, request: Request) -> Answer:
    online, (status, number, words) = ERRORS[code]
    if not request.path.startswith(ONLINE):
        return json_answer({"Code": number, "Desc": words}, status)
    if isinstance(online, int):
        return json_answer({"description": words}, online)
    return json_answer({"result": [_rejected(code)] * len(_messages(request))})


_guarded = refusing(refuse)


def _rejected(code: str) -> dict[str, Any]:
    online = ERRORS[code][0]
    key, named = ("OTHER", "") if isinstance(online, int) else online
    return {"code": "REJECTED", "reasons": [{"key": key, "ref": named}]}


def _messages(request: Request) -> list[Any]:
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not 1 <= len(messages) <= 32_000:
        raise Refusal("invalid")
    return messages


def send_online(request: Request, live: LiveAccount) -> Answer:
    """Each message is taken or rejected by itself, in order."""
    _authorise(request, live)
    flags = dict(request.query_pairs())
    if set(flags) - {"includeSegmentId", "shortenUrl"} or set(flags.values()) - {b"true", b"false"}:
        raise Refusal("invalid")
    return json_answer(
        {"result": [_one(one, live, has_parts=flags.get("includeSegmentId") == b"true") for one in _messages(request)]}
    )


def _one(one: Any, live: LiveAccount, *, has_parts: bool) -> dict[str, Any]:
    validity = one.get("validity", 0) if isinstance(one, dict) else None
    if not isinstance(validity, int) or not 0 <= validity <= 259_200 or set(one) - MEMBERS:
        raise Refusal("invalid")
    options = one.get("options", {})
    is_odd = any(not isinstance(value, str) for value in options.values())
    if is_odd or one.get("priority", "LOW") not in PRIORITIES:
        return _rejected("invalid")
    try:
        _check(live, str(one.get("to")), str(one.get("from", "")), str(one.get("text", "")))
    except Refusal as refusal:
        return _rejected(refusal.code)
    segments = count_segments(one["text"])[1]
    message = live.accept(
        to=one["to"],
        text=one["text"],
        sender=one["from"],
        segments=segments,
        receipt_url=one.get("callbackUrl", ""),
        send_at=_moment(one.get("scheduledTime", "")),
        wire={"options": options},
    )
    parts = [f"{message.id}{part}" for part in range(segments)] if has_parts else None
    return {"code": "OK", "messageId": message.id, "segmentsId": parts}


def _moment(text: str) -> float | None:
    """A time in UTC; one that has passed means at once."""
    try:
        found = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else None
    except ValueError:
        raise Refusal("invalid") from None
    return found if found and found > time.time() else None


def _check(live: LiveAccount, to: str, sender: str, text: str) -> None:
    at_submit = behaviour_of(to).at_submit
    if not re.fullmatch("[1-9][0-9]{9,14}", to) or at_submit == "bad_number":
        raise Refusal("phone")
    if at_submit == "blocked":
        raise Refusal("stop_list")
    is_named = re.fullmatch("[A-Za-z0-9 .&_-]{1,11}|[0-9]{1,15}", sender)
    if not is_named or sender.lower() == REFUSED_SENDER or not live.allows_sender(sender):
        raise Refusal("sender")
    if not text:
        raise Refusal("text")
    if not live.can_pay(simulator.price):
        raise Refusal("no_credit")


def account(request: Request, live: LiveAccount) -> Answer:
    _authorise(request, live)
    return json_answer({"result": {"account": {"companyId": 1, "balance": float(live.balance), "isBlocked": False}}})


def _authorise(request: Request, live: LiveAccount) -> None:
    has_key = request.headers.get("authorization", "") == f"Key {live.credentials['api_key']}"
    if not has_key and request.basic() != (live.credentials["login"], live.credentials["password"]):
        raise Refusal("unauthorized")


def send_legacy(request: Request, live: LiveAccount) -> Answer:
    """One invalid number, and nothing is sent. Each part has an id of its own."""
    pairs = _legacy_pairs(request, live)
    name = "DestinationAddresses" if request.path.endswith("Bulk") else "DestinationAddress"
    numbers = [value.lstrip("+") for key, value in pairs if key == name]
    values = {key: value for key, value in pairs if key != name}
    if not numbers or len(numbers) > 2999 or set(values) - {"SourceAddress", "Data", "Validity", "SendDate"}:
        raise Refusal("invalid")
    text, sender = values.get("Data", ""), values.get("SourceAddress", "")
    for number in numbers:
        _check(live, number, sender, text)
    segments = count_segments(text)[1]
    send_at = _moment(values.get("SendDate", ""))
    taken = [live.accept(to=number, text=text, sender=sender, segments=segments, send_at=send_at) for number in numbers]
    parts = {_part_id(message, part): message for message in taken for part in range(1, segments + 1)}
    live.memory.parts.update(parts)
    return json_answer(list(parts))


def _part_id(message: Message, part: int) -> str:
    return message.id if part == 1 else f"{message.id}-{message.segments}-{part}"


def state(request: Request, live: LiveAccount) -> Answer:
    values = dict(_legacy_pairs(request, live))
    message: Message | None = live.memory.parts.get(values.get("messageId", ""))
    if message is None:
        return json_answer({"State": 255, "ReportedDateUtc": None, "StateDescription": "", "Price": None})
    return json_answer(
        {
            "State": STATES[message.state],
            "CreationDateUtc": _written(message.at),
            "ReportedDateUtc": _written(message.state_at) if STATES[message.state] >= 0 else None,
            "StateDescription": message.state,
            "Price": float(message.price / message.segments),
        }
    )


def received(request: Request, live: LiveAccount) -> Answer:
    values = dict(_legacy_pairs(request, live))
    try:
        start, end = (
            datetime.strptime(values.get(name, ""), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp()
            for name in ("minDateUTC", "maxDateUTC")
        )
    except ValueError:
        raise Refusal("invalid") from None
    # Whole seconds: what came within the last one is told too.
    found = [{**each, "CreatedDateUtc": _written(each["at"])} for each in live.memory.received]
    return json_answer(
        [{key: value for key, value in each.items() if key != "at"} for each in found if start <= each["at"] <= end + 1]
    )


def balance(request: Request, live: LiveAccount) -> Answer:
    _legacy_pairs(request, live)
    return text_answer(str(live.balance), content_type="application/json")


def session(request: Request, live: LiveAccount) -> Answer:
    values = {name: value.decode("utf-8", "replace") for name, value in request.query_pairs()}
    _sign_in(values.get("login", ""), values.get("password", ""), live)
    name = secrets.token_hex(16)
    live.memory.sessions[name] = time.time() + SESSION_S
    return json_answer(name)


def _legacy_pairs(request: Request, live: LiveAccount) -> list[tuple[str, str]]:
    """The parameters without those of the sign-in, which v2 and v1 do in their own ways."""
    found = [*request.query_pairs(), *request.form_pairs()]
    pairs = [(name, value.decode("utf-8", "replace")) for name, value in found]
    values = dict(pairs)
    if request.path.startswith(V2):
        _sign_in(values.get("Login", ""), values.get("Password", ""), live)
    elif live.memory.sessions.get(values.get("SessionID", ""), 0.0) < time.time():
        raise Refusal("session")
    return [(name, value) for name, value in pairs if name not in ("Login", "Password", "SessionID")]


def _sign_in(login: str, password: str, live: LiveAccount) -> None:
    if (login, password) != (live.credentials["login"], live.credentials["password"]):
        raise Refusal("unauthorized")


def _written(at: float) -> str:
    return f"/Date({int(at * 1000)})/"


def receipts(reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    return [
        Push(
            kind="receipt",
            url=report.message.receipt_url,
            headers={"Content-Type": "application/json"},
            body=json.dumps(
                {
                    "messageId": report.message.id,
                    "status": WORDS[report.state],
                    "options": report.message.wire["options"],
                }
            ).encode(),
        )
        for report in reports
        if report.message.receipt_url and report.state in WORDS
    ]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    live.memory.received.append(
        {
            "Data": reply.text,
            "SourceAddress": reply.sender,
            "DestinationAddress": reply.to,
            "ID": int(reply.id),
            "at": reply.at,
        }
    )
    if not live.inbound_url:
        return []
    values = {"sourcePhone": reply.sender, "number": reply.to, "prefix": "", "text": reply.text, "messageId": reply.id}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = form(values.items())
    return [Push(kind="inbound", url=live.inbound_url, headers=headers, body=body, repeats=QUIETLY)]


def _legacy(base: str) -> tuple[Route, ...]:
    return (
        Route("POST", f"{base}/Sms/Send", _guarded(send_legacy), submits=always),
        Route("POST", f"{base}/Sms/SendBulk", _guarded(send_legacy), submits=always),
        Route("GET", f"{base}/Sms/State", _guarded(state)),
        Route("GET", f"{base}/Sms/In", _guarded(received)),
        Route("GET", f"{base}/User/Balance", _guarded(balance)),
    )


simulator = Simulator(
    slug="devino",
    label="Devino.Online",
    credentials={"api_key": "demo-api-key", "login": "demo", "password": "demo-password"},
    routes=(
        Route("POST", f"{ONLINE}/sms/messages", _guarded(send_online), submits=always),
        Route("GET", f"{ONLINE}/billing-api/companies/current/account", _guarded(account)),
        *_legacy(V2),
        *_legacy(V1),
        Route("GET", f"{V1}/user/sessionid", _guarded(session)),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=tuple(ERRORS),
    failed="failed",
    throttled="throttled",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal(1),
    interim=True,
    keeps_replies=True,
    new_id=lambda: str(next(_ids)),
    without_id=lambda answer: without_keys(answer, "messageId") if b"result" in answer.body else json_answer([]),
    memory=Memory,
)
