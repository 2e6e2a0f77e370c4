"""SMS Traffic, Russia: the script `multi.php` with XML answers, description 1.85. Facts of 2026-11.

Always as individual messages with our own ids, by which the rows of an answer are told apart. Not supported: groups,
templates, flash, the provider's schedule, SOAP, SMPP, SMTP.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gatepost.providers import base
from gatepost.providers.base import Ack, Batch, Context, Flow, Gateway, Later, Message, Results, Stop, send
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import match_all, per_message
from gatepost.providers.kit.flows import ask, check_by_balance, fetched, since
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.signatures import equal
from gatepost.providers.kit.tables import Refused
from gatepost.providers.kit.xml import descendants, local, maybe_text, read_xml, text
from gatepost.providers.manifest import Attribute, Feed, Manifest, Pace, Ref, SenderRule, Validity
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.smstraffic.tables import OF_ONE, REFUSED, STATES
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, accepted, not_sent
from gatepost.sms.states import State

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

HOST, BACKUP = "https://api.smstraffic.ru", "https://api2.smstraffic.ru/multi.php"
SCRIPT = Url("script_url", schemes=("https", "http"))
MOSCOW = ZoneInfo("Europe/Moscow")
TIME = "%Y-%m-%d %H:%M:%S"
IDS_PER_QUERY = 15
IN_ORDER_WITHIN_MS = 300_000
SEGMENTS_PER_ANSWER = 1500
KEPT, FINAL_AFTER = timedelta(days=2), timedelta(days=1)
ALIKE: tuple[Attribute, ...] = ("sender", "encoding", "validity")
LIFETIME = Validity(600, 86_400)
SMART = ("dialect", "smartdelivery")

manifest = Manifest(
    slug="smstraffic",
    label="SMS Traffic",
    countries=("RU", "BY", "KZ"),
    confidence="documented",
    facts="2026-11",
    website="https://www.smstraffic.ru",
    fields=(
        Text(
            "script_url",
            label="Script URL",
            default=f"{HOST}/multi.php",
            pattern=r"https?://\S+|/?[\w./-]+",
            pattern_words="a full address, or the path of the script.",
            help=f"Or a path on {HOST}.",
        ),
        Url("backup_url", label="Backup URL", default=BACKUP, help="For when the first cannot be reached, or says so."),
        Text("login", required=True, identifier=True, help="Of the account."),
        Secret("password", required=True, help="Of the account."),
        Number(
            "gap_ms",
            label="Pause between segments (ms)",
            default=50,
            min=50,
            max=60_000,
            help="The provider's own is 1000. All segments of one request must leave within five minutes.",
        ),
        Number("max_parts", label="Maximum SMS per message", default=255, min=1, max=255, help="Longer ones are cut."),
        Number("timeout_s", label="Lifetime (seconds)", min=600, max=86_400, help="Few operators honour it."),
        Number(
            "batch_size",
            label="Messages per request",
            default=500,
            min=1,
            max=500,
            help="One wrong number refuses all messages of a request.",
        ),
        Choice(
            "dialect",
            ("classic", "SMS Traffic"),
            ("smartdelivery", "Smart Delivery (Belarus)"),
            label="Answers",
            help="Whose tags the answers have.",
        ),
        Text("route", when=SMART, help="Such as viber(60)-sms.", confidence="unverified"),
        Choice("inbound_charset", "windows-1251", "utf-8", group="Callbacks", help="As chosen in the cabinet."),
        Secret("shortcode_password", group="Callbacks", help="Of a short code, as set in the cabinet."),
        Flag("poll_inbound", group="Callbacks", help="Fetch messages where the provider cannot reach us."),
    ),
    batch=Batching(500, ALIKE, limit_setting="batch_size", max_segments=SEGMENTS_PER_ANSWER),
    reference=Ref(alphabet="alphanumeric"),
    validity=LIFETIME,
    sender=SenderRule(r"[A-Za-z0-9_.-]{1,11}|\d{1,15}", "Up to 11 Latin letters, digits, -, _ or ., or 15 digits."),
    max_segments=255,
    max_segments_setting="max_parts",
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    await_delivery_s=60,
    query_limit=IDS_PER_QUERY,
    poll_until_s=48 * 3600,
    pace=Pace(parallel=4),
    setup=(
        "Enter login and password; if the account has a list of allowed addresses, add that of this installation.",
        "Give the support the receipt URL.",
        "Cabinet: set the inbound URL for each number or short code, and the charset as here.",
    ),
)


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The script as a whole address. The backup host serves the accounts of one brand."""
    given = settings["script_url"]
    script: str = SCRIPT.clean(given if "://" in given else f"{HOST}/{given.lstrip('/')}")
    is_elsewhere = not f".{urlsplit(script).hostname}".endswith(".smstraffic.ru")
    backup = None if is_elsewhere and settings["backup_url"] == BACKUP else settings["backup_url"]
    return {**settings, "script_url": script, "backup_url": backup}


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """What leaves within five minutes has ids; and its answer must not be too long to be read."""
    segments = min(IN_ORDER_WITHIN_MS // settings["gap_ms"], SEGMENTS_PER_ANSWER)
    batch = {"batch": Batching(500, ALIKE, limit_setting="batch_size", max_segments=segments)}
    feeds = {"feeds": (Feed("inbound", 60.0),), "inbound_delivery": ("push", "poll")}
    return batch | (feeds if settings["poll_inbound"] else {})


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    """Letters outside ASCII make the provider use UCS-2 for all: plain texts do not share a request with them."""
    plain = tuple(message for message in batch.messages if _is_plain(message))
    rest = Batch(plain or batch.messages)
    left = {m.ref: not_sent("goes as UCS-2", is_alone=True) for m in batch.messages if plain and not _is_plain(m)}
    response: Response = yield send(_submit_request(rest, gw, ctx))
    root, found = _read(response, ctx)
    if found:
        return left | _of_all(rest, found)
    rows = match_all(
        rest, descendants(root, "message_info"), ref=lambda row: maybe_text(row, "push_id"), numbers=(_phone,)
    )
    return left | per_message(rows, lambda parts: accepted(*map(_id, parts), segments=len(parts)))


def _is_plain(message: Message) -> bool:
    return message.encoding == "gsm7" and message.text.isascii()


def _submit_request(batch: Batch, gw: Gateway, ctx: Context) -> Request:
    first = batch.first
    delimiter = _delimiter(batch, ctx.nonce)
    params = {
        "want_sms_ids": 1,
        "with_push_id": 1,
        "individual_messages": 1,
        "rus": 0 if _is_plain(first) else 5,
        "originator": first.sender,
        "gap": f"{gw['gap_ms'] / 1000:g}",
        "max_parts": gw["max_parts"],
        "timeout": LIFETIME.clamp(first.validity_s) if first.validity_s else gw["timeout_s"],
        "route": gw["route"] if gw["dialect"] == "smartdelivery" else "",
        "delimiter": delimiter,
        "phones": delimiter.join(f"{message.ref}:{message.to} {message.text}" for message in batch.messages),
    }
    return _request(gw, params, turned_round=first.attempt % 2 == 0)


def _delimiter(batch: Batch, nonce: str) -> str:
    """Occurs in no text, and cannot begin at the end of one: only its first character is a "<"."""
    inside = nonce
    while any(f"<{inside}>" in message.text for message in batch.messages):
        inside += "x"
    return f"<{inside}>"


def _request(gw: Gateway, params: Mapping[str, Any], *, turned_round: bool = False) -> Request:
    """`turned_round`: every second attempt begins at the backup, because the first may have said "temporary error"."""
    urls = answers.some(gw.text("script_url"), gw.text("backup_url"))
    url, *backups = reversed(urls) if turned_round else urls
    login = {"login": gw["login"], "password": gw["password"]}
    return requests.post_form(url, requests.present({**login, **params}), backup_urls=tuple(backups))


def _read(response: Response, ctx: Context) -> "tuple[Element, Outcome | None]":
    """The answer, and the refusal in it: errors come with HTTP 200."""
    if outcome := refusal(response, ctx, Refused({})):
        raise Stop(outcome)
    root = read_xml(response.body)
    if local(root) != "reply":
        raise base.MalformedAnswer("the answer is not a <reply>")
    if maybe_text(root, "result").upper() != "ERROR":
        return root, None
    return root, REFUSED.outcome(text(root, "code"), maybe_text(root, "description"))


def _of_all(batch: Batch, found: Outcome) -> Results:
    """One wrong message refuses the whole request; where the words name its number, the others may go at once."""
    if found.refusal not in OF_ONE or len(batch.messages) == 1:
        return batch.all(found)
    numbers = set(re.findall(r"\d+", found.words, re.ASCII))
    named = {message.ref: found for message in batch.messages if message.to in numbers}
    words = f"the whole request was refused: {found.words}"
    rest = not_sent(words, retry_after_s=1.0) if named else not_sent(words, is_alone=True)
    return batch.all(rest) | named


def _phone(row: "Element") -> str:
    return maybe_text(row, "phone")


def _id(row: "Element") -> str:
    return maybe_text(row, "sms_id") or text(row, "id")


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    asked = {key: message for message in sent for key in message.keys}
    ids, receipts = list(asked), []
    for start in range(0, len(ids), IDS_PER_QUERY):
        params = {"operation": "status", "sms_id": ",".join(ids[start : start + IDS_PER_QUERY])}
        root = yield from _ask(gw, ctx, params, "State", unless="434")
        rows = descendants(root, "sms") or descendants(root, "msg-info") or [root]
        only = ids[start] if len(ids) == 1 else ""
        found = answers.readable(rows, partial(_state, only=only, asked=asked, ctx=ctx))
        receipts += [receipt for receipt in found if receipt]
    return receipts


def _state(row: "Element", *, only: str, asked: Mapping[str, base.Sent], ctx: Context) -> base.Receipt | None:
    """An unknown id is one that is not yet stored, or, a day after, one of which nothing will be known."""
    error = maybe_text(row, "error") or (maybe_text(row, "description") if maybe_text(row, "code") == "434" else "")
    key = only if error and only else _id(row)
    message = asked.get(key)
    if error:
        is_old = message and message.submitted_at and ctx.now - message.submitted_at > FINAL_AFTER
        return base.Receipt(State.UNCONFIRMED, "", keys=(key,), words=error) if is_old else None
    changed = maybe_text(row, "last_status_change_date") or maybe_text(row, "last_update_status")
    if not changed and not descendants(row, "status"):
        raise base.MalformedAnswer("the answer tells no status")
    return STATES.receipt(maybe_text(row, "status"), keys=(key,), at=_moment(changed))


def _moment(written: str) -> datetime | None:
    return answers.timestamp(written, TIME, MOSCOW)


def verify(raw: RawCallback, gw: Gateway) -> bool | None:
    """Only messages to a short code bring a password."""
    values = answers.form(raw)
    if not gw["shortcode_password"] or "shortcode" not in values:
        return None
    return equal(values.get("password"), gw["shortcode_password"])


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    values = answers.form(raw, gw["inbound_charset"])
    key = answers.need(values, "sms_id")
    if "phone" in values:
        to, sender = values.get("shortcode", ""), answers.need(values, "phone")
        # The answer to a short code's message is sent to the subscriber.
        ack = Ack() if "shortcode" in values else Ack(body=b"OK")
        return base.Callback((base.Inbound(sender, to, values.get("message", ""), id=key),), ack)
    if "status" not in values:
        raise base.MalformedAnswer("neither a status nor a message")
    at = _moment(values.get("delivery_date", ""))
    return base.Callback((STATES.receipt(values["status"], keys=(key,), at=at),))


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    begin = max(since(cursor, ctx, KEPT), ctx.now - KEPT)
    params = {"operation": "incoming", "from_date": begin.astimezone(MOSCOW).strftime(TIME), "want_sms_ids": 1}
    root = yield from _ask(gw, ctx, params, "Incoming messages")
    return (yield from fetched(answers.readable(descendants(root, "message"), _incoming), ctx))


def _incoming(row: "Element") -> base.Inbound:
    sender, key, at = text(row, "from_phone"), text(row, "sms_id"), _moment(maybe_text(row, "delivery_date"))
    return base.Inbound(sender, "", maybe_text(row, "text"), id=key, at=at)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    root = yield from _ask(gw, ctx, {"operation": "account"}, "Balance")
    unit = "RUB" if gw["dialect"] == "classic" else ""
    return base.Balance(answers.to_decimal(text(root, "account")), unit, "The account's own currency.")


check = check_by_balance(balance)


def _ask(gw: Gateway, ctx: Context, params: Mapping[str, Any], label: str, *, unless: str = "") -> "Flow[Element]":
    answer = yield from ask(_request(gw, params), label, lambda response: None)
    root, found = _read(answer, ctx)
    if found and not (unless and found.code == unless):
        raise Stop(found)
    return root
