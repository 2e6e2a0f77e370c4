"""Burst SMS (Transmit SMS, Kudosity): API v1, https://developers.kudosity.com. Facts of 2026-11.

Not supported: stored lists, tracked links, cancelling at the provider, API v2. There is no reference and no protection
against repeats: a message is known by the call's id and its number.
"""

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Results, send
from gatepost.providers.fields import Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import digits
from gatepost.providers.kit.flows import ask, check_by_balance, key_by_key
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.signatures import equal, hmac_sign, verify_signature
from gatepost.providers.kit.tables import THROTTLED, Refused, States, codes
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Manifest, Pace, SenderRule, Validity
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, Price, Refusal, accepted, refused, unknown
from gatepost.sms.states import State

MAX_MINUTES = 4320
TIME = "%Y-%m-%d %H:%M:%S"

manifest = Manifest(
    slug="burstsms",
    label="Burst SMS",
    countries=("AU", "NZ", "GB", "US", "SG"),
    confidence="documented",
    facts="2026-11",
    docs="https://developers.kudosity.com",
    website="https://kudosity.com",
    fields=(
        Url("base_url", default="https://api.transmitsms.com", help="The same for all countries."),
        Text("api_key", label="API key", required=True, identifier=True, help="Console > Settings."),
        Secret(
            "api_secret", label="API secret", required=True, help="Chosen in Settings; callbacks are signed with it."
        ),
        Text("countrycode", label="Country", pattern="[A-Za-z]{2}", pattern_words="two letters.", help="Leave empty."),
        Number("validity_minutes", label="Lifetime (minutes)", default=0, min=0, max=MAX_MINUTES, help="0: longest."),
        Number(
            "batch_size",
            label="Recipients per request",
            default=100,
            min=1,
            max=500,
            help="The provider takes up to 500 of one text.",
        ),
        verify_signature("log"),
    ),
    batch=Batching(500, same=("sender", "text", "validity"), unique_number=True, limit_setting="batch_size"),
    validity=Validity(60, MAX_MINUTES * 60),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}|\d{3,15}", "Up to 11 letters and digits, or a number."),
    max_segments=4,
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    callback_auth="signature",
    await_delivery_s=900,
    pace=Pace(requests_per_second=10, parallel=4, shared_by="api_key"),
    setup=(
        "Console > Settings: copy the API key, choose an API secret.",
        "Receipts and answers need no set-up: each message carries the addresses for its own.",
        "For messages that answer nothing, set the inbound URL as the forward URL of your number.",
    ),
)

# What a field error is about stands in its words.
ABOUT = (("sender", Refusal.BAD_SENDER), ("message", Refusal.BAD_CONTENT), ("number", Refusal.BAD_RECIPIENT))
REFUSED = Refused(
    codes(Refusal.AUTH, "Bad or missing key or secret", "AUTH_FAILED", "AUTH_FAILED_NO_DATA", 401)
    | codes(Refusal.CONFIG, "Wrong method or path", "NOT_IMPLEMENTED", 404)
    | {
        "OVER_LIMIT": (THROTTLED, "More than 15 requests a second"),
        "FIELD_EMPTY": (Refusal.CONFIG, "Missing field"),
        "FIELD_INVALID": (Refusal.PERMANENT, "Bad field"),
        "FIELD_UNSAFE": (Refusal.BAD_CONTENT, "Characters that are not allowed"),
        "NO_ACCESS": (Refusal.CONFIG, "Feature, list or number is not yours"),
        "KEY_EXISTS": (Refusal.PERMANENT, "Duplicate list or contact"),
        "LIST_EMPTY": (Refusal.PERMANENT, "The list is empty"),
        "LEDGER_ERROR": (Refusal.NO_CREDIT, "Not enough funds"),
        "BAD_CALLER_ID": (Refusal.BAD_SENDER, "Sender not allowed"),
        "RECIPIENTS_ERROR": (Refusal.BAD_RECIPIENT, "No usable recipient"),
    },
    by_words=dict.fromkeys(("FIELD_INVALID", "FIELD_EMPTY"), ABOUT),
)
STATES = States(
    {
        "pending": (State.SUBMITTED, "pending"),
        "delivered": (State.DELIVERED, "delivered"),
        "soft-bounce": (State.UNDELIVERED, "could not be delivered in time"),
        "hard-bounce": (State.UNDELIVERED, "no such number", Refusal.BAD_RECIPIENT),
    }
)


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    """One id for the whole call: a message is known as `id:number`. Answers come back with our serial in the URL."""
    first = batch.first
    mark = f"?ref=s{ctx.serial}"
    params = {
        "message": first.text,
        "to": ",".join(message.to for message in batch.messages),
        "from": first.sender,
        "countrycode": gw["countrycode"],
        "validity": min(max(first.validity_s // 60, 1), MAX_MINUTES)
        if first.validity_s
        else gw["validity_minutes"] or None,
        "dlr_callback": ctx.receipt_url and ctx.receipt_url + mark,
        "reply_callback": ctx.inbound_url,
    }
    response: Response = yield send(_request(gw, "/send-sms.json", params))
    return _results(batch, response, ctx)


def _results(batch: Batch, response: Response, ctx: Context) -> Results:
    code, description = _said(response)
    if code == "RECIPIENTS_ERROR" and isinstance(description.value, dict):
        return _by_recipient(batch, description)
    if outcome := _refusal(response, ctx):
        return batch.all(outcome)
    answer = answers.read_json(response)
    key, count = answer.text("message_id"), answer.maybe_integer("recipients")
    if count is not None and count < len(batch.messages):
        return batch.all(unknown(f"{count} of {len(batch.messages)} recipients were taken", code="recipients"))
    cost, segments = answer.maybe_decimal("cost"), answer.maybe_integer("sms")
    each = Price(cost / (count or len(batch.messages)), "account currency") if cost is not None else None
    return {m.ref: accepted(f"{key}:{m.to}", segments=segments or None, price=each) for m in batch.messages}


def _by_recipient(batch: Batch, words: answers.Node) -> Results:
    """Who is not named was not sent to either: no recipient of the call was usable."""
    opted_out = {digits(one.text()) for one in (words.items("optouts") if "optouts" in words else [])}
    return {
        message.ref: refused(Refusal.BLOCKED, "RECIPIENTS_ERROR", "opted out")
        if message.to in opted_out
        else REFUSED.outcome("RECIPIENTS_ERROR")
        for message in batch.messages
    }


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """A code other than SUCCESS counts whatever the HTTP status."""
    code, description = _said(response)
    if code in ("", "SUCCESS"):
        return refusal(response, ctx, REFUSED)
    words = description.value if isinstance(description.value, str) else ""
    return REFUSED.outcome(code, words, answers.retry_after(response, ctx.now))


def _said(response: Response) -> tuple[str, answers.Node]:
    """The code of an answer, empty where it has none, and its description: a text, or an object of numbers."""
    said = answers.maybe_json(response) or answers.Node({})
    error = said.maybe("error") or answers.Node({})
    return error.maybe_text("code"), error.maybe("description") or answers.Node(None)


def verify(raw: RawCallback, gw: Gateway) -> bool | None:
    """HMAC over the query as PHP writes it in JSON, tried with and without our own parameter (unverified)."""
    if gw["verify_signature"] == "off":
        return None
    pairs = answers.pairs(raw)
    theirs = [(name, value) for name, value in pairs if name != "ref"]
    given = raw.header("x-transmitsms-signature")
    return any(equal(given, hmac_sign(gw["api_secret"], _php_json(each))) for each in (pairs, theirs))


def _php_json(pairs: list[tuple[str, str]]) -> bytes:
    return json.dumps(dict(pairs), separators=(",", ":")).replace("/", "\\/").encode("ascii")


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    values = answers.form(raw)
    if "response_id" in values or "response" in values:
        return base.Callback(_inbound(values))
    if not answers.first(values, "message_id", "status"):
        return base.Callback()
    to = digits(answers.need(values, "mobile"))
    serial = values.get("ref", "").removeprefix("s")
    receipt = STATES.receipt(
        answers.need(values, "status"),
        keys=(f"{answers.need(values, 'message_id')}:{to}",),
        to=to,
        serial=int(serial) if serial.isdecimal() and len(serial) < 11 else None,
        at=answers.timestamp(values.get("datetime", ""), TIME, UTC),
    )
    return base.Callback((receipt,))


def _inbound(values: Mapping[str, str]) -> tuple[base.Item, ...]:
    sender, text = answers.need(values, "mobile"), values.get("response", "")
    answered = values.get("message_id", "")
    message = base.Inbound(
        sender,
        values.get("longcode", ""),
        text,
        id=values.get("response_id", ""),
        at=answers.timestamp(values.get("datetime_entry", ""), TIME, UTC),
        answers=(f"{answered}:{digits(sender)}",) if answered else (),
    )
    return (message, base.OptOut(sender, text)) if values.get("is_optout") == "yes" else (message,)


def _state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    call_id, _, to = key.partition(":")
    params = {"message_id": call_id, "msisdn": to, "mobile": to}
    said = yield from _ask(gw, ctx, _request(gw, "/get-sms-delivery-status.json", params), "State")
    stats = said.node("stats")
    at = answers.timestamp(stats.maybe_text("datetime"), TIME, UTC)
    return STATES.receipt(stats.text("status"), keys=(key,), to=to, at=at)


query = key_by_key(_state)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    request = requests.get(gw.url("/get-balance.json"), headers=(_sign_in(gw),))
    said = yield from _ask(gw, ctx, request, "Balance")
    return base.Balance(said.decimal("balance"), said.maybe_text("currency"))


check = check_by_balance(balance)


def _ask(gw: Gateway, ctx: Context, request: Request, label: str) -> Flow[answers.Node]:
    return answers.read_json((yield from ask(request, label, lambda answer: _refusal(answer, ctx))))


def _request(gw: Gateway, path: str, params: Mapping[str, Any]) -> Request:
    return requests.post_form(gw.url(path), requests.present(params), headers=(_sign_in(gw),))


def _sign_in(gw: Gateway) -> tuple[str, str]:
    return requests.basic(gw["api_key"], gw["api_secret"])
