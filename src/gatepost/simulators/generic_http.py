"""Two providers that the generic HTTP gateway has presets for: a Kannel at /cgi-bin/sendsms, a Jasmin at /send.

Kannel: GET, the answer `0: Accepted for delivery` with 202 and without an id, receipts by the caller's `dlr-url`, in
which %d, %A, %F, %p, %P, %t and %T are replaced, for the bits of `dlr-mask`. Jasmin: GET or POST, `Success "<uuid>"`,
receipts and inbound repeated until they are answered `ACK/Jasmin`. Inbound comes in the dialect of the account's
option `dialect`; Kannel's get-url may hold %p, %P, %a, %T and %t, else from, to and text are added.
"""

import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Final, Literal
from urllib.parse import quote

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Reply
from gatepost.simulators.wire import NEVER_REPEATED, Answer, Push, Repeats, Request, form, json_answer, text_answer
from gatepost.sms.text import count_segments, is_gsm7

KANNEL: Final = "/cgi-bin/sendsms"
HTML: Final = "text/html"
KANNEL_ERRORS: Final = {
    "temporary": (503, "Temporal failure, try again later."),
    "not-routable": (403, "Not routable. Do not try again."),
    "authorization": (403, "Authorization failed for sendsms"),
}
JASMIN_ERRORS: Final = {
    "temporary": (500, "Cannot send submit_sm, check SMPPClientManagerPB log file for details"),
    "not-routable": (412, "No route found"),
    "authorization": (403, "Authentication failure for username:u"),
    "credit": (403, "Cannot charge submit_sm, check RouterPB log file for details"),
}
TOO_MANY: Final = Answer(429, b"Too many requests")
KANNEL_STATUS: Final = {"sent": 8, "delivered": 1, "undelivered": 2, "expired": 2, "rejected": 16}
SMPP_STATUS: Final = {
    "delivered": "DELIVRD",
    "undelivered": "UNDELIV",
    "expired": "EXPIRED",
    "rejected": "REJECTD",
    "unknown": "UNKNOWN",
}
JASMIN_FIELDS: Final = (
    *("to", "from", "coding", "username", "password", "priority", "sdt", "validity-period", "tags", "custom_tlvs"),
    *("dlr", "dlr-url", "dlr-level", "dlr-method", "content", "hex-content"),
)
UNTIL_ACKNOWLEDGED: Final = Repeats(
    taken=lambda status, body: status == 200 and body == b"ACK/Jasmin", waits_s=(30.0, 30.0, 30.0)
)
_smsc_ids = count(int(time.time()))


def sendsms(request: Request, live: LiveAccount) -> Answer:
    """Kannel: several receivers are separated by spaces; those that cannot be routed are dropped."""
    values = dict(request.query_pairs())
    if (_text(values, "username"), _text(values, "password")) != _credentials(live):
        return _kannel("authorization")
    numbers = list(dict.fromkeys(_text(values, "to").split()))
    if not numbers:
        return text_answer("Missing receiver number, rejected", 400, HTML)
    if not _text(values, "from"):
        return text_answer("Sender missing and no global set, rejected", 400, HTML)
    coding = _text(values, "coding") or "0"
    text = _kannel_text(values.get("text", b""), _text(values, "charset"), coding)
    if not text:
        return text_answer("Empty text not allowed, rejected", 400, HTML)
    routable = [number for number in numbers if _is_number(number)]
    mask = _text(values, "dlr-mask")
    segments = count_segments(text)[1]
    if not routable or not live.can_pay(live.simulator.price * segments * len(routable)):
        return _kannel("not-routable")
    for number in routable:
        live.accept(
            to=number.lstrip("+"),
            text=text,
            sender=_text(values, "from"),
            segments=segments,
            receipt_url=_text(values, "dlr-url"),
            wire={"dialect": "kannel", "mask": int(mask) if mask.isdigit() else 0, "smsc_id": next(_smsc_ids)},
        )
    return text_answer("0: Accepted for delivery", 202, HTML)


def _kannel_text(raw: bytes, charset: str, coding: str) -> str:
    """As the handset gets it: with coding 0 what the GSM alphabet lacks becomes a question mark."""
    charset = charset or ("UTF-16BE" if coding == "2" else "UTF-8")
    try:
        text = raw.decode(charset, "replace")
    except LookupError:
        text = raw.decode("utf-8", "replace")
    if coding == "2":
        return text
    return "".join(character if is_gsm7(character) else "?" for character in text)


def send(request: Request, live: LiveAccount) -> Answer:
    """Jasmin: one receiver."""
    values = dict(request.query_pairs() + request.form_pairs())
    for name in values:
        if name not in JASMIN_FIELDS:
            return _jasmin(400, f"Argument {name} is unknown.")
    for name in ("to", "username", "password"):
        if not values.get(name):
            return _jasmin(400, f"Mandatory argument {name} is not found.")
    if ("content" in values) == ("hex-content" in values):
        return _jasmin(400, "Mandatory arguments not found, please refer to the HTTPAPI specifications.")
    if (_text(values, "username"), _text(values, "password")) != _credentials(live):
        return _jasmin(403, f"Authentication failure for username:{_text(values, 'username')}")
    wrong = _invalid_argument(values)
    if wrong:
        return _jasmin(400, f"Argument {wrong} has an invalid value: {_text(values, wrong)}.")
    number = _text(values, "to")
    if not _is_number(number):
        return _jasmin(*JASMIN_ERRORS["not-routable"])
    text = _jasmin_text(values)
    segments = count_segments(text)[1]
    if not live.can_pay(live.simulator.price * segments):
        return _jasmin(*JASMIN_ERRORS["credit"])
    wants_receipt = _text(values, "dlr") == "yes" and _text(values, "dlr-url")
    message = live.accept(
        to=number.lstrip("+"),
        text=text,
        sender=_text(values, "from"),
        segments=segments,
        receipt_url=_text(values, "dlr-url") if wants_receipt else "",
        wire={
            "dialect": "jasmin",
            "level": _text(values, "dlr-level") or "1",
            "method": _text(values, "dlr-method") or "GET",
            "smsc_id": next(_smsc_ids),
        },
    )
    return text_answer(f'Success "{message.id}"')


def _invalid_argument(values: Mapping[str, bytes]) -> str:
    """The name of the first argument whose value does not fit."""
    rules: Mapping[str, Callable[[str], object]] = {
        "from": lambda value: value.lower() != REFUSED_SENDER,
        "coding": lambda value: value in {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "13", "14"},
        "priority": lambda value: value in {"0", "1", "2", "3"},
        "validity-period": str.isdigit,
        "dlr": lambda value: value in {"yes", "no"},
        "dlr-url": lambda value: re.match("https?://", value),
        "dlr-level": lambda value: value in {"1", "2", "3"},
        "dlr-method": lambda value: value.upper() in {"GET", "POST"},
        "hex-content": lambda value: re.fullmatch("([0-9A-Fa-f]{2})+", value),
    }
    return next((name for name, fits in rules.items() if name in values and not fits(_text(values, name))), "")


def _jasmin_text(values: Mapping[str, bytes]) -> str:
    coding = _text(values, "coding") or "0"
    if "hex-content" in values:
        raw = bytes.fromhex(_text(values, "hex-content"))
        return raw.decode("utf-16-be" if coding == "8" else "latin-1", "replace")
    text = _text(values, "content")
    return "".join(character if is_gsm7(character) else "?" for character in text) if coding == "0" else text


def balance(request: Request, live: LiveAccount) -> Answer:
    """Jasmin."""
    values = dict(request.query_pairs() + request.form_pairs())
    if (_text(values, "username"), _text(values, "password")) != _credentials(live):
        return _jasmin(403, f"Authentication failure for username:{_text(values, 'username')}")
    return json_answer({"balance": float(live.balance), "sms_count": "ND"})


def receipts(reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    pushes = [_RECEIPTS[report.message.wire["dialect"]](report) for report in reports if report.message.receipt_url]
    return [push for push in pushes if push]


def _kannel_receipt(report: Report) -> Push | None:
    status = KANNEL_STATUS.get(report.state, 0)
    message = report.message
    if not status & message.wire["mask"]:
        return None
    answers = {8: "ACK/", 16: "NACK/0x0000000b/Invalid Destination Address"}
    values = {
        "d": str(status),
        "A": answers.get(status, f"stat:{SMPP_STATUS.get(report.state, 'UNKNOWN')} err:000"),
        "F": str(message.wire["smsc_id"]),
        **_parties(message.sender, message.to, report.at),
    }
    return Push(kind="receipt", method="GET", url=_filled(message.receipt_url, values))


def _jasmin_receipt(report: Report) -> Push | None:
    message = report.message
    level = message.wire["level"]
    is_interim = report.state == "sent"
    if (is_interim and level == "2") or (not is_interim and level == "1"):
        return None
    pairs = [("id", message.id)]
    if level != "1" and not is_interim:
        pairs.append(("id_smsc", str(message.wire["smsc_id"])))
    pairs += [
        ("message_status", "ESME_ROK" if is_interim else SMPP_STATUS[report.state]),
        ("level", level if level != "3" else "1" if is_interim else "2"),
        ("connector", "demo_cid"),
    ]
    if not is_interim:
        pairs += [
            ("subdate", _short_date(message.at)),
            ("donedate", _short_date(report.at)),
            ("sub", "001"),
            ("dlvrd", "001" if report.state == "delivered" else "000"),
            ("err", "000"),
            ("text", message.text[:20]),
        ]
    return _thrown("receipt", message.wire["method"].upper(), message.receipt_url, form(pairs))


_RECEIPTS: Final[Mapping[str, Callable[[Report], Push | None]]] = {
    "kannel": _kannel_receipt,
    "jasmin": _jasmin_receipt,
}


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    """Neither has MMS: of a picture only the text arrives."""
    if not live.inbound_url:
        return []
    return [_INBOUND[live.options["dialect"]](reply, live.inbound_url)]


def _kannel_inbound(reply: Reply, url: str) -> Push:
    if not re.search("%[pPa]", url):
        url += ("&" if "?" in url else "?") + "from=%p&to=%P&text=%a"
    values = {"a": reply.text, **_parties(reply.sender, reply.to, reply.at)}
    return Push(kind="inbound", method="GET", url=_filled(url, values), repeats=NEVER_REPEATED)


def _jasmin_inbound(reply: Reply, url: str) -> Push:
    """Unicode comes as its bytes in UTF-16BE, marked by coding 8."""
    is_plain = is_gsm7(reply.text)
    content = reply.text.encode("utf-8" if is_plain else "utf-16-be")
    pairs: list[tuple[str, str | bytes]] = [
        ("id", reply.id),
        ("from", reply.sender),
        ("to", reply.to),
        ("origin-connector", "demo_cid"),
        ("priority", "1"),
        ("coding", "0" if is_plain else "8"),
        ("content", content),
        ("binary", content.hex()),
    ]
    return _thrown("inbound", "POST", url, form(pairs))


_INBOUND: Final[Mapping[str, Callable[[Reply, str], Push]]] = {"kannel": _kannel_inbound, "jasmin": _jasmin_inbound}


def _thrown(kind: Literal["receipt", "inbound"], method: str, url: str, fields: bytes) -> Push:
    if method == "GET":
        url += ("&" if "?" in url else "?") + fields.decode()
        return Push(kind=kind, method="GET", url=url, repeats=UNTIL_ACKNOWLEDGED)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Push(kind=kind, url=url, headers=headers, body=fields, repeats=UNTIL_ACKNOWLEDGED)


def _parties(sender: str, receiver: str, at: float) -> dict[str, str]:
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return {"p": sender, "P": receiver, "t": moment, "T": str(int(at))}


def _filled(url: str, values: Mapping[str, str]) -> str:
    """Kannel's escapes replaced, encoded; what it does not know, such as an encoded character, stays."""
    return re.sub("%(.)", lambda found: quote(values[found[1]], safe="") if found[1] in values else found[0], url)


def refuse(code: str, request: Request) -> Answer:
    if code == "throttled":
        return TOO_MANY
    if request.path == KANNEL:
        return _kannel(code if code in KANNEL_ERRORS else "temporary")
    return _jasmin(*JASMIN_ERRORS.get(code, JASMIN_ERRORS["temporary"]))


def _without_id(answer: Answer) -> Answer:
    return text_answer('Success ""') if answer.body.startswith(b"Success") else answer


def _kannel(code: str) -> Answer:
    status, words = KANNEL_ERRORS[code]
    return text_answer(words, status, HTML)


def _jasmin(status: int, words: str) -> Answer:
    return text_answer(f'Error "{words}"', status)


def _is_number(number: str) -> bool:
    return bool(re.fullmatch(r"\+?[0-9]{3,15}", number)) and behaviour_of(number).at_submit != "bad_number"


def _credentials(live: LiveAccount) -> tuple[str, str]:
    return live.credentials["username"], live.credentials["password"]


def _text(values: Mapping[str, bytes], name: str) -> str:
    return values.get(name, b"").decode("utf-8", "replace")


def _short_date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%y%m%d%H%M")


simulator = Simulator(
    slug="generic_http",
    label="Kannel and Jasmin",
    credentials={"username": "demo", "password": "demo-password"},
    options={"dialect": "kannel"},
    routes=(
        Route("GET", KANNEL, sendsms, submits=always),
        Route("GET", "/send", send, submits=always),
        Route("POST", "/send", send, submits=always),
        Route("GET", "/balance", balance),
        Route("POST", "/balance", balance),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=(*sorted(KANNEL_ERRORS.keys() | JASMIN_ERRORS.keys()), "throttled"),
    failed="temporary",
    throttled="throttled",
    not_found=lambda _request: text_answer("Unknown request.", 404, HTML),
    price=Decimal("0.05"),
    interim=True,
    new_id=lambda: str(uuid.uuid4()),
    without_id=_without_id,
)
