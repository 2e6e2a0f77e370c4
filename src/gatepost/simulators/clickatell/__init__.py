"""Clickatell's side of its four interfaces, told apart by their paths.

From the official pages in excerpts and clients. Where these leave something open the strict reading is taken: an
unknown field is a bad parameter, a number with `+` a bad one, legacy reports come only where `callback` asks for them.
Callbacks have the form of the interface that the message came by; a reply to none has that of the option `interface`.
How long One API goes on with callbacks that are not taken is not known. Not offered: WhatsApp, the legacy batch mode.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from gatepost.simulators.clickatell.callbacks import inbound, receipts
from gatepost.simulators.clickatell.sending import guarded, latin, one_api, platform, rest_legacy, sendmsg, signed_in
from gatepost.simulators.clickatell.tables import FAULTS, STATES, Refusal, interface_of
from gatepost.simulators.engine import LiveAccount, Route, Simulator, always
from gatepost.simulators.wire import Answer, Request, json_answer, text_answer, without_keys


@dataclass(slots=True)
class Memory:
    sessions: set[str] = field(default_factory=set)


def _command(make: Callable[[Mapping[str, bytes], LiveAccount], str]) -> Callable[[Request, LiveAccount], Answer]:
    return guarded(lambda request, live: text_answer(make(signed_in(request, live), live)))


def _session(_values: Mapping[str, bytes], live: LiveAccount) -> str:
    session = uuid.uuid4().hex
    live.memory.sessions.add(session)
    return f"OK: {session}"


def _query(values: Mapping[str, bytes], live: LiveAccount) -> str:
    message = live.find(latin(values, "apimsgid")) or live.with_reference(latin(values, "climsgid"), 86_400)
    if message is None:
        return "ERR: 103, Unknown API message ID"
    return f"ID: {message.id} Status: {STATES[message.state][2]:03}"


def _balance(request: Request, live: LiveAccount) -> Answer:
    return json_answer({"currency": "ZAR", "balance": float(live.balance)})


def _state(request: Request, live: LiveAccount) -> Answer:
    message = live.find(request.captured["id"])
    if message is None:
        return json_answer({"error": {"code": 404, "description": "Not found"}}, 404)
    return json_answer({"sms": {"status": STATES[message.state][1], "timestamp": int(message.state_at * 1000)}})


def _without_id(answer: Answer) -> Answer:
    is_json = answer.content_type.startswith("application/json")
    return without_keys(answer, "apiMessageId") if is_json else text_answer("ID: ")


LEGACY: Final = {
    "auth": _session,
    "ping": lambda _values, _live: "OK:",
    "querymsg": _query,
    "getbalance": lambda _values, live: f"Credit: {live.balance:.3f}",
}
simulator = Simulator(
    slug="clickatell",
    label="Clickatell",
    credentials={"api_key": "demo-api-key", "user": "demo", "password": "demo-password", "api_id": "12345"},
    options={"interface": "one_api", "callback_user": "", "callback_password": ""},
    routes=(
        Route("POST", "/v1/message", guarded(one_api), submits=always),
        Route("GET", "/v1/message/{id}", guarded(_state)),
        Route("GET", "/v1/balance", guarded(_balance)),
        Route("POST", "/messages", guarded(platform), submits=always),
        Route("GET", "/public-client/balance", guarded(_balance)),
        Route("POST", "/rest/message", guarded(rest_legacy), submits=always),
        *(Route(method, "/http/sendmsg", guarded(sendmsg), submits=always) for method in ("POST", "GET")),
        *(Route(way, f"/http/{name}", _command(make)) for way in ("POST", "GET") for name, make in LEGACY.items()),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=lambda code, request: Refusal(code).answer(interface_of(request)),
    codes=tuple(FAULTS),
    failed="internal",
    throttled="slow",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal(1),
    interim=True,
    without_id=_without_id,
    memory=Memory,
)
