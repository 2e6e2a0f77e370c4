"""Twilio's side of its Messages resource, below /2010-04-01.

From the official OpenAPI file, the validator of the official library and the published error pages. Where these leave
something open the strict reading is taken: an unknown parameter is error 20422, a number without its `+` is 21211.
STOP, START and HELP from a handset change who may be sent to; `OptOutType` is told only with the option
`advanced_opt_out`. Callbacks are signed with the auth token, and repeated once, only where no connection came about.
Not offered: fetching what `MediaUrl` names, content templates, deleting, fragments of callback URLs.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any, Final

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator, always
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Media, Message, Reply
from gatepost.simulators.wire import Answer, Push, Repeats, Request, form, json_answer, without_keys
from gatepost.sms.text import count_segments

ERRORS: Final = {
    "20003": (401, "Authenticate"),
    "20404": (404, "The requested resource was not found"),
    "20005": (403, "Account not active"),
    "20422": (400, "Invalid Parameter"),
    "20429": (429, "Too Many Requests"),
    "20500": (500, "Internal Server Error"),
    "21211": (400, "The 'To' number is not a valid phone number."),
    "21212": (400, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID."),
    "21408": (403, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number."),
    "21602": (400, "Message body is required."),
    "21603": (400, "A 'From' phone number is required."),
    "21604": (400, "A 'To' phone number is required."),
    "21606": (400, "The 'From' phone number provided is not a valid message-capable number for this account."),
    "21609": (400, "The 'StatusCallback' URL is not a valid URL."),
    "21610": (400, "Attempt to send to unsubscribed recipient"),
    "21611": (429, "This 'From' number has exceeded the maximum number of queued messages"),
    "21614": (400, "'To' number is not a valid mobile number"),
    "21617": (400, "The concatenated message body exceeds the 1600 character limit"),
    "21620": (400, "Invalid media URL(s)"),
    "21624": (400, "Invalid validity period"),
    "21701": (404, "The Messaging Service does not exist"),
    "35111": (400, "SendAt is missing"),
    "35114": (400, "SendAt is too soon"),
    "35117": (400, "SendAt is too far in the future"),
    "35118": (400, "MessagingServiceSid is required to schedule a message"),
}
STATUS: Final = {
    "accepted": ("queued", None),
    "scheduled": ("scheduled", None),
    "sent": ("sent", None),
    "delivered": ("delivered", None),
    "unknown": ("sent", None),
    "undelivered": ("undelivered", 30005),
    "expired": ("undelivered", 30410),
    "rejected": ("failed", 30007),
    "cancelled": ("canceled", None),
}
PARAMETERS: Final = frozenset(
    (
        *("To", "From", "MessagingServiceSid", "Body", "MediaUrl", "StatusCallback", "ValidityPeriod"),
        *("SmartEncoded", "ScheduleType", "SendAt", "ShortenUrls", "SendAsMms", "ProvideFeedback", "Attempt"),
        *("RiskCheck", "ContentSid", "ContentVariables", "ContentRetention", "AddressRetention", "PersistentAction"),
        "MaxPrice",
    )
)
SENDER: Final = r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}|whatsapp:\+[0-9]{7,15}"
ON_CONNECTION_FAILURE: Final = Repeats(taken=lambda status, _body: status != 0, waits_s=(1.0,))
BASE: Final = "/2010-04-01/Accounts/{account}"


@dataclass(slots=True)
class Memory:
    """`stopped`: numbers that opted out. `media`: files of replies, by id."""

    stopped: set[str] = field(default_factory=set)
    media: dict[str, Media] = field(default_factory=dict)


class Refusal(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.answer = problem(code)


def problem(code: str) -> Answer:
    status, words = ERRORS[code]
    more = f"https://www.twilio.com/docs/errors/{code}"
    return json_answer({"code": int(code), "message": words, "more_info": more, "status": status}, status)


def _authorise(request: Request, live: LiveAccount) -> None:
    sid, key = live.credentials["account_sid"], live.credentials["api_key_sid"]
    known = {(sid, live.credentials["auth_token"]), (key, live.credentials["api_key_secret"])}
    if request.basic() not in known:
        raise Refusal("20003")
    if request.captured["account"] != sid:
        raise Refusal("20404")


def submit(request: Request, live: LiveAccount) -> Answer:
    try:
        _authorise(request, live)
        message = _accepted(_parameters(request), live)
    except Refusal as refusal:
        return refusal.answer
    resource = _resource(message, live) | {"price": None}
    return json_answer(resource | ({"num_segments": "0", "status": "accepted"} if _by_service(message) else {}), 201)


def _parameters(request: Request) -> dict[str, list[str]]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refusal("20422")
    found: dict[str, list[str]] = {}
    for name, value in request.form_pairs():
        found.setdefault(name, []).append(value.decode("utf-8", "replace"))
    repeated = [name for name, values in found.items() if len(values) > 1 and name != "MediaUrl"]
    if repeated or not found.keys() <= PARAMETERS:
        raise Refusal("20422")
    return found


def _accepted(found: Mapping[str, Sequence[str]], live: LiveAccount) -> Message:
    values = {name: given[0] for name, given in found.items()}
    to, text, media = values.get("To", ""), values.get("Body", ""), found.get("MediaUrl", [])
    _check_recipient(to, live)
    sender = _sender(values, live)
    if not text and not media and not values.get("ContentSid"):
        raise Refusal("21602")
    if len(text) > 1600:
        raise Refusal("21617")
    if len(media) > 10 or not all(re.match("https?://", url) for url in media):
        raise Refusal("21620")
    callback = values.get("StatusCallback", "")
    if callback and not re.match(r"https?://[^/?#\s]+", callback):
        raise Refusal("21609")
    if not re.fullmatch("[0-9]{1,5}", values.get("ValidityPeriod", "1")) or not (
        1 <= int(values.get("ValidityPeriod", "1")) <= 36_000
    ):
        raise Refusal("21624")
    segments = count_segments(text)[1] if text else 1
    if not live.can_pay(live.simulator.price * segments):
        raise Refusal("20005")
    return live.accept(
        to=to.rpartition("+")[2],
        text=text,
        sender=sender,
        segments=segments,
        receipt_url=callback or live.receipt_url,
        send_at=_send_at(values),
        wire={"service": values.get("MessagingServiceSid"), "media": len(media)},
    )


def _check_recipient(to: str, live: LiveAccount) -> None:
    memory: Memory = live.memory
    if not to:
        raise Refusal("21604")
    number = to.rpartition("+")[2]
    if not re.fullmatch(r"(whatsapp:)?\+[1-9][0-9]{6,14}", to) or behaviour_of(number).at_submit == "bad_number":
        raise Refusal("21211")
    if number in memory.stopped or behaviour_of(number).at_submit == "blocked":
        raise Refusal("21610")


def _sender(values: Mapping[str, str], live: LiveAccount) -> str:
    """The sender as it was given; a Messaging Service without one takes a number of the account."""
    service, sender = values.get("MessagingServiceSid", ""), values.get("From", "")
    if service and service != live.credentials["messaging_service_sid"]:
        raise Refusal("21701")
    if not sender and not service:
        raise Refusal("21603")
    if not sender:
        return next((f"+{number}" for number in live.account.numbers), "")
    if sender.lower() == REFUSED_SENDER or not re.fullmatch(SENDER, sender):
        raise Refusal("21212")
    if not live.allows_sender(sender):
        raise Refusal("21606")
    return sender


def _send_at(values: Mapping[str, str]) -> float | None:
    if "ScheduleType" not in values and "SendAt" not in values:
        return None
    if not values.get("MessagingServiceSid"):
        raise Refusal("35118")
    if values.get("ScheduleType") != "fixed" or not values.get("SendAt"):
        raise Refusal("35111")
    try:
        at = datetime.strptime(values["SendAt"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Refusal("20422") from None
    if at <= time.time() + 300:
        raise Refusal("35114")
    if at > time.time() + 35 * 86_400:
        raise Refusal("35117")
    return at


def _by_service(message: Message) -> bool:
    return bool(message.wire["service"])


def _resource(message: Message, live: LiveAccount) -> dict[str, Any]:
    account, dated = live.credentials["account_sid"], format_datetime(datetime.fromtimestamp(message.at, UTC))
    status, error = STATUS[message.state]
    path = f"/2010-04-01/Accounts/{account}/Messages/{message.id}"
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": message.text,
        "date_created": dated,
        "date_sent": dated,
        "date_updated": format_datetime(datetime.fromtimestamp(message.state_at, UTC)),
        "direction": "outbound-api",
        "error_code": error,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": message.wire["service"],
        "num_media": str(message.wire["media"]),
        "num_segments": str(message.segments),
        "price": f"-{message.price:.5f}",
        "price_unit": "USD",
        "sid": message.id,
        "status": status,
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": f"+{message.to}",
        "uri": f"{path}.json",
    }


def show(request: Request, live: LiveAccount) -> Answer:
    """A message; posting `Status=canceled` cancels a scheduled one, an empty `Body` redacts it."""
    try:
        _authorise(request, live)
        message = live.find(request.captured["sid"])
        if message is None:
            raise Refusal("20404")
        wanted = {name: value.decode("utf-8", "replace") for name, value in request.form_pairs()}
        if wanted.get("Status") == "canceled" and not live.cancel(message):
            raise Refusal("20422")
        if wanted.get("Body") == "":
            message.text = ""
        return json_answer(_resource(message, live))
    except Refusal as refusal:
        return refusal.answer


def list_messages(request: Request, live: LiveAccount) -> Answer:
    try:
        _authorise(request, live)
    except Refusal as refusal:
        return refusal.answer
    wanted = {name: value.decode("utf-8", "replace") for name, value in request.query_pairs()}
    size = int(wanted["PageSize"]) if wanted.get("PageSize", "").isdecimal() else 50
    chosen = [
        message
        for message in reversed(live.messages)
        if wanted.get("To", f"+{message.to}") == f"+{message.to}"
        and wanted.get("From", message.sender) == message.sender
        and datetime.fromtimestamp(message.at, UTC).strftime("%Y-%m-%d").startswith(wanted.get("DateSent", ""))
    ]
    found = [_resource(message, live) for message in chosen[: min(size, 1000)]]
    return json_answer({"messages": found, "next_page_uri": None, "page": 0, "page_size": size})


def balance(request: Request, live: LiveAccount) -> Answer:
    try:
        _authorise(request, live)
    except Refusal as refusal:
        return refusal.answer
    account = live.credentials["account_sid"]
    return json_answer({"account_sid": account, "balance": str(live.balance), "currency": "USD"})


def media(request: Request, live: LiveAccount) -> Answer:
    memory: Memory = live.memory
    try:
        _authorise(request, live)
        found = memory.media.get(request.captured["media"])
        if found is None:
            raise Refusal("20404")
        return Answer(200, found.data, found.content_type)
    except Refusal as refusal:
        return refusal.answer


def receipts(reports: Sequence[Report], live: LiveAccount) -> list[Push]:
    return [
        _signed("receipt", report.message.receipt_url, _status_fields(report, live), live)
        for report in reports
        if report.message.receipt_url
    ]


def _status_fields(report: Report, live: LiveAccount) -> list[tuple[str, str]]:
    message, (status, error) = report.message, STATUS[report.state]
    pairs = [
        ("SmsSid", message.id),
        ("SmsStatus", status),
        ("MessageStatus", status),
        ("To", f"+{message.to}"),
        ("MessageSid", message.id),
        ("AccountSid", live.credentials["account_sid"]),
        ("From", message.sender),
        ("ApiVersion", "2010-04-01"),
    ]
    if _by_service(message):
        pairs.append(("MessagingServiceSid", message.wire["service"]))
    return [*pairs, ("ErrorCode", str(error))] if error else pairs


def inbound(reply: Reply, live: LiveAccount) -> list[Push]:
    memory: Memory = live.memory
    keyword = reply.text.strip().upper()
    if keyword in ("STOP", "START"):
        (memory.stopped.add if keyword == "STOP" else memory.stopped.discard)(reply.sender)
    pairs = [
        ("ToCountry", "US"),
        ("ToState", ""),
        ("SmsMessageSid", reply.id),
        ("NumMedia", str(len(reply.media))),
        ("ToCity", ""),
        ("SmsSid", reply.id),
        ("SmsStatus", "received"),
        ("Body", reply.text),
        ("To", f"+{reply.to}"),
        ("NumSegments", str(count_segments(reply.text)[1] if reply.text else 1)),
        ("MessageSid", reply.id),
        ("AccountSid", live.credentials["account_sid"]),
        ("From", f"+{reply.sender}"),
        ("ApiVersion", "2010-04-01"),
    ]
    if keyword in ("STOP", "START", "HELP") and live.options["advanced_opt_out"] == "on":
        pairs.append(("OptOutType", keyword))
    for n, picture in enumerate(reply.media):
        sid = f"ME{secrets.token_hex(16)}"
        memory.media[sid] = picture
        path = f"/2010-04-01/Accounts/{live.credentials['account_sid']}/Messages/{reply.id}/Media/{sid}"
        pairs += [
            (f"MediaUrl{n}", live.options["media_base"] + path),
            (f"MediaContentType{n}", picture.content_type),
        ]
    return [_signed("inbound", live.inbound_url, pairs, live)] if live.inbound_url else []


def _signed(kind: Any, url: str, pairs: Sequence[tuple[str, str]], live: LiveAccount) -> Push:
    data = url + "".join(name + value for name, value in sorted(pairs))
    digest = hmac.new(live.credentials["auth_token"].encode(), data.encode(), hashlib.sha1).digest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "X-Twilio-Signature": base64.b64encode(digest).decode(),
    }
    return Push(kind=kind, url=url, headers=headers, body=form(pairs), repeats=ON_CONNECTION_FAILURE)


simulator = Simulator(
    slug="twilio",
    label="Twilio",
    credentials={
        "account_sid": "AC" + "0123456789abcdef" * 2,
        "auth_token": "demo-auth-token",
        "api_key_sid": "SK" + "0123456789abcdef" * 2,
        "api_key_secret": "demo-api-key-secret",
        "messaging_service_sid": "MG" + "0123456789abcdef" * 2,
    },
    options={"advanced_opt_out": "off", "media_base": "https://api.twilio.com"},
    routes=(
        Route("POST", BASE + "/Messages.json", submit, submits=always),
        Route("GET", BASE + "/Messages.json", list_messages),
        Route("GET", BASE + "/Messages/{sid}.json", show),
        Route("POST", BASE + "/Messages/{sid}.json", show),
        Route("GET", BASE + "/Messages/{message}/Media/{media}", media),
        Route("GET", BASE + "/Balance.json", balance),
    ),
    receipts=receipts,
    inbound=inbound,
    refuse=lambda code, _request: problem(code),
    codes=tuple(ERRORS),
    failed="20500",
    throttled="20429",
    not_found=lambda _request: problem("20404"),
    price=Decimal("0.0075"),
    interim=True,
    new_id=lambda: f"SM{secrets.token_hex(16)}",
    without_id=lambda answer: without_keys(answer, "sid", "uri", "subresource_uris"),
    memory=Memory,
)
