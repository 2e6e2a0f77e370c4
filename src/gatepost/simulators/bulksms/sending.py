"""Handing over messages."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from gatepost.simulators.bulksms.resources import Memory, Refusal, authorise, iso, json_body, query_of, resource
from gatepost.simulators.bulksms.tables import DEDUPLICATED_FOR_S, FIELDS, MAX_MESSAGES, SENDER_TYPES
from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.wire import Answer, Request, json_answer
from gatepost.sms.text import count_segments, is_gsm7


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    to: str
    text: str
    sender: str
    segments: int
    is_blocked: bool
    wire: Mapping[str, Any]
    reference: str


def submit(request: Request, live: LiveAccount) -> Answer:
    """All messages of a request or none; with a known deduplication-id the first answer once more."""
    try:
        authorise(request, live)
        query = query_of(request)
        key = query.get("deduplication-id", "")
        if key and not (re.fullmatch("-?[0-9]{1,10}", key) and -(2**31) <= int(key) < 2**31):
            raise Refusal("bad-request", "deduplication-id must be a 32 bit integer")
        memory: Memory = live.memory
        at, answer = memory.answers.get(key, (0.0, Answer()))
        if key and time.time() - at < DEDUPLICATED_FOR_S:
            return answer
        answer = _accepted(json_body(request), query, live)
        if key:
            memory.answers[key] = (time.time(), answer)
        return answer
    except Refusal as refusal:
        return refusal.answer


def submit_one(request: Request, live: LiveAccount) -> Answer:
    """GET /messages/send?to=..&body=.."""
    try:
        authorise(request, live)
        query = query_of(request)
        return _accepted({"to": query.get("to"), "body": query.get("body")}, query, live)
    except Refusal as refusal:
        return refusal.answer


def _accepted(body: Any, query: Mapping[str, str], live: LiveAccount) -> Answer:
    entries = body if isinstance(body, list) else [body]
    drafts = [draft for entry in entries for draft in _drafts(entry, query, live)]
    if not drafts or len(drafts) > MAX_MESSAGES:
        raise Refusal("bad-request", f"A request holds 1 to {MAX_MESSAGES} messages")
    send_at = _schedule(query)
    if not live.can_pay(sum((live.simulator.price * draft.segments for draft in drafts), Decimal(0))):
        raise Refusal("insufficient-credits")
    memory: Memory = live.memory
    submission = {"id": f"1-{next(memory.submissions):020}", "date": iso(time.time())}
    messages = [
        live.accept(
            to=draft.to,
            text=draft.text,
            sender=draft.sender,
            segments=draft.segments,
            reference=draft.reference,
            send_at=send_at,
            blocked=draft.is_blocked,
            wire={**draft.wire, "is_blocked": draft.is_blocked, "submission": submission},
        )
        for draft in drafts
    ]
    items = [{**resource(message), "numberOfParts": None, "creditCost": None} for message in reversed(messages)]
    return json_answer(items, 201)


def _drafts(entry: Any, query: Mapping[str, str], live: LiveAccount) -> list[Draft]:
    if not isinstance(entry, dict):
        raise Refusal("bad-request", "A message is a JSON object")
    _check_fields(entry)
    sender = _sender(entry.get("from"), live)
    text, coding = _text(entry, query)
    segments = 1 if coding == "BINARY" else count_segments(text)[1]
    if segments > entry.get("longMessageMaxParts", 3):
        raise Refusal("bad-request", "'body' is longer than longMessageMaxParts allows")
    memory: Memory = live.memory
    return [
        Draft(
            to=number,
            text=text,
            sender=sender,
            segments=segments,
            is_blocked=number in memory.blocked or behaviour_of(number).at_submit == "blocked",
            reference=entry.get("userSuppliedId") or "",
            wire={
                "encoding": coding,
                "reports": entry.get("deliveryReports", "ALL"),
                "is_repliable": not entry.get("from") or _type_of(entry.get("from")) == "REPLIABLE",
            },
        )
        for number in recipients_of(entry.get("to"))
    ]


def _check_fields(entry: Mapping[str, Any]) -> None:
    for name, value in entry.items():
        if name in ("to", "from"):
            continue
        if name not in FIELDS:
            raise Refusal("bad-request", f"'{name}' is not a known property")
        allowed = FIELDS[name]
        fits = isinstance(value, allowed) if isinstance(allowed, type) else value in allowed
        if value is None or isinstance(value, bool) or not fits:
            raise Refusal("bad-request", f"'{name}' has an invalid value")
    if not entry.get("body"):
        raise Refusal("bad-request", "'body' is required")
    if len(entry.get("userSuppliedId", "")) > 20:
        raise Refusal("bad-request", "'userSuppliedId' is longer than 20 characters")
    if not 1 <= entry.get("longMessageMaxParts", 3) <= 255:
        raise Refusal("bad-request", "'longMessageMaxParts' has an invalid value")


def recipients_of(to: Any) -> list[str]:
    """Numbers as digits, from a text, an object, or a list of either."""
    numbers = []
    for item in to if isinstance(to, list) else [to]:
        address = item
        if isinstance(item, dict):
            if item.get("type", "INTERNATIONAL") != "INTERNATIONAL":
                raise Refusal("bad-request", f"'to': there is no such {item.get('type')}")
            address = item.get("address")
        if not isinstance(address, str) or not re.fullmatch(r"\+?[0-9]{7,15}", address):
            raise Refusal("bad-request", "'to' is not a valid international number")
        number = address.lstrip("+")
        if behaviour_of(number).at_submit == "bad_number":
            raise Refusal("bad-request", f"'to': {number} is not a valid international number")
        numbers.append(number)
    return numbers


def _type_of(sender: Any) -> str:
    if isinstance(sender, dict):
        return str(sender.get("type"))
    return "INTERNATIONAL" if re.fullmatch(r"\+?[0-9]+", str(sender)) else "ALPHANUMERIC"


def _sender(sender: Any, live: LiveAccount) -> str:
    """What the handset shows; without a sender, or with a repliable one, a number of the account."""
    own = next(iter(live.account.numbers), "")
    if sender in (None, ""):
        return own
    kind = _type_of(sender)
    address = sender.get("address", "") if isinstance(sender, dict) else sender
    if kind not in SENDER_TYPES or not isinstance(address, str) or not re.fullmatch(SENDER_TYPES[kind], address):
        raise Refusal("bad-request", "'from' is not a valid sender")
    if kind == "REPLIABLE":
        return own
    if address.lower() == REFUSED_SENDER or not live.allows_sender(address):
        raise Refusal("bad-request", "'from' is not an approved sender ID")
    return address


def _text(entry: Mapping[str, Any], query: Mapping[str, str]) -> tuple[str, str]:
    """The text that the handset gets, and its encoding: without auto-unicode a TEXT loses what GSM does not have."""
    text, coding = entry["body"], entry.get("encoding", "TEXT")
    if coding == "BINARY":
        if not re.fullmatch("([0-9A-Fa-f]{2})+", text):
            raise Refusal("bad-request", "'body' is not hexadecimal")
        return text, coding
    if coding == "TEXT" and not is_gsm7(text):
        if query.get("auto-unicode", "false") == "true":
            return text, "UNICODE"
        return "".join(character if is_gsm7(character) else "?" for character in text), coding
    return text, coding


def _schedule(query: Mapping[str, str]) -> float | None:
    text = query.get("schedule-date")
    if text is None:
        return None
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment > datetime.now(UTC) + timedelta(days=731):
        raise Refusal("bad-request", "schedule-date needs an offset and lies at most two years ahead")
    return moment.timestamp()
