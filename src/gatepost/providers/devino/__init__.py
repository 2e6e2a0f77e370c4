"""Devino Telecom, Russia: devino.online (default) and the older REST v2 and v1. Facts of 2026-11.

Not found: body of the callbacks, keys of the reasons, status query and incoming messages of devino.online. What is done
about them is marked "(unverified)". Not supported: other channels (Viber), SOAP, sending by the recipient's time zone.
"""

import re
from collections.abc import Mapping
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Later, Message, Results, send
from gatepost.providers.devino import legacy
from gatepost.providers.devino.tables import REASONS, REFUSED, STATES
from gatepost.providers.fields import Choice, FieldError, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.flows import ask, check_by_balance
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Feed, Manifest, Pace, SenderRule, Validity
from gatepost.providers.wire import Headers, RawCallback, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused

URL = "https://api.devino.online"
ONLINE = ("api", "devino_online")
ASKED = ("use_status_query", True)

manifest = Manifest(
    slug="devino",
    label="Devino.Online",
    countries=("RU",),
    confidence="documented",
    facts="2026-11",
    docs="https://docs.devino.online/en/http/sms/",
    website="https://devino.online",
    own_shortener=("shorten_url",),
    fields=(
        Choice(
            "api",
            ONLINE[1],
            ("rest_v2", "REST v2"),
            ("rest_v1", "REST v1, with a session"),
            label="Interface",
            help="devino.online for new accounts; REST v2 and v1 are the older platform.",
        ),
        Url("base_url", label="URL", help=f"Empty: {URL}, {legacy.URLS['rest_v2']} or {legacy.URLS['rest_v1']}."),
        Choice(
            "auth",
            ("key", "API key"),
            ("basic", "Login and password"),
            label="Sign-in",
            when=ONLINE,
            help="How devino.online knows the account.",
        ),
        Secret("api_key", label="API key", when=ONLINE, help="From the cabinet. Needed for sign-in by API key."),
        Text("login", identifier=True, help="Needed for the older interfaces and for sign-in by login and password."),
        Secret("password", help="Goes with the login."),
        Choice(
            "priority",
            ("", "The provider's"),
            *(("LOW", "Low (advertising)"), ("MEDIUM", "Medium (advertising)")),
            *(("HIGH", "High (service)"), ("REALTIME", "Real time (transactional)")),
            when=ONLINE,
            help="One-time codes go in real time where a priority is chosen.",
        ),
        Number(
            "validity_s",
            label="Lifetime (seconds)",
            min=60,
            max=259_200,
            help="Where a message has none of its own. Empty: the provider's.",
        ),
        Flag("shorten_url", label="Shorten links", when=ONLINE, help="A click then arrives as the status CLICKED."),
        Flag("count_parts", label="Ask for the ids of the parts", when=ONLINE, help="Tells how many were counted."),
        Flag(
            "use_status_query",
            label="Ask for states",
            when=ONLINE,
            help="Only the address is known, from one program; ask the provider before you switch it on.",
            confidence="unverified",
        ),
        Text(
            "status_path",
            default="/sms-stat/statuses/get-by-ids",
            when=ASKED,
            confidence="unverified",
            help="Where states are asked for.",
        ),
        Text(
            "status_param",
            label="Status parameter",
            default="ids",
            when=ASKED,
            confidence="unverified",
            help="The parameter that holds the ids, with commas.",
        ),
    ),
    batch=Batching(1000),
    validity=Validity(1, 259_200),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}|\d{1,15}", "Up to 11 Latin letters, or 15 digits.", is_required=True),
    receipts=("push",),
    inbound=("sms",),
    inbound_delivery=("push",),
    await_delivery_s=60,
    pace=Pace(requests_per_second=10, parallel=4),
    setup=(
        "Create an API key in the cabinet and have a sender name approved: the gateway's sender ID.",
        "The older interfaces must be switched on by the manager or support first.",
        "Give the inbound URL when you order a number for incoming messages.",
    ),
)


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    by_key = settings["api"] == ONLINE[1] and settings["auth"] == "key"
    for name, label in (("api_key", "API key"),) if by_key else (("login", "Login"), ("password", "Password")):
        if not settings[name]:
            raise FieldError(name, "required", f"{label} is needed for this interface and sign-in.")
    return settings


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    if settings["api"] == ONLINE[1]:
        return {"receipts": ("push", "query")} if settings["use_status_query"] else {}
    return {
        "batch": Batching(1000, same=("sender", "text", "validity"), unique_number=True),
        "validity": Validity(60, 259_200),
        "receipts": ("query",),
        "inbound_delivery": ("push", "poll"),
        "feeds": (Feed("inbound", 60.0),),
    }


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    if gw["api"] != ONLINE[1]:
        return (yield from legacy.submit(batch, gw, ctx))
    flags = requests.present({"includeSegmentId": gw["count_parts"], "shortenUrl": gw["shorten_url"]})
    url = requests.with_query(_url(gw, "/sms/messages"), [(name, "true") for name, _ in flags])
    body = {"messages": [_message(message, gw, ctx) for message in batch.messages]}
    response: Response = yield send(requests.post_json(url, body, headers=_headers(gw)))
    if found := refusal(response, ctx, REFUSED):
        return batch.all(found)
    said = answers.read_json(response).node("result")
    entries = said.items()
    if len(entries) != len(batch.messages):
        raise said.odd("the answer has another number of entries than the request")
    return {ref: _outcome(entry) for ref, entry in zip(batch.refs, entries, strict=True)}


def _message(message: Message, gw: Gateway, ctx: Context) -> dict[str, Any]:
    values = {
        "from": message.sender,
        "to": message.to,
        "text": message.text,
        "validity": min(message.validity_s or gw["validity_s"] or 0, 259_200) or None,
        "priority": "REALTIME" if message.is_urgent and gw["priority"] else gw["priority"],
        "callbackUrl": ctx.receipt_url_for(message.ref),
        "options": {"ref": message.ref},
    }
    return requests.filled(values)


def _outcome(entry: answers.Node) -> Outcome:
    code = entry.text("code")
    if code == "OK":
        parts = entry.items("segmentsId") if "segmentsId" in entry else []
        return accepted(entry.text("messageId"), segments=len(parts) or None)
    listed = entry.items("reasons") if "reasons" in entry else []
    reasons = [(one.maybe_text("key"), one.maybe_text("ref")) for one in listed]
    said = " ".join(f"{ref}: {key}" for key, ref in reasons).lower()
    meaning = next((found for words, found in REASONS if re.search(words, said)), Refusal.PERMANENT)
    words = entry.maybe_text("description") or ", ".join(f"{key} ({ref})" if ref else key for key, ref in reasons)
    return refused(meaning, next((key for key, _ in reasons if key), code), words)


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    if gw["api"] != ONLINE[1]:
        return (yield from legacy.query(sent, gw, ctx))
    ids = [(gw["status_param"], ",".join(key for message in sent for key in message.keys))]
    request = requests.get(_url(gw, gw["status_path"]), ids, headers=_headers(gw))
    answer = yield from ask(request, "States", lambda response: refusal(response, ctx, REFUSED))
    said = answers.read_json(answer)
    listed = said if isinstance(said.value, list) else said.node("result")
    return answers.readable(listed.items(), lambda one: _receipt(one, ""))


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    """Reports as JSON (one or a list) or form, because their body was not found; incoming messages as documented for
    the older platform. An answer with a body could be sent to the handset, so it is empty."""
    if raw.kind == "inbound":
        values = answers.form(raw)
        sender, number = answers.need(values, "sourcePhone"), values.get("number", "")
        inbound = base.Inbound(sender, number, values.get("text", ""), id=values.get("messageId", ""))
        return base.Callback((inbound,))
    return base.Callback(tuple(answers.readable(answers.objects(raw), lambda one: _receipt(one, raw.receipt_ref))))


def _receipt(one: answers.Node, ref: str) -> base.Receipt:
    options = one.maybe("options", "ref")
    keys = answers.some(*(one.maybe_text(name) for name in ("messageId", "id", "smsId")))[:1]
    ours = (options.maybe_text() if options else "") or ref
    status = one.maybe_text("status") or one.text("state")
    if not keys and not ours:
        raise one.odd("the report names no message")
    return STATES.receipt(status, keys=keys, ref=ours)


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    return (yield from legacy.poll(cursor, gw, ctx))


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    if gw["api"] != ONLINE[1]:
        return (yield from legacy.balance(gw, ctx))
    request = requests.get(_url(gw, "/billing-api/companies/current/account"), headers=_headers(gw))
    answer = yield from ask(request, "Balance", lambda response: refusal(response, ctx, REFUSED))
    return base.Balance(answers.read_json(answer).decimal("result", "account", "balance"), legacy.ROUBLES)


check = check_by_balance(balance)


def _url(gw: Gateway, path: str) -> str:
    return f"{gw['base_url'] or URL}{path}"


def _headers(gw: Gateway) -> Headers:
    by_key = gw["auth"] == "key"
    sign_in = requests.bearer(gw["api_key"], "Key") if by_key else requests.basic(gw["login"], gw["password"])
    return (sign_in, ("accept", "application/json"))
