"""The older platform, REST v2 (login in every request) and v1 (a session): `devinotelecom/docs`, 2021."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import (
    Batch,
    Cached,
    Context,
    Flow,
    Gateway,
    Later,
    Renew,
    Results,
    Stop,
    call,
    send,
)
from gatepost.providers.devino.tables import OLDER_REFUSED, OLDER_STATES
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import refused_as_one
from gatepost.providers.kit.flows import fetched, since
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused
from gatepost.providers.wire import Response
from gatepost.sms.outcomes import Refusal, accepted
from gatepost.sms.states import State

URLS = {"rest_v2": "https://integrationapi.net/rest/v2", "rest_v1": "https://integrationapi.net/rest"}
# A session is valid for 120 minutes; a request under way must not outlive it.
SESSION_S = 110 * 60
SIGNED_OUT = ("3", "4")
STORED_WITHIN = timedelta(hours=1)
ID = re.compile(r"[\w+.:-]{1,100}", re.ASCII)
FORMAT = "%Y-%m-%dT%H:%M:%S"
ROUBLES = "RUB"


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    first = batch.first
    is_single = len(batch.messages) == 1
    path, name = ("/Sms/Send", "DestinationAddress") if is_single else ("/Sms/SendBulk", "DestinationAddresses")
    seconds = first.validity_s or gw["validity_s"]
    minutes = max(1, seconds // 60) if seconds else None
    rest = {"SourceAddress": first.sender, "Data": first.text, "Validity": minutes}
    numbers = [(name, message.to) for message in batch.messages]
    sign_in = yield from _sign_in(gw, ctx)
    form = [*sign_in, *numbers, *requests.present(rest)]
    response: Response = yield send(requests.post_form(_url(gw, path), form, sensitive=_secrets(sign_in)))
    try:
        said = _answer(response, ctx, gw)
    except Stop as stop:
        return refused_as_one(batch, stop.outcome, (Refusal.BAD_RECIPIENT,))
    return _results(batch, said)


def _results(batch: Batch, said: answers.Node) -> Results:
    """A flat list of ids, one per part, number after number; the text is the same, so each has as many."""
    ids = [one.text() for one in said.items()]
    if not all(ID.fullmatch(each) for each in ids):
        raise said.odd("the answer holds something else than ids")
    each, rest = divmod(len(ids), len(batch.messages))
    if rest or not each:
        raise said.odd("the ids cannot be shared out evenly among the numbers")
    shares = [ids[start : start + each] for start in range(0, len(ids), each)]
    return {ref: accepted(*share, segments=each) for ref, share in zip(batch.refs, shares, strict=True)}


def _answer(response: Response, ctx: Context, gw: Gateway) -> answers.Node:
    """The JSON of an answer that is no refusal. Raises Stop, or Renew where only the session is over."""
    said = answers.maybe_json(response)
    if said is not None and "Code" in said:
        outcome = OLDER_REFUSED.outcome(said.text("Code"), said.maybe_text("Desc"))
        if gw["api"] == "rest_v1" and outcome.code in SIGNED_OUT:
            raise Renew("session", outcome)
        raise Stop(outcome)
    if found := refusal(response, ctx, Refused({})):
        raise Stop(found)
    return said if said is not None else answers.read_json(response)


def _sign_in(gw: Gateway, ctx: Context) -> Flow[list[tuple[str, str]]]:
    if gw["api"] == "rest_v2":
        return [("Login", gw["login"]), ("Password", gw["password"])]
    session: str = yield Cached("session", SESSION_S, lambda: _session(gw, ctx))
    return [("SessionID", session)]


def _session(gw: Gateway, ctx: Context) -> Flow[str]:
    request = requests.get(_url(gw, "/user/sessionid"), [("login", gw["login"]), ("password", gw["password"])])
    response: Response = yield call(request, "Sign in")
    try:
        return _answer(response, ctx, gw).text()
    except Renew as fault:
        raise Stop(fault.otherwise) from None


def _ask(gw: Gateway, ctx: Context, path: str, label: str, params: Iterable[tuple[str, str]]) -> Flow[answers.Node]:
    sign_in = yield from _sign_in(gw, ctx)
    request = requests.get(_url(gw, path), [*sign_in, *params], sensitive=_secrets(sign_in))
    response: Response = yield call(request, label)
    return _answer(response, ctx, gw)


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    receipts = []
    for message in sent:
        is_young = message.submitted_at is not None and ctx.now - message.submitted_at < STORED_WITHIN
        for key in message.keys:
            said = yield from _ask(gw, ctx, "/Sms/State", "State", [("messageId", key)])
            receipts.append(_state(said, key, is_young=is_young))
    return receipts


def _state(said: answers.Node, key: str, *, is_young: bool) -> base.Receipt:
    """255 says "not yet stored, or no longer": in the first hour it settles nothing."""
    receipt = OLDER_STATES.receipt(
        said.text("State"),
        keys=(key,),
        words=said.maybe_text("StateDescription"),
        at=answers.json_date(said.maybe_text("ReportedDateUtc")),
        price=answers.price(said.maybe_text("Price"), ROUBLES),
    )
    return replace(receipt, state=State.SUBMITTED) if receipt.status == "255" and is_young else receipt


def poll(cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    period = [("minDateUTC", _written(since(cursor, ctx))), ("maxDateUTC", _written(ctx.now))]
    said = yield from _ask(gw, ctx, "/Sms/In", "Incoming messages", period)
    return (yield from fetched(answers.readable(said.items(), _inbound), ctx))


def _inbound(one: answers.Node) -> base.Inbound:
    return base.Inbound(
        one.text("SourceAddress"),
        one.maybe_text("DestinationAddress"),
        one.maybe_text("Data"),
        id=one.maybe_text("ID"),
        at=answers.json_date(one.maybe_text("CreatedDateUtc")),
    )


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    said = yield from _ask(gw, ctx, "/User/Balance", "Balance", [])
    return base.Balance(said.decimal(), ROUBLES)


def _url(gw: Gateway, path: str) -> str:
    return f"{gw['base_url'] or URLS[gw['api']]}{path}"


def _secrets(sign_in: list[tuple[str, Any]]) -> list[str]:
    return [value for name, value in sign_in if name == "SessionID"]


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(FORMAT)
