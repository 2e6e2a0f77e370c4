"""edna's side of its three interfaces: HPG below /revoup/demo, the SMS JSON connector, and the Pulse cascade.

From client code; the official documents could not be read. Where it leaves something open the strict reading is taken:
one recipient per request, an own id only once. HPG is asked for states, the connector pushes and can be asked, Pulse
pushes; that the pushes go to the account's one address is a guess. Not offered: incoming messages (no format found).
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.refusals import Refusal, refusing
from gatepost.simulators.wire import Answer, Push, Request, json_answer, text_answer, without_keys
from gatepost.sms.text import count_segments

HPG, CONNECTOR, PULSE = "/revoup/demo", "/connector_sme/api", "/api"
# Error word to the status of HTTP that the JSON interfaces give it.
ERRORS: Final = {
    "error-auth": 401,
    "error-syntax": 400,
    "error-address-format": 400,
    "error-address-unknown": 400,
    "error-subject-format": 400,
    "error-subject-unknown": 400,
    "error-content-format": 400,
    "error-not-template-match": 400,
    "error-insufficient-balance": 400,
    "error-id-not-unique": 400,
    "error-account-locked": 403,
    "error-priority-format": 400,
    "error-provider-id-unknown": 400,
    "error-system": 400,
    "user-blocked": 400,
}
PRIORITIES: Final = ("low", "normal", "high", "realtime")
STATUS: Final = {
    "accepted": "enqueued",
    "scheduled": "delayed",
    "sent": "sent",
    "delivered": "delivered",
    "undelivered": "undelivered",
    "expired": "expired",
    "rejected": "error-subject-unknown",
    "cancelled": "cancelled",
    "unknown": "unknown",
}
_ids = count(123_456_789)


def refuse(word: str, request: Request) -> Answer:
    if request.path.startswith(HPG):
        return text_answer(word)
    return json_answer({"code": word}, ERRORS[word])


_guarded = refusing(refuse)


def send_by_hpg(request: Request, live: LiveAccount) -> Answer:
    values = _hpg_values(request, live)
    if set(values) - {"subject", "address", "text", "clientId", "priority"}:
        raise Refusal("error-syntax")
    if values.get("priority", "low") not in PRIORITIES:
        raise Refusal("error-priority-format")
    fields = [values.get(name, "") for name in ("subject", "address", "text", "clientId")]
    message = _take(live, *fields, api="hpg")
    return text_answer(f"ok;0;{message.id}")


def state_by_hpg(request: Request, live: LiveAccount) -> Answer:
    message = live.find(_hpg_values(request, live).get("providerId", ""))
    if message is None:
        raise Refusal("error-provider-id-unknown")
    moment = datetime.fromtimestamp(message.state_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return text_answer(f"ok;{message.id};{STATUS[message.state]};{moment};")


def _hpg_values(request: Request, live: LiveAccount) -> dict[str, str]:
    """The parameters without login and password; the index 0 is left out of their names, others are refused."""
    values = {name.removesuffix("[0]"): value.decode("utf-8", "replace") for name, value in request.query_pairs()}
    sign_in = (values.pop("login", ""), values.pop("password", ""))
    if sign_in != (live.credentials["login"], live.credentials["password"]):
        raise Refusal("error-auth")
    if any("[" in name for name in values):
        raise Refusal("error-syntax")
    return values


def send_by_connector(request: Request, live: LiveAccount) -> Answer:
    body = _body(request, live)
    if body.get("contentType") != "text" or body.get("priority", "low") not in PRIORITIES:
        raise Refusal("error-syntax")
    fields = [str(body.get(name, "")) for name in ("subject", "address", "content", "id")]
    return json_answer({"id": _take(live, *fields, api="connector").id, "code": "ok"})


def state_by_connector(request: Request, live: LiveAccount) -> Answer:
    _authorise(request, live)
    message = live.find(request.captured["id"])
    if message is None:
        raise Refusal("error-provider-id-unknown")
    return json_answer({"code": "ok", "dlvStatus": STATUS[message.state], "dlvError": ""})


def validate(request: Request, live: LiveAccount) -> Answer:
    _authorise(request, live)
    if not re.fullmatch("[1-9][0-9]{9,14}", request.captured["number"]):
        raise Refusal("error-address-format")
    return json_answer({"code": "ok"})


def schedule(request: Request, live: LiveAccount) -> Answer:
    body = _body(request, live)
    subjects = {f"cascade-{number}": name for number, name in enumerate(_subjects(live), 1)}
    filtered, content = body.get("subscriberFilter", {}), body.get("content", {}).get("smsContent", {})
    if body.get("cascadeId") not in subjects or filtered.get("type") != "PHONE" or content.get("contentType") != "TEXT":
        raise Refusal("error-syntax")
    to, text, own_id = (
        str(value) for value in (filtered.get("address"), content.get("text"), body.get("requestId", ""))
    )
    message = _take(live, subjects[body["cascadeId"]], to, text, own_id, api="pulse")
    return json_answer({"requestId": message.reference})


def cascades(request: Request, live: LiveAccount) -> Answer:
    _body(request, live)
    old = {
        "id": "cascade-0",
        "status": "ARCHIVED",
        "stagesCount": 1,
        "stages": [{"subject": {"id": 9, "subject": "Old"}}],
    }
    active = [
        {
            "id": f"cascade-{number}",
            "status": "ACTIVE",
            "stagesCount": 1,
            "stages": [{"subject": {"id": number, "subject": name}}],
        }
        for number, name in enumerate(_subjects(live), 1)
    ]
    return json_answer([old, *active])


def _subjects(live: LiveAccount) -> tuple[str, ...]:
    return tuple(name for name in live.account.senders if name != "*") or ("Gatepost",)


def _take(live: LiveAccount, subject: str, address: str, text: str, own_id: str, *, api: str) -> Message:
    if not re.fullmatch("[1-9][0-9]{9,14}", address) or behaviour_of(address).at_submit == "bad_number":
        raise Refusal("error-address-format")
    if behaviour_of(address).at_submit == "blocked":
        raise Refusal("user-blocked")
    if not subject:
        raise Refusal("error-subject-format")
    if subject.lower() == REFUSED_SENDER or not live.allows_sender(subject):
        raise Refusal("error-subject-unknown")
    if not text:
        raise Refusal("error-content-format")
    if own_id and live.with_reference(own_id, float("inf")):
        raise Refusal("error-id-not-unique")
    segments = count_segments(text)[1]
    if not live.can_pay(simulator.price * segments):
        raise Refusal("error-insufficient-balance")
    return live.accept(to=address, text=text, sender=subject, segments=segments, reference=own_id, wire={"api": api})


def _authorise(request: Request, live: LiveAccount) -> None:
    if request.headers.get("x-api-key") != live.credentials["api_key"]:
        raise Refusal("error-auth")


def _body(request: Request, live: LiveAccount) -> dict[str, Any]:
    _authorise(request, live)
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal("error-syntax")
    return body


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    said = [_report(report.message, STATUS[report.state]) for report in reports if report.message.wire["api"] != "hpg"]
    return [
        Push(
            kind="receipt",
            url=live.receipt_url,
            headers={"Content-Type": "application/json"},
            body=json.dumps(values).encode(),
        )
        for values in said
        if live.receipt_url
    ]


def _report(message: Message, status: str) -> Mapping[str, str]:
    if message.wire["api"] == "pulse":
        return {"requestId": message.reference, "status": status.upper()}
    return {"smsOutMessageId": message.id, "dlvStatus": status}


def inbound(_reply: Reply, _live: LiveAccount) -> list[Push]:
    return []


def _without_id(answer: Answer) -> Answer:
    if answer.content_type == "application/json":
        return without_keys(answer, "id", "requestId")
    return Answer(answer.status, b"ok;0;")


simulator = Simulator(
    slug="edna",
    label="MFMS / edna",
    credentials={"login": "demo", "password": "demo-password", "api_key": "demo-api-key"},
    routes=(
        Route("GET", f"{HPG}/send", _guarded(send_by_hpg), submits=always),
        Route("GET", f"{HPG}/status", _guarded(state_by_hpg)),
        Route("POST", f"{CONNECTOR}/smsOutMessage", _guarded(send_by_connector), submits=always),
        Route("GET", f"{CONNECTOR}/smsOutMessage/{{id}}", _guarded(state_by_connector)),
        Route("GET", f"{CONNECTOR}/validatePhoneNumber/{{number}}", _guarded(validate)),
        Route("POST", f"{PULSE}/cascade/schedule", _guarded(schedule), submits=always),
        Route("POST", f"{PULSE}/cascade/get-all/", _guarded(cascades)),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=tuple(ERRORS),
    failed="error-system",
    throttled="error-system",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal(1),
    interim=True,
    new_id=lambda: str(next(_ids)),
    without_id=_without_id,
)
