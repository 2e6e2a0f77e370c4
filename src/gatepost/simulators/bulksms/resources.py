"""What every path of BulkSMS shares: sign-in, problems, the message resource, what an account remembers."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from gatepost.simulators.bulksms.tables import ERRORS, STATUS, TYPE_URL
from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.records import Message
from gatepost.simulators.wire import Answer, Request, json_answer


@dataclass(slots=True)
class Memory:
    """`answers`: by deduplication-id, when and what was answered. `webhooks`: made by the API. `received`: replies."""

    answers: dict[str, tuple[float, Answer]] = field(default_factory=dict)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    received: list[dict[str, Any]] = field(default_factory=list)
    submissions: Iterator[int] = field(default_factory=lambda: count(time.time_ns() // 1_000_000))


class Refusal(Exception):
    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.answer = problem(code, detail)


def problem(code: str, detail: str = "") -> Answer:
    status, title, usual = ERRORS[code]
    body = {"type": f"{TYPE_URL}#{code}", "title": title, "status": status, "detail": detail or usual}
    return json_answer(body, status)


def _status(message: Message, state: str = "") -> dict[str, Any]:
    kind, subtype = STATUS[state or message.state]
    if message.wire["is_blocked"]:
        subtype = "BLOCKED"
    return {"id": f"{kind}.{subtype or 'null'}", "type": kind, "subtype": subtype}


def resource(message: Message, state: str = "") -> dict[str, Any]:
    return {
        "id": message.id,
        "type": "SENT",
        "from": message.sender,
        "to": message.to,
        "body": message.text,
        "encoding": message.wire["encoding"],
        "protocolId": 0,
        "messageClass": 2,
        "submission": message.wire["submission"],
        "status": _status(message, state),
        "relatedSentMessageId": None,
        "userSuppliedId": message.reference or None,
        "numberOfParts": message.segments,
        "creditCost": float(message.price),
    }


def authorise(request: Request, live: LiveAccount) -> None:
    if request.basic() != (live.credentials["login"], live.credentials["password"]):
        raise Refusal("authentication-failed")


def json_body(request: Request) -> Any:
    if request.content_type != "application/json":
        raise Refusal("bad-request", "Content-Type must be application/json")
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise Refusal("bad-request", "The body is not valid JSON") from None


def query_of(request: Request) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in request.query_pairs()}


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
