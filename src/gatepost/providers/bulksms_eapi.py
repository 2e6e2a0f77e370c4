"""BulkSMS EAPI (legacy HTTP), https://www.bulksms.com/developer/eapi/: Latin-1 forms, answers in pipes. Of 2026-11.

Not supported: scheduling, groups, 8-bit. One id for the whole call: a message is known by that id and its number.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes

from gatepost.providers import base
from gatepost.providers.base import Batch, Commit, Context, Flow, Gateway, Later, MalformedAnswer, Results, Stop, send
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import digits, refused_as_one
from gatepost.providers.kit.flows import ask, check_by_balance
from gatepost.providers.kit.tables import THROTTLED, Refused, States
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Feed, Manifest, Pace, Ref, SenderRule
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted
from gatepost.sms.states import State

# GSM letters that Latin-1 lacks travel as these bytes.
GREEK = dict(zip("ΔΦΓΛΩΠΨΣΘΞ", b"\xd0\xde\xac\xc2\xdb\xba\xdd\xca\xd4\xb1", strict=True))
ACCEPTED = ("0", "1")
EVERY_S = 60.0

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

# What a failed validation is about stands in its words (unverified).
ABOUT = (("msisdn", Refusal.BAD_RECIPIENT), ("sender", Refusal.BAD_SENDER), ("message", Refusal.BAD_CONTENT))
REFUSED = Refused(
    {
        22: (Refusal.PERMANENT, "Internal fatal error"),
        23: (Refusal.AUTH, "Authentication failure"),
        24: (Refusal.PERMANENT, "Data validation failed"),
        25: (Refusal.NO_CREDIT, "Not enough credits"),
        26: (Refusal.TEMPORARY, "Upstream credits not available"),
        27: (THROTTLED, "Daily quota exceeded"),
        28: (Refusal.TEMPORARY, "Upstream quota exceeded"),
        40: (Refusal.TEMPORARY, "Temporarily unavailable"),
    },
    by_words={24: ABOUT},
)
STATES = States(
    {
        0: (State.SUBMITTED, "in progress"),
        1: (State.SUBMITTED, "scheduled"),
        10: (State.SUBMITTED, "delivered upstream"),
        11: (State.DELIVERED, "delivered to mobile"),
        12: (State.SUBMITTED, "delivered upstream, unacknowledged"),
        22: (State.REJECTED, "internal fatal error"),
        23: (State.REJECTED, "authentication failure", Refusal.AUTH),
        24: (State.REJECTED, "data validation failed"),
        25: (State.REJECTED, "not enough credits", Refusal.NO_CREDIT),
        26: (State.REJECTED, "upstream credits not available"),
        27: (State.REJECTED, "quota exceeded"),
        28: (State.REJECTED, "upstream quota exceeded"),
        29: (State.REJECTED, "cancelled"),
        31: (State.UNDELIVERED, "unroutable", Refusal.BAD_RECIPIENT),
        32: (State.REJECTED, "blocked: the recipient asked not to get messages", Refusal.BLOCKED),
        33: (State.REJECTED, "censored", Refusal.BAD_CONTENT),
        40: (State.SUBMITTED, "temporarily unavailable"),
        50: (State.UNDELIVERED, "delivery failed"),
        51: (State.UNDELIVERED, "delivery to phone failed"),
        52: (State.UNDELIVERED, "delivery to network failed"),
        53: (State.EXPIRED, "message expired"),
        54: (State.UNDELIVERED, "failed on remote network (unverified)"),
        60: (State.SUBMITTED, "transient upstream failure"),
        61: (State.SUBMITTED, "status update"),
        62: (State.SUBMITTED, "cancel failed"),
    }
)


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    if not settings["poll_inbound"]:
        return {}
    return {"feeds": (Feed("inbound", EVERY_S),), "inbound_delivery": ("push", "poll")}


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    first, parts = batch.first, gw["concat_text_sms_max_parts"]
    is_unicode = first.encoding == "ucs2" or not _is_latin(first.text)
    params = {
        **_login(gw),
        "message": first.text.encode("utf-16-be").hex().upper() if is_unicode else first.text,
        "msisdn": ",".join(message.to for message in batch.messages),
        "dca": "16bit" if is_unicode else "7bit",
        "sender": "" if gw["repliable"] else first.sender,
        "repliable": "1" if gw["repliable"] else "0" if first.sender else "",
        "routing_group": gw["routing_group"],
        "want_report": "1",
        "source_id": first.ref if len(batch.messages) == 1 else f"s{ctx.serial}",
        "allow_concat_text_sms": "1" if parts > 1 else "",
        "concat_text_sms_max_parts": parts if parts > 1 else "",
        f"test_{gw['test_mode']}": "1" if gw["test_mode"] != "off" else "",
    }
    response: Response = yield send(_request(gw, "submission/send_sms/2/2.0", params))
    if outcome := _refused(response):
        return refused_as_one(batch, outcome, (Refusal.BAD_RECIPIENT,))
    key = _first_line(response)[2]
    if not key.isdecimal():
        raise MalformedAnswer("accepted without a batch id", answers.excerpt(answers.to_text(response, "latin-1")))
    return {message.ref: accepted(f"{key}:{message.to}") for message in batch.messages}


def _refused(response: Response) -> Outcome | None:
    """The first field decides; only its number is fixed. Another status than 200 says nothing."""
    if response.status != 200:
        raise MalformedAnswer(f"HTTP status {response.status}")
    code, words, _ = _first_line(response)
    return None if code in ACCEPTED else REFUSED.outcome(code, words)


def _first_line(response: Response) -> tuple[str, str, str]:
    """`code|words|rest`."""
    lines = answers.to_text(response, "latin-1").strip().splitlines()
    code, _, rest = (lines or [""])[0].partition("|")
    if not code.strip().isdecimal() or len(code) > 6:
        raise MalformedAnswer("the answer does not begin with a code", answers.excerpt((lines or [""])[0]))
    words, _, last = rest.partition("|")
    return code.strip(), words.strip(), last.strip().strip("|")


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
    receipts = []
    for message in sent:
        for batch_id in dict.fromkeys(key.partition(":")[0] for key in message.keys):
            params = {**_login(gw), "batch_id": batch_id, "msisdn": message.to}
            answer = yield from _ask(gw, "status_reports/get_report/2/2.0", params, "State")
            for line in answers.to_text(answer, "latin-1").splitlines()[1:]:
                number, _, rest = line.strip().partition("|")
                if number:
                    to, status = digits(number), rest.partition("|")[0].strip()
                    receipts.append(STATES.receipt(status, keys=(f"{batch_id}:{to}",), to=to))
    return receipts


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    params = {**_login(gw), "last_retrieved_id": cursor or "0"}
    answer = yield from _ask(gw, "reception/get_inbox/1/1.1", params, "Incoming messages")
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
    answer = yield from _ask(gw, "user/get_credits/1/1.1", _login(gw), "Balance")
    return base.Balance(answers.to_decimal(_first_line(answer)[1], "credits"), "credits")


check = check_by_balance(balance)


def _ask(gw: Gateway, path: str, params: Mapping[str, str], label: str) -> Flow[Response]:
    answer: Response = yield from ask(_request(gw, path, params), label, lambda response: None)
    if outcome := _refused(answer):
        raise Stop(outcome)
    return answer


def _request(gw: Gateway, path: str, params: Mapping[str, Any]) -> Request:
    body = "&".join(f"{name}={_quoted(value)}" for name, value in requests.present(params))
    form = ("content-type", "application/x-www-form-urlencoded")
    return Request("POST", gw.url(f"/eapi/{path}"), (form,), body.encode("ascii"))


def _is_latin(text: str) -> bool:
    """Whether it can travel as 7bit: the euro sign and the like are in GSM, but not in Latin-1."""
    return all(letter in GREEK or letter <= "\xff" for letter in text)


def _quoted(value: str) -> str:
    """Latin-1, with the Greek capitals of GSM in their own bytes."""
    data = bytes(GREEK.get(letter) or letter.encode("latin-1", "replace")[0] for letter in value)
    return quote_from_bytes(data, safe="").replace("%20", "+")


def _login(gw: Gateway) -> dict[str, str]:
    return {"username": gw["username"], "password": gw["password"]}
