"""Reports, logs, replies and the balance."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report
from gatepost.simulators.infobip.account import Memory, Refusal, limit_of, status_of
from gatepost.simulators.infobip.tables import NO_ERROR, REPORTS_PER_CALL, STATUS, UNKNOWN_SUBSCRIBER
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import Answer, Push, Repeats, Request, json_answer
from gatepost.sms.text import count_segments

UNTIL_TAKEN: Final = Repeats(
    taken=lambda status, _body: status == 200, waits_s=tuple(60.0 + n * n * 60.0 for n in range(1, 6))
)


def _report(message: Message, state: str) -> dict[str, Any]:
    at = message.state_at
    names = ("groupId", "groupName", "id", "name", "description", "permanent")
    error = dict(zip(names, UNKNOWN_SUBSCRIBER if state == "undelivered" else NO_ERROR, strict=True))
    found = {
        "bulkId": message.wire["bulk"],
        "price": {"pricePerMessage": float(message.price / message.segments), "currency": "EUR"},
        "status": status_of(STATUS[state]),
        "error": error,
        "messageId": message.reference,
        "to": message.to,
        "sentAt": _dated(message.at),
        "doneAt": _dated(at),
        "callbackData": message.wire["data"],
    }
    counted = {"messageCount": message.segments, "sender": message.sender}
    return found | (counted if message.wire["version"] == "3" else {"smsCount": message.segments})


def _dated(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    """By URL, at most a hundred to a call; ENROUTE only where it was asked for. What goes nowhere waits for a pull."""
    memory: Memory = live.memory
    by_url = defaultdict(list)
    for report in reports:
        if report.state != "sent" or report.message.wire["interim"]:
            by_url[report.message.receipt_url].append(_report(report.message, report.state))
    memory.reports += by_url.pop("", [])
    return [
        _push("receipt", url, {"results": results[at : at + REPORTS_PER_CALL]})
        for url, results in by_url.items()
        for at in range(0, len(results), REPORTS_PER_CALL)
    ]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    memory: Memory = live.memory
    keyword, _, rest = reply.text.partition(" ")
    item: dict[str, Any] = {
        "messageId": reply.id,
        "from": reply.sender,
        "to": reply.to,
        "receivedAt": _dated(reply.at),
        "price": {"pricePerMessage": 0, "currency": "EUR"},
        "callbackData": None,
    }
    if reply.media:
        files = [
            {"contentType": one.content_type, "url": f"https://examplelink.com/{n}"}
            for n, one in enumerate(reply.media)
        ]
        text = [{"contentType": "text/plain", "value": reply.text}] if reply.text else []
        item |= {"message": files + text, "userAgent": "simulated"}
    else:
        segments = count_segments(reply.text)[1]
        item |= {"text": reply.text, "cleanText": rest or reply.text, "keyword": keyword, "smsCount": segments}
    url = (live.mms_url if reply.media else "") or live.inbound_url
    if not url:
        memory.replies.append(item)
        return []
    return [_push("inbound", url, {"results": [item], "messageCount": 1, "pendingMessageCount": 0})]


def _push(kind: Any, url: str, body: Mapping[str, Any]) -> Push:
    headers = {"Content-Type": "application/json"}
    return Push(kind=kind, url=url, headers=headers, body=json.dumps(body).encode(), repeats=UNTIL_TAKEN)


def reports(request: Request, live: LiveAccount) -> Answer:
    """Each report once."""
    memory: Memory = live.memory
    limit = limit_of(request)
    given, memory.reports = memory.reports[:limit], memory.reports[limit:]
    return json_answer({"results": given})


def logs(request: Request, live: LiveAccount) -> Answer:
    wanted = next((value.decode() for name, value in request.query_pairs() if name == "messageId"), "")
    if len(wanted) > 2048:
        raise Refusal("E400", "messageId", "is longer than 2048 characters")
    chosen = [message for message in live.messages if not wanted or message.reference in wanted.split(",")]
    return json_answer({"results": [_report(message, message.state) for message in chosen[: limit_of(request)]]})


def inbox(request: Request, live: LiveAccount) -> Answer:
    """Each reply once."""
    memory: Memory = live.memory
    limit = limit_of(request)
    given, memory.replies = memory.replies[:limit], memory.replies[limit:]
    left = len(memory.replies)
    return json_answer({"results": given, "messageCount": len(given), "pendingMessageCount": left})


def balance(_request: Request, live: LiveAccount) -> Answer:
    if live.options["balance_scope"] == "no":
        raise Refusal("E403")
    return json_answer({"balance": float(live.balance), "currency": "EUR"})
