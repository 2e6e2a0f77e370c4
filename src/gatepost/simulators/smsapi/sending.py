"""`sms.do` and `mms.do`: sending, and what else these paths do."""

import hashlib
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message
from gatepost.simulators.smsapi.tables import (
    BLOCKED,
    CHARSETS,
    ERRORS,
    MAX_PARTS,
    MAX_RECIPIENTS,
    POINTS,
    SENDER,
    STATES,
)
from gatepost.simulators.wire import Answer, Request, json_answer, text_answer
from gatepost.sms.text import count_segments, is_gsm7, measure, transliterate


@dataclass(slots=True)
class Memory:
    """`to_number`: when messages to a number were taken, for the limit of 10 in 60 s. `callbacks`: added by REST."""

    to_number: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    callbacks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recipient:
    number: str
    submitted: str
    index: int
    text: str = ""


class Refusal(Exception):
    def __init__(self, code: str, invalid: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.invalid = list(invalid)


def sms_do(request: Request, live: LiveAccount) -> Answer:
    """Send, query or delete: the parameters decide."""
    values = parameters(request)
    try:
        _authorise(request, values, live)
        if "status" in values:
            return _query(values, live)
        return _delete(values, live) if "sch_del" in values else _send(values, live)
    except Refusal as refusal:
        return refused(refusal, values)


def mms_do(request: Request, live: LiveAccount) -> Answer:
    """MMS have the same list form; the text of the handset is the subject."""
    values = parameters(request)
    try:
        _authorise(request, values, live)
        if len(values.get("subject", "")) > 30:
            raise Refusal("26")
        return _send({"message": values.get("subject", ""), **values}, live)
    except Refusal as refusal:
        return refused(refusal, values)


def user_do(request: Request, live: LiveAccount) -> Answer:
    values = parameters(request)
    try:
        _authorise(request, values, live)
        if values.get("credits") != "1":
            raise Refusal("1001")
    except Refusal as refusal:
        return refused(refusal, values)
    if values.get("format") != "json":
        return text_answer(f"Points: {live.balance}")
    count = int(live.balance / POINTS)
    counts = dict.fromkeys(("proCount", "ecoCount", "mmsCount", "vmsGsmCount", "vmsLandCount"), count)
    return json_answer({"points": float(live.balance), **(counts if values.get("details") == "1" else {})})


def _authorise(request: Request, values: Mapping[str, str], live: LiveAccount) -> None:
    token, pair = request.bearer(), request.basic()
    if token is not None:
        if token != live.credentials["token"]:
            raise Refusal("101")
        return
    login, password = pair or (values.get("username", ""), values.get("password", ""))
    if not login and not password:
        raise Refusal("101")
    md5 = hashlib.md5(live.credentials["password"].encode(), usedforsecurity=False).hexdigest()
    if (login, password) != (live.credentials["login"], md5):
        raise Refusal("102")


def _send(values: Mapping[str, str], live: LiveAccount) -> Answer:
    if "group" in values:
        raise Refusal("93" if any(f"param{n}" in values for n in range(1, 5)) else "40")
    if "template" in values:
        raise Refusal("104")
    sender = _sender(values, live)
    numbers = [number.strip() for number in values.get("to", "").split(",") if number.strip()]
    if len(numbers) > MAX_RECIPIENTS:
        raise Refusal("19")
    references = _references(values, len(numbers), live)
    send_at = _send_at(values)
    _check_expiry(values, send_at)
    _check_notify_url(values)
    recipients, invalid = _recipients(values, numbers)
    if not recipients:
        raise Refusal(BLOCKED if all(i["message"] == ERRORS[BLOCKED] for i in invalid) and invalid else "13", invalid)
    parts = [_parts(recipient.text, values) for recipient in recipients]
    rate = POINTS * (Decimal("1.5") if values.get("fast") == "1" else 1)
    if not live.can_pay(sum((rate * count for count in parts), Decimal(0))):
        raise Refusal("103")
    is_test = values.get("test") == "1"
    if not is_test:
        _check_flood(recipients, live)
    messages = []
    for recipient, count in zip(recipients, parts, strict=True):
        wire = {"submitted": recipient.submitted, "notify_url": values.get("notify_url", "")}
        reference = references[recipient.index] if references else ""
        if is_test:
            messages.append(_pretended(live, recipient, sender, count, reference, rate * count))
        else:
            messages.append(
                live.accept(
                    to=recipient.number,
                    text=recipient.text,
                    sender=sender,
                    segments=count,
                    reference=reference,
                    price=rate * count,
                    send_at=send_at,
                    wire=wire,
                )
            )
    return _listed(messages, values, invalid)


def _pretended(
    live: LiveAccount, recipient: Recipient, sender: str, parts: int, reference: str, price: Decimal
) -> Message:
    """With `test=1` the answer is as real, but nothing is taken: no log, no charge, no report."""
    now = time.time()
    return Message(
        account=live.name,
        id=live.simulator.new_id(),
        reference=reference,
        to=recipient.number,
        sender=sender,
        text=recipient.text,
        segments=parts,
        price=price,
        at=now,
        state="accepted",
        state_at=now,
        wire={"submitted": recipient.submitted},
    )


def _sender(values: Mapping[str, str], live: LiveAccount) -> str:
    sender = values.get("from", "")
    if sender in ("", "Test", "ECO", "2WAY"):
        return sender or "Test"
    if not SENDER.fullmatch(sender) or sender.lower() == REFUSED_SENDER or not live.allows_sender(sender):
        raise Refusal("14")
    return sender


def _references(values: Mapping[str, str], count: int, live: LiveAccount) -> list[str]:
    if "idx" not in values:
        return []
    references = values["idx"].split("|") if count > 1 else [values["idx"]]
    if len(references) != count:
        raise Refusal("20")
    if any(len(reference) > 255 for reference in references):
        raise Refusal("27")
    if values.get("check_idx") == "1":
        used = any(live.with_reference(reference, 24 * 3600) for reference in references)
        if used or len(set(references)) < count:
            raise Refusal("53")
    return references


def _send_at(values: Mapping[str, str]) -> float | None:
    if "date" not in values:
        return None
    moment = _moment(values["date"])
    if moment is None:
        if values.get("date_validate") == "1":
            raise Refusal("54")
        return None
    if moment > time.time() + 92 * 86_400:
        raise Refusal("50")
    return moment


def _check_expiry(values: Mapping[str, str], send_at: float | None) -> None:
    if "expiration_date" in values:
        moment, start = _moment(values["expiration_date"]), send_at or time.time()
        if moment is None or not start + 15 * 60 - 5 <= moment <= start + 72 * 3600 + 5:
            raise Refusal("56")


def _moment(text: str) -> float | None:
    """Unix time or ISO 8601; without an offset the account's zone is taken as UTC."""
    if text.isdigit():
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _check_notify_url(values: Mapping[str, str]) -> None:
    if "notify_url" in values and not re.match(r"https?://[^\s/]+", values["notify_url"]):
        raise Refusal("70")


def _recipients(values: Mapping[str, str], numbers: list[str]) -> tuple[list[Recipient], list[dict[str, str]]]:
    """Who gets which text, and the numbers that are dropped, as the answer names them."""
    texts = _texts(values, len(numbers))
    found: dict[str, Recipient] = {}
    invalid = []
    for index, submitted in enumerate(numbers):
        number = f"48{submitted}" if re.fullmatch("[0-9]{9}", submitted) else submitted
        behaviour = behaviour_of(number)
        if not re.fullmatch("[1-9][0-9]{9,14}", number) or behaviour.at_submit == "bad_number":
            invalid.append({"number": number, "submitted_number": submitted, "message": "Invalid phone number"})
        elif behaviour.at_submit == "blocked":
            invalid.append({"number": number, "submitted_number": submitted, "message": ERRORS[BLOCKED]})
        elif values.get("skip_foreign") != "1" or number.startswith("48"):
            key = f"{number}#{index}" if values.get("allow_duplicates") == "1" else number
            found.setdefault(key, Recipient(number, submitted, index, texts[index]))
    return list(found.values()), invalid


def _texts(values: Mapping[str, str], count: int) -> list[str]:
    """The text for each number, with `[%1%]` to `[%4%]` filled in."""
    text = values.get("message", "")
    if values.get("normalize") == "1":
        if values.get("datacoding") == "bin":
            raise Refusal("25")
        text = transliterate(text)
    texts = [text] * count
    for n in range(1, 5):
        if f"param{n}" in values:
            fillings = values[f"param{n}"].split("|")
            if len(fillings) not in (1, count):
                raise Refusal("18")
            fillings = fillings * count if len(fillings) == 1 else fillings
            texts = [text.replace(f"[%{n}%]", filling) for text, filling in zip(texts, fillings, strict=True)]
    return texts


def _parts(text: str, values: Mapping[str, str]) -> int:
    if values.get("datacoding") == "bin":
        if not re.fullmatch("([0-9A-Fa-f]{2})+", text) or not re.fullmatch("[0-9A-Fa-f]*", values.get("udh", "")):
            raise Refusal("30")
        return 1
    if not text or (values.get("nounicode") == "1" and not is_gsm7(text)):
        raise Refusal("11")
    if values.get("flash") == "1" and not is_gsm7(text):
        raise Refusal("17")
    _, count = count_segments(text)
    if count > MAX_PARTS:
        raise Refusal("11")
    limit = values.get("max_parts", "")
    if limit.isdigit() and count > int(limit):
        raise Refusal("12")
    return count


def _check_flood(recipients: Sequence[Recipient], live: LiveAccount) -> None:
    """At most 10 messages to one number within 60 s, unless the account's option says another number (0 = none)."""
    limit = int(live.options["per_number_per_minute"])
    if not limit:
        return
    memory: Memory = live.memory
    now = time.time()
    for recipient in recipients:
        times = memory.to_number[recipient.number]
        while times and now - times[0] > 60:
            times.popleft()
        if len(times) >= limit:
            raise Refusal("52")
    for recipient in recipients:
        memory.to_number[recipient.number].append(now)


def _query(values: Mapping[str, str], live: LiveAccount) -> Answer:
    if not re.fullmatch("[0-9A-Za-z]+", values["status"]):
        raise Refusal("400")
    message = live.find(values["status"])
    if message is None or message.state == "cancelled":
        raise Refusal("301")
    return _listed([message], values)


def _delete(values: Mapping[str, str], live: LiveAccount) -> Answer:
    message = live.find(values["sch_del"])
    if message is None or not live.cancel(message):
        raise Refusal("301")
    return json_answer({"count": 1, "list": [{"id": message.id}]})


def _listed(
    messages: Sequence[Message], values: Mapping[str, str], invalid: Sequence[Mapping[str, str]] = ()
) -> Answer:
    """Points come as a number for one message and as a text for several: the official clients know both."""
    if values.get("format") != "json":
        many = len(messages) > 1
        lines = [f"OK:{m.id}:{m.price}{f':{m.to}' if many else ''}" for m in messages]
        return text_answer(";".join(lines))
    answer: dict[str, Any] = {"count": len(messages), "list": [_item(m, values, len(messages) > 1) for m in messages]}
    if invalid:
        answer["invalid_numbers"] = list(invalid)
    return json_answer(answer)


def _item(message: Message, values: Mapping[str, str], is_one_of_many: bool) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": message.id,
        "points": f"{message.price:.4f}" if is_one_of_many else float(message.price),
        "number": message.to,
        "date_sent": int(message.send_at or message.at),
        "submitted_number": message.wire["submitted"],
        "status": STATES[message.state][1],
        "error": None,
        "idx": message.reference or None,
        "parts": message.segments,
    }
    if values.get("details") == "1":
        item |= {"message": message.text, "length": measure(message.text).units}
    return item


def refused(refusal: Refusal, values: Mapping[str, str]) -> Answer:
    if values.get("format") != "json":
        return text_answer(f"ERROR:{refusal.code}")
    answer: dict[str, Any] = {"error": int(refusal.code), "message": ERRORS[refusal.code]}
    if refusal.invalid:
        answer["invalid_numbers"] = refusal.invalid
    return json_answer(answer)


def parameters(request: Request) -> dict[str, str]:
    """Of the query, the form and the JSON body together; `encoding` says how to read the bytes."""
    pairs = request.query_pairs() + request.form_pairs()
    encoding = next((value.decode("ascii", "replace") for name, value in pairs if name == "encoding"), "utf-8")
    charset = CHARSETS.get(encoding.lower(), "utf-8")
    values = {name: value.decode(charset, "replace") for name, value in pairs}
    if request.content_type == "application/json":
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            body = {}
        for name, value in body.items() if isinstance(body, dict) else ():
            values[name] = ("1" if value else "0") if isinstance(value, bool) else str(value)
    return values


def refuse(code: str, request: Request) -> Answer:
    return refused(Refusal(code), parameters(request))


def is_sending(request: Request) -> bool:
    """Whether a request to sms.do is no query and no deletion."""
    return not {"status", "sch_del"} & parameters(request).keys()
