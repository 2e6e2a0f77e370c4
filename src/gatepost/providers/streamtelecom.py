"""Stream Telecom, Russia: the REST interface, from the vendor's sample and several clients. Facts of 2026-11.

"(family)" marks what only the sibling provider's documents say. Not supported: the one-line, XML and SOAP interfaces.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Cached, Context, Flow, Gateway, Later, Renew, Results, Stop, send
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.flows import ask, check_by_balance, fetched, since
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused, States
from gatepost.providers.kit.xml import descendants, read_xml
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Feed, Manifest, Pace, SenderRule, Validity
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted
from gatepost.sms.states import State

ARCHIVED_AFTER = timedelta(hours=48)
SESSION_S = 30 * 60
FORMAT = "%Y-%m-%dT%H:%M:%S"
SIGNED_OUT = ("3", "4")
ROUBLES = "RUB"

manifest = Manifest(
    slug="streamtelecom",
    label="Stream Telecom",
    countries=("RU",),
    confidence="client-code",
    facts="2026-11",
    website="https://www.stream-telecom.ru",
    fields=(
        Url("base_url", default="https://gateway.api.sc/rest", help="Change it only on the provider's advice."),
        Text("login", required=True, identifier=True, help="Of the platform."),
        Secret(
            "password", required=True, label="API password", help='From the tab "Настройки API", not the cabinet\'s.'
        ),
        Choice(
            "auth_mode",
            ("direct", "Login in every request"),
            ("session", "One session"),
            label="Sign-in",
            help="A session sends login and password once instead of with every request.",
        ),
        Number("validity_minutes", label="Lifetime (minutes)", min=1, max=2880, help="Empty: the provider's, one day."),
        Flag("use_callback", default=True, label="Ask for reports", help="States are asked for besides."),
        Number(
            "batch_size", label="Messages per request", default=100, min=1, max=1000, help="The limit was not found."
        ),
    ),
    batch=Batching(1000, same=("sender", "validity"), unique_number=True, limit_setting="batch_size"),
    validity=Validity(60, 2880 * 60),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}|\d{1,15}", "Up to 11 Latin letters, or 15 digits.", is_required=True),
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("poll",),
    await_delivery_s=60,
    feeds=(Feed("inbound", 60.0),),
    pace=Pace(parallel=4),
    setup=(
        'In the user settings, tab "Настройки API", set the API password and enter it here.',
        "Have a sender name registered; the gateway's sender ID must be one of them.",
        "Incoming messages are switched on by your manager; they are fetched once a minute.",
    ),
)

REFUSED = Refused(
    {
        1: (Refusal.CONFIG, "Argument cannot be null or empty"),
        2: (Refusal.CONFIG, "Invalid argument"),
        3: (Refusal.AUTH, "Invalid session id"),
        4: (Refusal.AUTH, "Wrong login or password, or the session is over"),
        5: (Refusal.NO_CREDIT, "Not enough credits"),
        6: (Refusal.PERMANENT, "Invalid operation"),
        7: (Refusal.AUTH, "Forbidden"),
        8: (Refusal.TEMPORARY, "Gateway error"),
        9: (Refusal.TEMPORARY, "Internal server error"),
        10: (Refusal.DUPLICATE, "Flood SMS: the same text to the same number again"),
    },
    # What they mean depends on which argument the words name.
    by_words={
        2: (("address", Refusal.BAD_RECIPIENT), ("phone", Refusal.BAD_RECIPIENT)),
        6: (("source", Refusal.BAD_SENDER),),
    },
)
STATES = States(
    {
        -2: (State.SUBMITTED, "queued (family)"),
        -1: (State.SUBMITTED, "sent to the mobile network"),
        0: (State.DELIVERED, "delivered"),
        42: (State.UNDELIVERED, "not delivered"),
        46: (State.EXPIRED, "lifetime is over"),
        255: (State.UNCONFIRMED, "no status is available"),
        10: (State.REJECTED, "wrong sender (family)", Refusal.BAD_SENDER),
        11: (State.REJECTED, "wrong recipient (family)", Refusal.BAD_RECIPIENT),
        41: (State.REJECTED, "forbidden recipient (family)", Refusal.BAD_RECIPIENT),
        48: (State.REJECTED, "rejected by the platform (family)"),
        69: (State.REJECTED, "rejected (family)"),
        47: (State.REJECTED, "deleted (family)"),
        -98: (State.REJECTED, "stopped (family)"),
        99: (State.UNCONFIRMED, "unknown (family)"),
        "send": (State.SUBMITTED, "sent"),
        "deliver": (State.DELIVERED, "delivered"),
        "partly_deliver": (State.SUBMITTED, "partly delivered (unverified)"),
        "read": (State.DELIVERED, "read (unverified)"),
        "not_deliver": (State.UNDELIVERED, "not delivered"),
        "expired": (State.EXPIRED, "lifetime is over"),
    }
)


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    first = batch.first
    params: dict[str, Any] = {"sourceAddress": first.sender, "validity": _minutes(first.validity_s, gw)}
    if len(batch.messages) == 1:
        path = "/Send/SendSms/"
        params |= {"destinationAddress": first.to, "data": first.text, "user_id": first.ref}
        params["callback_url"] = ctx.receipt_url_for(first.ref) if gw["use_callback"] else ""
    elif all(message.text == first.text for message in batch.messages):
        path = "/Send/SendBulk/"
        params |= {"destinationAddresses": ",".join(m.to for m in batch.messages), "data": first.text}
    else:
        path = "/Send/SendBulkPacket/"
        texts = [{"phone": message.to, "text": message.text} for message in batch.messages]
        params["phone_data"] = json.dumps({"sms": texts}, ensure_ascii=False, separators=(",", ":"))
    sign_in = yield from _sign_in(gw, ctx)
    response: Response = yield send(_request(gw, path, {**sign_in, **params}))
    return _results(batch, _answer(response, ctx, gw), is_single=len(batch.messages) == 1)


def _minutes(validity_s: int | None, gw: Gateway) -> int | None:
    return max(1, min(validity_s // 60, 2880)) if validity_s else gw["validity_minutes"]


def _results(batch: Batch, said: answers.Node, *, is_single: bool) -> Results:
    """One element per recipient, in order; a single message may have several ids, one per part (family)."""
    if is_single:
        return batch.all(_taken(_some(said)))
    elements = said.items()
    if len(elements) != len(batch.messages):
        raise said.odd("the answer has another number of elements than the request")
    results = {ref: _element(one) for ref, one in zip(batch.refs, elements, strict=True)}
    keys = [key for outcome in results.values() for key in outcome.keys]
    if len(keys) != len(set(keys)):
        raise said.odd("two recipients got the same id")
    return results


def _element(one: answers.Node) -> Outcome:
    """An id, a list that holds it, or an object that says why not."""
    if isinstance(one.value, dict):
        return _refused(one)
    return _taken(_some(one) if isinstance(one.value, list) else [one])


def _taken(ids: list[answers.Node]) -> Outcome:
    return accepted(*(str(answers.whole(one.text(), "message id")) for one in ids))


def _some(said: answers.Node) -> list[answers.Node]:
    found = said.items()
    if not found:
        raise said.odd("the list of ids is empty")
    return found


def _refused(said: answers.Node) -> Outcome:
    return REFUSED.outcome(said.text("Code"), said.maybe_text("Desc"))


def _answer(response: Response, ctx: Context, gw: Gateway) -> answers.Node:
    """The JSON of an answer that is no refusal. Raises Stop, or Renew where only the session is over."""
    said = answers.maybe_json(response)
    if said is not None and isinstance(said.value, dict) and said.maybe_text("Code") not in ("", "0"):
        outcome = _refused(said)
        if gw["auth_mode"] == "session" and outcome.code in SIGNED_OUT:
            raise Renew("session", outcome)
        raise Stop(outcome)
    if outcome_by_status := refusal(response, ctx, Refused({})):
        raise Stop(outcome_by_status)
    return said if said is not None else answers.read_json(response)


def _sign_in(gw: Gateway, ctx: Context) -> Flow[Mapping[str, str]]:
    if gw["auth_mode"] == "direct":
        return {"login": gw["login"], "pass": gw["password"]}
    session: str = yield Cached("session", SESSION_S, lambda: _session(gw, ctx))
    return {"sessionId": session}


def _session(gw: Gateway, ctx: Context) -> Flow[str]:
    request = _request(gw, "/Session/session.php", {"login": gw["login"], "password": gw["password"]})
    answer = yield from ask(request, "Sign in", lambda response: None)
    direct = Gateway(gw.slug, {**gw.settings, "auth_mode": "direct"})
    return _answer(answer, ctx, direct).text()


def _ask(gw: Gateway, ctx: Context, path: str, label: str, params: Mapping[str, str]) -> Flow[answers.Node]:
    sign_in = yield from _sign_in(gw, ctx)
    request = _request(gw, path, {**sign_in, **params})
    return _answer((yield from ask(request, label, lambda response: None)), ctx, gw)


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    receipts = []
    for message in sent:
        for key in message.keys:
            said = yield from _ask(gw, ctx, "/State/state.php", "State", {"messageId": key})
            is_young = message.submitted_at is not None and ctx.now - message.submitted_at < ARCHIVED_AFTER
            receipts.append(_state(said, key, is_young=is_young))
    return receipts


def _state(said: answers.Node, key: str, *, is_young: bool) -> base.Receipt:
    """255 says "archived or not yet stored": within two days it settles nothing."""
    receipt = STATES.receipt(
        said.text("State"),
        keys=(key,),
        words=said.maybe_text("StateDescription"),
        at=answers.json_date(said.maybe_text("ReportedDateUtc")),
        price=answers.price(said.maybe_text("Price"), ROUBLES),
    )
    return replace(receipt, state=State.SUBMITTED) if receipt.status == "255" and is_young else receipt


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    """The fields of a report were not found: those of a relative and the obvious ones are tried; the query decides."""
    reports = _of_xml(raw) if raw.body.lstrip().startswith(b"<") else answers.objects(raw)
    return base.Callback(tuple(answers.readable(reports, lambda one: _receipt(one, raw.receipt_ref))))


def _of_xml(raw: RawCallback) -> list[answers.Node]:
    states = descendants(read_xml(raw.body), "state")
    return [answers.Node({**each.attrib, "state": (each.text or "").strip()}) for each in states]


def _receipt(one: answers.Node, ref: str) -> base.Receipt:
    keys = answers.some(*(one.maybe_text(name) for name in ("id_sms", "messageId", "message_id", "id")))[:1]
    if not keys and not ref:
        raise one.odd("the report names no message")
    status = next(iter(answers.some(*(one.maybe_text(name) for name in ("state", "State", "status")))), "")
    if not status:
        raise one.odd("the report has no state")
    return STATES.receipt(status, keys=keys, ref=ref)


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    period = {"minDateUTC": _written(since(cursor, ctx)), "maxDateUTC": _written(ctx.now)}
    sign_in = yield from _sign_in(gw, ctx)
    request = requests.get(gw.url("/Incoming"), requests.present({**sign_in, **period}))
    said = _answer((yield from ask(request, "Incoming messages", lambda response: None)), ctx, gw)
    return (yield from fetched(answers.readable(said.items(), _inbound), ctx))


def _inbound(one: answers.Node) -> base.Inbound:
    """Two spellings of the keys are about, in any case."""
    if not isinstance(one.value, dict):
        raise one.odd("the message is not an object")
    low = answers.Node({key.lower(): value for key, value in one.value.items()}, one.path)
    sender = low.maybe_text("sourceaddress") or low.text("sourceadress")
    to = low.maybe_text("destinationaddress") or low.maybe_text("destanationadress")
    written = low.maybe_text("createddateutc")
    at = answers.json_date(written) or answers.iso_time(written)
    return base.Inbound(sender, to, low.maybe_text("data"), id=low.maybe_text("id"), at=at)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    said = yield from _ask(gw, ctx, "/Balance/balance.php", "Balance", {})
    return base.Balance(said.decimal(), ROUBLES, "The currency is unverified.")


check = check_by_balance(balance)


def _request(gw: Gateway, path: str, params: Mapping[str, Any]) -> Request:
    return requests.post_form(gw.url(path), requests.present(params))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(FORMAT)
