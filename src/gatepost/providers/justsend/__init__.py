"""JustSend.pl, https://www.justsend.pl/justsend-api-1.html: the new REST API, and REST v2. Facts of 2026-11.

Not supported: the older v1 and v3, groups, uploads, changing the blacklist.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Results, send
from gatepost.providers.fields import Choice, Flag, Secret, Text, Url
from gatepost.providers.justsend.tables import (
    BULKS,
    COUNTS,
    FIELDS,
    HTTP,
    LISTED,
    LISTED_NAME,
    OWN_NAME,
    REFUSED,
    STATES,
    VARIANTS,
)
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import refused_as_one
from gatepost.providers.kit.flows import ask
from gatepost.providers.kit.own_words import without_prefix
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.signatures import hash_hex
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Feed, Manifest, SenderRule
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused

ZONE = ZoneInfo("Europe/Warsaw")
URLS = {"io": "https://justsend.io/api", "rest_v2": "https://justsend.pl/api/rest/v2"}

manifest = Manifest(
    slug="justsend",
    label="JustSend.pl",
    countries=("PL",),
    confidence="documented",
    facts="2026-11",
    docs="https://www.justsend.pl/justsend-api-1.html",
    website="https://www.justsend.pl",
    fields=(
        Choice(
            "api_generation",
            ("io", "New API: no message ids, no receipts"),
            ("rest_v2", "REST v2: ids, receipts, replies, balance"),
            help="REST v2, where the account has it, gives message ids, receipts and the balance.",
        ),
        Url("base_url", help=f"Empty: {URLS['io']} or {URLS['rest_v2']}."),
        Secret("app_key", label="App-Key", required=True, help="API key of the account, from the panel."),
        Text("login", identifier=True, help="Of the panel; kept for information, not sent."),
        Secret("password", help="Of the panel; kept for information, not sent."),
        Choice("bulk_variant", *VARIANTS, help="An own sender name is possible only with PRO (dynamic SMS)."),
        Flag("use_bulk", label="Send in bulks", help="Several messages in a request, and scheduled ones; up to 500."),
        Text("bulk_name", default="bulk", help="Name given to bulk sendings."),
        Text("history_path", when=("api_generation", "io"), confidence="unverified", help="Empty: no receipts."),
        Text("reply_prefix", when=("api_generation", "rest_v2"), help="The prefix whose answers are fetched."),
    ),
    batch=Batching(500, same=("sender",), unique_number=True),
    receipts=("query",),
    inbound=("sms",),
    inbound_delivery=("poll",),
    query_limit=10,
    await_delivery_s=60,
    setup=(
        "Panel: copy the API key into App-Key.",
        "The new API gives no message ids: there are no receipts, and an uncertain message is never repeated. "
        "Choose REST v2 if your account has it.",
        "PRO wants a sender name that is registered on the account; FULL one of the provider's list.",
    ),
)


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The address follows the generation, unless it is another one than ours."""
    is_ours = settings["base_url"] in (None, *URLS.values())
    return {**settings, "base_url": URLS[settings["api_generation"]]} if is_ours else settings


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    is_v2, variant = settings["api_generation"] == "rest_v2", settings["bulk_variant"]
    is_heard, has_replies = is_v2 or bool(settings["history_path"]), is_v2 and bool(settings["reply_prefix"])
    rules = {"PRO": OWN_NAME, "PRO_RESP": OWN_NAME, "FULL": LISTED_NAME}
    return {
        "batch": Batching(500, ("sender", "text") if is_v2 else ("sender",), True) if settings["use_bulk"] else None,
        "schedules": settings["use_bulk"],
        "sender": rules.get(variant, SenderRule()),
        "receipts": ("query",) if is_heard else (),
        "inbound": ("sms",) if has_replies else (),
        "inbound_delivery": ("poll",) if has_replies else (),
        "feeds": (Feed("responses", 300.0),) if has_replies else (),
        # One request per message, but one per list for a whole bulk.
        "query_limit": 100 if settings["use_bulk"] else 10,
    }


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    is_bulk = len(batch.messages) > 1 or batch.first.send_at is not None
    build = {"io": _new, "rest_v2": _v2}[gw["api_generation"]]
    response: Response = yield send(build(batch, is_bulk, gw, ctx))
    if found := _refusal(response, ctx):
        return refused_as_one(batch, found, (Refusal.BAD_RECIPIENT, Refusal.BLOCKED))
    key = _key(response, gw)
    keys = {message.ref: f"{key}:{message.to}" if is_bulk else key for message in batch.messages}
    return {ref: accepted(each) if key else accepted() for ref, each in keys.items()}


def _new(batch: Batch, is_bulk: bool, gw: Gateway, ctx: Context) -> Request:
    first, variant = batch.first, gw["bulk_variant"]
    # The field is required, and ECO has no sender of its own.
    sender = LISTED[0] if variant.startswith("ECO") or not first.sender else first.sender
    if not is_bulk:
        single = {"sender": sender, "msisdn": first.to, "bulkVariant": variant, "content": first.text}
        return _post(gw, "/sender/singlemessage/send", single)
    has_one_text = len({message.text for message in batch.messages}) == 1
    content = {"bulkType": "STANDARD", "message": first.text} if has_one_text else {"bulkType": "PERSONALIZED"}
    bulk = {
        "name": gw["bulk_name"],
        **content,
        "bulkVariant": variant,
        "bulkPriority": "NORMAL",
        "sender": sender,
        "sendDate": _send_date(batch, ctx).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "recipients": [
            {"msisdn": message.to} if has_one_text else {"msisdn": message.to, "content": message.text}
            for message in batch.messages
        ],
    }
    return _post(gw, "/sender/bulk/send", bulk)


def _v2(batch: Batch, is_bulk: bool, gw: Gateway, ctx: Context) -> Request:
    first, variant = batch.first, gw["bulk_variant"]
    sender = {} if variant.startswith("ECO") or not first.sender else {"from": first.sender}
    message = {**sender, "message": first.text, "bulkVariant": variant}
    if not is_bulk:
        is_unicode = first.encoding == "ucs2"
        return _post(gw, "/message/send", {"to": first.to, **message, "doubleEncode": is_unicode})
    when = _send_date(batch, ctx).astimezone(ZONE).isoformat(timespec="seconds")
    numbers = [message.to for message in batch.messages]
    bulk = {"name": gw["bulk_name"], "to": numbers, **message, "sendDate": when, "groupId": 0}
    return _post(gw, "/bulk/send", {**bulk, "personalizedMessage": False})


def _send_date(batch: Batch, ctx: Context) -> datetime:
    """A time that has passed may be refused, so now is a little ahead."""
    return batch.first.send_at or ctx.now + timedelta(seconds=5)


def _post(gw: Gateway, path: str, body: Mapping[str, Any]) -> Request:
    return requests.post_json(gw.url(path), body, headers=(("app-key", gw["app_key"]),))


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """REST v2 refuses with 200 and an errorId, the new API with the status."""
    answer = answers.maybe_json(response) or answers.Node({})
    words, code, number = (answer.maybe_text(name) for name in ("message", "responseCode", "errorId"))
    found = refusal(response, ctx, HTTP, words=words)
    if found is None and (code not in ("", "OK") or number not in ("", "0")):
        found = REFUSED.outcome(code if code in REFUSED or not number else number, words)
    if found is None and (bulk := answer.maybe_text("data", "bulkStatus")) in BULKS:
        return BULKS.outcome(bulk)
    if found and found.refusal is Refusal.PERMANENT:
        field = next((meaning for named, meaning in FIELDS if named.search(words)), Refusal.PERMANENT)
        return refused(field, code or found.code, words or found.words)
    return found


def _key(response: Response, gw: Gateway) -> str:
    """The id: promised by REST v2, not known of the new API, whose answer is usually empty."""
    if gw["api_generation"] == "rest_v2":
        data = answers.read_json(response).node("data")
        return data.text("id") if isinstance(data.value, dict) else data.text()
    answer = answers.read_json(response) if response.body.strip() else answers.Node({})
    return next(filter(None, (answer.maybe_text(name) for name in ("id", "messageId", "uuid"))), "")


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    receipts: list[base.Receipt] = []
    bulks: dict[str, dict[str, str]] = {}
    for message in sent:
        if gw["api_generation"] == "io":
            receipts += yield from _in_history(message, gw, ctx)
        for key in message.keys if gw["api_generation"] == "rest_v2" else ():
            number, _, to = key.partition(":")
            if to:
                bulks.setdefault(number, {})[to] = key
            elif counts := (yield from _data(gw, ctx, f"/report/message/{number}", "Report")):
                receipts += _counted(key, counts)
    for number, wanted in bulks.items():
        for fate in ("DELIVERED", "NOT_DELIVERED", "NOT_SENT"):
            found = yield from _data(gw, ctx, f"/bulk/recipient/{fate}/{number}", "Bulk")
            numbers = [each.text() for each in found.items()] if found else []
            receipts += [STATES.receipt(fate, keys=(wanted[to],), to=to) for to in numbers if to in wanted]
    return receipts


def _counted(key: str, counts: answers.Node) -> Iterable[base.Receipt]:
    fate = next((fate for name, fate in COUNTS.items() if (counts.maybe_integer(name) or 0) >= 1), "")
    return (STATES.receipt(fate, keys=(key,)),) if fate else ()


def _in_history(message: base.Sent, gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    """By number, because there is no id; counts only where one entry alone can be the message."""
    if not gw["history_path"] or not message.submitted_at:
        return []
    wanted = requests.with_query(gw["history_path"], {"msisdn": message.to, "page": "0", "size": "50"}.items())
    answer = yield from _get(gw, ctx, wanted, "History")
    since = message.submitted_at - timedelta(minutes=1)
    entries = answer.items("content") if "content" in answer else answer.items()
    mine = [entry for entry in entries if (at := _time(entry.maybe_text("sendDate"))) and at >= since]
    status = mine[0].maybe_text("acknowledgeStatus") if len(mine) == 1 else ""
    at = _time(mine[0].maybe_text("deliveryDate")) if status else None
    return [STATES.receipt(status, ref=message.ref, to=message.to, at=at)] if status else []


def _time(text: str) -> datetime | None:
    """ISO 8601, or the local form of REST v2; which of them comes was not found."""
    return answers.timestamp(text, "%Y-%m-%d %H:%M:%S", ZONE) or answers.iso_time(text)


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[base.Later]:
    """`cursor`: the day up to which answers were fetched, and again from the day before it."""
    today = ctx.now.astimezone(ZONE).date()
    since = (answers.iso_time(cursor) or ctx.now).date() - timedelta(days=1)
    path = f"/report/response/messages/{quote(gw['reply_prefix'], safe='')}/{since}/{today}"
    found = yield from _data(gw, ctx, path, "Answers")
    items = tuple(answers.readable(found.items() if found else [], lambda item: _received(item, gw)))
    if items:
        yield base.Commit(items, str(today))
    return base.Later(300.0, str(today))


def _received(item: answers.Node, gw: Gateway) -> base.Inbound:
    values = [item.maybe_text(name) for name in ("prefix", "msisdn", "createDate", "message")]
    text = without_prefix(item.maybe_text("message"), (item.maybe_text("prefix"), gw["reply_prefix"]))
    # There is no id; the same answer comes again all day.
    made = hash_hex("\x1f".join(values).encode(), "sha256")[:32]
    return base.Inbound(item.text("msisdn"), "", text, id=made, at=_time(item.maybe_text("createDate")))


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    if gw["api_generation"] == "io":
        raise base.Stop(refused(Refusal.CONFIG, "", "the new API tells no balance"))
    answer = yield from _get(gw, ctx, "/payment/points", "Points")
    return base.Balance(answer.decimal("data"), "points")


def check(gw: Gateway, ctx: Context) -> Flow[base.Checked]:
    if gw["api_generation"] == "rest_v2":
        return base.Checked("Signed in.", balance=(yield from balance(gw, ctx)))
    answer = yield from _get(gw, ctx, "/blacklist/get?page=0&size=1", "Blacklist")
    answer.items("content")
    return base.Checked("Signed in. This generation gives no message ids, so there are no receipts.")


def _data(gw: Gateway, ctx: Context, path: str, label: str) -> Flow[answers.Node | None]:
    """What is asked for; None where the provider does not know it."""
    try:
        answer = yield from _get(gw, ctx, path, label)
    except base.Stop as stop:
        if stop.outcome.code in ("NOT_FOUND", "103"):
            return None
        raise
    return answer.node("data")


def _get(gw: Gateway, ctx: Context, path: str, label: str) -> Flow[answers.Node]:
    request = requests.get(gw.url(path), headers=(("app-key", gw["app_key"]),))
    response = yield from ask(request, label, lambda answer: _refusal(answer, ctx))
    return answers.read_json(response)
