"""Plus MultiInfo (Polkomtel), https://www.multiinfo.plus.pl: HTTPS API v6.1 and the older one. Facts of 2026-11.

From client code; the vendor's document was not seen. Not supported: binary messages, cancelling, flash, MMS.
"""

import csv
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Results, call, send
from gatepost.providers.fields import Choice, Flag, Pem, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.archives import unzip_one
from gatepost.providers.kit.identities import identity_of
from gatepost.providers.kit.own_words import plain
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Feed, Manifest, Ref, SenderRule, Validity
from gatepost.providers.multiinfo.tables import REFUSED, REPORT_WORDS, STATES
from gatepost.providers.wire import Link, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, not_sent, refused

ZONE = ZoneInfo("Europe/Warsaw")
DATES = {"yyyyMMddHHmmss": "%Y%m%d%H%M%S", "ddMMyyHHmmss": "%d%m%y%H%M%S"}
OF_PATH = {"/Api61/": "yyyyMMddHHmmss", "/": "ddMMyyHHmmss"}
WAIT_MS = 10_000
MOST_PER_POLL = 50
REPORT_ERRORS = ("-61", "-62", "-63")

manifest = Manifest(
    slug="multiinfo",
    label="Plus MultiInfo",
    countries=("PL",),
    confidence="client-code",
    facts="2026-11",
    website="https://www.multiinfo.plus.pl",
    fields=(
        Text(
            "host",
            label="Gateway host",
            default="api1.multiinfo.plus.pl",
            pattern=r"[A-Za-z0-9.-]+",
            pattern_words="write the host alone, such as api1.multiinfo.plus.pl, without https://.",
            help="api1 or api2: which one is in the service contract.",
        ),
        Url("base_url", label="Address in full", help="Instead of the host: a proxy on the way, or a simulator."),
        Choice(
            "api_path",
            ("/Api61/", "/Api61/: version 6.1"),
            ("/", "/: the older API"),
            help="Version 6.1 unless Polkomtel says otherwise.",
        ),
        Choice("date_format", ("", "As the path says"), *DATES, help="Times are Polish."),
        Text("login", required=True, identifier=True, help="The same as the CN of the certificate."),
        Secret("password", required=True, help="Of that login."),
        Text(
            "service_id",
            label="Service ID",
            required=True,
            pattern=r"\d{1,12}",
            pattern_words="digits only.",
            help="The number of the service, from the account manager.",
        ),
        Pem(
            "client_pem",
            label="Certificate with private key (PEM)",
            secret=True,
            required=True,
            help="Certificate, private key and, if any, the chain. Convert a .pfx or .p12 file first.",
        ),
        Secret("client_pem_password", label="Password of the private key", help="If it is encrypted."),
        Pem("ca_pem", label="Private CA (PEM)", help="Only if the server's certificate is not publicly trusted."),
        Flag("delivery_reports", default=True, help="Off: a message that was sent stays unconfirmed."),
        Choice("advanced_encoding", ("auto", "When the text needs it"), "always", "never", help="Polish letters."),
        Text("cost_center", help="Sent with each message, for the bill."),
        Flag("use_package", label="Send in packages", help="Many recipients in a request, and scheduled messages."),
        Flag("incoming", label="Fetch incoming messages", help="Polkomtel must first route them to the API."),
    ),
    batch=Batching(1000, same=("sender", "encoding")),
    reference=Ref(20, "alphanumeric"),
    validity=Validity(60, 72 * 3600 - 60),
    sender=SenderRule(r"[^\x00-\x1f]{1,11}", "At most 11 characters, agreed with Polkomtel."),
    max_segments=9,
    receipts=("query",),
    inbound=("sms",),
    inbound_delivery=("poll",),
    feeds=(Feed("inbox", 5.0),),
    query_limit=10,
    await_delivery_s=60,
    setup=(
        "Order the client certificate from Polkomtel; its CN is the login. Paste certificate and key in one piece.",
        "The account manager tells the service ID and the host, and registers sender names.",
        "For incoming messages ask Polkomtel to route those of the service to the API. Nothing is pushed.",
    ),
)


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    in_packages, fetches = settings["use_package"], settings["incoming"]
    return {
        "batch": manifest.batch if in_packages else None,
        "schedules": in_packages,
        # One request per part of a message, but one or two for a package.
        "query_limit": 1000 if in_packages else 10,
        "inbound": ("sms",) if fetches else (),
        "inbound_delivery": ("poll",) if fetches else (),
        "feeds": manifest.feeds if fetches else (),
    }


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    first, is_package = batch.first, len(batch.messages) > 1 or batch.first.send_at is not None
    request = _package(batch, gw) if is_package else _single(first, gw, ctx)
    response: Response = yield send(request)
    lines, outcome = _read(response, ctx)
    if outcome and outcome.code == "-14":
        # Which value of which message is at fault is not told; most often it is the sender.
        bad_value = Refusal.BAD_SENDER if first.sender else Refusal.PERMANENT
        alone = not_sent(f"the package was refused: {outcome.words}", is_alone=True)
        outcome = alone if len(batch.messages) > 1 else refused(bad_value, -14, outcome.words)
    if outcome:
        return batch.all(outcome)
    ids = [str(answers.whole(line, "the id")) for line in lines[1:] if line]
    if not ids:
        raise base.MalformedAnswer("the id is missing")
    if is_package:
        return {message.ref: accepted(f"{ids[0]}:{message.ref}") for message in batch.messages}
    return batch.all(accepted(*ids, segments=len(ids)))


def _single(message: base.Message, gw: Gateway, ctx: Context) -> Request:
    until = ""
    if message.validity_s and manifest.validity:
        until = _date(ctx.now + timedelta(seconds=manifest.validity.clamp(message.validity_s)), gw)
    name = "sendsmslong" if message.segments > 1 else "sendsms"
    return _post(gw, name, [("dest", message.to), ("text", message.text), *_options(message, gw, {"validTo": until})])


def _package(batch: Batch, gw: Gateway) -> Request:
    first = batch.first
    dest = [f"{m.to}[{m.ref}]" + ("" if m.text == first.text else f",{m.text}") for m in batch.messages]
    more = {
        "isMultiPart": "true" if any(message.segments > 1 for message in batch.messages) else "",
        "startDate": _date(first.send_at, gw) if first.send_at else "",
    }
    pairs = [("text", first.text), *(("dest", each) for each in dest), *_options(first, gw, more)]
    return _post(gw, "package", pairs)


def _options(message: base.Message, gw: Gateway, more: Mapping[str, str]) -> list[tuple[str, str]]:
    is_advanced = {"auto": message.encoding == "ucs2", "always": True, "never": False}[gw["advanced_encoding"]]
    options = {
        "delivNotifRequest": "true" if gw["delivery_reports"] else "false",
        "advancedEncoding": "true" if is_advanced else "",
        "orig": message.sender,
        "costCenter": gw["cost_center"],
    }
    return requests.present({**options, **more})


def _date(moment: datetime, gw: Gateway) -> str:
    return moment.astimezone(ZONE).strftime(DATES[gw["date_format"] or OF_PATH[gw["api_path"]]])


def _post(gw: Gateway, name: str, params: list[tuple[str, str]]) -> Request:
    base_url = gw.url() or f"https://{gw['host']}"
    identity = identity_of(gw["client_pem"], gw["client_pem_password"])
    login = [("login", gw["login"]), ("password", gw["password"]), ("serviceId", gw["service_id"])]
    link = Link(identity=identity, ca_pem=gw.text("ca_pem"), max_bytes=4 * 1024 * 1024)
    return requests.post_form(f"{base_url}{gw['api_path']}{name}.aspx", [*login, *params], link=link)


def _read(response: Response, ctx: Context) -> tuple[list[str], Outcome | None]:
    """The lines of the answer, empty ones in the middle kept, and the refusal that a negative first one is."""
    if outcome := refusal(response, ctx, REFUSED):
        return [], outcome
    lines = answers.to_text(response).replace("\r\n", "\n").rstrip("\n").split("\n")
    result = answers.whole(lines[0], "the first line")
    words = lines[1] if len(lines) > 1 else ""
    return lines, REFUSED.outcome(result, words) if result < 0 else None


def _ask(
    gw: Gateway, ctx: Context, name: str, params: Mapping[str, str], known: tuple[str, ...] = ()
) -> Flow[list[str]]:
    """The lines of the answer; none where the refusal is one of the `known` codes."""
    response: Response = yield call(_post(gw, name, list(params.items())), name)
    lines, outcome = _read(response, ctx)
    if outcome and outcome.code not in known:
        raise base.Stop(outcome)
    return [] if outcome else lines


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    receipts: list[base.Receipt] = []
    packages: dict[str, list[base.Sent]] = {}
    for message in sent:
        for key in message.keys:
            package, _, ref = key.partition(":")
            if ref:
                packages.setdefault(package, []).append(message)
            elif lines := (yield from _ask(gw, ctx, "infosms", {"smsId": key}, ("-31",))):
                receipts.append(_state(key, lines))
    for package, wanted in packages.items():
        receipts += yield from _report(package, wanted, gw, ctx)
    return receipts


def _state(key: str, lines: list[str]) -> base.Receipt:
    """17 lines of the older API, or 18 of version 6.1, whose line 17 is a sub-status."""
    if len(lines) < 17:
        raise base.MalformedAnswer(f"{len(lines)} lines instead of 17 or 18")
    status, has_detail = lines[15], lines[16].strip().isdecimal() and len(lines) > 17
    detail = lines[16].strip() if has_detail else ""
    if status == "21" and not has_detail:
        # Where a report was asked for, a message waits in 3 for it (unverified).
        detail = "1" if lines[12].strip().casefold() == "true" else "0"
    listed = f"{status}/{detail}" if STATES.state(f"{status}/{detail}") or status == "21" else status
    at = answers.timestamp(lines[17 if has_detail else 16].strip(), "%Y-%m-%d %H:%M:%S", ZONE)
    said = f"{status}/{detail}" if has_detail else status
    return base.Receipt(
        STATES.state(listed), said, keys=(key,), words=STATES.words(listed), refusal=STATES.refusal(listed), at=at
    )


def _report(package: str, sent: list[base.Sent], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    """A report is ordered by the first question and read by a later one, when it is ready (stage 2)."""
    lines = yield from _ask(gw, ctx, "packagefullinfo", {"packageId": package, "fileFormat": "csv"}, REPORT_ERRORS)
    # The line with the result is missing in some answers.
    values = lines[1:] if len(lines) > 4 else lines
    if len(values) < 3 or values[2].strip() != "2":
        return []
    response: Response = yield call(_post(gw, "getreport", [("reportId", values[1].strip())]), "getreport")
    if not response.body.startswith(b"PK"):
        _, outcome = _read(response, ctx)
        raise base.Stop(outcome) if outcome else base.MalformedAnswer("the report is not a ZIP archive")
    rows = list(csv.reader(_decoded(unzip_one(response.body)).splitlines(), delimiter=";"))[1:]
    by_ref = {message.ref: message for message in sent}
    return [_reported(package, row) for row in rows if len(row) >= 5 and row[4].strip() in by_ref]


def _reported(package: str, row: list[str]) -> base.Receipt:
    words, at = row[1].strip(), answers.timestamp(row[3].strip(), "%d.%m.%Y %H:%M:%S", ZONE)
    said = plain(words)
    state = next((state for start, state in REPORT_WORDS.items() if said.startswith(start)), None)
    return base.Receipt(state, words, keys=(f"{package}:{row[4].strip()}",), to=row[0].strip(), at=at)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("windows-1250", "replace")


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[base.Later]:
    """One message at a time, which comes again until it is confirmed."""
    manual = {"/Api61/": "manualConfirm", "/": "manualconfirm"}[gw["api_path"]]
    for _ in range(MOST_PER_POLL):
        wanted = {"timeout": str(WAIT_MS), manual: "true", "deleteContent": "false"}
        lines = yield from _ask(gw, ctx, "getsms", wanted)
        if len(lines) > 1 and lines[1].strip() == "-1":
            return base.Later(5.0)
        message = _received(lines)
        yield base.Commit((message,), message.id)
        yield from _ask(gw, ctx, "confirmsms", {"smsId": message.id}, ("-31",))
    return base.Later(0.0)


def _received(lines: list[str]) -> base.Inbound:
    if len(lines) < 11:
        raise base.MalformedAnswer(f"{len(lines)} lines instead of 11")
    moment = lines[10].strip()
    at = answers.timestamp(moment, DATES["yyyyMMddHHmmss" if len(moment) == 14 else "ddMMyyHHmmss"], ZONE)
    text = answers.storable(unquote_plus(lines[5]))
    return base.Inbound(lines[2].strip(), lines[3].strip(), text, id=str(answers.whole(lines[1], "the id")), at=at)


def check(gw: Gateway, ctx: Context) -> Flow[base.Checked]:
    """The state of a message that cannot be: who may ask for it, may send."""
    yield from _ask(gw, ctx, "infosms", {"smsId": "0"}, ("-31",))
    return base.Checked("Certificate, login and service are in order. The service tells no balance.")
