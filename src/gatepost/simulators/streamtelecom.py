"""Stream Telecom's side of its REST interface, below /rest.

From the vendor's sample, several clients and the sibling provider's documents. Where these leave something open the
strict reading is taken: an unknown field is an invalid argument, as is a number with `+`. A report is pushed in the
form of a relative, to the address of the message only; it is not repeated. What phones write is fetched. Not offered:
the one-line, XML and SOAP interfaces, statistics, stop list, sending by the recipient's time.
"""

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.wire import Answer, Push, Request, json_answer, text_answer
from gatepost.sms.text import count_segments

ERRORS: Final = {
    "1": (400, "Argument can not be null or empty"),
    "2": (400, "Invalid argument"),
    "3": (400, "Invalid session ID"),
    "4": (401, "Invalid user login or password"),
    "5": (403, "Not enough credits"),
    "6": (400, "Invalid operation"),
    "7": (403, "Forbidden"),
    "8": (500, "Gateway error"),
    "9": (500, "Internal server error"),
    "10": (400, "Flood SMS"),
}
TOO_MANY: Final = "429"
SIGN_IN: Final = {"login", "pass", "sessionId"}
STATE: Final = {
    "accepted": (-2, "Сообщение находится в очереди", "send"),
    "scheduled": (-2, "Сообщение находится в очереди", "send"),
    "sent": (-1, "Сообщение передано в мобильную сеть", "send"),
    "delivered": (0, "Доставлено абоненту", "deliver"),
    "undelivered": (42, "Не доставлено", "not_deliver"),
    "expired": (46, "Истекло время жизни", "expired"),
    "rejected": (69, "Отклонено", "not_deliver"),
    "cancelled": (47, "Сообщение удалено", "not_deliver"),
    "unknown": (99, "Статус не распознан", "send"),
}
FORBIDDEN: Final = (41, "Запрещённый получатель")
MISSING: Final = (255, "Статус недоступен")
FORMAT: Final = "%Y-%m-%dT%H:%M:%S"
_ids = count(time.time_ns() // 1_000_000_000)


@dataclass(slots=True)
class Memory:
    """`sent`: when a text last went to a number."""

    sessions: set[str] = field(default_factory=set)
    sent: dict[tuple[str, str], float] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)


class Refusal(Exception):
    def __init__(self, code: str, words: str = "") -> None:
        super().__init__(code)
        self.status, usual = ERRORS[code]
        self.body = {"Code": int(code), "Desc": words or usual}


Values = Mapping[str, str]


def _answered(make: Callable[[Values, LiveAccount], Any], is_open: bool = False) -> Callable[..., Answer]:
    """The handler, behind the sign-in unless it is open to all. Slashes are written as the provider writes them."""

    def handle(request: Request, live: LiveAccount) -> Answer:
        pairs = [*request.query_pairs(), *request.form_pairs()]
        values = {name: value.decode("utf-8", "replace") for name, value in pairs}
        try:
            if not is_open:
                _authorise(values, live)
            status, body = 200, make({key: values[key] for key in values if is_open or key not in SIGN_IN}, live)
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
        said = json.dumps(body, ensure_ascii=False).replace("/", "\\/")
        return text_answer(said, status, "application/json")

    return handle


def _authorise(values: Values, live: LiveAccount) -> None:
    memory: Memory = live.memory
    if "sessionId" in values:
        if values["sessionId"] not in memory.sessions:
            raise Refusal("3")
    elif (values.get("login"), values.get("pass")) != (live.credentials["login"], live.credentials["password"]):
        raise Refusal("4")


def _session(values: Values, live: LiveAccount) -> str:
    if any(values.get(name) != live.credentials[name] for name in ("login", "password")):
        raise Refusal("4")
    memory: Memory = live.memory
    session = secrets.token_hex(16)
    memory.sessions.add(session)
    return session


def _send_one(values: Values, live: LiveAccount) -> Any:
    _check(values, {"destinationAddress", "data", "sendDate", "callback_url", "user_id", "name_deliver"}, "data")
    return [_take(values["destinationAddress"], values["data"], values, live).id]


def _send_bulk(values: Values, live: LiveAccount) -> Any:
    _check(values, {"destinationAddresses", "data", "sendDate"}, "data")
    return _each([(number, values["data"]) for number in values["destinationAddresses"].split(",")], values, live)


def _send_packet(values: Values, live: LiveAccount) -> Any:
    _check(values, {"phone_data"}, "phone_data")
    try:
        entries = [(each["phone"], each["text"]) for each in json.loads(values["phone_data"])["sms"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refusal("2") from None
    if not entries or not all(isinstance(part, str) for entry in entries for part in entry):
        raise Refusal("2")
    return _each(entries, values, live)


def _check(values: Values, fields: set[str], needed: str) -> None:
    to = next((name for name in fields if name.startswith("destination")), needed)
    if not all(values.get(name) for name in ("sourceAddress", needed, to)):
        raise Refusal("1")
    minutes = values.get("validity", "1440")
    if values.keys() - fields - {"sourceAddress", "validity"} or not re.fullmatch("[1-9][0-9]{0,3}", minutes):
        raise Refusal("2")


def _each(entries: Sequence[tuple[str, str]], values: Values, live: LiveAccount) -> list[Any]:
    """One element per recipient; where some are refused, the id of the others stands in a list."""
    found: list[Message | Refusal] = []
    for number, text in entries:
        try:
            found.append(_take(number, text, values, live))
        except Refusal as refusal:
            found.append(refusal)
    if not any(isinstance(one, Refusal) for one in found):
        return [one.id for one in found if isinstance(one, Message)]
    return [[one.id] if isinstance(one, Message) else one.body for one in found]


def _take(number: str, text: str, values: Values, live: LiveAccount) -> Message:
    memory: Memory = live.memory
    sender = values["sourceAddress"]
    segments = count_segments(text)[1]
    if not re.fullmatch("[1-9][0-9]{9,14}", number) or behaviour_of(number).at_submit == "bad_number":
        raise Refusal("2", "Invalid destination address")
    if not text or len(text) > 2000:
        raise Refusal("2", "Invalid data")
    is_sender = re.fullmatch("[A-Za-z0-9 .&_-]{1,11}|[0-9]{1,15}", sender) and sender.lower() != REFUSED_SENDER
    if not is_sender or not live.allows_sender(sender):
        raise Refusal("6", "Invalid source address")
    if time.time() - memory.sent.get((number, text), 0.0) < float(live.options["flood_s"]):
        raise Refusal("10")
    if not live.can_pay(live.simulator.price * segments):
        raise Refusal("5")
    send_at = _moment(values["sendDate"]) if values.get("sendDate") else None
    memory.sent[number, text] = time.time()
    return live.accept(
        to=number,
        text=text,
        sender=sender,
        segments=segments,
        reference=values.get("user_id", ""),
        receipt_url=values.get("callback_url", ""),
        send_at=send_at,
    )


def _state(values: Values, live: LiveAccount) -> Any:
    message = live.find(values.get("messageId", ""))
    if message is None:
        number, words = MISSING
        return {"State": number, "ReportedDateUtc": None, "StateDescription": words, "Price": None}
    is_forbidden = message.state == "rejected" and behaviour_of(message.to).at_submit == "blocked"
    number, words = FORBIDDEN if is_forbidden else STATE[message.state][:2]
    reported = None if number < 0 else _milliseconds(message.state_at)
    return {"State": number, "ReportedDateUtc": reported, "StateDescription": words, "Price": float(message.price)}


def _incoming(values: Values, live: LiveAccount) -> Any:
    """What came in a period, in whole seconds."""
    first, last = (_moment(values.get(name, "")) for name in ("minDateUTC", "maxDateUTC"))
    memory: Memory = live.memory
    return [
        {
            "Data": reply.text,
            "SourceAddress": reply.sender,
            "DestinationAddress": reply.to,
            "ID": int(reply.id),
            "CreatedDateUtc": _milliseconds(reply.at),
        }
        for reply in memory.replies
        if first <= int(reply.at) <= last
    ]


def receipts(reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    return [_report(report) for report in reports if report.message.receipt_url]


def _report(report: Report) -> Push:
    moment = datetime.fromtimestamp(report.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    body = [{"id_sms": report.message.id, "time": moment, "state": STATE[report.state][2]}]
    answer = json_answer(body)
    headers = {"Content-Type": answer.content_type}
    return Push(kind="receipt", url=report.message.receipt_url, headers=headers, body=answer.body)


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    memory: Memory = live.memory
    memory.replies.append(reply)
    return []


def _moment(text: str) -> float:
    try:
        return datetime.strptime(text, FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refusal("2") from None


def _milliseconds(at: float) -> str:
    return f"/Date({int(at * 1000)})/"


def _refused(code: str, _request: Request) -> Answer:
    if code == TOO_MANY:
        return text_answer("Too Many Requests", 429)
    refusal = Refusal(code)
    return json_answer(refusal.body, refusal.status)


SEND: Final = {"SendSms": _send_one, "SendBulk": _send_bulk, "SendBulkPacket": _send_packet}
ASKED: Final = (
    ("State/state.php", "State/", _state),
    ("Balance/balance.php", "Balance/", lambda _values, live: float(live.balance)),
    ("Statistic/originator.php", "Statistic/originator", lambda _values, live: list(live.account.senders)),
)

simulator = Simulator(
    slug="streamtelecom",
    label="Stream Telecom",
    credentials={"login": "demo", "password": "demo-password"},
    options={"flood_s": "60"},
    routes=(
        *(Route("POST", f"/rest/Send/{name}/", _answered(make), submits=always) for name, make in SEND.items()),
        *(Route("POST", f"/rest/Session/{tail}", _answered(_session, is_open=True)) for tail in ("session.php", "")),
        *(Route("POST", f"/rest/{path}", _answered(make)) for path, _, make in ASKED),
        *(Route("GET", f"/rest/{path}", _answered(make)) for _, path, make in ASKED),
        Route("GET", "/rest/Incoming", _answered(_incoming)),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=_refused,
    codes=(*ERRORS, TOO_MANY),
    failed="8",
    throttled=TOO_MANY,
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal("1.5"),
    interim=True,
    keeps_replies=True,
    new_id=lambda: str(next(_ids)),
    without_id=lambda _answer: json_answer([]),
    memory=Memory,
)
