"""SerwerSMS.pl, https://dev.serwersms.pl: HTTPS API v2 with JSON. Facts of 2026-11.

Not supported: the older XML API, groups and contacts, voice, sending MMS, WAP push, vCards, cancelling.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gatepost.providers import base
from gatepost.providers.base import Ack, Batch, Callback, Context, Flow, Gateway, Inbound, Media, Results, send
from gatepost.providers.fields import Choice, Flag, Lines, Secret, Text, Url
from gatepost.providers.kit import answers
from gatepost.providers.kit.batches import digits, match, per_message, refused_as_one
from gatepost.providers.kit.own_words import field_names, named, state_of, state_words, without_prefix
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Feed, Manifest, Ref, SenderRule
from gatepost.providers.serwersms import calls
from gatepost.providers.serwersms.tables import INBOUND_NAMES, PUSHED_WORDS, REASONS, STATES, UNSENT
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted
from gatepost.sms.states import State

ZONE = ZoneInfo("Europe/Warsaw")
TIME = "%Y-%m-%d %H:%M:%S"
PAGE, MAX_PAGES = 50, 400
# Local times go back an hour in October, and a report may come late; what was read before is known by its id.
LOOK_BACK = timedelta(hours=2)

manifest = Manifest(
    slug="serwersms",
    label="SerwerSMS.pl",
    countries=("PL",),
    confidence="documented",
    facts="2026-11",
    docs="https://dev.serwersms.pl/https-api-v2",
    website="https://www.serwersms.pl",
    callback_names=("serversms",),
    fields=(
        Url("base_url", default="https://api2.serwersms.pl", help="Version 2 of the interface."),
        Choice(
            "auth_mode",
            ("password", "Login and password"),
            ("token", "Token"),
            label="Sign in with",
            help="A token of the API user replaces its login and password.",
        ),
        Text(
            "login",
            identifier=True,
            required=True,
            when=("auth_mode", "password"),
            help="The API user (Panel > Interface settings > HTTPS API > Users), not the login of the panel.",
        ),
        Secret("password", required=True, when=("auth_mode", "password"), help="Of the API user."),
        Secret("api_token", label="API token", required=True, when=("auth_mode", "token"), help="HTTPS API > Tokens."),
        Flag("unicode", default=True, help="FULL only. Off: letters outside GSM-7 are replaced (unverified)."),
        Flag("priority", help="The priority channel; FULL only."),
        Flag("test_mode", help="Answers as real; nothing is sent and no report follows."),
        Flag("use_dlr_url", label="Send our report URL", default=True, help="Overrides the URL set in the panel."),
        Flag(
            "poll_reports",
            label="Ask for reports",
            default=True,
            help="For reports that were not pushed, or with a word that nobody knows.",
        ),
        Flag("poll_incoming", label="Fetch incoming messages", default=True, help="Once a minute, of the kinds below."),
        Lines(
            "incoming_types",
            label="Kinds that are fetched",
            default=("eco", "nd", "ndi"),
            pattern="eco|nd|ndi|pre|mms",
            pattern_words="one of eco, nd, ndi, pre, mms.",
            when=("poll_incoming", True),
            help="Replies to ECO+, dedicated number, shared number with a code, premium, MMS.",
        ),
        state_words(
            "dlr_state_map",
            label="Words of pushed reports",
            default=PUSHED_WORDS,
            confidence="unverified",
            help="Any other word: the report is asked for.",
        ),
        field_names(
            "incoming_field_map",
            INBOUND_NAMES,
            label="Names in pushed incoming messages",
            help="Their names were not found: likely ones are listed.",
        ),
        Lines("text_prefixes_to_remove", help="Keywords or NDI codes that are cut from the start of inbound texts."),
    ),
    batch=Batching(200, same=("sender", "encoding"), unique_number=True),
    reference=Ref(50, "alphanumeric"),
    schedules=True,
    sender=SenderRule(r"[^\x00-\x1f]{1,11}", "At most 11 characters; empty for ECO+."),
    max_segments=6,
    receipts=("push", "query"),
    inbound=("sms", "mms"),
    inbound_delivery=("push", "poll"),
    feeds=(Feed("eco"), Feed("nd"), Feed("ndi")),
    query_limit=200,
    setup=(
        "Panel > Interface settings > HTTPS API > Users: create an API user and allow our address.",
        "Panel > Sender names: add a name and wait for its approval; without a sender messages go as ECO+.",
        "Nothing is to be pasted for receipts: our URL goes with every message.",
        "Incoming messages are fetched. To have them pushed, set the inbound URL with &ournumber=<your number> as "
        "forwarding URL, and look for the list of placeholders beside that field (unverified).",
    ),
)


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    pushed = ("push",) if settings["use_dlr_url"] else ()
    asked = ("query",) if settings["poll_reports"] else ()
    fetched = settings["incoming_types"] if settings["poll_incoming"] else ()
    return {
        "receipts": () if settings["test_mode"] else (*pushed, *asked),
        "inbound_delivery": ("push", "poll") if fetched else ("push",),
        "feeds": tuple(Feed(kind) for kind in fetched),
    }


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    response: Response = yield send(_request(batch, gw, ctx))
    answer, outcome = calls.read(response, ctx)
    if outcome:
        return refused_as_one(batch, outcome, (Refusal.BAD_RECIPIENT, Refusal.BAD_CONTENT))
    return per_message(match(batch, answer.items("items"), numbers=(lambda item: item.maybe_text("phone"),)), _outcome)


def _request(batch: Batch, gw: Gateway, ctx: Context) -> Request:
    first, messages = batch.first, batch.messages
    numbers, texts = [f"+{message.to}" for message in messages], [message.text for message in messages]
    if has_one_text := len(set(texts)) == 1:
        content: dict[str, Any] = {"phone": numbers, "text": first.text}
    else:
        content = {"messages": [{"phone": to, "text": text} for to, text in zip(numbers, texts, strict=True)]}
    placeholders = "id=#SMSID#&status=#STAN#&time=#DATA#&reason=#PRZYCZYNA#"
    has_report_url = gw["use_dlr_url"] and not gw["test_mode"] and ctx.receipt_url
    options = {
        "sender": first.sender,
        "details": True,
        "unique_id": list(batch.refs),
        "utf": bool(first.sender) and gw["unicode"] and first.encoding == "ucs2",
        "speed": bool(first.sender) and gw["priority"],
        "test": gw["test_mode"],
        "date": first.send_at.astimezone(ZONE).strftime(TIME) if first.send_at else "",
        "dlr_url": f"{ctx.receipt_url}?{placeholders}" if has_report_url else "",
    }
    action = "messages/send_sms" if has_one_text else "messages/send_personalized"
    return calls.post(gw, action, content | {name: value for name, value in options.items() if value})


def _outcome(item: answers.Node) -> Outcome:
    if item.text("status") == "unsent":
        return UNSENT.outcome(item.maybe_text("error_code"), item.maybe_text("error_message"))
    return accepted(item.text("id"), segments=item.maybe_integer("parts"))


def parse_callback(raw: RawCallback, gw: Gateway) -> Callback:
    values = {name: value for name, value in answers.pairs(raw) if not (value[:1] == value[-1:] == "#")}
    is_message = raw.kind == "inbound" or (raw.kind == "any" and "status" not in values)
    read = _pushed_message if is_message else _pushed_receipt
    return Callback((read(values, gw),) if values else (), Ack(body=b"OK"))


def _pushed_receipt(values: Mapping[str, str], gw: Gateway) -> base.Item:
    key, status = answers.need(values, "id"), answers.need(values, "status")
    state = state_of(gw["dlr_state_map"], status) or STATES.state(status)
    return _receipt(key, status, state, values.get("reason", ""), values.get("time", ""))


def _pushed_message(values: Mapping[str, str], gw: Gateway) -> base.Item:
    found = named(gw["incoming_field_map"], values)
    text = without_prefix(found["text"], gw["text_prefixes_to_remove"])
    at = answers.timestamp(found["time"], TIME, ZONE)
    return Inbound(answers.need(found, "sender"), found["recipient"], text, id=found["id"], at=at)


def _receipt(key: str, status: str, state: State | None, reason: str, at: str, **rest: Any) -> base.Receipt:
    return base.Receipt(
        (REASONS.state(reason) if state is State.UNDELIVERED else None) or state,
        status,
        keys=(key,),
        words=REASONS.words(reason) or STATES.words(status),
        code=reason,
        refusal=REASONS.refusal(reason),
        at=answers.timestamp(at, TIME, ZONE),
        **rest,
    )


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    keys = [key for message in sent for key in message.keys]
    if not keys:
        return []
    answer = yield from calls.ask(gw, ctx, "messages/reports", {"id": keys, "limit": len(keys)}, "Reports")
    return answers.readable(answer.items("items"), _reported)


def _reported(item: answers.Node) -> base.Receipt:
    status, to = item.text("status"), digits(item.maybe_text("phone"))
    at = item.maybe_text("delivered") or item.maybe_text("sent")
    cost, segments = answers.price(item.maybe_decimal("cost"), ""), item.maybe_integer("parts")
    rest = {"to": to, "price": cost, "segments": segments}
    return _receipt(item.text("id"), status, STATES.state(status), item.maybe_text("reason"), at, **rest)


def find(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, base.Found]]:
    """One request each: the answer does not repeat our reference."""
    found = {}
    for message in sent:
        answer = yield from calls.ask(gw, ctx, "messages/reports", {"unique_id": [message.ref]}, "Look-up")
        items = answers.readable(answer.items("items"), _reported)
        keys = tuple(key for item in items for key in item.keys)
        found[message.ref] = base.Found(bool(items), keys, items[0].state if items else None)
    return found


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[base.Later]:
    """`cursor`: the time of the latest message so far; a page at a time from a little before it."""
    latest = answers.iso_time(cursor) or ctx.now - timedelta(days=1)
    since = (latest - LOOK_BACK).astimezone(ZONE).strftime(TIME)
    for page in range(1, MAX_PAGES + 1):
        wanted = {"type": feed, "date_from": since, "order": "asc", "limit": PAGE, "page": page}
        answer = yield from calls.ask(gw, ctx, "messages/recived", wanted, "Incoming")
        entries = answer.items("items")
        items = [item for items in answers.readable(entries, lambda e: _received(feed, e, gw)) for item in items]
        times = [item.at for item in items if isinstance(item, Inbound) and item.at]
        latest = min(max([latest, *times]), ctx.now)
        if items:
            yield base.Commit(tuple(items), latest.astimezone(UTC).isoformat())
        if len(entries) < PAGE:
            break
    return base.Later(60.0, latest.astimezone(UTC).isoformat())


def _received(feed: str, item: answers.Node, gw: Gateway) -> tuple[base.Item, ...]:
    number, text = item.text("phone"), item.maybe_text("text") or item.maybe_text("title")
    message = Inbound(
        number,
        item.maybe_text("to_number"),
        without_prefix(text, gw["text_prefixes_to_remove"]),
        id=f"{feed}:{item.text('id')}",
        at=answers.timestamp(item.maybe_text("recived"), TIME, ZONE),
        kind="mms" if feed == "mms" else "sms",
        media=tuple(map(_media, item.items("attachments"))) if "attachments" in item else (),
        answers=answers.some(item.maybe_text("message_id")),
    )
    has_opted_out = (flag := item.maybe("blacklist")) is not None and flag.value is True
    return (message, base.OptOut(number, "blacklist")) if has_opted_out else (message,)


def _media(item: answers.Node) -> Media:
    try:
        body = base64.b64decode(item.text("data"), validate=True)
    except binascii.Error:
        raise item.odd("data is not Base64") from None
    return Media(item.maybe_text("content_type"), item.maybe_text("name"), body)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    if found := (yield from _limits(gw, ctx)):
        return found
    raise base.MalformedAnswer("the account counts no messages: there is no balance to read")


def check(gw: Gateway, ctx: Context) -> Flow[base.Checked]:
    return base.Checked("Signed in.", balance=(yield from _limits(gw, ctx)))


def _limits(gw: Gateway, ctx: Context) -> Flow[base.Balance | None]:
    """How many messages are left, of the first kind that is counted."""
    answer = yield from calls.ask(gw, ctx, "account/limits", {}, "Balance")
    left = {item.maybe_text("type"): item.maybe_text("value") for item in answer.items("items")}
    words = ", ".join(f"{kind}: {value}" for kind, value in left.items())
    counted = next((kind for kind in ("full", "eco") if left.get(kind, "").isdecimal()), None)
    return base.Balance(Decimal(left[counted]), f"{counted.upper()} messages", words) if counted else None
