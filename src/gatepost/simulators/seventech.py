"""Seven Tech's side of /messaging/v1/send, and the incoming messages of its older interface.

From the beginning of the official manual and two clients of its twin. Errors were not found: they are told by HTTP
statuses with their usual meaning. Reports are guesses: the words of the answer, as JSON, to the address of the request.
Where the sources leave something open the strict reading is taken: one element in the scenario, no unknown member.
Not offered: other channels, the pair of credentials in the query.
"""

import json
import re
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Reply
from gatepost.simulators.wire import Answer, Push, Repeats, Request, json_answer, text_answer, with_query, without_keys
from gatepost.sms.text import count_segments

ERRORS: Final = {
    "400": "Bad Request",
    "401": "Unauthorized",
    "402": "Payment Required",
    "403": "Forbidden",
    "404": "Not Found",
    "409": "Conflict",
    "422": "Unprocessable Entity",
    "429": "Too Many Requests",
    "503": "Service Unavailable",
}
MEMBERS: Final = {"scenario", "callback", "clientRequestId", "urlOptions"}
ELEMENT: Final = {"channel", "recipient", "sender", "text"}
# The body of the answer would be sent to the subscriber.
QUIETLY: Final = Repeats(taken=lambda status, body: status == 200 and not body)


class Refusal(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.answer = text_answer(ERRORS[code], int(code))


def submit(request: Request, live: LiveAccount) -> Answer:
    try:
        if request.basic() != (live.credentials["login"], live.credentials["password"]):
            raise Refusal("401")
        body = _body(request)
        to, sender, text = _element(body, live)
        segments = count_segments(text)[1]
        if not live.can_pay(simulator.price * segments):
            raise Refusal("402")
    except Refusal as refusal:
        return refusal.answer
    message = live.accept(
        to=to,
        text=text,
        sender=sender,
        segments=segments,
        reference=str(body.get("clientRequestId", "")),
        receipt_url=str(body.get("callback", "")),
    )
    return json_answer({"txId": message.id, "state": "ACCEPTED"})


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or set(body) - MEMBERS or len(str(body.get("clientRequestId", ""))) > 100:
        raise Refusal("400")
    return body


def _element(body: dict[str, Any], live: LiveAccount) -> tuple[str, str, str]:
    scenario = body.get("scenario")
    element = scenario[0] if isinstance(scenario, list) and len(scenario) == 1 else None
    if not isinstance(element, dict) or set(element) != ELEMENT or element["channel"] != "sms":
        raise Refusal("400")
    recipient, sender, text = element["recipient"], element["sender"], element["text"]
    if not isinstance(recipient, dict) or recipient.get("type") != "MSISDN":
        raise Refusal("400")
    to = str(recipient.get("value"))
    if not re.fullmatch("[1-9][0-9]{9,14}", to) or behaviour_of(to).at_submit:
        raise Refusal("422")
    if not isinstance(text, str) or not text or not isinstance(sender, str) or not sender:
        raise Refusal("422")
    if sender.lower() == REFUSED_SENDER or not live.allows_sender(sender):
        raise Refusal("403")
    return to, sender, text


def receipts(reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    return [
        Push(
            kind="receipt",
            url=report.message.receipt_url,
            headers={"Content-Type": "application/json"},
            body=json.dumps(
                {
                    "txId": report.message.id,
                    "clientRequestId": report.message.reference,
                    "state": report.state.upper(),
                }
            ).encode(),
        )
        for report in reports
        if report.message.receipt_url
    ]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    if not live.inbound_url:
        return []
    values = {"clientId": reply.sender, "message": reply.text, "shortNumber": reply.to, "id": reply.id}
    return [Push(kind="inbound", url=with_query(live.inbound_url, values.items()), method="GET", repeats=QUIETLY)]


simulator = Simulator(
    slug="seventech",
    label="Seven Tech",
    credentials={"login": "demo", "password": "demo-password"},
    routes=(Route("POST", "/messaging/v1/send", submit, submits=always),),
    receipts=receipts,
    inbound=inbound,
    refuse=lambda code, _request: Refusal(code).answer,
    codes=tuple(ERRORS),
    failed="503",
    throttled="429",
    not_found=lambda _request: Refusal("404").answer,
    price=Decimal(1),
    interim=True,
    new_id=lambda: str(uuid.uuid4()),
    without_id=lambda answer: without_keys(answer, "txId"),
)
