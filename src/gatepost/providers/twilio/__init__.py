"""Twilio Programmable Messaging, https://www.twilio.com/docs/messaging/api: the Messages resource. Facts of 2026-04.

Not supported: sending MMS, content templates, redacting and deleting messages.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Inbound, Media, Results, send
from gatepost.providers.fields import Field, FieldError, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import digits
from gatepost.providers.kit.flows import ask, check_by_balance, key_by_key
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.signatures import equal, hmac_sign, verify_signature, with_and_without_port
from gatepost.providers.kit.xml import escape
from gatepost.providers.manifest import Manifest, Pace, SenderRule, Validity
from gatepost.providers.twilio.tables import REFUSED, STATES
from gatepost.providers.wire import Headers, RawCallback, Response
from gatepost.sms.outcomes import Outcome, Price, accepted

TEN_HOURS_S = 36_000
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def _sid(name: str, prefix: str, **rest: Any) -> Field:
    words = f"write {prefix} and 32 hex digits."
    label = f"{name.replace('_', ' ').title()} SID"
    return Text(
        f"{name}_sid", **{"label": label, "pattern": f"{prefix}[0-9a-fA-F]{{32}}", "pattern_words": words, **rest}
    )


manifest = Manifest(
    slug="twilio",
    label="Twilio",
    confidence="documented",
    facts="2026-04",
    docs="https://www.twilio.com/docs/messaging/api",
    website="https://www.twilio.com",
    fields=(
        Url("base_url", default="https://api.twilio.com", help="Another one for regional or TwiML-compatible hosts."),
        _sid("account", "AC", required=True, identifier=True, help="From the Console."),
        Secret("auth_token", required=True, help="The primary token. Callbacks are signed with it, so always needed."),
        _sid("api_key", "SK", label="API key SID", help="Signs requests in instead of SID and token, if you prefer."),
        Secret("api_key_secret", label="API key secret", help="Shown once, when the key was made."),
        _sid("messaging_service", "MG", help="Used instead of a sender or beside one; needed for scheduling."),
        Number("validity_seconds", default=TEN_HOURS_S, min=1, max=TEN_HOURS_S, help="Longest time in its queue."),
        Flag("smart_encoded", help="Typographic letters become plain ones where that saves segments."),
        verify_signature(),
        Text(
            "auto_reply", max_length=1600, group="Callbacks", help="The answer to every inbound message; empty: none."
        ),
    ),
    pace=Pace(requests_per_second=1.0, counts="segments"),
    validity=Validity(1, TEN_HOURS_S),
    sender=SenderRule(
        r"\+?[1-9][0-9]{2,14}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}|whatsapp:\+[1-9][0-9]{6,14}",
        "A number or short code of the account, 1 to 11 letters, digits and spaces, or whatsapp: and a number.",
        is_required=True,
    ),
    receipts=("push", "query"),
    inbound=("sms", "mms"),
    inbound_delivery=("push",),
    callback_auth="signature",
    busy_status=None,
    await_delivery_s=900,
    setup=(
        "Console: copy the Account SID and the primary Auth Token.",
        "At your number or Messaging Service: set the inbound URL as the webhook of incoming messages, HTTP POST.",
        "Receipts need no set-up: each message carries the address for its own.",
    ),
)


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    if bool(settings["api_key_sid"]) != bool(settings["api_key_secret"]):
        missing = "api_key_secret" if settings["api_key_sid"] else "api_key_sid"
        raise FieldError(missing, "required", "An API key is its SID and its secret: fill in both, or none.")
    return settings


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Messaging Service chooses the sender by itself, and only through one can be scheduled."""
    has_service = bool(settings["messaging_service_sid"])
    return {"sender": replace(manifest.sender, is_required=False), "schedules": True} if has_service else {}


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    message = batch.first
    lasts_s = min(message.validity_s or TEN_HOURS_S, gw["validity_seconds"])
    params = {
        "To": ("whatsapp:+" if message.sender.startswith("whatsapp:") else "+") + message.to,
        "From": "+" + message.sender if re.fullmatch("[0-9]{9,}", message.sender) else message.sender,
        "MessagingServiceSid": gw["messaging_service_sid"],
        "Body": message.text,
        "StatusCallback": ctx.receipt_url_for(message.ref),
        "ValidityPeriod": max(lasts_s, 1) if lasts_s < TEN_HOURS_S else None,
        "SmartEncoded": "true" if gw["smart_encoded"] else None,
        "ScheduleType": message.send_at and "fixed",
        "SendAt": message.send_at and message.send_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    url = gw.url(_path(gw, "/Messages.json"))
    response: Response = yield send(requests.post_form(url, requests.present(params), headers=_sign_in(gw)))
    return batch.all(_refusal(response, ctx) or _outcome(answers.read_json(response)))


def _outcome(answer: answers.Node) -> Outcome:
    # A Messaging Service says "0" at first.
    segments = answer.maybe_integer("num_segments") or None
    return accepted(answer.text("sid"), segments=segments, price=_price(answer))


def _price(answer: answers.Node) -> Price | None:
    """What was charged is written as a negative number."""
    return answers.price(answer.maybe_text("price").removeprefix("-"), answer.maybe_text("price_unit"))


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    said = answers.maybe_json(response) or answers.Node({})
    return refusal(response, ctx, REFUSED, said.maybe_text("code"), said.maybe_text("message"))


def verify(raw: RawCallback, gw: Gateway) -> bool | None:
    """HMAC-SHA1 over the URL as it was called and the fields of a form; other bodies are named by a hash in the URL."""
    if gw["verify_signature"] == "off":
        return None
    said = b""
    if raw.content_type == "application/x-www-form-urlencoded":
        values: dict[bytes, set[bytes]] = {}
        for name, value in answers.byte_pairs(raw.body):
            values.setdefault(name, set()).add(value)
        said = b"".join(name + value for name in sorted(values) for value in sorted(values[name]))
    elif raw.body and parse_qs(raw.query).get("bodySHA256") != [hashlib.sha256(raw.body).hexdigest()]:
        return False
    given = raw.header("x-twilio-signature")
    signed = (hmac_sign(gw["auth_token"], url + said, "sha1", "base64") for url in with_and_without_port(raw.url))
    return any(equal(given, each) for each in signed)


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    values = answers.form(raw)
    status = answers.first(values, "MessageStatus", "SmsStatus")
    if status in ("received", "receiving") or "Body" in values:
        reply = f"<Message>{escape(gw['auto_reply'])}</Message>" if gw["auto_reply"] else ""
        twiml = f'<?xml version="1.0" encoding="UTF-8"?><Response>{reply}</Response>' if reply else EMPTY
        return base.Callback(_inbound(values, gw), base.Ack(body=twiml.encode(), content_type="text/xml"))
    receipt = (_receipt(values, raw.receipt_ref),) if status or "MessageSid" in values else ()
    return base.Callback(receipt, base.Ack(204))


def _receipt(values: Mapping[str, str], ref: str) -> base.Receipt:
    code = values.get("ErrorCode", "")
    return STATES.receipt(
        answers.need(values, "MessageStatus", "SmsStatus"),
        keys=(answers.need(values, "MessageSid", "SmsSid"),),
        ref=ref,
        to=digits(values.get("To", "")),
        words=values.get("ErrorMessage") or REFUSED.words(code),
        code=code,
        refusal=REFUSED.refusal(code),
    )


def _inbound(values: Mapping[str, str], gw: Gateway) -> tuple[base.Item, ...]:
    sender, to = answers.need(values, "From").removeprefix("whatsapp:"), values.get("To", "").removeprefix("whatsapp:")
    sid, text = answers.need(values, "MessageSid", "SmsSid", "SmsMessageSid"), values.get("Body", "")
    kinds = {url: values.get(f"MediaContentType{n}", "") for n in range(10) if (url := values.get(f"MediaUrl{n}", ""))}
    files = tuple(
        Media(kind, url=url, headers=requests.only_for(gw["base_url"], url, _sign_in(gw)))
        for url, kind in kinds.items()
    )
    message = Inbound(sender, to, text, id=sid, kind="mms" if files else "sms", media=files)
    consent = values.get("OptOutType", "").upper()
    if consent in ("STOP", "START"):
        return message, base.OptOut(sender, text, back_in=consent == "START")
    return (message,)


def _state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    found = yield from _ask(gw, ctx, f"/Messages/{requests.segment(key)}.json", "State")
    code = found.maybe_text("error_code")
    return STATES.receipt(
        found.text("status"),
        keys=(found.text("sid"),),
        words=found.maybe_text("error_message") or REFUSED.words(code),
        code=code,
        refusal=REFUSED.refusal(code),
        segments=found.maybe_integer("num_segments"),
        price=_price(found),
    )


query = key_by_key(_state)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    found = yield from _ask(gw, ctx, "/Balance.json", "Balance")
    return base.Balance(found.decimal("balance"), found.maybe_text("currency"))


check = check_by_balance(balance)


def _ask(gw: Gateway, ctx: Context, path: str, label: str) -> Flow[answers.Node]:
    request = requests.get(gw.url(_path(gw, path)), headers=_sign_in(gw))
    return answers.read_json((yield from ask(request, label, lambda answer: _refusal(answer, ctx))))


def _path(gw: Gateway, path: str) -> str:
    return f"/2010-04-01/Accounts/{gw['account_sid']}{path}"


def _sign_in(gw: Gateway) -> Headers:
    if gw["api_key_sid"]:
        return (requests.basic(gw["api_key_sid"], gw["api_key_secret"]),)
    return (requests.basic(gw["account_sid"], gw["auth_token"]),)
