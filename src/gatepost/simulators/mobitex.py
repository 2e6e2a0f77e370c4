"""Mobitex's side of SMS API MT: /sms.php and /balance.php.

From the beginning of the official page and two clients. The parameters of pushed reports and incoming messages were not
found: those of the sheet's proposal are used, by GET. Where the sources leave something open the strict reading is
taken: a type that does not fit the text is refused. Texts are read as UTF-8. Not offered: flash, WAP push, binary.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Reply
from gatepost.simulators.wire import Answer, Push, Request, text_answer, with_query
from gatepost.sms.text import count_segments

CODES: Final = (
    *("001", "009", "012", "103", "104", "105", "106", "107", "110", "114"),
    *("201", "202", "204", "205", "206", "301"),
)
TYPES: Final = {
    ("gsm7", False): "sms",
    ("gsm7", True): "concat",
    ("ucs2", False): "unicode",
    ("ucs2", True): "unicode_concat",
}
OTHER_TYPES: Final = ("sms_flash", "wap_push", "binary")
MAX_PARTS: Final = 3
STATUS: Final = {
    "sent": "003",
    "delivered": "004",
    "undelivered": "007",
    "expired": "010",
    "rejected": "007",
    "unknown": "005",
}


def refuse(code: str, request: Request) -> Answer:
    if request.path == "/balance.php":
        return text_answer(f"ERROR {code}")
    return text_answer(f"Status: {code}, Id: {'0' * 32}, Number: 0000000000")


def submit(request: Request, live: LiveAccount) -> Answer:
    values = _values(request)
    number, text, sender = (values.get(name, "") for name in ("number", "text", "from"))
    if code := _fault(values, live):
        return refuse(code, request)
    message = live.accept(
        to=number, text=text, sender=sender, segments=count_segments(text)[1], reference=values.get("ext_id", "")
    )
    return text_answer(f"Status: 002, Id: {message.id}, Number: {number}")


def _fault(values: dict[str, str], live: LiveAccount) -> str:
    """The first code that applies; empty where everything is in order."""
    kind, number, text, sender = (values.get(name, "") for name in ("type", "number", "text", "from"))
    if not _is_known(values, live):
        return "001"
    if kind not in TYPES.values():
        return "110" if kind in OTHER_TYPES else "107"
    if not re.fullmatch("[1-9][0-9]{8,14}", number) or behaviour_of(number).at_submit == "bad_number":
        return "106"
    if behaviour_of(number).at_submit == "blocked":
        return "205"
    if not text:
        return "103"
    if not 1 <= len(sender) <= 11:
        return "104"
    if sender.lower() == REFUSED_SENDER or not live.allows_sender(sender):
        return "114"
    encoding, segments = count_segments(text)
    if segments > MAX_PARTS or kind != TYPES[encoding, segments > 1]:
        return "105"
    return "" if live.can_pay(simulator.price * segments) else "202"


def balance(request: Request, live: LiveAccount) -> Answer:
    if not _is_known(_values(request), live):
        return refuse("001", request)
    return text_answer(f"OK {live.balance:f}")


def _is_known(values: dict[str, str], live: LiveAccount) -> bool:
    digest = hashlib.md5(live.credentials["password"].encode(), usedforsecurity=False).hexdigest()
    is_same = hmac.compare_digest(values.get("pass", "").encode(), digest.encode())
    return is_same and values.get("user") == live.credentials["user"]


def _values(request: Request) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in (*request.query_pairs(), *request.form_pairs())}


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    if not live.receipt_url:
        return []
    said = [(report.message, STATUS[report.state]) for report in reports if report.state in STATUS]
    return [
        _call(
            "receipt",
            live.receipt_url,
            {"id": message.id, "ext_id": message.reference, "status": status, "number": message.to},
        )
        for message, status in said
    ]


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    if not live.inbound_url:
        return []
    values = {"number": reply.sender, "to": reply.to, "text": reply.text, "id": reply.id}
    return [_call("inbound", live.inbound_url, values)]


def _call(kind: Literal["receipt", "inbound"], url: str, values: dict[str, str]) -> Push:
    return Push(kind=kind, url=with_query(url, values.items()), method="GET")


simulator = Simulator(
    slug="mobitex",
    label="Mobitex",
    credentials={"user": "demo", "password": "demo-password"},
    routes=(
        Route("POST", "/sms.php", submit, submits=always),
        Route("GET", "/sms.php", submit, submits=always),
        Route("GET", "/balance.php", balance),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=CODES,
    failed="201",
    throttled="201",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal("0.10"),
    interim=True,
    without_id=lambda answer: Answer(answer.status, re.sub(b"Id: [0-9a-f]{32}", b"Id: " + b"0" * 32, answer.body)),
)
