"""Intellin's side of its CGI interface: /sendsms.cgi and /getstatus.cgi.

From three clients; no documentation was found. What the error numbers mean is unknown, so every refused message gets
the same one, 5. That wrong credentials are an HTTP 401 is a guess. Lists of numbers are refused, because their answer
is unknown. Nothing is pushed. Not offered: incoming messages, balance.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Reply
from gatepost.simulators.wire import Answer, Push, Request, json_answer, text_answer, without_keys
from gatepost.sms.text import count_segments

ZONE: Final = ZoneInfo("Europe/Moscow")
FIELDS: Final = {"http_username", "http_password", "phone_list", "message", "fromphone", "time", "format"}
STATUS: Final = {
    "accepted": "PROGRESS",
    "scheduled": "PROGRESS",
    "sent": "ACCEPTD",
    "delivered": "DELIVERED",
    "undelivered": "UNDELIV",
    "expired": "EXPIRED",
    "rejected": "REJECTD",
    "cancelled": "DELETED",
    "unknown": "UNKNOWN",
}
_ids = count(5001)


def refuse(code: str, request: Request) -> Answer:
    if len(code) == 3:
        return text_answer("", int(code))
    return _said({"error_num": code, "message_id": "", "message_parts": "0"}, dict(_values(request)))


def submit(request: Request, live: LiveAccount) -> Answer:
    values = _values(request)
    if not _is_known(values, live):
        return refuse("401", request)
    number, text, sender = (values.get(name, "") for name in ("phone_list", "message", "fromphone"))
    is_good = re.fullmatch("[1-9][0-9]{9,14}", number) and not behaviour_of(number).at_submit
    is_named = sender.lower() != REFUSED_SENDER and re.fullmatch("[A-Za-z0-9 .&_-]{0,11}|[0-9]{1,15}", sender)
    send_at = _time(values.get("time", ""))
    if not is_good or not text or not is_named or set(values) - FIELDS or send_at == 0:
        return refuse("5", request)
    message = live.accept(to=number, text=text, sender=sender, segments=count_segments(text)[1], send_at=send_at)
    said = {"error_num": "0", "serial_id": "1001", "message_id": message.id, "message_destination": number}
    return _said({**said, "message_parts": str(message.segments)}, values)


def _time(text: str) -> float | None:
    """`ddMMyyHHmm`; None where none is given, 0 where it is none."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%d%m%y%H%M").replace(tzinfo=ZONE).timestamp()
    except ValueError:
        return 0


def state(request: Request, live: LiveAccount) -> Answer:
    values = _values(request)
    if not _is_known(values, live):
        return refuse("401", request)
    message = live.find(values.get("message_id", ""))
    if message is None:
        return refuse("5", request)
    is_final = message.state in ("delivered", "undelivered", "expired", "rejected")
    moment = datetime.fromtimestamp(message.state_at, ZONE).strftime("%Y-%m-%d %H:%M:%S") if is_final else ""
    said = {"message_id": message.id, "deliver_date": moment, "deliver_status": STATUS[message.state]}
    return text_answer("".join(f"{name}={value}<br>\r\n" for name, value in said.items()))


def _said(said: dict[str, str], values: dict[str, str]) -> Answer:
    if values.get("format") == "json":
        return json_answer(said)
    return text_answer("".join(f"{name}={value}<br>" for name, value in said.items()))


def _is_known(values: dict[str, str], live: LiveAccount) -> bool:
    return (values.get("http_username"), values.get("http_password")) == (
        live.credentials["login"],
        live.credentials["password"],
    )


def _values(request: Request) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in request.query_pairs()}


def nothing_pushed(_about: Sequence[Report] | Reply, _live: LiveAccount) -> list[Push]:
    return []


def _without_id(answer: Answer) -> Answer:
    is_json: Any = answer.content_type == "application/json"
    return without_keys(answer, "message_id") if is_json else Answer(answer.status, b"error_num=0<br>")


simulator = Simulator(
    slug="intellin",
    label="Intellin",
    credentials={"login": "demo", "password": "demo-password"},
    routes=(
        Route("GET", "/sendsms.cgi", submit, submits=always),
        Route("GET", "/getstatus.cgi", state),
    ),
    receipts=nothing_pushed,
    inbound=nothing_pushed,
    refuse=refuse,
    codes=("5", "401", "403", "503"),
    failed="503",
    throttled="503",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal(1),
    new_id=lambda: str(next(_ids)),
    without_id=_without_id,
)
