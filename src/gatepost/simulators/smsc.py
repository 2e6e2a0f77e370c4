"""SMSC's side of its HTTP API, `/sys/*.php` with JSON answers.

From the official pages, the official PHP library and the published error tables. Where these leave something open the
strict reading is taken: an unknown parameter is error 1, a text of more parts than `maxsms` allows too, one bad number
among good ones is named in `phones` and not sent to, a status is told at most five times a minute. Callbacks are signed
where `callback_secret` is set, and not repeated. Not offered: other answer formats than `fmt=3`, `get_messages`, HLR,
calls, e-mail, attachments.
"""

import hashlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import Answer, Push, Request, form, text_answer, without_keys
from gatepost.sms.text import count_segments

MOSCOW: Final = ZoneInfo("Europe/Moscow")
ERRORS: Final = {
    "1": "parameters error",
    "2": "authorise error",
    "3": "not enough money",
    "4": "IP is blocked",
    "5": "wrong date format",
    "6": "message is denied",
    "7": "invalid number",
    "8": "message to this number can not be delivered",
    "9": "duplicate request, wait a minute",
}
STATUS: Final = {
    "accepted": (-1, 0),
    "scheduled": (-1, 0),
    "sent": (0, 0),
    "delivered": (1, 0),
    "undelivered": (20, 1),
    "expired": (3, 246),
    "rejected": (23, 253),
    "unknown": (-3, 0),
    "cancelled": (-2, 0),
}
PARAMETERS: Final = frozenset(
    (
        *("login", "psw", "apikey", "phones", "mes", "list", "id", "sender", "translit", "tinyurl", "time", "tz"),
        *("period", "freq", "flash", "push", "charset", "cost", "fmt", "valid", "maxsms", "err", "op"),
        *("imgcode", "userip", "pp"),
    )
)
CHARSETS: Final = ("windows-1251", "utf-8", "koi8-r")
SAME_WITHIN_S: Final = 60.0
_ids = count(time.time_ns() // 1_000_000_000)


@dataclass(slots=True)
class Memory:
    """`sent`: requests of the last minute. `by_pair`: messages by id and phone. `asked`: when a status was told."""

    sent: dict[str, float] = field(default_factory=dict)
    by_pair: dict[tuple[str, str], Message] = field(default_factory=dict)
    asked: defaultdict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    replies: list[dict[str, Any]] = field(default_factory=list)


class Refusal(Exception):
    def __init__(self, code: str, message_id: str = "") -> None:
        super().__init__(code)
        self.body = {"error": ERRORS[code], "error_code": int(code)} | ({"id": int(message_id)} if message_id else {})


Values = Mapping[str, str]


def _answered(make: Callable[[Values, LiveAccount], Any]) -> Callable[[Request, LiveAccount], Answer]:
    """The handler behind the sign-in, always with status 200 and in the charset that was asked for."""

    def handle(request: Request, live: LiveAccount) -> Answer:
        raw = dict([*request.query_pairs(), *request.form_pairs()])
        charset = raw.get("charset", b"windows-1251").decode("ascii", "replace")
        values = {
            name: value.decode(charset if charset in CHARSETS else "ascii", "replace") for name, value in raw.items()
        }
        try:
            if charset not in CHARSETS or values.get("fmt") != "3":
                raise Refusal("1")
            _authorise(values, live)
            body = make(values, live)
        except Refusal as refusal:
            body = refusal.body
        said = json.dumps(body, ensure_ascii=False).encode(charset if charset in CHARSETS else "ascii", "replace")
        return Answer(200, said, f"application/json; charset={charset if charset in CHARSETS else 'utf-8'}")

    return handle


def _authorise(values: Values, live: LiveAccount) -> None:
    known = live.credentials
    hashed = hashlib.md5(known["password"].encode(), usedforsecurity=False).hexdigest()
    by_password = values.get("login") == known["login"] and values.get("psw") in (known["password"], hashed)
    by_key = known["api_key"] in (values.get("apikey"), values.get("psw") if not values.get("login") else None)
    if not by_password and not by_key:
        raise Refusal("2")


def _send(values: Values, live: LiveAccount) -> Any:
    _check(values)
    entries = _entries(values)
    number = values.get("id") or str(next(_ids))
    memory: Memory = live.memory
    segments = [count_segments(text)[1] for _, text in entries]
    price = live.simulator.price
    if any(parts > int(values.get("maxsms") or 255) for parts in segments):
        raise Refusal("1")
    if values.get("cost") == "1":
        return {"cost": str(price * sum(segments)), "cnt": sum(segments)}
    asked = json.dumps(sorted(values.items()))
    if time.time() - memory.sent.get(asked, 0.0) < SAME_WITHIN_S:
        raise Refusal("9", number)
    sender = _sender(values, live)
    codes = [_refusal_of(phone) for phone, _ in entries]
    if all(codes):
        raise Refusal(codes[0], number)
    good = sum(parts for parts, code in zip(segments, codes, strict=True) if not code)
    if not live.can_pay(price * good):
        raise Refusal("3", number)
    send_at = _send_at(values)
    memory.sent[asked] = time.time()
    phones = []
    for (phone, text), parts, code in zip(entries, segments, codes, strict=True):
        cost = Decimal(0) if code else price * parts
        status = "22" if code else "-1"
        phones.append({"phone": phone, "mccmnc": "25001", "cost": f"{cost:.2f}", "status": status, "error": code})
        if not code:
            memory.by_pair[number, phone] = live.accept(
                to=phone,
                text=text,
                sender=sender,
                segments=parts,
                reference=number,
                send_at=send_at,
                wire={"id": number},
            )
    return _said(values, live, number, good, phones)


def _said(
    values: Values, live: LiveAccount, number: str, segments: int, phones: list[dict[str, str]]
) -> dict[str, Any]:
    body: dict[str, Any] = {"id": int(number), "cnt": segments}
    if values.get("cost") in ("2", "3"):
        body["cost"] = f"{live.simulator.price * segments:.2f}"
    if values.get("cost") == "3":
        body["balance"] = f"{live.balance:.2f}"
    return body | ({"phones": phones} if values.get("op") == "1" else {})


def _check(values: Values) -> None:
    number, valid = values.get("id", ""), values.get("valid", "1")
    hours = re.fullmatch("([0-9]{1,2})(?::([0-5][0-9]))?", valid)
    is_valid = hours and 60 <= int(hours[1]) * 60 + int(hours[2] or 0) <= 24 * 60
    is_id = re.fullmatch("[0-9]{1,10}", number) and 1 <= int(number) <= 2_147_483_647
    checks = (
        values.keys() <= PARAMETERS,
        not number or is_id,
        is_valid,
        values.get("cost", "0") in "0123",
        values.get("translit", "0") in "012",
        re.fullmatch("[0-9]{0,3}", values.get("maxsms", "")),
    )
    if not all(checks):
        raise Refusal("1")


def _entries(values: Values) -> list[tuple[str, str]]:
    """Phone and text of each message; in a list a line feed within a text is written as backslash and n."""
    if "list" in values:
        lines = [line.partition(":") for line in values["list"].split("\n") if line]
        found = [(phone, text.replace("\\n", "\n")) for phone, _, text in lines]
    else:
        found = [(phone, values.get("mes", "")) for phone in re.split("[,;]", values.get("phones", "")) if phone]
    if not found or not all(text for _, text in found) or ("list" in values and "mes" in values):
        raise Refusal("1")
    return [(phone.strip().lstrip("+"), text) for phone, text in found]


def _sender(values: Values, live: LiveAccount) -> str:
    sender = values.get("sender", "")
    if sender in ("", "."):
        return next(iter(live.account.numbers), "")
    if not re.fullmatch("[A-Za-z0-9 ._-]{1,11}|[0-9]{1,15}", sender):
        raise Refusal("6")
    if sender.lower() == REFUSED_SENDER or not live.allows_sender(sender):
        raise Refusal("6")
    return sender


def _refusal_of(phone: str) -> str:
    if not re.fullmatch("[1-9][0-9]{6,14}", phone):
        return "7"
    return {"bad_number": "7", "blocked": "8"}.get(behaviour_of(phone).at_submit, "")


def _send_at(values: Values) -> float | None:
    text = values.get("time", "0")
    if text == "0" or re.fullmatch("[0-9]{1,2}-[0-9]{1,2}", text):
        return None
    if re.fullmatch("0[0-9]{9,10}", text):
        return float(text)
    if re.fullmatch(r"\+[0-9]{1,6}", text):
        return time.time() + int(text) * 60
    try:
        local = datetime.strptime(text, "%d%m%y%H%M").replace(tzinfo=MOSCOW)
    except ValueError:
        raise Refusal("5") from None
    return local.timestamp() - float(values.get("tz", "0")) * 3600


def _status(values: Values, live: LiveAccount) -> Any:
    """Pairs by position; with a trailing comma a single one is answered as a list too."""
    phones, numbers = values.get("phone", "").split(","), values.get("id", "").split(",")
    if len(phones) != len(numbers) or not values.get("id"):
        raise Refusal("1")
    pairs = [(number, phone) for number, phone in zip(numbers, phones, strict=True) if number or phone]
    memory: Memory = live.memory
    limit, now = int(live.options["status_per_minute"]), time.monotonic()
    for pair in pairs:
        recent = [at for at in memory.asked[pair] if now - at < 60.0]
        if limit and len(recent) >= limit:
            raise Refusal("9")
        memory.asked[pair] = [*recent, now]
    found = [_state(pair, memory.by_pair.get(pair)) for pair in pairs]
    if len(phones) == 1:
        return {name: value for name, value in found[0].items() if name not in ("id", "phone")}
    return found


def _state(pair: tuple[str, str], message: Message | None) -> dict[str, Any]:
    names = {"id": pair[0], "phone": pair[1]}
    if message is None:
        return {"status": -3, "last_date": "", "last_timestamp": 0} | names
    status, error = STATUS[message.state]
    dated = {"last_date": _dated(message.state_at), "last_timestamp": int(message.state_at)}
    return {"status": status, **dated} | ({"err": error} if error else {}) | names


def _dated(at: float) -> str:
    return datetime.fromtimestamp(at, MOSCOW).strftime("%d.%m.%Y %H:%M:%S")


def _balance(_values: Values, live: LiveAccount) -> Any:
    return {"balance": f"{live.balance:.2f}"}


def _get(values: Values, live: LiveAccount) -> Any:
    memory: Memory = live.memory
    if values.get("get_senders") == "1":
        return [{"sender": name} for name in live.account.senders if name != "*"]
    if values.get("get_answers") != "1":
        raise Refusal("1")
    after, hours = values.get("after_id", ""), values.get("hour", "")
    if not re.fullmatch("[0-9]+", after or hours) or (hours and not 1 <= int(hours) <= 168):
        raise Refusal("1")
    since = time.time() - int(hours or 168) * 3600
    chosen = [item for item in memory.replies if item["id"] > int(after or 0) and item["at"] >= since]
    if not chosen:
        return {"error": "no data", "error_code": 3}
    return [{name: value for name, value in item.items() if name != "at"} for item in chosen]


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    return [_report(report, live) for report in reports] if live.receipt_url else []


def _report(report: Report, live: LiveAccount) -> Push:
    message, (status, error) = report.message, STATUS[report.state]
    number = message.wire["id"]
    pairs = [
        ("id", number),
        ("phone", message.to),
        ("status", str(status)),
        ("time", _dated(report.at)),
        ("ts", str(int(report.at))),
        ("err", str(error)),
        ("cnt", str(message.segments)),
        ("type", "0"),
    ]
    return _push("receipt", live.receipt_url, pairs, f"{number}:{message.to}:{status}", live)


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    memory: Memory = live.memory
    item: dict[str, Any] = {"id": next(_ids), "received": _dated(reply.at), "phone": reply.sender, "at": reply.at}
    item |= {"message": reply.text, "to_phone": reply.to, "sent": _dated(reply.at)}
    memory.replies.append(item)
    if not live.inbound_url:
        return []
    pairs = [("id", str(item["id"])), ("phone", reply.sender), ("mes", reply.text), ("to", reply.to)]
    if reply.answers:
        pairs.append(("sms_id", reply.answers.wire["id"]))
    pairs.append(("time", item["sent"]))
    return [_push("inbound", live.inbound_url, pairs, f"{reply.sender}:{reply.text}:{reply.to}", live)]


def _push(kind: Any, url: str, pairs: Sequence[tuple[str, str]], signed: str, live: LiveAccount) -> Push:
    secret = live.credentials["callback_secret"]
    data = f"{signed}:{secret}".encode()
    md5 = [("md5", hashlib.md5(data, usedforsecurity=False).hexdigest())] if secret else []
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Push(kind=kind, url=url, headers=headers, body=form([*pairs, *md5]))


def refuse(code: str, _request: Request) -> Answer:
    return Answer(200, json.dumps(Refusal(code).body).encode(), "application/json; charset=utf-8")


def _is_sending(request: Request) -> bool:
    return dict([*request.query_pairs(), *request.form_pairs()]).get("cost") != b"1"


simulator = Simulator(
    slug="smsc",
    label="SMSc.ru",
    credentials={
        "login": "demo",
        "password": "demo-password",
        "api_key": "demo-api-key",
        "callback_secret": "demo-callback-secret",
    },
    options={"status_per_minute": "5"},
    routes=tuple(
        Route(method, f"/sys/{name}.php", _answered(make), **({"submits": _is_sending} if name == "send" else {}))
        for name, make in (("send", _send), ("status", _status), ("balance", _balance), ("get", _get))
        for method in ("GET", "POST")
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=tuple(ERRORS),
    failed="9",
    throttled="4",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal("2.15"),
    keeps_replies=True,
    without_id=lambda answer: without_keys(answer, "id"),
    memory=Memory,
)
