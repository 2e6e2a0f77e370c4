"""Handing over messages, in the form of either generation."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.infobip.account import Memory, Refusal, problem, rejected, status_of, version_of
from gatepost.simulators.infobip.tables import FIELDS, MAX_PARTS, STATUS, TRANSLITERATIONS, WHOLE
from gatepost.simulators.wire import Answer, Request, json_answer
from gatepost.sms.text import count_segments

ids = count(time.time_ns())


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    to: str
    id: str
    sender: str
    text: str
    receipt_url: str
    send_at: float | None
    wire: Mapping[str, Any]


def submit(request: Request, live: LiveAccount) -> Answer:
    version, body = version_of(request), _json(request)
    read = _drafts_3 if version == "3" else _drafts_2
    drafts = list(read(body, live))
    bulk = f"{next(ids)}"
    whole = (body.get("options") or {}) if version == "3" else body
    counts = whole.get("includeSmsCountInResponse") is True
    return json_answer(
        {"bulkId": bulk, "messages": [_taken(draft, live, version, bulk, counts=counts) for draft in drafts]}
    )


def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body) if request.content_type == "application/json" else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refusal("E400", "body", "malformed JSON")
    return body


def _known(value: Any, version: str, kind: str, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal("E400", path or "body", "must be an object")
    if stranger := next((name for name in value if name not in FIELDS[version][kind]), None):
        raise Refusal("E400", f"{path}.{stranger}".lstrip("."), "unknown property")
    return value


def _listed(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Refusal("E400", path, "must not be empty")
    return value


def _drafts_3(body: dict[str, Any], live: LiveAccount) -> Iterator[Draft]:
    whole = _known(_known(body, "3", "", "").get("options", {}), "3", "whole", "options")
    send_at = _moment(whole.get("schedule", {}).get("sendAt"), "options.schedule.sendAt")
    for n, value in enumerate(_listed(body.get("messages"), "messages")):
        path = f"messages[{n}]"
        message = _known(value, "3", "message", path)
        content = _known(message.get("content"), "3", "content", f"{path}.content")
        options = _known(message.get("options", {}), "3", "options", f"{path}.options")
        webhooks = _known(message.get("webhooks", {}), "3", "webhooks", f"{path}.webhooks")
        period = options.get("validityPeriod", {})
        factor = {"SECONDS": 1, "MINUTES": 60, "HOURS": 3600}.get(period.get("timeUnit", "MINUTES"), 0)
        _check_validity(period.get("amount", 2880) * factor, f"{path}.options.validityPeriod")
        _check_text(content, f"{path}.content")
        delivery = webhooks.get("delivery", {})
        wire = {"version": "3", "data": webhooks.get("callbackData"), "interim": delivery.get("intermediateReport")}
        for destination in _destinations(message, "3", path):
            yield _draft(destination, message.get("sender"), content["text"], delivery.get("url"), send_at, wire, live)


def _drafts_2(body: dict[str, Any], live: LiveAccount) -> Iterator[Draft]:
    for n, value in enumerate(_listed(_known(body, "2", "", "").get("messages"), "messages")):
        path = f"messages[{n}]"
        message = _known(value, "2", "message", path)
        _check_validity(message.get("validityPeriod", 2880) * 60, f"{path}.validityPeriod")
        _check_text(message, path)
        send_at = _moment(message.get("sendAt"), f"{path}.sendAt")
        wire = {"version": "2", "data": message.get("callbackData"), "interim": message.get("intermediateReport")}
        for destination in _destinations(message, "2", path):
            yield _draft(
                destination, message.get("from"), message["text"], message.get("notifyUrl"), send_at, wire, live
            )


def _draft(
    destination: Mapping[str, Any],
    sender: Any,
    text: str,
    url: Any,
    send_at: float | None,
    wire: Mapping[str, Any],
    live: LiveAccount,
) -> Draft:
    return Draft(
        to=str(destination.get("to") or "").lstrip("+"),
        id=str(destination.get("messageId") or next(ids)),
        sender=str(sender or next(iter(live.account.numbers), "")),
        text=text,
        receipt_url=url or live.receipt_url,
        send_at=send_at,
        wire=wire,
    )


def _destinations(message: Mapping[str, Any], version: str, path: str) -> list[dict[str, Any]]:
    found = []
    for n, value in enumerate(_listed(message.get("destinations"), f"{path}.destinations")):
        destination = _known(value, version, "destination", f"{path}.destinations[{n}]")
        if len(str(destination.get("messageId") or "")) > 200:
            raise Refusal("E400", f"{path}.destinations[{n}].messageId", "is longer than 200 characters")
        if len(str(destination.get("to") or "")) > 64:
            raise Refusal("E400", f"{path}.destinations[{n}].to", "is longer than 64 characters")
        found.append(destination)
    return found


def _check_text(holder: Mapping[str, Any], path: str) -> None:
    if not isinstance(holder.get("text"), str) or not holder["text"]:
        raise Refusal("E400", f"{path}.text", "must not be empty")
    if holder.get("transliteration", "NONE") not in TRANSLITERATIONS:
        raise Refusal("E400", f"{path}.transliteration", "is not one of the alphabets")


def _check_validity(seconds: Any, path: str) -> None:
    if not isinstance(seconds, int) or not 0 < seconds <= 48 * 3600:
        raise Refusal("E400", path, "must be positive and at most 48 hours")


def _moment(text: Any, path: str) -> float | None:
    if text is None:
        return None
    try:
        at = datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    except ValueError:
        raise Refusal("E400", path, "is not of the form yyyy-MM-dd'T'HH:mm:ss.SSSZ") from None
    if at > time.time() + 180 * 86_400:
        raise Refusal("E400", path, "is more than 180 days ahead")
    return at


def _taken(draft: Draft, live: LiveAccount, version: str, bulk: str, *, counts: bool) -> dict[str, Any]:
    memory: Memory = live.memory
    segments = count_segments(draft.text)[1]
    code = _rejection(draft, live, segments)
    memory.used.add(draft.id)
    status = rejected(code) if code else status_of(STATUS["accepted"])
    if not code:
        live.accept(
            to=draft.to,
            text=draft.text,
            sender=draft.sender,
            segments=segments,
            reference=draft.id,
            receipt_url=draft.receipt_url,
            send_at=draft.send_at,
            wire={**draft.wire, "bulk": bulk},
        )
    item: dict[str, Any] = {"messageId": draft.id, "status": status}
    if version == "3":
        return item | {"destination": draft.to} | ({"details": {"messageCount": segments}} if counts else {})
    return item | {"to": draft.to} | ({"smsCount": segments} if counts else {})


def _rejection(draft: Draft, live: LiveAccount, segments: int) -> int:
    memory: Memory = live.memory
    at_submit = behaviour_of(draft.to).at_submit
    checks = (
        (51, not draft.to),
        (52, not re.fullmatch("[1-9][0-9]{6,14}", draft.to) or at_submit == "bad_number"),
        (10, at_submit == "blocked"),
        (23, draft.id in memory.used),
        (13, draft.sender.lower() == REFUSED_SENDER or not live.allows_sender(draft.sender)),
        (11, not re.fullmatch(r"\+?[0-9]{3,15}|(?=.*[^0-9]).{3,11}", draft.sender)),
        (25, segments > MAX_PARTS),
        (12, not live.can_pay(live.simulator.price * segments)),
    )
    return next((code for code, holds in checks if holds), 0)


def refuse(code: str, request: Request) -> Answer:
    """The whole request, or every item of it."""
    version = version_of(request)
    if code in WHOLE:
        return problem(code, version)
    try:
        found = [one for value in _json(request)["messages"] for one in value["destinations"]]
        items = [
            {
                "messageId": one.get("messageId"),
                "status": rejected(int(code)),
                "destination" if version == "3" else "to": one["to"],
            }
            for one in found
        ]
    except (Refusal, KeyError, TypeError):
        return problem("E400", version)
    return json_answer({"bulkId": "1", "messages": items})
