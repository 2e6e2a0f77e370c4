"""BulkSMS's side of its older interface, EAPI: forms in Latin-1, answers in pipes, below /eapi.

From the official pages and clients. Where these leave something open the strict reading is taken: one bad number
refuses the whole call, a failed validation names its field, 7bit takes GSM letters only (brackets among them), 16bit
text is split where long texts are allowed, a repeat with the same `stop_dup_id` is answered with the first batch's id.
Not offered: groups, 8bit, a price without sending.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final, Literal
from urllib.parse import urlencode

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, State, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import Answer, Push, Repeats, Request, text_answer
from gatepost.sms.text import count_segments, is_gsm7

ERRORS: Final = {
    "22": "internal fatal error",
    "23": "invalid credentials",
    "24": "invalid parameter",
    "25": "INSUFFICIENT_CREDITS",
    "26": "upstream credits not available",
    "27": "daily quota exceeded",
    "28": "upstream quota exceeded",
    "40": "temporarily unavailable",
    "99": "unknown error",
}
FIELDS: Final = frozenset(
    (
        *("username", "password", "message", "msisdn", "sender", "repliable", "msg_class", "dca", "want_report"),
        *("routing_group", "source_id", "stop_dup_id", "strip_dup_recipients", "send_time_unixtime"),
        *("allow_concat_text_sms", "concat_text_sms_max_parts", "test_always_succeed", "test_always_fail"),
    )
)
PATTERNS: Final = {
    "msisdn": r"[1-9][0-9]{7,14}(,[1-9][0-9]{7,14}){0,4999}",
    "sender": r"([A-Za-z0-9 .&_-]{1,11}|[0-9]{1,15})?",
    "source_id": r".{0,20}",
    "dca": r"(7bit|16bit)?",
    "msg_class": r"[0-3]?",
    "routing_group": r"[123]?",
    "send_time_unixtime": r"[0-9]{0,10}",
    "concat_text_sms_max_parts": r"[0-9]{0,2}",
} | dict.fromkeys(("repliable", "want_report", "allow_concat_text_sms", "strip_dup_recipients"), "[01]?")
STATUS: Final = {
    "accepted": "0",
    "scheduled": "1",
    "sent": "10",
    "delivered": "11",
    "undelivered": "50",
    "expired": "53",
    "rejected": "33",
    "cancelled": "29",
    "unknown": "70",
}
BLOCKED: Final = "32"
GREEK: Final = dict(zip(b"\xd0\xde\xac\xc2\xdb\xba\xdd\xca\xd4\xb1", "ΔΦΓΛΩΠΨΣΘΞ", strict=True))
CELL: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"')
TIME: Final = "%Y-%m-%d %H:%M:%S"
_ids = count(time.time_ns() // 1_000_000_000)


@dataclass(slots=True)
class Memory:
    """`batches`: messages of a call by number. `repeats`: calls by what the customer named them."""

    batches: dict[str, dict[str, Message]] = field(default_factory=dict)
    repeats: dict[str, str] = field(default_factory=dict)
    replies: list[tuple[str, ...]] = field(default_factory=list)


class Refusal(Exception):
    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(code)
        self.answer = text_answer(f"{code}|{words or ERRORS[code]}|")


Values = Mapping[str, bytes]


def _answered(make: Callable[[Values, LiveAccount], str]) -> Callable[[Request, LiveAccount], Answer]:
    """The handler behind the sign-in, always with status 200 and in Latin-1."""

    def handle(request: Request, live: LiveAccount) -> Answer:
        values = dict([*request.query_pairs(), *request.form_pairs()])
        try:
            if any(_text(values, name) != live.credentials[name] for name in ("username", "password")):
                raise Refusal("23", f"invalid credentials (username was: {_text(values, 'username')})")
            said = make(values, live)
        except Refusal as refusal:
            return refusal.answer
        return Answer(200, said.encode("latin-1", "replace"), "text/plain; charset=iso-8859-1")

    return handle


def _text(values: Values, name: str) -> str:
    return values.get(name, b"").decode("latin-1")


def _send(values: Values, live: LiveAccount) -> str:
    _check(values)
    text = _message(values)
    sender = _sender(values, live)
    numbers = _text(values, "msisdn").split(",")
    if len(set(numbers)) != len(numbers) or any(behaviour_of(number).at_submit == "bad_number" for number in numbers):
        raise Refusal("24", "invalid msisdn")
    memory: Memory = live.memory
    named = _text(values, "stop_dup_id")
    if named and named in memory.repeats:
        return f"0|IN_PROGRESS|{memory.repeats[named]}"
    if not live.can_pay(live.simulator.price * count_segments(text)[1] * len(numbers)):
        raise Refusal("25")
    if _text(values, "test_always_fail") == "1":
        raise Refusal("22")
    if _text(values, "test_always_succeed") == "1":
        return f"0|IN_PROGRESS|{next(_ids)}"
    batch_id = _remembered({number: _take(values, live, number, text, sender) for number in numbers}, live)
    if named:
        memory.repeats[named] = batch_id
    is_later = float(_text(values, "send_time_unixtime") or 0) > time.time()
    return f"1|SCHEDULED|{batch_id}" if is_later else f"0|IN_PROGRESS|{batch_id}"


def _take(values: Values, live: LiveAccount, number: str, text: str, sender: str) -> Message:
    return live.accept(
        to=number,
        text=text,
        sender=sender,
        segments=count_segments(text)[1],
        reference=_text(values, "source_id"),
        receipt_url=live.receipt_url if _text(values, "want_report") != "0" else "",
        send_at=float(_text(values, "send_time_unixtime") or 0) or None,
    )


def _remembered(taken: dict[str, Message], live: LiveAccount) -> str:
    """The id of a call: that of its first message; one of its own where nothing was taken."""
    batch_id = next((message.id for message in taken.values()), "") or str(next(_ids))
    for message in taken.values():
        message.wire["batch_id"] = batch_id
    memory: Memory = live.memory
    memory.batches[batch_id] = taken
    return batch_id


def _send_batch(values: Values, live: LiveAccount) -> str:
    """A table of messages, the other parameters being its defaults. A line that makes no sense is dropped."""
    names, *rows = values.get("batch_data", b"").split(b"\n")
    columns = [name.decode("latin-1").strip() for name in names.split(b",")]
    if not {"msisdn", "message"} <= set(columns) or not rows:
        raise Refusal("24", "invalid batch_data")
    defaults = {name: value for name, value in values.items() if name != "batch_data"}
    _check(defaults | {"msisdn": b"10000000"})
    found: dict[str, tuple[Values, str, str]] = {}
    for row in rows:
        cells = [_unescaped(cell) for cell in CELL.findall(row)]
        line = defaults | dict(zip(columns, cells, strict=False))
        try:
            _check(line)
            number, message, sender = _text(line, "msisdn"), _message(line), _sender(line, live)
        except Refusal:
            continue
        if len(cells) == len(columns) and "," not in number and behaviour_of(number).at_submit != "bad_number":
            found.setdefault(number, (line, message, sender))
    segments = sum(count_segments(message)[1] for _, message, _ in found.values())
    if not live.can_pay(live.simulator.price * segments):
        raise Refusal("25")
    taken = {number: _take(line, live, number, message, sender) for number, (line, message, sender) in found.items()}
    return f"0|IN_PROGRESS|{_remembered(taken, live)}"


def _unescaped(cell: bytes) -> bytes:
    return re.sub(rb"\\(.)", lambda escape: {b"n": b"\n"}.get(escape[1], escape[1]), cell)


def _check(values: Values) -> None:
    for name in sorted(values.keys() - FIELDS):
        raise Refusal("24", f"invalid {name}")
    for name, pattern in PATTERNS.items():
        if not re.fullmatch(pattern, _text(values, name)):
            raise Refusal("24", f"invalid {name}")


def _message(values: Values) -> str:
    raw = values.get("message", b"")
    try:
        if _text(values, "dca") == "16bit":
            text = bytes.fromhex(raw.decode("ascii")).decode("utf-16-be")
        else:
            text = "".join(GREEK.get(byte) or chr(byte) for byte in raw)
            if not is_gsm7(text):
                raise ValueError
    except ValueError:
        raise Refusal("24", "invalid message") from None
    is_long = _text(values, "allow_concat_text_sms") == "1"
    most = int(_text(values, "concat_text_sms_max_parts") or 1) if is_long else 1
    # 7bit letters that are sent as 16bit take as much room as any other.
    units = len(text.encode("utf-16-be")) // 2
    parts = count_segments(text)[1] if _text(values, "dca") != "16bit" else 1 if units <= 70 else -(-units // 67)
    if not text or parts > most:
        raise Refusal("24", "invalid message")
    return text


def _sender(values: Values, live: LiveAccount) -> str:
    sender = _text(values, "sender")
    is_repliable = _text(values, "repliable") == "1"
    is_refused = sender.lower() == REFUSED_SENDER or not live.allows_sender(sender)
    if sender and (is_repliable or is_refused):
        raise Refusal("24", "invalid sender")
    return sender or (next(iter(live.account.numbers), "") if is_repliable else "")


def _report(values: Values, live: LiveAccount) -> str:
    """A line per recipient; further columns in alphabetical order."""
    memory: Memory = live.memory
    number = _text(values, "msisdn")
    columns = sorted(name for name in _text(values, "optional_fields").split(",") if name)
    lines = [
        "|".join((message.to, _status(message, message.state), *(_column(message, name) for name in columns)))
        for message in memory.batches.get(_text(values, "batch_id"), {}).values()
        if number in ("", message.to)
    ]
    return "\n".join(("0|Returns to follow", *([""] if lines else []), *lines))


def _status(message: Message, state: State) -> str:
    is_blocked = state == "rejected" and behaviour_of(message.to).at_submit == "blocked"
    return BLOCKED if is_blocked else STATUS[state]


def _column(message: Message, name: str) -> str:
    columns = {
        "body": message.text,
        "completed_time": _written(message.state_at) if message.state == "delivered" else "",
        "created_time": _written(message.at),
        "credits": str(message.price),
        "origin_address": message.sender,
        "source_id": message.reference,
    }
    if name not in columns:
        raise Refusal("24", "invalid optional_fields")
    return columns[name]


def _inbox(values: Values, live: LiveAccount) -> str:
    memory: Memory = live.memory
    last = _text(values, "last_retrieved_id")
    if not re.fullmatch("[0-9]{1,19}", last):
        raise Refusal("24", "invalid last_retrieved_id")
    rows = [row for row in memory.replies if int(row[0]) > int(last)][:1000]
    return "\n".join((f"0|records to follow|{len(rows)}", "", *("|".join(row) for row in rows)))


def _credits(_values: Values, live: LiveAccount) -> str:
    return f"0|{live.balance:.2f}"


def receipts(reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    return [_reported(report) for report in reports if report.message.receipt_url]


def _reported(report: Report) -> Push:
    message = report.message
    values = {"msisdn": message.to, "batch_id": message.wire["batch_id"], "status": _status(message, report.state)}
    if report.state == "delivered":
        values["completed_time"] = _written(report.at)
    if message.reference:
        values["source_id"] = message.reference
    is_taken = Repeats(taken=lambda status, body: status == 200 and bool(body), waits_s=(3600, 3 * 3600, 12 * 3600))
    return _get("receipt", message.receipt_url, values, is_taken)


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    """What is not Latin-1 travels as hex; only status 500 makes it come again."""
    is_plain = all(letter <= "\xff" for letter in reply.text)
    coding, text = ("7bit", reply.text) if is_plain else ("16bit", reply.text.encode("utf-16-be").hex())
    answered = str(reply.answers.wire["batch_id"]) if reply.answers else ""
    memory: Memory = live.memory
    escaped = text.replace("\r", "\\r").replace("\n", "\\n")
    memory.replies.append((reply.id, reply.sender, escaped, _written(reply.at), reply.to, answered or "0", coding))
    values = {"msisdn": reply.to, "sender": reply.sender, "message": text, "dca": coding, "msg_id": reply.id}
    values |= {"referring_batch_id": answered} if answered else {}
    repeats = Repeats(
        taken=lambda status, body: status == 200 and bool(body),
        hopeless=lambda status: status != 500,
        waits_s=(3600,),
    )
    return [_get("inbound", live.inbound_url, values, repeats)] if live.inbound_url else []


def _get(kind: Literal["receipt", "inbound"], url: str, values: Mapping[str, Any], repeats: Repeats) -> Push:
    query = urlencode(values, encoding="latin-1")
    return Push(kind=kind, url=f"{url}{'&' if '?' in url else '?'}{query}", method="GET", repeats=repeats)


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(TIME)


CALLS: Final = (
    ("submission/send_sms/2/2.0", _send),
    ("submission/send_batch/1/1.0", _send_batch),
    ("status_reports/get_report/2/2.0", _report),
    ("reception/get_inbox/1/1.1", _inbox),
    ("user/get_credits/1/1.1", _credits),
)
simulator = Simulator(
    slug="bulksms_eapi",
    label="BulkSMS EAPI",
    credentials={"username": "demo", "password": "demo-password"},
    routes=tuple(
        Route(method, f"/eapi/{path}", _answered(make), submits=always)
        if make in (_send, _send_batch)
        else Route(method, f"/eapi/{path}", _answered(make))
        for method in ("POST", "GET")
        for path, make in CALLS
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=lambda code, _request: Refusal(code).answer,
    codes=tuple(ERRORS),
    failed="40",
    throttled="27",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal(1),
    keeps_replies=True,
    new_id=lambda: str(next(_ids)),
    without_id=lambda _answer: text_answer("0|IN_PROGRESS|"),
    memory=Memory,
)
