"""Rapporto, Russia: HTTP API 5.0 (default), REST API 6.0, REST_BATCH API 3.0. https://doc.rapporto.ru. Facts: 2026-11.

Not found: balance, a status query, a harmless call to check with. Not supported: flash, binary messages, windows of
delivery, other channels than SMS.
"""

import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Ack, Batch, Context, Flow, Gateway, MalformedAnswer, Message, Results, send
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.answers import Node
from gatepost.providers.kit.batches import per_message
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.signatures import equal, hmac_sign, verify_signature
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Dedupe, Manifest, Pace, Ref, SenderRule, Validity
from gatepost.providers.rapporto.tables import BATCH_HTTP, BATCH_REFUSED, HTTP_REFUSED, REST_REFUSED, STATES, TOO_MANY
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, accepted, not_sent

SIGNED_IN, WITH_TTL = ("api", ("http", "rest")), ("api", ("rest", "rest_batch"))
FORM = ("content-type", "application/x-www-form-urlencoded;charset=utf-8")
SHORTEN: dict[str, bool] = {"on": True, "off": False}
VALIDITY = {"rest": Validity(60, 2880 * 60), "rest_batch": Validity(60, 259_200)}
MOSCOW = timezone(timedelta(hours=3))
OF_ALL = (TOO_MANY, "must.be.not.null", "forbidden", "unknown")
NOTHING_TO_SAY = Ack(204)

manifest = Manifest(
    slug="rapporto",
    label="Rapporto",
    countries=("RU",),
    confidence="documented",
    facts="2026-11",
    docs="https://doc.rapporto.ru",
    website="https://rapporto.ru",
    own_shortener=("shorten_links",),
    fields=(
        Choice(
            "api",
            ("http", "HTTP API"),
            ("rest", "REST API"),
            ("rest_batch", "REST_BATCH API"),
            label="Interface",
            help="Which interface the contract names.",
        ),
        Url(
            "url",
            label="URL",
            required=True,
            schemes=("https", "http"),
            help="The whole address with your URI, from Rapporto, such as http://lk.rapporto.ru:9080/URI.",
        ),
        Text("service_id", required=True, identifier=True, when=SIGNED_IN, help="serviceId, or the login of REST."),
        Secret("password", required=True, when=SIGNED_IN, help="pass, or the password of REST."),
        Secret(
            "api_key",
            label="API key",
            required=True,
            when=("api", "rest_batch"),
            pattern="[A-Za-z0-9]{1,30}",
            pattern_words="1 to 30 letters and digits.",
            help='What follows "Authorization: Key".',
        ),
        Number("ttl_minutes", label="Lifetime (minutes)", min=1, max=2880, when=WITH_TTL, help="Empty: the account's."),
        Flag(
            "use_partner_msg_id",
            label="Repeated ids are recognised",
            when=SIGNED_IN,
            help="Only after Rapporto has switched it on (partnerMsgId; id of REST): a repeat is then sent once.",
        ),
        Choice("shorten_links", ("default", "The account's"), ("on", "Shorten"), ("off", "Leave"), help="If enabled."),
        Number(
            "batch_size",
            label="Messages per request",
            default=1000,
            min=1,
            max=3000,
            when=("api", "rest_batch"),
            help="The account's maximum is set by the provider.",
        ),
        Secret(
            "mo_hash_key",
            label="Key of the hash",
            group="Callbacks",
            help="HTTP API: if incoming messages carry a hash. It cannot be checked where keywords or numbers are cut.",
        ),
        verify_signature(),
    ),
    dedupe=Dedupe("message", None, "same", when=("use_partner_msg_id", True)),
    reference=Ref(50),
    receipts=("push",),
    inbound=("sms",),
    inbound_delivery=("push",),
    busy_status=500,
    unprocessed_statuses=(408,),
    listen_paths=("/smslistener/listen_type/sms_rapporto",),
    pace=Pace(requests_per_second=10, parallel=4, shared_by="service_id"),
    setup=(
        "Rapporto must allow the address from which this installation calls.",
        "Enter the interface, URL, service ID and password (REST_BATCH: key) of your contract.",
        "Give Rapporto the receipt URL and, for incoming messages, the inbound URL.",
        "Subscribers of Megafon get messages without any report: their messages end as unconfirmed.",
    ),
)


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    api = settings["api"]
    if api == "http":
        return {}
    differing = {"unprocessed_statuses": (), "validity": VALIDITY[api]}
    if api == "rest":
        return differing
    batch = Batching(3000, limit_setting="batch_size")
    return {**differing, "batch": batch, "dedupe": None, "sender": SenderRule(is_required=True), "pace": Pace(10)}


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    if gw["api"] == "rest_batch":
        response: Response = yield send(_batch_request(batch, gw, ctx))
        return _batch_results(batch, response, ctx)
    if gw["api"] == "rest":
        response = yield send(_rest_request(batch.first, gw, ctx))
        return batch.all(_rest_outcome(response, ctx))
    response = yield send(_http_request(batch.first, gw))
    return batch.all(_http_outcome(response, ctx))


def _http_request(message: Message, gw: Gateway) -> Request:
    shorten = SHORTEN.get(gw["shorten_links"])
    params = {
        "serviceId": gw["service_id"],
        "pass": gw["password"],
        "clientId": message.to,
        "message": message.text,
        "source": message.sender,
        "ptag": message.ref,
        "partnerMsgId": message.ref if gw["use_partner_msg_id"] else "",
        "shortenLinks": "" if shorten is None else str(shorten).lower(),
    }
    return Request("POST", gw["url"], (FORM,), requests.encode_pairs(requests.present(params)).encode("ascii"))


def _http_outcome(response: Response, ctx: Context) -> Outcome:
    """`OK` and the id on two lines; older accounts get the id alone."""
    if refused := refusal(response, ctx, HTTP_REFUSED):
        return refused
    text = answers.to_text(response).strip()
    found = re.fullmatch(r"(?:OK\s+)?([1-9]\d{0,19})", text, re.ASCII)
    if found is None:
        raise MalformedAnswer("the answer holds no id", answers.excerpt(text))
    return accepted(found[1])


def _rest_request(message: Message, gw: Gateway, ctx: Context) -> Request:
    seconds = _lifetime_s(message, gw)
    data = {"text": message.text, "serviceNumber": message.sender, "ttl": seconds and seconds // 60}
    body = {
        "login": gw["service_id"],
        "password": gw["password"],
        "id": message.ref,
        "destAddr": message.to,
        "message": {"type": "SMS", "data": requests.filled(data)},
        "notifyUrl": ctx.receipt_url,
        "shortenLinks": SHORTEN.get(gw["shorten_links"]),
    }
    return requests.post_json(gw["url"], requests.filled(body))


def _rest_outcome(response: Response, ctx: Context) -> Outcome:
    said = answers.maybe_json(response) or Node({})
    code, words = said.maybe_text("error", "code"), said.maybe_text("error", "description")
    words = " ".join(answers.some(words, said.maybe_text("extendedDescription")))
    refused = refusal(response, ctx, REST_REFUSED, code, words)
    if refused or code:
        return refused or REST_REFUSED.outcome(code, words)
    return accepted(_key(said, "mtNum"))


def _batch_request(batch: Batch, gw: Gateway, ctx: Context) -> Request:
    messages = [
        requests.filled(
            {
                "from": message.sender,
                "to": message.to,
                "text": message.text,
                "id": message.ref,
                "validity": _lifetime_s(message, gw),
                "callbackUrl": ctx.receipt_url,
            }
        )
        for message in batch.messages
    ]
    body = requests.filled({"messages": messages, "shortenUrl": SHORTEN.get(gw["shorten_links"])})
    return requests.post_json(gw["url"], body, headers=(requests.bearer(gw["api_key"], "Key"),))


def _lifetime_s(message: Message, gw: Gateway) -> int | None:
    wanted = message.validity_s or (gw["ttl_minutes"] or 0) * 60
    return VALIDITY[gw["api"]].clamp(wanted) if wanted else None


def _batch_results(batch: Batch, response: Response, ctx: Context) -> Results:
    """One object per message, in order; the index in a reason's `ref` is not the position."""
    if refused := refusal(response, ctx, BATCH_HTTP):
        return batch.all(refused)
    items = answers.read_json(response).items("result")
    if len(items) == 1 and _reason(items[0]) in OF_ALL:
        outcome = _element(items[0])
        is_split = outcome.code == TOO_MANY and len(batch.messages) > 1
        return batch.all(not_sent(outcome.words, is_alone=True) if is_split else outcome)
    if len(items) != len(batch.messages):
        raise MalformedAnswer("the answer has another number of results than the request")
    named = {item.maybe_text("id"): item for item in items}
    placed = {ref: item for ref, item in zip(batch.refs, items, strict=True) if "id" not in item}
    found = placed | named
    return per_message({ref: found[ref] for ref in batch.refs if ref in found}, _element)


def _element(item: Node) -> Outcome:
    if item.text("code") == "OK":
        return accepted(_key(item, "messageId"))
    if item.text("code") != "REJECTED":
        raise item.odd("the code is neither OK nor REJECTED")
    key = _reason(item)
    field = item.maybe_text("reasons", 0, "ref").rpartition(".")[2]
    code = f"{key} {field}" if f"{key} {field}" in BATCH_REFUSED else key
    return BATCH_REFUSED.outcome(code, item.maybe_text("description"))


def _key(said: Node, name: str) -> str:
    key = said.text(name)
    if not re.fullmatch(r"[\w-]{1,64}", key, re.ASCII):
        raise said.odd(f"{name} is no id")
    return key


def _reason(item: Node) -> str:
    return item.maybe_text("reasons", 0, "key")


def verify(raw: RawCallback, gw: Gateway) -> bool | None:
    """Only incoming messages of the HTTP API carry a hash, and only where it was agreed."""
    values = answers.form(raw)
    if not gw["mo_hash_key"] or gw["verify_signature"] == "off" or "clientId" not in values:
        return None
    signed = "".join(values.get(name, "") for name in ("clientId", "message", "messageId"))
    return equal(values.get("hash"), hmac_sign(gw["mo_hash_key"], signed.encode(), encoding="base64"))


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    if raw.body.lstrip().startswith((b"{", b"[")):
        return base.Callback(tuple(answers.readable(answers.objects(raw), _of_json)))
    values = answers.form(raw)
    if "clientId" in values:
        # Every line of an answer of 200 would be sent to the subscriber.
        return base.Callback((_inbound(values),), NOTHING_TO_SAY)
    keys = (answers.need(values, "transactionId"),)
    ref, reason = answers.first(values, "ptag", "partnerMsgId"), values.get("unifiedExtStatus", "")
    return base.Callback((_receipt(answers.need(values, "status"), reason, keys=keys, ref=ref),))


def _inbound(values: Mapping[str, str]) -> base.Inbound:
    """The zone of the time is not stated; the other interfaces write Moscow's."""
    sender, to = answers.need(values, "clientId"), values.get("shortNumber", "")
    at = answers.timestamp(values.get("receivedDate", ""), "%Y-%m-%d %H:%M:%S", MOSCOW)
    return base.Inbound(sender, to, values.get("message", ""), id=values.get("messageId", ""), at=at)


def _of_json(one: Node) -> base.Item:
    if "sourceAddr" in one and "status" not in one:
        text = one.maybe_text("message") or one.maybe_text("mediaURL")
        at = answers.iso_time(one.maybe_text("receivedDate"))
        return base.Inbound(
            one.text("sourceAddr"), one.maybe_text("destAddr"), text, id=one.text("transactionId"), at=at
        )
    key = one.maybe_text("mtNum") or one.text("messageId")
    reason, milliseconds = one.maybe_text("errorCode"), one.maybe_integer("ts")
    at = answers.unix_time(str(milliseconds // 1000)) if milliseconds else answers.iso_time(one.maybe_text("doneDate"))
    rest = {"to": one.maybe_text("destAddr"), "segments": one.maybe_integer("partCount"), "at": at}
    return _receipt(one.text("status"), reason.strip("0") and reason, keys=(key,), ref=one.maybe_text("id"), **rest)


def _receipt(status: str, reason: str, **rest: Any) -> base.Receipt:
    detailed = f"{status}/{reason}"
    return STATES.receipt(status if STATES.state(detailed) is None else detailed, code=reason, **rest)
