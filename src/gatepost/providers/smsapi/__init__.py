"""SMSAPI, https://www.smsapi.pl/docs/: `sms.do` with JSON answers. Facts of 2026-08.

Not supported: sending MMS, contact groups, panel templates, binary messages, registering callback URLs by API.
"""

from collections.abc import Mapping
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Ack, Batch, Callback, Context, Flow, Gateway, Inbound, Media, Results, send
from gatepost.providers.fields import Choice, Flag, Lines, Md5, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import match, per_message
from gatepost.providers.kit.multipart import read_multipart
from gatepost.providers.kit.own_words import without_prefix
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Dedupe, Manifest, Pace, Ref, SenderRule, Validity
from gatepost.providers.smsapi.tables import HTTP, REFUSED, STATES
from gatepost.providers.wire import Headers, RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, not_sent, refused, unknown

PL_BACKUP = "https://api2.smsapi.pl"

manifest = Manifest(
    slug="smsapi",
    label="SMSAPI",
    countries=("PL",),
    confidence="documented",
    facts="2026-08",
    docs="https://www.smsapi.pl/docs/",
    website="https://www.smsapi.pl",
    fields=(
        Url("base_url", default="https://api.smsapi.pl", help="https://api.smsapi.com (.bg, .se) for accounts there."),
        Url("backup_url", default=PL_BACKUP, help="Tried only when the main host cannot be reached; smsapi.pl only."),
        Choice(
            "auth_mode",
            ("token", "Token"),
            ("md5", "Login and password as MD5"),
            label="Sign in with",
            help="Tokens are the current way; login and password are kept for older accounts.",
        ),
        Secret("api_token", when=("auth_mode", "token"), required=True, help="Panel > API settings > tokens."),
        Text("login", when=("auth_mode", "md5"), required=True, identifier=True, help="Often an e-mail address."),
        Md5("password_md5", when=("auth_mode", "md5"), required=True, help="The API password, or its MD5 in hex."),
        Flag("normalize", help="Letters outside GSM 03.38 become plain ones."),
        Number(
            "max_parts",
            label="Maximum SMS per message",
            default=6,
            min=1,
            max=6,
            help="Longer texts are refused by the provider.",
        ),
        Flag("fast", label="Fast route", help="Costs half as much again."),
        Flag("test_mode", help="Answers as real; nothing is sent or charged, and no report follows."),
        Number("batch_size", default=200, min=1, max=10_000, help="Messages per request.", confidence="unverified"),
        Lines("text_prefixes_to_remove", help="Keywords or codes that are cut from the start of inbound texts."),
    ),
    batch=Batching(10_000, same=("sender", "text", "validity"), unique_number=True, limit_setting="batch_size"),
    dedupe=Dedupe("message", window_s=24 * 3600, answers="refuses"),
    reference=Ref(255),
    pace=Pace(requests_per_second=100.0),
    # Documented as 15 minutes in one place and an hour in another; a minute off the top for clocks that differ.
    validity=Validity(3600, 72 * 3600 - 60),
    schedules=True,
    sender=SenderRule(
        r"(?=.*[A-Za-z])[A-Za-z0-9.&@+_!%# -]{1,11}", "1 to 11 letters, digits, spaces or .&@-+_!%#, with a letter."
    ),
    max_segments=6,
    max_segments_setting="max_parts",
    receipts=("push", "query"),
    inbound=("sms", "mms"),
    inbound_delivery=("push",),
    callback_ips=("89.174.81.98", "91.185.187.219", "213.189.53.211", "31.186.83.18", "212.91.26.253"),
    listen_paths=("/panel/tickets/incoming/smsapi/mms",),
    setup=(
        "Panel > API settings > Tokens: create a token with the SMS scope; the balance needs the account scope too.",
        "Panel > Callback addresses: paste the receipt URL (messages in batches are reported only there).",
        'Panel > Callback addresses, type "Callback address - SMS reception": paste the inbound URL.',
        'Panel > Callback addresses, type "Callback address - MMS reception": paste the MMS URL.',
    ),
)


ACK = Ack(body=b"OK", content_type="text/plain")
NEVER_SEEN = ("301", "400")


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The backup host serves the Polish platform only; an account exists on one platform."""
    is_elsewhere = not settings["base_url"].endswith(".pl") and settings["backup_url"] == PL_BACKUP
    return {**settings, "backup_url": None} if is_elsewhere else settings


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"receipts": ()} if settings["test_mode"] else {}


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    is_single = len(batch.messages) == 1
    if ctx.is_resend and not is_single:
        # What becomes of the others when one idx of a batch is a duplicate is not known.
        return batch.all(not_sent("an uncertain batch is repeated message by message", is_alone=True))
    response: Response = yield send(_request(batch, gw, ctx))
    answer, refusal = _read(response, ctx)
    wrong = _by_number(batch, answer.items("invalid_numbers") if "invalid_numbers" in answer else [])
    if refusal and is_single:
        return batch.all(refusal)
    if refusal:
        return batch.all(_of_batch(refusal)) | wrong
    found = match(batch, answer.items("list"), ref=lambda item: item.maybe_text("idx"), numbers=NUMBERS)
    dropped = batch.all(refused(Refusal.BAD_RECIPIENT, "", "left out of the answer")) if found else {}
    return dropped | wrong | per_message(found, _outcome)


def _request(batch: Batch, gw: Gateway, ctx: Context) -> Request:
    message = batch.first
    start = message.send_at or ctx.now
    lasts_s = message.validity_s and manifest.validity and manifest.validity.clamp(message.validity_s)
    headers, login = _sign_in(gw)
    params = {
        "to": ",".join(message.to for message in batch.messages),
        "message": message.text,
        "from": message.sender,
        "format": "json",
        "encoding": "utf-8",
        "idx": "|".join(batch.refs),
        "check_idx": True,
        "max_parts": gw["max_parts"],
        "normalize": gw["normalize"],
        "fast": gw["fast"],
        "test": gw["test_mode"],
        "date": message.send_at and int(message.send_at.timestamp()),
        "expiration_date": int(start.timestamp()) + lasts_s if lasts_s else None,
        # Older documents refuse it for several recipients (error 72).
        "notify_url": ctx.receipt_url if len(batch.messages) == 1 else "",
    }
    backup = (gw["backup_url"] + "/sms.do",) if gw["backup_url"] else ()
    url = gw.url("/sms.do")
    return requests.post_form(url, [*login, *requests.present(params)], headers=headers, backup_urls=backup)


NUMBERS = (lambda item: item.maybe_text("submitted_number"), lambda item: item.maybe_text("number"))


def _by_number(batch: Batch, invalid: list[answers.Node]) -> Results:
    found = match(batch, invalid, numbers=NUMBERS)
    return {ref: refused(Refusal.BAD_RECIPIENT, 13, item.maybe_text("message")) for ref, item in found.items()}


def _of_batch(refusal: Outcome) -> Outcome:
    """An error of the whole request, as it concerns each message of it."""
    if refusal.refusal is Refusal.DUPLICATE:
        return unknown("one message of the batch was known already; the fate of the others is not documented", 53)
    is_of_one = refusal.is_recipient_only or refusal.refusal in (Refusal.BAD_RECIPIENT, Refusal.BLOCKED)
    if is_of_one or refusal.code == "19":
        return not_sent(f"the whole request was refused: {refusal.words}", is_alone=True)
    return refusal


def _outcome(item: answers.Node) -> Outcome:
    error, status = item.maybe_text("error"), item.maybe_text("status")
    if error or status not in ("", "QUEUE", "SENT"):
        return REFUSED.outcome(error or status)
    price = answers.price(item.maybe_decimal("points"), "points")
    return accepted(item.text("id"), segments=item.maybe_integer("parts"), price=price)


def _read(response: Response, ctx: Context) -> tuple[answers.Node, Outcome | None]:
    """The answer, and the refusal in it: errors come with 200 too, as numbers or texts, on any path."""
    try:
        answer = _document(response)
    except base.MalformedAnswer:
        if response.status not in HTTP:
            raise
        answer = answers.Node({})
    code, words = answer.maybe_text("error"), answer.maybe_text("message")
    wait_s = answers.retry_after(response, ctx.now)
    if response.status in HTTP and (code not in REFUSED or response.status == 429):
        return answer, HTTP.outcome(response.status, words, wait_s)
    if code:
        return answer, REFUSED.outcome(code, words, 60.0 if code == "52" else wait_s)
    if response.status >= 300:
        raise base.MalformedAnswer(f"HTTP status {response.status}")
    return answer, None


def _document(response: Response) -> answers.Node:
    """JSON, or the text form that comes where `format` was lost, put into the same shape."""
    word, _, rest = response.body.decode("latin-1").strip().partition(":")
    if word == "ERROR":
        return answers.Node({"error": rest})
    if word == "OK":
        names = ("id", "points", "number")
        return answers.Node({"list": [dict(zip(names, entry.split(":"), strict=False)) for entry in rest.split(";")]})
    return answers.read_json(response)


def parse_callback(raw: RawCallback, gw: Gateway) -> Callback:
    values = answers.form(raw)
    if raw.kind == "media" or raw.content_type == "multipart/form-data" or "mms_from" in values:
        return Callback((_mms(raw, values),) if values else (), ACK)
    if "sms_text" in values or "sms_from" in values:
        return Callback((_sms(values, gw),), ACK)
    if answers.first(values, "MsgId", "sms_id"):
        return Callback(tuple(answers.readable(_rows(values), _receipt)), ACK)
    return Callback((), ACK)


def _rows(values: Mapping[str, str]) -> list[dict[str, str]]:
    """One call may hold several reports: each value is then a list of equal length, or the same for all."""
    count = len(answers.first(values, "MsgId", "sms_id").split(","))
    if count == 1:
        return [dict(values)]
    columns = {name: value.split(",") for name, value in values.items()}
    columns = {name: parts * count if len(parts) == 1 else parts for name, parts in columns.items()}
    return [{name: parts[i] for name, parts in columns.items() if len(parts) == count} for i in range(count)]


def _receipt(row: Mapping[str, str]) -> base.Receipt:
    status = answers.need(row, "status", "sms_status", "status_name")
    return STATES.receipt(
        status,
        keys=(answers.need(row, "MsgId", "sms_id"),),
        ref=row.get("idx", ""),
        to=row.get("to", ""),
        at=answers.unix_time(answers.first(row, "donedate", "sms_date")),
        price=answers.price(row.get("points"), "points"),
    )


def _sms(values: Mapping[str, str], gw: Gateway) -> Inbound:
    return Inbound(
        answers.need(values, "sms_from"),
        values.get("sms_to", ""),
        without_prefix(values.get("sms_text", ""), gw["text_prefixes_to_remove"]),
        at=answers.unix_time(values.get("sms_date", "")),
        answers=answers.some(values.get("MsgId", "")),
    )


def _mms(raw: RawCallback, values: Mapping[str, str]) -> Inbound:
    """The field names could not be found: the likely ones are tried, and every file and address is taken."""
    parts = read_multipart(raw) if raw.content_type == "multipart/form-data" else []
    files = [Media(part.content_type, part.filename, part.body) for part in parts if part.filename]
    links = [Media(url=value) for name, value in values.items() if name.endswith("_url") and value.startswith("http")]
    said = (answers.first(values, f"mms_{name}", name) for name in ("subject", "text"))
    return Inbound(
        answers.need(values, "mms_from", "from"),
        answers.first(values, "mms_to", "to"),
        "\n".join(filter(None, said)),
        at=answers.unix_time(answers.first(values, "mms_date", "date")),
        kind="mms",
        media=(*files, *links),
    )


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    receipts = []
    for key in (key for message in sent for key in message.keys):
        answer = yield from _ask(gw, ctx, "/sms.do", {"status": key}, "State")
        for item in answer.items("list") if "list" in answer else []:
            ref, to = item.maybe_text("idx"), item.maybe_text("number")
            receipts.append(STATES.receipt(item.text("status"), keys=(key,), ref=ref, to=to))
    return receipts


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    answer = yield from _ask(gw, ctx, "/user.do", {"credits": "1", "details": "1"}, "Balance")
    count = answer.maybe_text("proCount")
    return base.Balance(answer.decimal("points"), "points", count and f"enough for {count} messages")


def check(gw: Gateway, ctx: Context) -> Flow[base.Checked]:
    if gw["auth_mode"] == "md5":
        return base.Checked("Signed in.", balance=(yield from balance(gw, ctx)))
    answer = yield from _ask(gw, ctx, "/ping", {}, "Ping")
    if (authorized := answer.maybe("authorized")) is None or authorized.value is not True:
        raise base.Stop(refused(Refusal.AUTH, "", "the token is not authorized"))
    try:
        return base.Checked("Signed in.", balance=(yield from balance(gw, ctx)))
    except base.Stop as stop:
        return base.Checked(f"Signed in; the balance cannot be read with this token: {stop.outcome.words}")


def _ask(gw: Gateway, ctx: Context, path: str, params: Mapping[str, str], label: str) -> Flow[answers.Node]:
    headers, login = _sign_in(gw)
    asked = requests.get(gw.url(path), [*login, *params.items(), ("format", "json")], headers=headers)
    response: Response = yield base.call(asked, label)
    answer, refusal = _read(response, ctx)
    if refusal and not (label == "State" and refusal.code in NEVER_SEEN):
        raise base.Stop(refusal)
    return answer


def _sign_in(gw: Gateway) -> tuple[Headers, list[tuple[str, str]]]:
    if gw["auth_mode"] == "token":
        return (requests.bearer(gw["api_token"]),), []
    return (), [("username", gw["login"]), ("password", gw["password_md5"])]
