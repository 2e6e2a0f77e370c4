"""SMSimple's side of its XML-RPC interface at / and /xmlrpc, and of the scripts /http_send.php, _check and _balance.

From the vendor's PHP class and clients of the scripts. The texts of errors and of the scripts' states were not found;
those here are made up. Where the sources leave something open the strict reading is taken: an unknown member is
refused, and the scripts take one number. Nothing is pushed. Not offered: mailings, prices, the list of signatures.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.refusals import Refusal
from gatepost.simulators.wire import Answer, Push, Request, text_answer
from gatepost.sms.text import count_segments

ERRORS: Final = {
    "auth": "Неверный логин или пароль",
    "session": "Invalid session_id",
    "no_credit": "Недостаточно средств на балансе",
    "signature": "Подпись не найдена",
    "phone": "Неверный номер телефона",
    "blacklist": "Абонент в чёрном списке",
    "text": "Пустое сообщение",
    "failed": "Внутренняя ошибка",
}
MEMBERS: Final = {"session_id", "origin_id", "phone", "message", "multiple"}
OVER: Final = {"undelivered", "expired", "rejected", "unknown", "cancelled"}
SAID: Final = {"delivered": "Доставлено"} | dict.fromkeys(OVER, "Не доставлено")
# Settings lose the slash at the end of a URL, and an account below the server's root cannot be reached without it.
RPC: Final = "/xmlrpc"
_ids = count(12_341_234)


@dataclass(slots=True)
class Memory:
    """`groups`: the messages under each id that was given out."""

    sessions: set[str] = field(default_factory=set)
    groups: dict[str, list[Message]] = field(default_factory=dict)


def refuse(code: str, request: Request) -> Answer:
    if request.path.endswith(".php"):
        return text_answer(f"Ошибка при отправке: {ERRORS[code]}")
    return _answer({"info": ERRORS[code]})


def serve(request: Request, live: LiveAccount) -> Answer:
    """Calls by the method's name, or by `call` with the name before the struct."""
    try:
        method, values = _called(request)
        if method == "pajm.user.auth":
            return _answer({"result": _session(values, live), "info": ""})
        if values.get("session_id") not in live.memory.sessions:
            raise Refusal("session")
        return _answer({"result": METHODS[method](values, live), "info": ""})
    except Refusal as refusal:
        return refuse(refusal.code, request)
    except (ParseError, DefusedXmlException, KeyError, ValueError, IndexError):
        fault = Element("fault")
        _write(fault, {"faultCode": -32600, "faultString": "Bad request"})
        return _document(fault)


def _called(request: Request) -> tuple[str, dict[str, Any]]:
    root = fromstring(request.body)
    params = [_value(each) for each in root.findall("./params/param/value")]
    name = root.findtext("methodName") or ""
    name, values = (name, params[0]) if len(params) == 1 else (params[0], params[1])
    if root.tag != "methodCall" or not isinstance(values, dict):
        raise ValueError("this is no call")
    return name, values


def _session(values: Mapping[str, Any], live: LiveAccount) -> dict[str, str] | bool:
    if (values.get("username"), values.get("password")) != (live.credentials["user"], live.credentials["password"]):
        return False
    session = secrets.token_hex(16)
    live.memory.sessions.add(session)
    return {"session_id": session}


def _send(values: Mapping[str, Any], live: LiveAccount) -> int | list[int]:
    if set(values) - MEMBERS or "origin_id" not in values:
        raise ValueError("an unknown member")
    numbers = [re.sub(r"[\s()-]", "", number) for number in values["phone"].split(",")]
    taken = _take(live, numbers, values["message"], values["origin_id"])
    if values.get("multiple") is True:
        live.memory.groups.update({message.id: [message] for message in taken})
        return [int(message.id) for message in taken]
    live.memory.groups[taken[0].id] = taken
    return int(taken[0].id)


def _take(live: LiveAccount, numbers: Sequence[str], text: str, origin: int | None) -> list[Message]:
    """All numbers are checked before any is taken."""
    for number in numbers:
        at_submit = behaviour_of(number).at_submit
        if not re.fullmatch("[1-9][0-9]{9,14}", number) or at_submit == "bad_number":
            raise Refusal("phone")
        if at_submit == "blocked":
            raise Refusal("blacklist")
    sender = "" if origin is None else str(origin)
    if sender and not live.allows_sender(sender):
        raise Refusal("signature")
    if not text:
        raise Refusal("text")
    segments = count_segments(text)[1]
    if not live.can_pay(simulator.price * segments * len(numbers)):
        raise Refusal("no_credit")
    return [live.accept(to=number, text=text, sender=sender, segments=segments) for number in numbers]


def _delivery(values: Mapping[str, Any], live: LiveAccount) -> dict[str, int]:
    group: list[Message] = live.memory.groups[str(values["sms_id"])]
    delivered = sum(message.segments for message in group if message.state == "delivered")
    failed = sum(message.segments for message in group if message.state in OVER)
    total = sum(message.segments for message in group)
    return {
        "sms_id": values["sms_id"],
        "sms_count": total,
        "sms_delivered": delivered,
        "sms_failed": failed,
        "sms_delayed": total - delivered - failed,
    }


METHODS: Final[Mapping[str, Callable[[Mapping[str, Any], LiveAccount], Any]]] = {
    "pajm.sms.send": _send,
    "pajm.sms.get_delivery": _delivery,
    "pajm.user.get_balance": lambda _values, live: float(live.balance),
}


def send_by_script(request: Request, live: LiveAccount) -> Answer:
    values = _query(request)
    try:
        _sign_in(values, live)
        origin = values.get("or_id", "")
        (message,) = _take(live, [values.get("phone", "")], values.get("message", ""), int(origin) if origin else None)
    except Refusal as refusal:
        return refuse(refusal.code, request)
    live.memory.groups[message.id] = [message]
    return text_answer(f"Сообщение #{message.id} отослано.")


def check_by_script(request: Request, live: LiveAccount) -> Answer:
    values = _query(request)
    try:
        _sign_in(values, live)
    except Refusal as refusal:
        return refuse(refusal.code, request)
    group: list[Message] = live.memory.groups.get(values.get("message_id", ""), [])
    return text_answer(SAID.get(group[0].state, "В пути") if group else "Сообщение не найдено")


def balance_by_script(request: Request, live: LiveAccount) -> Answer:
    try:
        _sign_in(_query(request), live)
    except Refusal as refusal:
        return refuse(refusal.code, request)
    return text_answer(f"Баланс: {live.balance} руб.")


def _sign_in(values: Mapping[str, str], live: LiveAccount) -> None:
    if (values.get("user"), values.get("pass")) != (live.credentials["user"], live.credentials["password"]):
        raise Refusal("auth")


def _query(request: Request) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in request.query_pairs()}


def _value(element: Element) -> Any:
    typed = next(iter(element), None)
    if typed is None:
        return element.text or ""
    text = typed.text or ""
    if typed.tag == "struct":
        return {each.findtext("name") or "": _value(each.findall("value")[0]) for each in typed.findall("member")}
    if typed.tag in ("int", "i4"):
        return int(text)
    return {"boolean": text == "1", "nil": None, "string": text}[typed.tag]


def _answer(value: Any) -> Answer:
    params = Element("params")
    _write(SubElement(params, "param"), value)
    return _document(params)


def _document(inside: Element) -> Answer:
    root = Element("methodResponse")
    root.append(inside)
    return Answer(200, tostring(root, encoding="UTF-8", xml_declaration=True), "text/xml; charset=UTF-8")


def _write(parent: Element, value: Any) -> None:
    slot = SubElement(parent, "value")
    if isinstance(value, dict):
        struct = SubElement(slot, "struct")
        for name, inner in value.items():
            member = SubElement(struct, "member")
            SubElement(member, "name").text = name
            _write(member, inner)
    elif isinstance(value, list):
        data = SubElement(SubElement(slot, "array"), "data")
        for inner in value:
            _write(data, inner)
    else:
        kinds = {bool: "boolean", int: "int", float: "double", str: "string"}
        SubElement(slot, kinds[type(value)]).text = str(int(value)) if isinstance(value, bool) else str(value)


def nothing_pushed(_about: Sequence[Report] | Reply, _live: LiveAccount) -> list[Push]:
    return []


def _without_id(answer: Answer) -> Answer:
    is_xml = answer.content_type.startswith("text/xml")
    return _answer({"info": ""}) if is_xml else text_answer("Сообщение отослано.")


simulator = Simulator(
    slug="smsimple",
    label="SMSimple.ru",
    credentials={"user": "demo", "password": "demo-password"},
    routes=(
        *(Route("POST", path, serve, submits=lambda request: b"pajm.sms.send" in request.body) for path in ("/", RPC)),
        Route("GET", "/http_send.php", send_by_script, submits=always),
        Route("GET", "/http_check.php", check_by_script),
        Route("GET", "/http_balance.php", balance_by_script),
    ),
    receipts=nothing_pushed,
    inbound=nothing_pushed,
    refuse=refuse,
    codes=tuple(ERRORS),
    failed="failed",
    throttled="failed",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal("1.88"),
    new_id=lambda: str(next(_ids)),
    without_id=_without_id,
    memory=Memory,
)
