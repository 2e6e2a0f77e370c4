"""Mobitex (SMSCenter), Poland: SMS API MT, text answers, https://smscenter.pl/dokumentacja/. Facts of 2026-11.

Not found: the parameters of pushed reports and incoming messages (the operator's to set), a status query, batches,
validity, schedule. Not supported: flash, WAP push, binary.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, MalformedAnswer, Message, Results, Stop, send
from gatepost.providers.fields import Choice, Md5, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import digits
from gatepost.providers.kit.flows import ask, check_by_balance
from gatepost.providers.kit.own_words import field_names, named
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused, States
from gatepost.providers.manifest import Manifest, Pace, Ref, SenderRule
from gatepost.providers.wire import RawCallback, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused
from gatepost.sms.states import State

RECEIPT = {
    "id": ("id",),
    "ref": ("ext_id",),
    "status": ("status",),
    "reason": ("err",),
    "number": ("number",),
}
INBOUND = {"sender": ("number", "from"), "to": ("to", "service"), "text": ("text",), "id": ("id",)}
ANSWER = re.compile(r"Status: (\d{3})(?:, Id: ([a-f0-9]{32}))?(?:, Number: [\dX]+)?", re.ASCII)

manifest = Manifest(
    slug="mobitex",
    label="Mobitex",
    countries=("PL",),
    confidence="documented",
    facts="2026-11",
    docs="https://smscenter.pl/dokumentacja/",
    website="https://smscenter.pl",
    fields=(
        Url(
            "base_url", default="https://api.mobitex.pl", schemes=("https", "http"), help="Older accounts have another."
        ),
        Text("login", required=True, identifier=True, help="Of the SMSCenter account."),
        Md5("password", required=True, help="The password or its MD5; only the MD5 is kept and sent."),
        Choice(
            "unicode",
            ("auto", "When the text needs it"),
            ("never", "Never: such texts are refused"),
            help="Texts with letters outside GSM-7 cost more.",
        ),
        Choice(
            "charset", "utf-8", "windows-1250", "iso-8859-2", help="How the provider tells them apart is not stated."
        ),
        Text(
            "dlr_answer",
            label="Answer to pushes",
            default="OK",
            group="Receipts and inbound",
            help="What the provider wants to hear when it calls us; not documented.",
        ),
        field_names("dlr_fields", RECEIPT, label="Fields of reports", help="Their names were not found."),
        field_names("incoming_fields", INBOUND, label="Fields of messages", help="Their names were not found."),
    ),
    reference=Ref(13),
    sender=SenderRule(r"[^\x00-\x1f]{1,11}", "1 to 11 characters, authorised at the provider.", is_required=True),
    max_segments=3,
    receipts=("push",),
    inbound=("sms",),
    inbound_delivery=("push",),
    pace=Pace(parallel=4),
    setup=(
        "Have your sender names authorised; the gateway's sender ID must be one of them.",
        "Give the provider the receipt and inbound URLs, and ask how the parameters of its calls are named.",
        "If the account has a list of allowed addresses, add the one from which this installation calls.",
    ),
)

REFUSED = Refused(
    {
        "001": (Refusal.AUTH, "Bad login or password"),
        "009": (Refusal.BAD_RECIPIENT, "GSM network error or wrong prefix"),
        "012": (Refusal.TEMPORARY, "System error"),
        "103": (Refusal.BAD_CONTENT, "Text missing or incomplete"),
        "104": (Refusal.BAD_SENDER, "Sender missing or wrong"),
        "105": (Refusal.BAD_CONTENT, "Text too long for its type"),
        "106": (Refusal.BAD_RECIPIENT, "Number missing or wrong"),
        "107": (Refusal.CONFIG, "Wrong type"),
        "110": (Refusal.CONFIG, "Type not supported"),
        "113": (Refusal.BAD_CONTENT, "Text too long for its type (older number)"),
        "114": (Refusal.BAD_SENDER, "Sender not authorised"),
        "201": (Refusal.TEMPORARY, "System error"),
        "202": (Refusal.NO_CREDIT, "No funds"),
        "204": (Refusal.CONFIG, "Account inactive"),
        "205": (Refusal.BAD_RECIPIENT, "Destination network blocked"),
        "206": (Refusal.AUTH, "IP not authorised"),
        "301": (Refusal.PERMANENT, "Message id missing or wrong"),
    }
)
# 008 and 011 count as accepted in an old client; what they mean was not found.
ACCEPTED = ("002", "008", "011")
STATES = States(
    {
        "002": (State.SUBMITTED, "accepted"),
        "003": (State.SUBMITTED, "sent to the SMS centre"),
        "004": (State.DELIVERED, "received by the handset"),
        "005": (State.SUBMITTED, "intermediate"),
        "007": (State.UNDELIVERED, "delivery error"),
        "009": (State.UNDELIVERED, "GSM network error"),
        "010": (State.EXPIRED, "expired"),
        "012": (State.UNDELIVERED, "system error"),
    }
)


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    message = batch.first
    if message.encoding == "ucs2" and gw["unicode"] == "never":
        raise Stop(refused(Refusal.BAD_CONTENT, "", "The text needs Unicode, which this gateway never uses."))
    params = {
        **_login(gw),
        "type": _kind(message),
        "number": message.to,
        "text": message.text,
        "from": message.sender,
        "ext_id": message.ref,
    }
    try:
        request = requests.post_form(gw.url("/sms.php"), requests.present(params), charset=gw["charset"])
    except UnicodeEncodeError:
        raise Stop(refused(Refusal.BAD_CONTENT, "", f"The text does not fit {gw['charset']}.")) from None
    response: Response = yield send(request)
    return batch.all(refusal(response, ctx, REFUSED) or _outcome(answers.to_text(response)))


def _kind(message: Message) -> str:
    """The provider wants to be told; a wrong one is error 105."""
    plain, long = ("sms", "concat") if message.encoding == "gsm7" else ("unicode", "unicode_concat")
    return plain if message.segments == 1 else long


def _outcome(text: str) -> Outcome:
    found = ANSWER.fullmatch(text.strip())
    if found is None:
        raise MalformedAnswer("the answer is not a status line", answers.excerpt(text))
    status, key = found.groups()
    if status not in ACCEPTED:
        return REFUSED.outcome(status)
    if not key or not key.strip("0"):
        raise MalformedAnswer("accepted without an id", answers.excerpt(text))
    return accepted(key)


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    values = answers.form(raw)
    if raw.kind == "inbound":
        found = named(gw["incoming_fields"], values)
        item: base.Item = base.Inbound(
            answers.need(found, "sender"), found.get("to", ""), found.get("text", ""), id=found.get("id", "")
        )
    else:
        item = _receipt(named(gw["dlr_fields"], values), raw.receipt_ref)
    return base.Callback((item,), base.Ack(body=gw.text("dlr_answer").encode()))


def _receipt(found: Mapping[str, str], ref: str) -> base.Receipt:
    status = answers.need(found, "status").zfill(3)
    keys, ours, reason = answers.some(found.get("id", "")), found.get("ref") or ref, found.get("reason", "")
    if not keys and not ours:
        raise MalformedAnswer("the report names no message")
    receipt = STATES.receipt(status, keys=keys, ref=ours, to=digits(found.get("number", "")), code=reason)
    return replace(receipt, words=f"{receipt.words}, err {reason}") if reason else receipt


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    request = requests.get(gw.url("/balance.php"), requests.present(_login(gw)))
    text = answers.to_text((yield from ask(request, "Balance", lambda answer: refusal(answer, ctx, REFUSED)))).strip()
    word, _, value = text.partition(" ")
    if word == "ERROR":
        raise Stop(REFUSED.outcome(value.strip()))
    if word != "OK":
        raise MalformedAnswer("the answer is neither OK nor ERROR", answers.excerpt(text))
    amount: Decimal = answers.to_decimal(value)
    return base.Balance(amount, "PLN")


check = check_by_balance(balance)


def _login(gw: Gateway) -> dict[str, str]:
    return {"user": gw["login"], "pass": gw["password"]}
