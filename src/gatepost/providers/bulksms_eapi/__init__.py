"""BulkSMS EAPI (legacy HTTP), https://www.bulksms.com/developer/eapi/: Latin-1 forms, answers in pipes. Of 2026-11.

Not supported: scheduling, groups, 8-bit. One id for the whole call: a message is known by that id and its number.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import (
    Batch,
    Commit,
    Context,
    Flow,
    Gateway,
    Later,
    MalformedAnswer,
    Message,
    Results,
    send,
)
from gatepost.providers.bulksms_eapi import calls
from gatepost.providers.bulksms_eapi.tables import STATES
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers
from gatepost.providers.kit.batches import digits, refused_as_one
from gatepost.providers.kit.flows import check_by_balance
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Feed, Manifest, Pace, Ref, SenderRule
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Refusal, accepted, not_sent
from gatepost.sms.states import State

EVERY_S = 60.0
LISTED_WITHIN, DROPPED = timedelta(hours=1), "not in the report of its batch: invalid lines are dropped"

manifest = Manifest(
    slug="bulksms_eapi",
    label="BulkSMS EAPI",
    countries=("ZA", "IM", "GB", "ES", "DE", "US"),
    confidence="documented",
    facts="2026-11",
    docs="https://www.bulksms.com/developer/eapi/",
    website="https://www.bulksms.com",
    fields=(
        Url(
            "base_url", default="https://bulksms.2way.co.za", help="The site of your account; others refuse its login."
        ),
        Text("username", required=True, identifier=True, help="Of the account on that site."),
        Secret("password", required=True, help="Of the account on that site."),
        Number(
            "concat_text_sms_max_parts",
            label="Maximum SMS per message",
            default=4,
            min=1,
            max=10,
            help="Above 1, long texts are allowed (10 as the upper end is unverified).",
        ),
        Flag("repliable", help="The provider picks a number that can be answered, instead of the sender ID."),
        Choice(
            "routing_group",
            ("2", "Standard"),
            ("1", "Economy"),
            ("3", "Premium"),
            confidence="unverified",
            help="Price and quality class.",
        ),
        Choice(
            "test_mode", "off", ("always_succeed", "Always succeed"), ("always_fail", "Always fail"), help="No SMS."
        ),
        Choice(
            "batch_mode",
            ("send_sms", "Several messages with one text"),
            ("send_batch", "Different texts too"),
            label="Batches",
            help="Of different texts the provider drops an invalid one without a word; an hour later it is missed.",
        ),
        Number(
            "batch_size",
            label="Recipients per request",
            default=500,
            min=1,
            max=5000,
            help="Up to 5,000 are advised; one number at fault stops the whole request.",
        ),
        Flag("poll_inbound", label="Fetch incoming messages", help="For accounts that push nothing; once a minute."),
    ),
    batch=Batching(5000, same=("sender", "text", "encoding"), unique_number=True, limit_setting="batch_size"),
    reference=Ref(20),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}|\d{3,15}", "Up to 11 letters and digits, or a number."),
    max_segments_setting="concat_text_sms_max_parts",
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    busy_status=500,
    await_delivery_s=3600,
    pace=Pace(parallel=1),
    setup=(
        "Choose the site on which your account was opened; user name and password are those of the site.",
        "In the web profile, enter the receipt URL for status reports and the inbound URL for incoming messages.",
    ),
)


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    feeds = {"feeds": (Feed("inbound", EVERY_S),), "inbound_delivery": ("push", "poll")}
    mixed = {"batch": Batching(5000, same=("sender",), unique_number=True, limit_setting="batch_size")}
    return (feeds if settings["poll_inbound"] else {}) | (mixed if settings["batch_mode"] == "send_batch" else {})


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    """One text to all; or a table with a line for each message, where a backslash means something else."""
    fit = tuple(message for message in batch.messages if "\\" not in message.text) or batch.messages[:1]
    taken = batch if _has_one_text(batch) else Batch(fit)
    odd = set(batch.messages) - set(taken.messages)
    left = {message.ref: not_sent("a backslash cannot stand in a table", is_alone=True) for message in odd}
    request = _request(taken, gw, ctx) if _has_one_text(taken) else _batch_request(taken, gw)
    response: Response = yield send(request)
    if outcome := calls.refused(response):
        return left | refused_as_one(taken, outcome, (Refusal.BAD_RECIPIENT,))
    key = calls.first_line(response)[2]
    if not key.isdecimal():
        raise MalformedAnswer("accepted without a batch id", answers.excerpt(answers.to_text(response, "latin-1")))
    return left | {message.ref: accepted(f"{key}:{message.to}") for message in taken.messages}


def _has_one_text(batch: Batch) -> bool:
    return all(message.text == batch.first.text for message in batch.messages)


def _request(batch: Batch, gw: Gateway, ctx: Context) -> Request:
    text, coding = _written(batch.first)
    numbers = ",".join(message.to for message in batch.messages)
    ours = batch.first.ref if len(batch.messages) == 1 else f"s{ctx.serial}"
    params = {**calls.login(gw), "message": text, "msisdn": numbers, "dca": coding}
    return calls.request(gw, "submission/send_sms/2/2.0", params | _options(batch.first, gw, ours))


def _batch_request(batch: Batch, gw: Gateway) -> Request:
    rows = [(message.to, *_written(message), message.ref) for message in batch.messages]
    lines = [",".join(f'"{_escaped(value)}"' for value in row) for row in rows]
    params = {**calls.login(gw), "batch_data": "\n".join(("msisdn,message,dca,source_id", *lines))}
    return calls.request(gw, "submission/send_batch/1/1.0", params | _options(batch.first, gw))


def _options(first: Message, gw: Gateway, source_id: str = "") -> dict[str, Any]:
    parts = gw["concat_text_sms_max_parts"]
    return {
        "sender": "" if gw["repliable"] else first.sender,
        "repliable": "1" if gw["repliable"] else "0" if first.sender else "",
        "routing_group": gw["routing_group"],
        "want_report": "1",
        "source_id": source_id,
        "allow_concat_text_sms": "1" if parts > 1 else "",
        "concat_text_sms_max_parts": parts if parts > 1 else "",
        f"test_{gw['test_mode']}": "1" if gw["test_mode"] != "off" else "",
    }


def _written(message: Message) -> tuple[str, str]:
    """The text as it travels, and its coding."""
    if message.encoding == "ucs2" or not calls.is_latin(message.text):
        return message.text.encode("utf-16-be").hex().upper(), "16bit"
    return message.text, "7bit"


def _escaped(value: str) -> str:
    return value.replace('"', '\\"').replace("\n", "\\n")


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    """Pushes come as GET in Latin-1 and want at least one character back."""
    values = answers.form(raw, "latin-1")
    item = _inbound(values) if raw.kind == "inbound" else _receipt(values)
    return base.Callback((item,), base.Ack(body=b"1"))


def _receipt(values: Mapping[str, str]) -> base.Receipt:
    to, ours = digits(answers.need(values, "msisdn")), values.get("source_id", "")
    serial = ours.removeprefix("s") if ours.startswith("s") and ours[1:].isdecimal() and len(ours) < 12 else ""
    return STATES.receipt(
        answers.need(values, "status"),
        keys=(f"{answers.need(values, 'batch_id')}:{to}",),
        ref="" if serial else ours,
        to=to,
        serial=int(serial) if serial else None,
    )


def _inbound(values: Mapping[str, str]) -> base.Inbound:
    sender, answered = answers.need(values, "sender"), values.get("referring_batch_id", "")
    return base.Inbound(
        sender,
        values.get("msisdn", ""),
        _text(values.get("message", ""), values.get("dca", "")),
        id=values.get("msg_id", ""),
        answers=(f"{answered}:{digits(sender)}",) if answered not in ("", "0") else (),
    )


def _text(message: str, coding: str) -> str:
    """Text, or hex of UTF-16BE."""
    if coding.lower() != "16bit":
        return message
    try:
        return bytes.fromhex(message).decode("utf-16-be")
    except ValueError:
        raise MalformedAnswer("the message is no hex of UTF-16") from None


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    """What an hour later is not in the report of its table was an invalid line, which is dropped without a word."""
    receipts = []
    for message in sent:
        is_old = ctx.now - (message.submitted_at or ctx.now) > LISTED_WITHIN
        for key in message.keys:
            batch_id = key.partition(":")[0]
            params = {**calls.login(gw), "batch_id": batch_id, "msisdn": message.to}
            answer = yield from calls.ask(gw, "status_reports/get_report/2/2.0", params, "State")
            found = list(_reported(batch_id, answer))
            if not found and is_old and gw["batch_mode"] == "send_batch":
                found = [base.Receipt(State.REJECTED, "", keys=(key,), to=message.to, words=DROPPED)]
            receipts += found
    return receipts


def _reported(batch_id: str, answer: Response) -> Iterator[base.Receipt]:
    for line in answers.to_text(answer, "latin-1").splitlines()[1:]:
        number, _, rest = line.strip().partition("|")
        if number:
            to = digits(number)
            yield STATES.receipt(rest.partition("|")[0].strip(), keys=(f"{batch_id}:{to}",), to=to)


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    params = {**calls.login(gw), "last_retrieved_id": cursor or "0"}
    answer = yield from calls.ask(gw, "reception/get_inbox/1/1.1", params, "Incoming messages")
    rows = [line.split("|") for line in answers.to_text(answer, "latin-1").splitlines()[1:] if line.count("|") >= 5]
    items = tuple(answers.readable(rows, _fetched))
    if items:
        cursor = str(max(int(item.id) for item in items))
        yield Commit(items, cursor)
    return Later(EVERY_S, cursor)


def _fetched(row: list[str]) -> base.Inbound:
    """`id|sender|message|time|our number|batch id[|encoding]`; line breaks are written as escapes."""
    names = ("msg_id", "sender", "message", "time", "msisdn", "referring_batch_id", "dca")
    values = dict(zip(names, row, strict=False))
    answers.whole(values["msg_id"], "message id")
    values["message"] = values["message"].replace("\\n", "\n").replace("\\r", "\r")
    return _inbound(values)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    answer = yield from calls.ask(gw, "user/get_credits/1/1.1", calls.login(gw), "Balance")
    return base.Balance(answers.to_decimal(calls.first_line(answer)[1], "credits"), "credits")


check = check_by_balance(balance)
