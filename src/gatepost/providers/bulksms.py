"""BulkSMS JSON API v1, https://www.bulksms.com/developer/json/v1/. Facts of 2026-11.

Not supported: groups, binary messages, template fields, media by pre-signed links, registering webhooks by API.
"""

import re
from dataclasses import replace

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Results, send
from gatepost.providers.fields import Choice, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import match, per_message
from gatepost.providers.kit.flows import ask, check_by_balance, key_by_key
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused, States
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Dedupe, Manifest, Pace, Ref, SenderRule
from gatepost.providers.wire import Link, RawCallback, Response
from gatepost.sms.outcomes import Outcome, Price, Refusal, accepted, not_sent, refused
from gatepost.sms.states import State

CODINGS = (("auto", "By the text"), ("text", "TEXT: other letters arrive as ?"), ("unicode", "Unicode"))
ROUTES = (("", "As the account says (STANDARD?)"), "ECONOMY", "STANDARD", "PREMIUM")

manifest = Manifest(
    slug="bulksms",
    label="BulkSMS",
    countries=("ZA", "IM"),
    confidence="documented",
    facts="2026-11",
    docs="https://www.bulksms.com/developer/json/v1/",
    website="https://www.bulksms.com",
    fields=(
        Url("base_url", default="https://api.bulksms.com/v1", help="Plain http is deprecated at the provider."),
        Choice(
            "auth_kind",
            ("token", "API token (recommended)"),
            ("password", "User name and password"),
            help="A token can be taken back without changing the password.",
        ),
        Text("login", label="Login or token ID", required=True, identifier=True, max_length=64, help="As shown once."),
        Secret(
            "password",
            label="Password or token secret",
            required=True,
            help="Of the user, or the secret that was shown once with the token.",
        ),
        Number(
            "max_parts",
            label="Maximum SMS per message",
            default=3,
            min=1,
            max=10,
            confidence="unverified",
            help="Longer texts are refused.",
        ),
        Choice(
            "encoding_mode",
            *CODINGS,
            label="Encoding",
            help="Unicode costs more segments: 70 characters each instead of 160.",
        ),
        Choice("routing_group", *ROUTES, help="Price and quality class.", confidence="unverified"),
        Number("batch_size", default=1000, min=1, max=4000, help="Messages per request; at most 4,000 are advised."),
    ),
    batch=Batching(4000, unique_number=True, limit_setting="batch_size"),
    dedupe=Dedupe("request", window_s=12 * 3600, answers="same"),
    reference=Ref(20),
    pace=Pace(parallel=2),
    schedules=True,
    sender=SenderRule(r"\+?[0-9]{1,15}|(?=.*[^0-9+])[^\x00-\x1f]{1,11}", "A number, or a name of up to 11 characters."),
    max_segments_setting="max_parts",
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    setup=(
        "Settings > Advanced > Create Token: token ID and secret are shown once; paste both here.",
        "Settings > Message > Sender IDs: ask for a sender ID (only after a first purchase of credits).",
        "Create two webhooks: trigger scope SENT for the receipt URL, RECEIVED for the inbound URL.",
    ),
)

REFUSED = Refused(
    {
        "bad-request": (Refusal.PERMANENT, "Bad Request"),
        "authentication-failed": (Refusal.AUTH, "Authentication Failed"),
        "insufficient-credits": (Refusal.NO_CREDIT, "Insufficient Credits"),
        "not-found": (Refusal.CONFIG, "Not Found"),
        403: (Refusal.CONFIG, "Not allowed: a feature that is not enabled, or an address that is not on the list"),
        "FAILED.BLOCKED": (Refusal.BLOCKED, "On the account's blocked list, or opted out; charged all the same"),
        "FAILED.NOT_SENT": (Refusal.PERMANENT, "Not handed to a network"),
    }
)
STATES = States(
    {
        "ACCEPTED": (State.SUBMITTED, "Accepted"),
        "SCHEDULED": (State.SUBMITTED, "Scheduled"),
        "SENT": (State.SUBMITTED, "Sent to a network"),
        "DELIVERED": (State.DELIVERED, "Delivered"),
        "UNKNOWN": (State.UNCONFIRMED, "Unknown, and may stay so"),
        "FAILED": (State.UNDELIVERED, "Failed"),
        "FAILED.EXPIRED": (State.EXPIRED, "Expired"),
        "FAILED.HANDSET_ERROR": (State.UNDELIVERED, "The handset reported an error"),
        "FAILED.BLOCKED": (State.BLOCKED, "On the account's blocked list, or opted out", Refusal.BLOCKED),
        "FAILED.NOT_SENT": (State.REJECTED, "Not handed to a network"),
    }
)
BAD_FIELD = {"to": Refusal.BAD_RECIPIENT, "from": Refusal.BAD_SENDER, "body": Refusal.BAD_CONTENT}
# The wording of `detail` is not fixed, so a field counts only where it stands as a name: 'to', [0].to, to:
FIELD_NAMED = re.compile(r"""['"`.\]](to|from|body)\b|\b(?:to|from|body)(?=['"`:])""")


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    when = batch.first.send_at
    params = {
        "auto-unicode": "false" if gw["encoding_mode"] == "text" else "true",
        "deduplication-id": ctx.serial,
        "schedule-date": when.isoformat(timespec="seconds") if when else "",
    }
    response: Response = yield send(
        requests.post_json(
            requests.with_query(gw.url("/messages"), requests.present(params)),
            [_entry(message, gw) for message in batch.messages],
            headers=(requests.basic(gw["login"], gw["password"]),),
            link=Link(max_bytes=256 * 1024 + 4 * 1024 * len(batch.messages)),  # the answer echoes every text
        )
    )
    if refusal := _refusal(response, ctx):
        if response.status == 400 and len(batch.messages) > 1:
            refusal = not_sent(f"the whole request was refused: {refusal.words}", is_alone=True)
        return batch.all(refusal)
    items = answers.read_json(response).items()
    return per_message(match(batch, items, ref=_ref, numbers=(lambda item: item.maybe_text("to"),)), _outcome)


def _entry(message: base.Message, gw: Gateway) -> dict[str, object]:
    digits = message.sender.removeprefix("+")
    kind = "ALPHANUMERIC" if not digits.isdecimal() else "SHORTCODE" if len(digits) <= 6 else "INTERNATIONAL"
    is_unicode = gw["encoding_mode"] == "unicode" or (gw["encoding_mode"] == "auto" and message.encoding == "ucs2")
    sender = {"type": kind, "address": message.sender if kind == "ALPHANUMERIC" else digits}
    entry = {
        "from": sender if message.sender else None,
        "to": [{"type": "INTERNATIONAL", "address": message.to}],
        "body": message.text,
        "encoding": "UNICODE" if is_unicode else "TEXT",
        "longMessageMaxParts": gw["max_parts"],
        "routingGroup": gw["routing_group"],
        "deliveryReports": "ALL",
        "userSuppliedId": message.ref,
    }
    return requests.filled(entry)


def _ref(item: answers.Node) -> str:
    return item.maybe_text("userSuppliedId")


def _status(item: answers.Node) -> tuple[str, str]:
    """The type, and the type with its subtype as the tables write it."""
    kind, subtype = item.maybe_text("status", "type"), item.maybe_text("status", "subtype")
    return kind, f"{kind}.{subtype}" if subtype else kind


def _outcome(item: answers.Node) -> Outcome:
    kind, status = _status(item)
    if kind == "FAILED":
        return REFUSED.outcome(status)
    return accepted(item.text("id"), segments=item.maybe_integer("numberOfParts"), price=_price(item))


def _price(item: answers.Node) -> Price | None:
    return answers.price(item.maybe_decimal("creditCost"), "credits")


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """What an answer outside 2xx says; the fragment of its `type` is the code."""
    if 200 <= response.status < 300:
        return None
    problem = answers.maybe_json(response) or answers.Node({})
    code = problem.maybe_text("type").rpartition("#")[2]
    words = problem.maybe_text("detail") or problem.maybe_text("title")
    if response.status == 400 and (field := FIELD_NAMED.search(words)):
        return refused(BAD_FIELD[field.group(1) or field.group()], code, words)
    return refusal(response, ctx, REFUSED, code, words)


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    # One call holds up to ten messages and a 4xx is never repeated: an odd one must not lose the others.
    return base.Callback(tuple(answers.readable(answers.read_json(raw).items(), _item)))


def _item(message: answers.Node) -> base.Item:
    if message.maybe_text("type") != "RECEIVED":
        return _receipt(message)
    answered = answers.some(message.maybe_text("relatedSentMessageId"))
    to, text = message.maybe_text("to"), message.maybe_text("body")
    return base.Inbound(message.text("from"), to, text, id=message.text("id"), answers=answered)


def _receipt(message: answers.Node) -> base.Receipt:
    kind, status = _status(message)
    receipt = STATES.receipt(
        status or message.node("status").text("type"),
        keys=(message.text("id"),),
        ref=_ref(message),
        to=message.maybe_text("to"),
        segments=message.maybe_integer("numberOfParts"),
        price=_price(message),
    )
    return replace(receipt, state=receipt.state or STATES.state(kind))


def _state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt | None]:
    response = yield from _ask(gw, ctx, f"/messages/{key}", "State")
    return None if response.status == 404 else _receipt(answers.read_json(response))


query = key_by_key(_state)


def find(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, base.Found]]:
    found = {}
    for message in sent:
        wanted = {"filter": f"type=SENT&userSuppliedId={message.ref}"}
        response = yield from _ask(gw, ctx, requests.with_query("/messages", wanted.items()), "Look-up")
        items = answers.read_json(response).items()
        state = STATES.state(_status(items[0])[1]) if items else None
        found[message.ref] = base.Found(bool(items), tuple(item.text("id") for item in items), state)
    return found


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    profile = answers.read_json((yield from _ask(gw, ctx, "/profile", "Profile")))
    left = profile.maybe_text("quota", "remaining")
    return base.Balance(profile.decimal("credits", "balance"), "credits", left and f"{left} messages left today")


check = check_by_balance(balance)


def _ask(gw: Gateway, ctx: Context, path: str, label: str) -> Flow[Response]:
    request = requests.get(gw.url(path), headers=(requests.basic(gw["login"], gw["password"]),))
    return ask(
        request, label, lambda answer: None if answer.status == 404 and label == "State" else _refusal(answer, ctx)
    )
