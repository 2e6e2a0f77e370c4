"""JustSend's side of its two generations: the new REST API below /api, and REST v2 below /api/rest/v2.

From the official page, the official SDK and clients. Where these leave something open the strict reading is taken: a
number with `+` is refused, a time that has passed is refused, PRO wants a sender and FULL one of its list, ECO goes
without. Nothing is pushed. Not offered: history (its path is not known), groups, v1 and v3, uploads.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.refusals import Handle, Refusal
from gatepost.simulators.wire import Answer, Push, Request, json_answer
from gatepost.sms.text import count_segments

ZONE: Final = ZoneInfo("Europe/Warsaw")
NEW, V2 = "/api", "/api/rest/v2"
VARIANTS: Final = ("ECO", "FULL", "PRO", "ECO_RESP", "PRO_RESP", "TEST_JS", "TEST")
FULL_SENDERS: Final = ("INFO", "INFORMACJA", "KONKURS", "NOWOSC", "OFERTA", "OKAZJA", "PROMOCJA", "SMS")
PRICE: Final = {"ECO": 3, "FULL": 6, "PRO": 7}
# Code to the new API's status and words, and to the id and words of v2.
ERRORS: Final[Mapping[str, tuple[int, str, int, str]]] = {
    "INTERNAL_ERROR": (500, "Internal error", 100, "Internal error"),
    "NO_AUTHENTICATION": (401, "Unauthorized", 101, "No user authentication"),
    "NO_AUTHORIZATION": (403, "Forbidden", 102, "No user authorization"),
    "NOT_FOUND": (404, "Not found", 103, "Object not found"),
    "NO_SUFFICIENT_POINTS": (
        402,
        "Payment required",
        106,
        "Master/Slave does not have sufficient points to proceed operation",
    ),
    "INVALID_FORMAT": (400, "msisdn has an invalid format", 200, "Invalid format of to parameter"),
    "INVALID_LENGTH": (400, "sender has an invalid length", 200, "Invalid length of from parameter"),
    "FORBIDDEN_VALUE": (400, "content is not allowed", 200, "Forbidden value of message parameter"),
    "INVALID_VALUE": (400, "Invalid value", 200, "Invalid value of sendDate parameter"),
    "NUMBER_ON_BLACK_LIST": (400, "msisdn is on the blacklist", 200, "Number on black list"),
    "LIMIT_EXCEEDED": (429, "Too many requests", 200, "Limit exceeded for account"),
}
FATE: Final = {
    "delivered": "DELIVERED",
    "undelivered": "NOT_DELIVERED",
    "expired": "NOT_DELIVERED",
    "rejected": "NOT_SENT",
    "cancelled": "NOT_SENT",
}
_ids = count(int(time.time() * 1000))


@dataclass(slots=True)
class Memory:
    """`replies`: what phones wrote, in v2's form. `bulks`: the messages of each bulk."""

    replies: list[dict[str, str]] = field(default_factory=list)
    bulks: dict[str, list[Message]] = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: count(55))


def _guarded(handle: Handle) -> Handle:
    """Refusals in the words of the generation that was asked, and the key checked first."""

    def guarded(request: Request, live: LiveAccount) -> Answer:
        try:
            if request.headers.get("app-key") != live.credentials["app_key"]:
                raise Refusal("NO_AUTHENTICATION")
            return handle(request, live)
        except Refusal as refusal:
            return refuse(refusal.code, request)

    return guarded


def refuse(code: str, request: Request) -> Answer:
    status, words, error_id, said = ERRORS[code]
    if request.path.startswith(V2):
        return json_answer({"responseCode": code, "errorId": error_id, "message": said, "data": None})
    return json_answer({"message": words, "code": code}, status)


def _fine(data: Any) -> Answer:
    return json_answer({"responseCode": "OK", "errorId": 0, "message": "Successful", "data": data})


def send_single(request: Request, live: LiveAccount) -> Answer:
    body = _body(request, "sender", "msisdn", "bulkVariant", "content")
    _take(live, body["msisdn"], body["content"], body["sender"], body["bulkVariant"])
    return Answer(204)


def send_bulk(request: Request, live: LiveAccount) -> Answer:
    body = _body(request, "name", "bulkType", "bulkVariant", "sender", "sendDate", "recipients")
    if body["bulkType"] not in ("STANDARD", "PERSONALIZED") or not isinstance(body["recipients"], list):
        raise Refusal("INVALID_VALUE")
    at = _send_date(body["sendDate"])
    is_standard = body["bulkType"] == "STANDARD"
    wanted = [
        (str(each.get("msisdn", "")), body.get("message", "") if is_standard else each.get("content", ""))
        for each in body["recipients"]
    ]
    _check_all(live, wanted, body["sender"], body["bulkVariant"])
    for to, text in wanted:
        _take(live, to, text, body["sender"], body["bulkVariant"], at)
    return Answer(201)


def send_v2(request: Request, live: LiveAccount) -> Answer:
    body = _body(request, "to", "message", "bulkVariant")
    message = _take(live, body["to"], body["message"], body.get("from", ""), body["bulkVariant"])
    return _fine(int(message.id))


def bulk_v2(request: Request, live: LiveAccount) -> Answer:
    body = _body(request, "name", "to", "message", "sendDate", "bulkVariant")
    if not isinstance(body["to"], list) or not body["to"]:
        raise Refusal("INVALID_FORMAT")
    at = _send_date(body["sendDate"])
    wanted = [(str(to), str(body["message"])) for to in dict.fromkeys(body["to"])]
    _check_all(live, wanted, body.get("from", ""), body["bulkVariant"])
    memory: Memory = live.memory
    bulk_id = next(memory.ids)
    memory.bulks[str(bulk_id)] = [
        _take(live, to, text, body.get("from", ""), body["bulkVariant"], at) for to, text in wanted
    ]
    cost = int(sum(message.price for message in memory.bulks[str(bulk_id)]))
    return _fine(
        {
            "id": bulk_id,
            "estimatedEndDate": datetime.now(ZONE).strftime("%Y-%m-%d %H:%M:%S"),
            "costInPoints": cost,
            "shortName": body["name"],
            "bulkStatus": "TO_SEND",
            "bulkSize": len(wanted),
            "autoSend": True,
        }
    )


def _check_all(live: LiveAccount, wanted: Sequence[tuple[str, str]], sender: str, variant: str) -> None:
    for to, text in wanted:
        _check(live, to, text, sender, variant)


def _take(live: LiveAccount, to: str, text: str, sender: str, variant: str, at: float | None = None) -> Message:
    _check(live, to, text, sender, variant)
    segments = count_segments(text)[1]
    price = Decimal(PRICE.get(variant.partition("_")[0], 0) * segments)
    shown = "" if variant.startswith("ECO") else sender
    return live.accept(to=to, text=text, sender=shown, segments=segments, price=price, send_at=at)


def _check(live: LiveAccount, to: Any, text: Any, sender: Any, variant: Any) -> None:
    at_submit = behaviour_of(str(to)).at_submit
    if not re.fullmatch("[1-9][0-9]{8,14}", str(to)) or at_submit == "bad_number":
        raise Refusal("INVALID_FORMAT")
    if at_submit == "blocked":
        raise Refusal("NUMBER_ON_BLACK_LIST")
    if not isinstance(text, str) or not text:
        raise Refusal("FORBIDDEN_VALUE")
    if variant not in VARIANTS:
        raise Refusal("INVALID_VALUE")
    is_named = re.fullmatch(r".{1,11}", sender) and not re.search("[0-9]{9}", sender)
    is_own = is_named and sender.lower() != REFUSED_SENDER and live.allows_sender(sender)
    if (variant.startswith("PRO") and not is_own) or (variant == "FULL" and sender not in FULL_SENDERS):
        raise Refusal("INVALID_LENGTH")
    if not live.can_pay(Decimal(PRICE.get(variant.partition("_")[0], 0))):
        raise Refusal("NO_SUFFICIENT_POINTS")


def report(request: Request, live: LiveAccount) -> Answer:
    message = live.find(request.captured["id"])
    if message is None:
        raise Refusal("NOT_FOUND")
    fate = FATE.get(message.state, "")
    return _fine(
        {
            "sendDate": datetime.fromtimestamp(message.at, ZONE).strftime("%Y-%m-%d %H:%M:%S"),
            "from": message.sender,
            "delivered": int(fate == "DELIVERED"),
            "notDelivered": int(fate == "NOT_DELIVERED"),
            "sent": int(fate != "NOT_SENT"),
            "notSent": int(fate == "NOT_SENT"),
            "bulkCostInPoints": int(message.price),
        }
    )


def recipients(request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    messages = memory.bulks.get(request.captured["id"])
    if messages is None:
        raise Refusal("NOT_FOUND")
    wanted = request.captured["fate"]
    return _fine([each.to for each in messages if FATE.get(each.state, "NOT_CONFIRMED") == wanted])


def responses(request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    prefix, start, end = (request.captured[name] for name in ("prefix", "start", "end"))
    return _fine(
        [each for each in memory.replies if each["prefix"] == prefix and start <= each["createDate"][:10] <= end]
    )


def points(_request: Request, live: LiveAccount) -> Answer:
    return _fine(int(live.balance))


def blacklist(request: Request, _live: LiveAccount) -> Answer:
    if not {"page", "size"} <= {name for name, _ in request.query_pairs()}:
        raise Refusal("INVALID_VALUE")
    return json_answer({"totalPages": 0, "content": [], "totalElements": 0})


def receipts(_reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    return []


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    """A phone answers with the prefix of the account in front."""
    memory: Memory = live.memory
    prefix = live.options["prefix"]
    created = datetime.fromtimestamp(reply.at, ZONE).strftime("%Y-%m-%d %H:%M:%S")
    memory.replies.append(
        {"prefix": prefix, "msisdn": reply.sender, "message": f"{prefix} {reply.text}", "createDate": created}
    )
    return []


def _body(request: Request, *needed: str) -> dict[str, Any]:
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or any(name not in body for name in needed):
        raise Refusal("INVALID_VALUE")
    return body


def _send_date(text: Any) -> float:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise Refusal("INVALID_VALUE") from None
    if moment.tzinfo is None or moment.timestamp() < time.time() - 1:
        raise Refusal("INVALID_VALUE")
    return moment.timestamp() if moment.timestamp() > time.time() + 30 else time.time()


simulator = Simulator(
    slug="justsend",
    label="JustSend",
    credentials={"app_key": "demo-app-key"},
    options={"prefix": "ABC"},
    routes=(
        Route("POST", f"{NEW}/sender/singlemessage/send", _guarded(send_single), submits=always),
        Route("POST", f"{NEW}/sender/bulk/send", _guarded(send_bulk), submits=always),
        Route("GET", f"{NEW}/blacklist/get", _guarded(blacklist)),
        Route("POST", f"{V2}/message/send", _guarded(send_v2), submits=always),
        Route("POST", f"{V2}/bulk/send", _guarded(bulk_v2), submits=always),
        Route("GET", f"{V2}/report/message/{{id}}", _guarded(report)),
        Route("GET", f"{V2}/bulk/recipient/{{fate}}/{{id}}", _guarded(recipients)),
        Route("GET", f"{V2}/report/response/messages/{{prefix}}/{{start}}/{{end}}", _guarded(responses)),
        Route("GET", f"{V2}/payment/points", _guarded(points)),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=tuple(ERRORS),
    failed="INTERNAL_ERROR",
    throttled="LIMIT_EXCEEDED",
    not_found=lambda request: refuse("NOT_FOUND", request),
    price=Decimal(3),
    keeps_replies=True,
    new_id=lambda: str(next(_ids)),
    without_id=lambda answer: _fine(None) if answer.body else answer,
    memory=Memory,
)
