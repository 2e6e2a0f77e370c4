"""Play Mobile (SMS broker), Uzbekistan: JSON over HTTP, https://wiki.playmobile.uz. Facts of 2026-11.

Not supported: templates, voice, the older XML generation. Not found: balance, a status query.
"""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Message, Results, send
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import refused_as_one
from gatepost.providers.kit.own_words import without_prefix
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import THROTTLED, Refused, States, codes
from gatepost.providers.kit.xml import descendants, read_xml
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Dedupe, Manifest, Pace, Ref, SenderRule
from gatepost.providers.wire import RawCallback, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted
from gatepost.sms.states import State

RECEIVED = "Request is received"
TOO_MANY = "105"

manifest = Manifest(
    slug="playmobile",
    label="Play Mobile",
    countries=("UZ",),
    confidence="documented",
    facts="2026-11",
    docs="https://wiki.playmobile.uz",
    website="https://playmobile.uz",
    fields=(
        Url(
            "base_url",
            default="https://send.smsxabar.uz",
            schemes=("https", "http"),
            help="The host of your contract, such as http://91.204.239.44; /broker-api/send is added.",
        ),
        Text(
            "user_id",
            label="User ID",
            required=True,
            identifier=True,
            help="The login of the broker API, from your contract.",
        ),
        Secret("password", required=True, help="Of that user ID."),
        Text(
            "message_id_prefix",
            label="Prefix of message ids",
            pattern="[A-Za-z0-9]{0,6}",
            pattern_words="at most 6 letters and digits.",
            help="If one was agreed with the provider.",
            confidence="unverified",
        ),
        Choice("priority", "normal", "low", "high", "realtime", help="One-time codes always go as realtime."),
        Number(
            "default_ttl", label="Lifetime (seconds)", min=1, confidence="unverified", help="Empty: the provider's."
        ),
        Number(
            "batch_size", label="Messages per request", default=500, min=1, max=1000, help="The limit is unpublished."
        ),
        Flag(
            "protects_repeats",
            label="Repeated ids are recognised",
            help="One client says that a repeated id is not sent again. Ask the provider before you rely on it.",
            confidence="unverified",
        ),
        Text(
            "keywords",
            label="Keywords of the short number",
            help="Comma-separated; cut from the start of incoming texts.",
            group="Receipts and inbound",
        ),
    ),
    batch=Batching(1000, limit_setting="batch_size"),
    dedupe=Dedupe("message", None, "same", when=("protects_repeats", True)),
    reference=Ref(20, "alphanumeric"),
    sender=SenderRule(r"[A-Za-z0-9 ._-]{1,11}|\d{1,15}", "The short number or name of the account.", is_required=True),
    receipts=("push",),
    inbound=("sms",),
    inbound_delivery=("push",),
    pace=Pace(requests_per_second=49, parallel=8, shared_by="user_id"),
    setup=(
        "Enter user ID and password, and the registered short number or name as the gateway's sender ID.",
        "Give the receipt URL to Play Mobile: it adds /status and pushes the states there.",
        "For a short number, give them the inbound URL too.",
    ),
)

REFUSED = Refused(
    {
        100: (Refusal.TEMPORARY, "Internal server error"),
        101: (Refusal.CONFIG, "Syntax error"),
        102: (Refusal.AUTH, "Account lock"),
        103: (Refusal.CONFIG, "Empty channel"),
        104: (Refusal.CONFIG, "Invalid priority"),
        105: (Refusal.CONFIG, "Too much IDs"),
        202: (Refusal.BAD_RECIPIENT, "Empty recipient"),
        204: (Refusal.BAD_RECIPIENT, "Empty email address"),
        205: (Refusal.CONFIG, "Empty message-id"),
        206: (Refusal.BAD_CONTENT, "Invalid variables"),
        301: (Refusal.CONFIG, "Invalid localtime"),
        302: (Refusal.CONFIG, "Invalid start-datetime"),
        303: (Refusal.CONFIG, "Invalid end-datetime"),
        304: (Refusal.CONFIG, "Invalid allowed-starttime"),
        305: (Refusal.CONFIG, "Invalid allowed-endtime"),
        306: (Refusal.CONFIG, "Invalid send-evenly"),
        401: (Refusal.BAD_SENDER, "Empty originator"),
        402: (Refusal.CONFIG, "Empty application"),
        403: (Refusal.CONFIG, "Empty ttl"),
        404: (Refusal.BAD_CONTENT, "Empty content"),
        405: (Refusal.BAD_CONTENT, "Content error"),
        406: (Refusal.BAD_CONTENT, "Invalid content for this channel"),
        407: (Refusal.CONFIG, "Invalid ttl"),
        408: (Refusal.BAD_CONTENT, "Invalid attached files"),
        410: (Refusal.CONFIG, "Invalid retry-attempts"),
        411: (Refusal.CONFIG, "Invalid retry-timeout"),
    }
)
HTTP = Refused(
    codes(Refusal.AUTH, "Wrong user ID or password (unverified)", 401, 403) | {429: (THROTTLED, "Too many requests")}
)
# Why a request is refused as a whole although only one of its messages is at fault.
OF_ONE = (Refusal.BAD_RECIPIENT, Refusal.BAD_SENDER, Refusal.BAD_CONTENT)
STATES = States(
    {
        "delivered": (State.DELIVERED, "delivered"),
        "deliver": (State.DELIVERED, "delivered"),
        "not_delivered": (State.UNDELIVERED, "not delivered"),
        "notdelivered": (State.UNDELIVERED, "not delivered"),
        "undeliverable": (State.UNDELIVERED, "cannot be delivered"),
        "failed": (State.UNDELIVERED, "failed"),
        "deleted": (State.UNDELIVERED, "deleted"),
        "rejected": (State.REJECTED, "rejected"),
        "expired": (State.EXPIRED, "lifetime is over"),
        "ttl_expired": (State.EXPIRED, "lifetime is over"),
        "transmitted": (State.SUBMITTED, "handed over"),
        "accepted": (State.SUBMITTED, "accepted"),
        "enroute": (State.SUBMITTED, "on its way"),
        "sent": (State.SUBMITTED, "sent"),
    }
)


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    """All or nothing: the answer names no message."""
    body = {
        "priority": "realtime" if all(message.is_urgent for message in batch.messages) else gw["priority"],
        "messages": [_element(message, gw) for message in batch.messages],
    }
    url = gw["base_url"] if gw["base_url"].endswith("/send") else gw.url("/broker-api/send")
    sign_in = requests.basic(gw["user_id"], gw["password"])
    request = requests.post_json(url, body, headers=(sign_in,), content_type="application/json; charset=UTF-8")
    response: Response = yield send(request)
    outcome = _outcome(response, ctx)
    return refused_as_one(batch, outcome, OF_ONE if outcome.code != TOO_MANY else (Refusal.CONFIG,))


def _element(message: Message, gw: Gateway) -> dict[str, Any]:
    sms = {
        "originator": message.sender,
        "ttl": message.validity_s or gw["default_ttl"],
        "content": {"text": message.text},
    }
    return {
        "recipient": message.to,
        "message-id": gw.text("message_id_prefix") + message.ref,
        "sms": requests.filled(sms),
    }


def _outcome(response: Response, ctx: Context) -> Outcome:
    if 200 <= response.status < 300:
        text = answers.to_text(response).strip()
        if text != RECEIVED:
            raise base.MalformedAnswer("the answer does not say that the request is received", answers.excerpt(text))
        return accepted()
    code, words = "", ""
    if response.status == 400:
        said = answers.maybe_json(response) or answers.Node({})
        code = said.maybe_text("error-code") or said.maybe_text("error_code")
        words = said.maybe_text("error-description") or said.maybe_text("error_description")
    refused = refusal(response, ctx, REFUSED if code else HTTP, code, words)
    assert refused is not None
    return refused


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    if raw.body.lstrip().startswith(b"<") or raw.kind == "inbound":
        return base.Callback(tuple(_inbound(raw, gw)))
    return base.Callback(tuple(answers.readable(answers.objects(raw), lambda report: _receipt(report, gw))))


def _receipt(report: answers.Node, gw: Gateway) -> base.Receipt:
    """A report of another channel (a call) is of a status that nobody knows."""
    key = report.maybe_text("message-id") or report.text("message_id")
    status = report.text("status").lower().replace("-", "_")
    if report.maybe_text("channel").lower() not in ("", "sms"):
        status = f"{report.text('channel')} {status}"
    written = report.maybe_text("status-date") or report.maybe_text("status_date")
    at = answers.iso_time(written.replace(" ", "T")) if written else None
    ref = key.removeprefix(gw.text("message_id_prefix"))
    return STATES.receipt(status, ref=ref, at=at, words=report.maybe_text("description"))


def _inbound(raw: RawCallback, gw: Gateway) -> list[base.Item]:
    items: list[base.Item] = []
    for message in descendants(read_xml(raw.body), "message"):
        values: Mapping[str, str] = message.attrib
        contents = [content.text or "" for content in descendants(message, "content")]
        text = without_prefix((contents or [""])[-1].strip(), gw.text("keywords").replace(" ", "").split(","))
        at = answers.timestamp(values.get("submit-date", ""), "%Y-%m-%d %H:%M:%S", UTC)
        items.append(
            base.Inbound(answers.need(values, "msisdn"), "", text, id=answers.need(values, "id"), at=at),
        )
    return items
