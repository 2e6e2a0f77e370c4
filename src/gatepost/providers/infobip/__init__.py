"""Infobip SMS, https://www.infobip.com/docs/api/channels/sms: `/sms/3/messages`, or the superseded
`/sms/2/text/advanced`. Facts of 2026-07.

Not supported: sending MMS, binary messages, bulks, tracking of links, windows of delivery, reports that are given once.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Inbound, Media, Results, send
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.infobip.bodies import TWO_DAYS, build
from gatepost.providers.infobip.tables import BAD_FIELD, ERRORS, EXPIRED_ERRORS, GROUPS, HTTP, REFUSED, STATES
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.answers import Node
from gatepost.providers.kit.batches import match, per_message
from gatepost.providers.kit.flows import ask, check_by_balance
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Dedupe, Feed, Manifest, Ref, SenderRule, Validity
from gatepost.providers.wire import Headers, Link, RawCallback, Response
from gatepost.sms.outcomes import Outcome, accepted, not_sent, refused
from gatepost.sms.states import State

ALPHABETS = ("TURKISH", "GREEK", "CYRILLIC", "SERBIAN_CYRILLIC", "BULGARIAN_CYRILLIC", "CENTRAL_EUROPEAN", "BALTIC")
PAST_SUBMIT = (State.UNDELIVERED, State.EXPIRED, State.REJECTED)

manifest = Manifest(
    slug="infobip",
    label="Infobip",
    confidence="documented",
    facts="2026-07",
    docs="https://www.infobip.com/docs/api/channels/sms",
    website="https://www.infobip.com",
    fields=(
        Url(
            "base_url", default="https://api.infobip.com", help="Your own from the portal: https://<id>.api.infobip.com"
        ),
        Choice(
            "auth_kind",
            ("app", "API key"),
            ("basic", "User name and password"),
            label="Sign in with",
            help="An API key can be limited and taken back without changing a password.",
        ),
        Secret("api_key", label="API key", when=("auth_kind", "app"), required=True, help="From the Infobip portal."),
        Text(
            "username",
            label="User name",
            when=("auth_kind", "basic"),
            required=True,
            identifier=True,
            help="Of a user of the portal who may use the API.",
        ),
        Secret(
            "secret_key",
            when=("auth_kind", "basic"),
            required=True,
            help="The password of the user; an API key needs none.",
            confidence="unverified",
        ),
        Choice(
            "api_version",
            ("v3", "3 (current)"),
            ("v2", "2 (superseded)"),
            label="API version",
            help="2 only for accounts that are bound to it.",
        ),
        Number(
            "validity_minutes", default=TWO_DAYS, min=1, max=TWO_DAYS, help="Longest time to try; at most 48 hours."
        ),
        Choice(
            "transliteration",
            *("NONE", *ALPHABETS, "PORTUGUESE", "COLOMBIAN", "NON_UNICODE", "ALL"),
            help="Letters of this alphabet become plain ones, which saves segments.",
        ),
        Choice(
            "notify_url_mode",
            ("per_message", "With each message"),
            ("account", "Only in the portal"),
            label="Receipts",
            help="Where Infobip gets the address for receipts from.",
        ),
        Text("entity_id", label="Entity ID", max_length=255, help="CPaaS X; at most 50 characters in version 2."),
        Text("application_id", label="Application ID", max_length=255, help="As the entity ID."),
        Text(
            "india_dlt_template_id",
            label="India DLT template ID",
            confidence="unverified",
            help="For messages to India: the template as registered.",
        ),
        Text(
            "india_dlt_principal_id",
            label="India DLT principal entity ID",
            confidence="unverified",
            help="For messages to India: your registration as a sender.",
        ),
        Number("batch_size", default=100, min=1, max=1000, help="Messages per request.", confidence="unverified"),
        Flag(
            "poll_inbound", help="Fetch messages where Infobip cannot reach us. It gives each once: a loss stays one."
        ),
    ),
    batch=Batching(1000, limit_setting="batch_size"),
    dedupe=Dedupe("message", window_s=None, answers="refuses"),
    reference=Ref(200),
    validity=Validity(60, TWO_DAYS * 60),
    schedules=True,
    sender=SenderRule(r"\+?[0-9]{3,15}|(?=.*[^0-9])[\x20-\x7e]{3,11}", "A number, or a name of 3 to 11 characters."),
    receipts=("push", "query"),
    inbound=("sms", "mms"),
    inbound_delivery=("push",),
    query_limit=100,
    setup=(
        "Portal: copy your personal base URL and create an API key; the balance needs the scope account management.",
        "Portal, at your number: forward to URL, format MO_JSON_2, and paste the inbound URL.",
        "Receipts need no set-up, unless they are to come by the portal only: then paste the receipt URL there.",
    ),
)


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"feeds": (Feed("inbound"),), "inbound_delivery": ("push", "poll")} if settings["poll_inbound"] else {}


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    path, body = build(batch, gw, ctx)
    limit = Link(max_bytes=256 * 1024 + 1024 * len(batch.messages))
    response: Response = yield send(requests.post_json(gw.url(path), body, headers=_headers(gw), link=limit))
    if found := _refusal(response, ctx):
        if response.status == 400 and len(batch.messages) > 1:
            found = not_sent(f"the whole request was refused: {found.words}", is_alone=True)
        return batch.all(found)
    items = answers.read_json(response).items("messages")
    refs = set(batch.refs)
    matched = match(
        batch,
        items,
        ref=lambda item: ref if (ref := item.maybe_text("messageId")) in refs else "",
        numbers=(lambda item: item.maybe_text("destination") or item.maybe_text("to"),),
    )
    return per_message(matched, lambda item: _outcome(item, ctx))


def _outcome(item: Node, ctx: Context) -> Outcome:
    """An item of a 200 may be rejected all the same."""
    status = item.node("status")
    code, words = status.maybe_text("id"), status.maybe_text("description")
    if _group(status) in PAST_SUBMIT:
        if code == "23" and ctx.is_resend:
            return accepted(item.text("messageId"))
        return REFUSED.outcome(code, words or status.maybe_text("name"))
    segments = item.maybe_integer("details", "messageCount") or item.maybe_integer("smsCount")
    return accepted(item.text("messageId"), segments=segments)


def _group(status: Node) -> State | None:
    return GROUPS.get(status.maybe_text("groupId")) or GROUPS.get(status.maybe_text("groupName"))


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """Version 3 says `errorCode`, the others `requestError`; a 400 is judged by the property that it names."""
    said = answers.maybe_json(response) or Node({})
    older = said.maybe("requestError", "serviceException") or Node({})
    code = said.maybe_text("errorCode") or older.maybe_text("messageId")
    words = said.maybe_text("description") or older.maybe_text("text")
    named = [item.maybe_text("property") for item in (said.items("violations") if "violations" in said else [])]
    named += (
        list(errors.value) if (errors := older.maybe("validationErrors")) and isinstance(errors.value, dict) else []
    )
    field = next((name for name in named if name.rpartition(".")[2] in BAD_FIELD), "")
    if response.status == 400 and field:
        return refused(BAD_FIELD[field.rpartition(".")[2]], code, f"{words} ({field})")
    return refusal(response, ctx, HTTP, code, words)


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    results = answers.read_json(raw).items("results")
    return base.Callback(tuple(answers.readable(results, lambda item: _item(item, gw))))


def _item(item: Node, gw: Gateway) -> base.Item:
    return _receipt(item) if "status" in item else _inbound(item, gw)


def _receipt(item: Node) -> base.Receipt:
    status, error = item.node("status"), item.maybe("error") or Node({})
    code = status.maybe_text("id") or status.maybe_text("name") or status.text("groupName")
    failed = error.maybe_text("id").removeprefix("0")
    each, count = item.maybe_decimal("price", "pricePerMessage"), _count(item)
    receipt = STATES.receipt(
        code,
        keys=(item.text("messageId"),),
        ref=item.text("messageId"),
        to=item.maybe_text("to"),
        words=(error if failed else status).maybe_text("description"),
        code=failed,
        refusal=ERRORS.refusal(failed) or REFUSED.refusal(code),
        at=answers.iso_time(item.maybe_text("doneAt")),
        segments=count,
        price=answers.price(
            each * Decimal(count or 1) if each is not None else None, item.maybe_text("price", "currency")
        ),
    )
    by_group = State.EXPIRED if failed in EXPIRED_ERRORS else _group(status)
    return replace(receipt, state=receipt.state or by_group)


def _count(item: Node) -> int | None:
    return item.maybe_integer("messageCount") or item.maybe_integer("smsCount")


def _inbound(item: Node, gw: Gateway) -> Inbound:
    """A picture message is a list of segments instead of a text."""
    sender, to, key = item.text("from"), item.maybe_text("to"), item.maybe_text("messageId")
    at = answers.iso_time(item.maybe_text("receivedAt"))
    if "message" not in item:
        return Inbound(sender, to, item.maybe_text("text"), id=key, at=at)
    parts = item.items("message")
    text = "\n".join(part.text("value") for part in parts if "value" in part)
    links = [(part.maybe_text("contentType"), part.text("url")) for part in parts if "url" in part]
    media = (Media(kind, url=url, headers=requests.only_for(gw["base_url"], url, _sign_in(gw))) for kind, url in links)
    return Inbound(sender, to, text, id=key, at=at, kind="mms", media=tuple(media))


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    logs = yield from _logs([key for message in sent for key in message.keys], gw, ctx)
    return answers.readable(logs, _receipt)


def find(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, base.Found]]:
    """A message that is not in the logs may still be on its way into them, so nothing is said of it."""
    logs = yield from _logs([message.ref for message in sent], gw, ctx)
    found = {receipt.ref: receipt for receipt in answers.readable(logs, _receipt)}
    return {ref: base.Found(True, receipt.keys, receipt.state) for ref, receipt in found.items()}


def _logs(ids: list[str], gw: Gateway, ctx: Context) -> Flow[list[Node]]:
    params = [("messageId", ",".join(ids)), ("limit", "1000")]
    return (yield from _ask(gw, ctx, requests.with_query("/sms/3/logs", params), "Logs")).items("results")


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[base.Later]:
    answer = yield from _ask(gw, ctx, "/sms/1/inbox/reports?limit=50", "Inbox")
    if items := answers.readable(answer.items("results"), lambda item: _inbound(item, gw)):
        yield base.Commit(tuple(items), cursor)
    return base.Later(1.0 if answer.maybe_integer("pendingMessageCount") else 60.0, cursor)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    found = yield from _ask(gw, ctx, "/account/1/balance", "Balance")
    return base.Balance(found.decimal("balance"), found.maybe_text("currency"))


check = check_by_balance(balance, unpermitted=("403", "E403", "FORBIDDEN"))


def _ask(gw: Gateway, ctx: Context, path: str, label: str) -> Flow[Node]:
    request = requests.get(gw.url(path), headers=_headers(gw))
    return answers.read_json((yield from ask(request, label, lambda answer: _refusal(answer, ctx))))


def _headers(gw: Gateway) -> Headers:
    return (*_sign_in(gw), ("accept", "application/json"))


def _sign_in(gw: Gateway) -> Headers:
    if gw["auth_kind"] == "basic":
        return (requests.basic(gw["username"], gw["secret_key"]),)
    return (requests.bearer(gw["api_key"], "App"),)
