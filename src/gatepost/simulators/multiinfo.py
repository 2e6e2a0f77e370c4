"""MultiInfo's side of its `*.aspx` calls, below /Api61/ and, in the older form, below /.

From several independent clients; the vendor's own document was not seen. The client certificate is not asked for,
because simulators speak plain http; login, password and service are. A report of a package is ready at the second
asking and shows the states of that moment. Its words besides `Doręczono` are guesses. `getsms` never waits. Not
offered: sendsmsraw, test.aspx.
"""

import csv
import io
import re
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always, never
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Message, Reply
from gatepost.simulators.refusals import Refusal
from gatepost.simulators.wire import Answer, Push, Request, text_answer
from gatepost.sms.text import count_segments, is_gsm7

ZONE: Final = ZoneInfo("Europe/Warsaw")
NEW, OLD = "/Api61/", "/"
ERRORS: Final = {
    "-1": "Błąd logowania",
    "-2": "Nieprawidłowe żądanie",
    "-12": "Nieprawidłowe żądanie",
    "-14": "Nieprawidłowa wartość parametru",
    "-15": "Brak połączenia z bazą danych",
    "-24": "Usługa o podanym identyfikatorze nie jest aktywna",
    "-31": "Nieprawidłowa wartość identyfikatora wiadomości",
    "-41": "Wiadomość została już przekazana",
    "-61": "Nieprawidłowy identyfikator paczki",
    "-62": "Nieprawidłowy identyfikator raportu",
    "-71": "Błąd systemu",
    "-80": "Brak certyfikatu klienta",
    "-84": "Certyfikat nie został uzgodniony",
    "-85": "Nazwa w certyfikacie nie zgadza się z loginem",
}
# Status and sub-status of the new form; for 21 the sub-status says whether a report was asked for.
STATUS: Final = {
    "accepted": ("1", "0"),
    "scheduled": ("0", "0"),
    "sent": ("3", "0"),
    "undelivered": ("11", "2"),
    "expired": ("12", "0"),
    "rejected": ("11", "3"),
    "cancelled": ("13", "0"),
    "unknown": ("3", "0"),
}
WORDS: Final = {"delivered": "Doręczono", "undelivered": "Niedoręczono", "expired": "Przeterminowana"}
DEST: Final = re.compile(r"([0-9]+)(?:\[([A-Za-z0-9._-]{1,20})\])?(?:,(.*))?", re.DOTALL)
_ids = count(int(time.time()) * 10)


@dataclass(slots=True)
class Memory:
    """`parts`: further ids of long messages. `reports`: asked-for reports to their package and how often asked."""

    parts: dict[str, Message] = field(default_factory=dict)
    packages: dict[str, list[Message]] = field(default_factory=dict)
    reports: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, Reply] = field(default_factory=dict)


Call = Callable[[dict[str, str], Request, LiveAccount], Answer]


def _guarded(call: Call) -> Callable[[Request, LiveAccount], Answer]:
    def guarded(request: Request, live: LiveAccount) -> Answer:
        pairs = [*request.query_pairs(), *request.form_pairs()]
        values = {name: value.decode("utf-8", "replace") for name, value in pairs}
        try:
            for name in ("login", "password"):
                if values.get(name) != live.credentials[name]:
                    raise Refusal("-1")
            if values.get("serviceId") != live.options["service_id"]:
                raise Refusal("-24")
            return call(values, request, live)
        except Refusal as refusal:
            return refuse(refusal.code, request)

    return guarded


def refuse(code: str, _request: Request) -> Answer:
    if code == "503":
        return text_answer("Service Unavailable", 503)
    return _lines(code, ERRORS[code])


def _lines(*lines: str) -> Answer:
    return text_answer("\r\n".join(lines[:2]) + "".join(f"\n{line}" for line in lines[2:]))


def sendsms(values: dict[str, str], _request: Request, live: LiveAccount) -> Answer:
    return _sent(values, live, 1)


def sendsmslong(values: dict[str, str], _request: Request, live: LiveAccount) -> Answer:
    return _sent(values, live, 9)


def _sent(values: dict[str, str], live: LiveAccount, most: int) -> Answer:
    _check_options(values, live)
    valid_to = values.get("validTo")
    if valid_to is not None and not time.time() < _moment(valid_to) <= time.time() + 72 * 3600 + 60:
        raise Refusal("-14")
    message = _take(values.get("dest", ""), values.get("text", ""), "", values, live, most)
    memory: Memory = live.memory
    others = [str(next(_ids)) for _ in range(message.segments - 1)]
    memory.parts |= dict.fromkeys(others, message)
    return _lines("0", message.id, *others)


def _check_options(values: Mapping[str, str], live: LiveAccount) -> None:
    origin = values.get("orig", "")
    if origin and (len(origin) > 11 or origin.lower() == REFUSED_SENDER or not live.allows_sender(origin)):
        raise Refusal("-14")
    for name in ("delivNotifRequest", "advancedEncoding", "zeroclass", "deleteContent", "isMultiPart"):
        if values.get(name, "true") not in ("true", "false"):
            raise Refusal("-14")


def _take(to: str, text: str, reference: str, values: Mapping[str, str], live: LiveAccount, most: int) -> Message:
    at_submit = behaviour_of(to).at_submit
    if not re.fullmatch("48[0-9]{9}", to) or at_submit == "bad_number" or not text:
        raise Refusal("-14")
    if values.get("advancedEncoding") != "true":
        text = "".join(character if is_gsm7(character) else "?" for character in text)
    segments = count_segments(text)[1]
    if segments > most:
        raise Refusal("-14")
    return live.accept(
        to=to,
        text=text,
        sender=values.get("orig", ""),
        segments=segments,
        reference=reference,
        wire={"reported": values.get("delivNotifRequest") == "true", "blacklisted": at_submit == "blocked"},
    )


def package(values: dict[str, str], request: Request, live: LiveAccount) -> Answer:
    """All recipients are checked before any is taken."""
    _check_options(values, live)
    found = [DEST.fullmatch(value.decode("utf-8", "replace")) for name, value in request.form_pairs() if name == "dest"]
    most = 9 if values.get("isMultiPart") == "true" else 1
    wanted = [(each[1], each[2] or "", each[3] or values.get("text", "")) for each in found if each]
    is_good = all(re.fullmatch("48[0-9]{9}", to) and behaviour_of(to).at_submit != "bad_number" for to, _, _ in wanted)
    if len(wanted) < len(found) or not wanted or not is_good or any(count_segments(t)[1] > most for *_, t in wanted):
        raise Refusal("-14")
    memory: Memory = live.memory
    package_id = str(next(_ids))
    memory.packages[package_id] = [_take(to, text, ref, values, live, most) for to, ref, text in wanted]
    return _lines("0", package_id)


def packagefullinfo(values: dict[str, str], _request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    package_id = values.get("packageId", "")
    if package_id not in memory.packages:
        raise Refusal("-61")
    memory.reports[package_id] = memory.reports.get(package_id, 0) + 1
    is_ready = memory.reports[package_id] > 1
    return _lines("0", package_id, f"7{package_id}", "2" if is_ready else "1", "0" if is_ready else "1")


def getreport(values: dict[str, str], _request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    messages = memory.packages.get(values.get("reportId", "")[1:])
    if messages is None:
        raise Refusal("-62")
    table, packed = io.StringIO(), io.BytesIO()
    writer = csv.writer(table, delimiter=";")
    writer.writerow(["Numer odb.", "Opis statusu", "Id", "Data statusu", "Ident. wiad. klienta"])
    for each in messages:
        at = datetime.fromtimestamp(each.state_at, ZONE).strftime("%d.%m.%Y %H:%M:%S")
        writer.writerow([each.to, WORDS.get(each.state, "Wysłano"), each.id, at, each.reference])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("raport.csv", table.getvalue())
    return Answer(200, packed.getvalue(), "application/zip")


def infosms(values: dict[str, str], request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    wanted = values.get("smsId", "")
    message = live.find(wanted) or memory.parts.get(wanted)
    if message is None:
        raise Refusal("-31")
    reported = bool(message.wire["reported"])
    status, detail = STATUS.get(message.state, ("21", "1" if reported else "0"))
    if message.wire["blacklisted"] and message.state != "accepted":
        status, detail = "20", "0"
    is_new = request.path.startswith(NEW)
    form = "%Y%m%d%H%M%S" if is_new else "%d%m%y%H%M%S"
    sent = datetime.fromtimestamp(message.at, ZONE).strftime(form)
    changed = datetime.fromtimestamp(message.state_at, ZONE).strftime("%Y-%m-%d %H:%M:%S")
    head = ["0", wanted, "1", quote_plus(message.text), "0", "0", live.options["service_id"], "1", "-1", "0"]
    tail = [sent, sent, str(reported), message.sender, message.to, status, *([detail] if is_new else []), changed]
    return _lines(*head, *tail)


def getsms(values: dict[str, str], request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    reply = next(iter(memory.waiting.values()), None)
    if reply is None:
        return _lines("0", "-1")
    is_new = request.path.startswith(NEW)
    if values.get("manualConfirm" if is_new else "manualconfirm") != "true":
        del memory.waiting[reply.id]
    at = datetime.fromtimestamp(reply.at, ZONE).strftime("%Y%m%d%H%M%S" if is_new else "%d%m%y%H%M%S")
    service = live.options["service_id"]
    return _lines("0", reply.id, reply.sender, reply.to, "1", quote_plus(reply.text), "0", "0", service, "60199", at)


def confirmsms(values: dict[str, str], _request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    if memory.waiting.pop(values.get("smsId", ""), None) is None:
        raise Refusal("-31")
    return _lines("0", "OK")


def cancelsms(values: dict[str, str], _request: Request, live: LiveAccount) -> Answer:
    message = live.find(values.get("smsId", ""))
    if message is None:
        raise Refusal("-31")
    if not live.cancel(message):
        raise Refusal("-41")
    return _lines("0", "OK")


def receipts(_reports: Sequence[Report], _live: LiveAccount) -> list[Push]:
    return []


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    memory: Memory = live.memory
    memory.waiting[reply.id] = reply
    return []


def _moment(text: str) -> float:
    try:
        form = "%Y%m%d%H%M%S" if len(text) == 14 else "%d%m%y%H%M%S"
        return datetime.strptime(text, form).replace(tzinfo=ZONE).timestamp()
    except ValueError:
        raise Refusal("-14") from None


CALLS: Final[Mapping[str, tuple[Call, Any]]] = {
    "sendsms": (sendsms, always),
    "sendsmslong": (sendsmslong, always),
    "package": (package, always),
    "packagefullinfo": (packagefullinfo, never),
    "getreport": (getreport, never),
    "infosms": (infosms, never),
    "getsms": (getsms, never),
    "confirmsms": (confirmsms, never),
    "cancelsms": (cancelsms, never),
}

simulator = Simulator(
    slug="multiinfo",
    label="MultiInfo",
    credentials={"login": "demo", "password": "demo-password"},
    options={"service_id": "24138"},
    routes=tuple(
        Route(method, f"{path}{name}.aspx", _guarded(call), submits=submits)
        for path in (NEW, OLD)
        for name, (call, submits) in CALLS.items()
        for method in ("POST", "GET")
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=refuse,
    codes=(*ERRORS, "503"),
    failed="-71",
    throttled="503",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal(1),
    keeps_replies=True,
    new_id=lambda: str(next(_ids)),
    without_id=lambda _answer: text_answer("0\n"),
    memory=Memory,
)
