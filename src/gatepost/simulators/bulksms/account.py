"""Reading messages, replies and the profile; webhooks and what they carry; blocked numbers."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, le, lt
from typing import Any, Final

from gatepost.simulators.bulksms.resources import Memory, Refusal, authorise, json_body, query_of, resource
from gatepost.simulators.bulksms.sending import recipients_of
from gatepost.simulators.bulksms.tables import FILTERS, MAX_PER_CALL, STATUS
from gatepost.simulators.engine import LiveAccount, Report
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import Answer, Push, Repeats, Request, json_answer
from gatepost.sms.text import count_segments, is_gsm7

UNTIL_TAKEN: Final = Repeats(
    taken=lambda status, _body: 100 <= status < 300,
    hopeless=lambda status: 400 <= status < 500,
    waits_s=(90.0, 180.0, 360.0, 720.0),
    then_every_s=900.0,
    for_s=2 * 86_400.0,
)


def show(request: Request, live: LiveAccount) -> Answer:
    try:
        authorise(request, live)
        return json_answer(resource(_found(request, live)))
    except Refusal as refusal:
        return refusal.answer


def list_replies(request: Request, live: LiveAccount) -> Answer:
    try:
        authorise(request, live)
        wanted = _found(request, live).id
    except Refusal as refusal:
        return refusal.answer
    memory: Memory = live.memory
    return json_answer([item for item in memory.received if str(item["relatedSentMessageId"]) == wanted])


def list_messages(request: Request, live: LiveAccount) -> Answer:
    """`filter` holds clauses `name=value` (or < > >=) joined by `&`."""
    try:
        authorise(request, live)
        query = query_of(request)
        clauses = [_clause(text) for text in query.get("filter", "").split("&") if text]
        limit = int(query.get("limit", "1000")) if query.get("limit", "1000").isdigit() else 0
        if not 1 <= limit <= 10_000:
            raise Refusal("bad-request", "limit has an invalid value")
    except Refusal as refusal:
        return refusal.answer
    memory: Memory = live.memory
    resources = [resource(message) for message in live.messages] + memory.received
    chosen = [item for item in resources if all(_holds(item, *clause) for clause in clauses)]
    chosen.sort(key=lambda item: int(item["id"]), reverse=query.get("sortOrder", "DESCENDING") != "ASCENDING")
    return json_answer(chosen[:limit])


def _clause(text: str) -> tuple[str, str, str]:
    found = re.fullmatch(r"([A-Za-z.]+)(>=|<=|=|<|>)(.*)", text)
    if not found or found[1] not in FILTERS:
        raise Refusal("bad-request", f"filter: {text} is not a clause")
    return found[1], found[2], found[3]


def _holds(item: Mapping[str, Any], name: str, operator: str, wanted: str) -> bool:
    value: Any = item
    for part in name.split("."):
        value = (value or {}).get(part)
    if value is None:
        return False
    if name == "id" and wanted.isdigit():
        return _COMPARISONS[operator](int(value), int(wanted))
    return _COMPARISONS[operator](str(value), wanted)


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": eq,
    "<": lt,
    ">": gt,
    ">=": ge,
    "<=": le,
}


def profile(request: Request, live: LiveAccount) -> Answer:
    try:
        authorise(request, live)
    except Refusal as refusal:
        return refusal.answer
    return json_answer(
        {
            "id": "12345",
            "username": live.credentials["login"],
            "created": "2016-01-01T00:00:00Z",
            "credits": {"balance": float(live.balance), "limit": 0, "isTransferAllowed": False},
            "quota": {"size": 10_000, "remaining": max(0, 10_000 - live.taken)},
        }
    )


def blocked_numbers(request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    try:
        authorise(request, live)
        if request.method == "GET":
            return json_answer([{"phoneNumber": number} for number in sorted(memory.blocked)])
        items = json_body(request)
        if not isinstance(items, list) or not 1 <= len(items) <= 1000:
            raise Refusal("bad-request", "Send a list of 1 to 1000 numbers")
        numbers = [item.get("phoneNumber") if isinstance(item, dict) else item for item in items]
        memory.blocked |= set(recipients_of(numbers))
        return json_answer([{"phoneNumber": number} for number in recipients_of(numbers)], 201)
    except Refusal as refusal:
        return refusal.answer


async def webhooks(request: Request, live: LiveAccount) -> Answer:
    """A new webhook is probed with an empty list and refused where that is not answered 2xx."""
    memory: Memory = live.memory
    try:
        authorise(request, live)
        if request.method == "GET":
            return json_answer(memory.webhooks)
        body = json_body(request)
        if (
            not isinstance(body, dict)
            or not re.match("https?://", str(body.get("url", "")))
            or not body.get("name")
            or body.get("triggerScope") not in ("SENT", "RECEIVED")
            or body.get("invokeOption", "ONE") not in ("ONE", "MANY")
        ):
            raise Refusal("bad-request", "A webhook has a name, a url, a triggerScope and an invokeOption")
        status, _ = await live.courier.try_once(live, _call(body["url"], [], kind="probe"))
        if not 200 <= status < 300:
            raise Refusal("bad-request", f"url did not answer the empty call with 2xx but {status or 'not at all'}")
        hook = {"id": str(len(memory.webhooks) + 1), "active": True, "invokeOption": "ONE", **body}
        memory.webhooks.append(hook)
        return json_answer(hook, 201)
    except Refusal as refusal:
        return refusal.answer


def _hooks(live: LiveAccount, scope: str, panel: str) -> list[tuple[str, int]]:
    """URL and messages per call of each webhook: the one set in the web console, and those made by the API."""
    memory: Memory = live.memory
    sizes = {"ONE": 1, "MANY": MAX_PER_CALL}
    console = [(panel, sizes[live.options["invoke"]])] if panel else []
    return console + [
        (hook["url"], sizes[hook["invokeOption"]])
        for hook in memory.webhooks
        if hook["triggerScope"] == scope and hook["active"]
    ]


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    items = [resource(report.message, report.state) for report in reports if _is_wanted(report)]
    return [
        _call(url, items[at : at + size])
        for url, size in _hooks(live, "SENT", live.receipt_url)
        for at in range(0, len(items), size)
    ]


def _is_wanted(report: Report) -> bool:
    kind, _ = STATUS[report.state]
    return {"ALL": True, "ERRORS": kind == "FAILED", "NONE": False}[report.message.wire["reports"]]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    """A picture cannot come: the provider has no MMS, so only the text arrives."""
    answered = reply.answers if reply.answers and reply.answers.wire["is_repliable"] else None
    item: dict[str, Any] = {
        "id": int(reply.id),
        "type": "RECEIVED",
        "from": reply.sender,
        "to": reply.to,
        "body": reply.text,
        "encoding": "TEXT" if is_gsm7(reply.text) else "UNICODE",
        "status": None,
        "relatedSentMessageId": int(answered.id) if answered else None,
        "submission": None,
        "userSuppliedId": None,
        "numberOfParts": count_segments(reply.text)[1],
        "creditCost": None,
    }
    memory: Memory = live.memory
    memory.received.append(item)
    return [_call(url, [item], kind="inbound") for url, _ in _hooks(live, "RECEIVED", live.inbound_url)]


def _call(url: str, items: Sequence[Mapping[str, Any]], kind: Any = "receipt") -> Push:
    body = json.dumps(items, ensure_ascii=False).encode()
    return Push(kind=kind, url=url, headers={"Content-Type": "application/json"}, body=body, repeats=UNTIL_TAKEN)


def _found(request: Request, live: LiveAccount) -> Message:
    message = live.find(request.captured["id"])
    if message is None:
        raise Refusal("not-found")
    return message
