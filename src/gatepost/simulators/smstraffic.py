"""SMS Traffic's side: the script `/multi.php`, and the tags of Smart Delivery at `/smartdelivery-in/multi.php`.

From the official description 1.85 and clients. One fault refuses the whole request, errors come with 200, and each part
of a long message has an id. Not offered: groups, templates, the provider's schedule, flash, transliteration.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import Answer, Push, Repeats, Request, form, text_answer

MOSCOW: Final = ZoneInfo("Europe/Moscow")
CLASSIC, SMART = "/multi.php", "/smartdelivery-in/multi.php"
SENT_WITHIN_S: Final = Decimal(300)
MOST_IDS: Final = 15
KEPT_S: Final = 2 * 86_400.0
ERRORS: Final[Mapping[str, str]] = {
    "401": "login param is missing",
    "402": "password param is missing",
    "403": "phones param is missing",
    "405": "message param is missing",
    "407": "phones param is empty",
    "411": "authentication failed",
    "412": "wrong IP address",
    "413": "wrong parameter",
    "415": "not enough funds",
    "418": "sms ids are not possible for late messages",
    "419": "route is not allowed",
    "421": "originator is too long",
    "423": "message is empty",
    "424": "message is too long",
    "427": "wrong phone length. No messages has been sent",
    "430": "invalid phone. No messages has been sent",
    "432": "blocked phone. No messages has been sent",
    "434": "no such message or this message does not belong to you",
    "436": "originator is forbidden",
    "439": "sending by HTTP is not allowed",
    "505": "too many ids",
    "1000": "temporary error",
}
WORDS: Final = {
    "accepted": "",
    "sent": "Buffered SMSC",
    "delivered": "Delivered",
    "undelivered": "Non Delivered",
    "expired": "Expired",
    "rejected": "Rejected",
    "cancelled": "Deleted",
    "unknown": "Unknown status",
}
TAKEN: Final = Repeats(taken=lambda status, _: status == 200, waits_s=(60.0,) * 5)
TAKEN_WITH_OK: Final = Repeats(taken=lambda status, body: status == 200 and body == b"OK", waits_s=(60.0,) * 5)
# What is answered to a short code's message is sent to the subscriber.
TAKEN_IN_SILENCE: Final = Repeats(taken=lambda status, body: status == 200 and not body, waits_s=(60.0,) * 5)
_ids = count(time.time_ns())


@dataclass(slots=True)
class Memory:
    """`parts`: the message of each id. `replies`: what phones wrote."""

    parts: dict[str, Message] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)


class Refusal(Exception):
    """An error of the table, about a number where one is named."""

    def __init__(self, code: str, number: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.number = number


def multi(request: Request, live: LiveAccount) -> Answer:
    """One script for everything: `operation` says what, and without one something is sent."""
    raw = dict(request.query_pairs()) | dict(request.form_pairs())
    charset = "utf-8" if raw.get("rus") == b"5" else "windows-1251"
    values = {name: value.decode(charset, "replace") for name, value in raw.items()}
    try:
        for name, code in (("login", "401"), ("password", "402")):
            if not values.get(name):
                raise Refusal(code)
        if any(values[name] != live.credentials[name] for name in ("login", "password")):
            raise Refusal("411")
        operation = OPERATIONS.get(values.get("operation", ""))
        if operation is None:
            raise Refusal("413")
        return operation(values, live, request.path == SMART)
    except Refusal as refusal:
        return _error(refusal.code, f'"{refusal.number}": ' if refusal.number else "")


def _error(code: str, about: str = "") -> Answer:
    words = escape(about + ERRORS[code])
    return _reply(f"<result>ERROR</result><code>{code}</code><description>{words}</description>")


def _reply(inside: str) -> Answer:
    document = f'<?xml version="1.0" ?><reply>{inside}</reply>'
    return text_answer(document, content_type="text/xml; charset=utf-8")


def _send(values: Mapping[str, str], live: LiveAccount, is_smart: bool) -> Answer:
    wanted = _wanted(values)
    _check_sender(values.get("originator", ""), live)
    rus, most = values.get("rus", "0"), int(values.get("max_parts", "255"))
    cut = [(ours, to, *_cut(text, rus, most)) for ours, to, text in wanted]
    for _, to, text, _parts in cut:
        _check(to, text)
    segments = sum(parts for *_, parts in cut)
    if segments * Decimal(values.get("gap", "1")) > SENT_WITHIN_S and values.get("want_sms_ids") == "1":
        raise Refusal("418")
    if not live.can_pay(live.simulator.price * segments):
        raise Refusal("415")
    rows = "".join(_taken(live, ours, to, text, parts, values, is_smart=is_smart) for ours, to, text, parts in cut)
    shown = f"<message_infos>{rows}</message_infos>" if values.get("want_sms_ids") == "1" else ""
    result = f"<result>OK</result><code>{'0' if is_smart else ''}</code>"
    return _reply(f"{result}<description>queued {segments} messages</description>{shown}")


def _wanted(values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Our id, number and text of each message."""
    if "phones" not in values:
        raise Refusal("403")
    if not values["phones"]:
        raise Refusal("407")
    if values.get("individual_messages") != "1":
        if not values.get("message"):
            raise Refusal("405")
        return [("", to, values["message"]) for to in values["phones"].split(",")]
    found = []
    for line in values["phones"].split(values.get("delimiter", "\n")):
        head, _, text = line.partition(" ")
        ours, colon, to = head.rpartition(":")
        if bool(colon) != (values.get("with_push_id") == "1"):
            raise Refusal("413")
        found.append((ours, to, text))
    return found


def _check(to: str, text: str) -> None:
    if not re.fullmatch(r"\d+", to):
        raise Refusal("430", to)
    if not 10 <= len(to) <= 15:
        raise Refusal("427", to)
    at_submit = behaviour_of(to).at_submit
    if at_submit:
        raise Refusal("432" if at_submit == "blocked" else "430", to)
    if not text:
        raise Refusal("423", to)


def _check_sender(sender: str, live: LiveAccount) -> None:
    if sender and not re.fullmatch(r"[A-Za-z0-9_.-]{1,11}|\d{1,15}", sender):
        raise Refusal("421")
    if sender and (sender.lower() == REFUSED_SENDER or not live.allows_sender(sender)):
        raise Refusal("436")


def _cut(text: str, rus: str, most: int) -> tuple[str, int]:
    """The text without the parts that are too many, and how many there are."""
    whole, part = (160, 153) if rus == "0" else (70, 67)
    units = text if rus == "0" else text.encode("utf-16-be")
    width = 1 if rus == "0" else 2
    length = len(units) // width
    parts = 1 if length <= whole else -(-length // part)
    if parts <= most:
        return text, parts
    room = whole if most == 1 else part * most
    return (text[:room] if rus == "0" else text.encode("utf-16-be")[: room * 2].decode("utf-16-be", "ignore")), most


def _taken(
    live: LiveAccount, ours: str, to: str, text: str, parts: int, values: Mapping[str, str], *, is_smart: bool
) -> str:
    message = live.accept(to=to, text=text, sender=values.get("originator", ""), segments=parts, reference=ours)
    ids = [message.id, *(live.simulator.new_id() for _ in range(parts - 1))]
    message.wire["parts"] = ids
    memory: Memory = live.memory
    memory.parts |= dict.fromkeys(ids, message)
    tag = "id" if is_smart else "sms_id"
    pushed = f"<push_id>{escape(ours)}</push_id>" if ours else ""
    return "".join(f"<message_info><phone>{to}</phone><{tag}>{each}</{tag}>{pushed}</message_info>" for each in ids)


def _status(values: Mapping[str, str], live: LiveAccount, is_smart: bool) -> Answer:
    ids = [each for each in values.get("sms_id", "").split(",") if each]
    if len(ids) > MOST_IDS:
        raise Refusal("505")
    memory: Memory = live.memory
    messages = {each: memory.parts.get(each) for each in ids}
    found = {key: each for key, each in messages.items() if each and time.time() - each.at < KEPT_S}
    if len(ids) == 1 and not found:
        raise Refusal("434")
    if is_smart:
        rows = [_smart_state(key, each) for key, each in found.items()]
        return _reply(f"<result>OK</result><code>0</code>{rows[0] if len(ids) == 1 else _inside('msg-infos', rows)}")
    if len(ids) == 1:
        return _reply(_state(ids[0], found[ids[0]]))
    lost = f"<error>{ERRORS['434']}</error>"
    rows = [_state(key, found[key]) if key in found else f"{lost}<sms_id>{key}</sms_id>" for key in ids]
    return _reply("".join(f"<sms>{row}</sms>" for row in rows))


def _inside(tag: str, rows: Sequence[str]) -> str:
    return f"<{tag}>{''.join(rows)}</{tag}>"


def _state(key: str, message: Message) -> str:
    times = {"submition_date": message.at, "send_date": message.at, "last_status_change_date": message.state_at}
    dates = "".join(f"<{name}>{_written(at)}</{name}>" for name, at in times.items())
    return f"<error></error>{dates}<sms_id>{key}</sms_id><status>{WORDS.get(message.state, '')}</status>"


def _smart_state(key: str, message: Message) -> str:
    status = {"undelivered": "UNDELIVERED", "sent": "Buffered SMSC"}.get(
        message.state, WORDS.get(message.state, "").upper()
    )
    channel = f"<channel-info><channel>sms</channel><status>{status}</status></channel-info>"
    dates = f"<submition_date>{_written(message.at)}</submition_date>"
    dates += f"<last_update_status>{_written(message.state_at)}</last_update_status>"
    return f"<msg-info><id>{key}</id>{dates}<status>{status}</status>{channel}</msg-info>"


def _incoming(values: Mapping[str, str], live: LiveAccount, _is_smart: bool) -> Answer:
    memory: Memory = live.memory
    since = values.get("from_date", "")
    rows = [reply for reply in memory.replies if _written(reply.at) >= since]
    messages = "".join(
        f"<message><from_phone>{reply.sender}</from_phone><text>{escape(reply.text)}</text>"
        f"<send_date>{_written(reply.at)}</send_date><delivery_date>{_written(reply.at)}</delivery_date>"
        f"<sms_id>{reply.id}</sms_id></message>"
        for reply in rows
    )
    return _reply(f"<count>{len(rows)}</count><messages>{messages}</messages>")


def _account(_values: Mapping[str, str], live: LiveAccount, _is_smart: bool) -> Answer:
    return _reply(f"<account>{live.balance}</account>")


Operation = Callable[[Mapping[str, str], LiveAccount, bool], Answer]
OPERATIONS: Final[Mapping[str, Operation]] = {
    "": _send,
    "status": _status,
    "incoming": _incoming,
    "account": _account,
}


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, MOSCOW).strftime("%Y-%m-%d %H:%M:%S")


def _submits(request: Request) -> bool:
    pairs: dict[str, Any] = dict(request.query_pairs()) | dict(request.form_pairs())
    return "operation" not in pairs


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    """One call for every part."""
    if not live.receipt_url:
        return []
    return [
        _post("receipt", live.receipt_url, _told(part, report), TAKEN)
        for report in reports
        for part in report.message.wire["parts"]
    ]


def _told(part: str, report: Report) -> list[tuple[str, bytes]]:
    values = {"sms_id": part, "status": WORDS[report.state], "delivery_date": _written(report.at)}
    return [(name, value.encode()) for name, value in values.items()]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    """To a number as it is, to a short code with the password of the cabinet."""
    memory: Memory = live.memory
    memory.replies.append(reply)
    if not live.inbound_url:
        return []
    values = {"phone": reply.sender, "message": reply.text, "sms_id": reply.id}
    is_short = len(reply.to) < 7
    if is_short:
        values |= {"shortcode": reply.to, "password": live.options["shortcode_password"]}
    pairs = [(name, value.encode(live.options["inbound_charset"], "replace")) for name, value in values.items()]
    return [_post("inbound", live.inbound_url, pairs, TAKEN_IN_SILENCE if is_short else TAKEN_WITH_OK)]


def _post(kind: Any, url: str, pairs: Sequence[tuple[str, bytes]], repeats: Repeats) -> Push:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Push(kind=kind, url=url, headers=headers, body=form(pairs), repeats=repeats)


def without_id(answer: Answer) -> Answer:
    return Answer(answer.status, re.sub(rb"<(sms_id|id)>\d+</\1>", b"", answer.body), answer.content_type)


simulator = Simulator(
    slug="smstraffic",
    label="SMS Traffic",
    credentials={"login": "demo", "password": "demo-password"},
    options={"inbound_charset": "windows-1251", "shortcode_password": "demo-shortcode-password"},
    routes=tuple(
        Route(method, path, multi, submits=_submits) for path in (CLASSIC, SMART) for method in ("POST", "GET")
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=lambda code, _request: _error(code),
    codes=tuple(ERRORS),
    failed="1000",
    throttled="1000",
    not_found=lambda request: text_answer("Not found", 404),
    price=Decimal(2),
    interim=True,
    keeps_replies=True,
    new_id=lambda: str(next(_ids)),
    without_id=without_id,
    memory=Memory,
)
