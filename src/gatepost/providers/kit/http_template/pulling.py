"""Asking: the state of messages, messages from handsets, the balance, and a check of the settings."""

import re
from decimal import Decimal

from gatepost.providers.base import (
    Balance,
    Checked,
    Commit,
    Context,
    Flow,
    Gateway,
    Inbound,
    Later,
    MalformedAnswer,
    Receipt,
    Sent,
    Stop,
    call,
)
from gatepost.providers.kit.answers import excerpt
from gatepost.providers.kit.http_template.callbacks import MAX_ITEMS, Item
from gatepost.providers.kit.http_template.documents import Document, Pairs
from gatepost.providers.kit.http_template.escape import Unrenderable
from gatepost.providers.kit.http_template.inbound import read_inbound
from gatepost.providers.kit.http_template.lookups import Answer, answer_of, lookup
from gatepost.providers.kit.http_template.receipts import read_receipt
from gatepost.providers.kit.http_template.request import Shape, body_format_of
from gatepost.providers.kit.http_template.scope import PLAIN_NAMES, Scope
from gatepost.providers.kit.http_template.sending import preview
from gatepost.providers.kit.http_template.signing import TOKEN_AUTHS, complete, renewed, signed_in
from gatepost.providers.kit.http_template.template import names
from gatepost.providers.kit.http_template.verdict import by_status, is_ok
from gatepost.sms.outcomes import Refusal, refused

FEED = "inbound"
_FIRST_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")


def query(sent: tuple[Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[Receipt]]:
    """The state of messages, asked for by the ids that the provider gave."""
    if not gw.text("poll_url"):
        return []
    ids = [_provider_id(one) for one in sent]
    first = sent[0]
    scope = Scope(gw.settings, ctx).with_given(
        id=ids[0],
        ids="\n".join(ids),
        ref=first.ref,
        to=first.to,
        to_plus=f"+{first.to}",
        to_no_plus=first.to,
        sender=first.sender,
    )
    answer = yield from _asked(_shape(gw, "poll"), scope, "Ask for the state")
    items = _items(answer, gw.text("dlr_items_path"), gw.text("dlr_parse"))
    if len(items) > 1 or len(sent) > 1:
        receipts = [read_receipt(item, gw.settings) for item in items]
        if any(not (receipt.keys or receipt.to) for receipt in receipts):
            raise MalformedAnswer("the answer has states without ids")
        return receipts
    return [read_receipt(item, gw.settings, ref=first.ref) for item in items]


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    """Messages from handsets since `cursor` (the id of the last one), confirmed where the provider wants that."""
    every_s = float(gw.get("mo_poll_every_s") or 60)
    if feed != FEED or not gw.text("mo_poll_url"):
        return Later(every_s, cursor)
    scope = Scope(gw.settings, ctx).with_given(cursor=cursor)
    answer = yield from _asked(_shape(gw, "mo_poll"), scope, "Ask for messages")
    messages = tuple(
        read_inbound(item, gw.settings) for item in _items(answer, gw.text("mo_items_path"), gw.text("mo_parse"))
    )
    if not messages:
        return Later(every_s, cursor)
    ids = [message.id for message in messages if message.id]
    reached = _last(ids, cursor)
    yield Commit(messages, reached)
    if gw.text("mo_ack_url") and ids:
        yield from _confirmed(messages, gw, ctx)
    return Later(0.0 if reached != cursor else every_s, reached)


def balance(gw: Gateway, ctx: Context) -> Flow[Balance]:
    """The balance: at `balance_field`, else the first number of the answer."""
    if not gw.text("balance_url"):
        raise Stop(refused(Refusal.CONFIG, "", "No balance address is set."))
    answer = yield from _asked(_shape(gw, "balance"), Scope(gw.settings, ctx), "Ask for the balance")
    field = gw.text("balance_field")
    if not field:
        return Balance(first_number(answer.text), gw.text("balance_unit"))
    value = re.sub(r"\s", "", answer.value(lookup(field)))
    if not value:
        raise MalformedAnswer("the answer has no balance at the field of the settings", excerpt(answer.text))
    return Balance(first_number(value), gw.text("balance_unit"))


def first_number(text: str) -> Decimal:
    """The first number of a text, with a comma or a point. Raises MalformedAnswer."""
    match = _FIRST_NUMBER.search(text)
    if match is None:
        raise MalformedAnswer("the answer has no number", excerpt(text))
    return Decimal(match[0].replace(",", "."))


def check(gw: Gateway, ctx: Context) -> Flow[Checked]:
    """Renders a sample message, then proves the sign-in by the balance or by fetching a token; never sends."""
    try:
        preview(gw.settings)
    except Unrenderable as fault:
        return Checked(fault.words, refused(Refusal.CONFIG, "", fault.words))
    try:
        if gw.text("balance_url"):
            found = yield from balance(gw, ctx)
            return Checked("Signed in; the balance was read.", balance=found)
        if gw.text("auth") in (*TOKEN_AUTHS, "digest"):
            yield from signed_in(Scope(gw.settings, ctx), Shape("GET", gw.text("url")))
            return Checked("The provider answers the sign-in. Send a test message to prove the rest.")
    except Stop as stop:
        outcome = stop.outcome
        if outcome.code in ("404", "405"):
            outcome = refused(Refusal.CONFIG, outcome.code, "The address or the method is wrong.")
        return Checked(outcome.words or outcome.cause, outcome)
    return Checked("The request can be built. The provider offers nothing harmless to ask: send a test message.")


def _confirmed(messages: tuple[Inbound, ...], gw: Gateway, ctx: Context) -> Flow[None]:
    """Tell the provider what we have stored: one call with all ids, or one each where the template asks for one."""
    ids = [message.id for message in messages if message.id]
    shape = _shape(gw, "mo_ack")
    is_single = "{{ids" not in shape.url + shape.body
    for group in [[one] for one in ids] if is_single else [ids]:
        scope = Scope(gw.settings, ctx).with_given(id=group[0], ids="\n".join(group))
        yield from _asked(shape, scope, "Confirm the messages")


def _asked(shape: Shape, scope: Scope, label: str) -> Flow[Answer]:
    scope = yield from signed_in(scope, shape)
    try:
        request = complete(shape, scope)
    except Unrenderable as fault:
        raise Stop(refused(fault.refusal, "", fault.words)) from None
    response = yield call(request, label)
    answer = answer_of(response, scope.charset)
    if not is_ok(response.status, scope.settings):
        failed = by_status(answer, scope.ctx.now)
        renewed(response, scope, failed)
        raise Stop(failed)
    return answer


def _shape(gw: Gateway, prefix: str) -> Shape:
    """The request of `poll_*`, `balance_*`...: own method, URL and body; sign-in like sending, and its headers except
    for those that speak of a message."""
    body = gw.text(f"{prefix}_body")
    headers = gw.get(f"{prefix}_headers") or [line for line in gw.get("headers") or () if names(line) <= PLAIN_NAMES]
    return Shape(
        method=gw.text(f"{prefix}_method") or "GET",
        url=gw.text(f"{prefix}_url"),
        body_format=body_format_of(body),
        body=body,
        headers=tuple(headers),
    )


def _items(answer: Answer, items_path: str, mode: str) -> list[Item]:
    """The items of an answer; an answer without any is an empty one."""
    document = _document(answer, mode)
    path = re.sub(r"^(json|xml|form):", "", items_path)
    found = (document.items(path) or []) if path else (document.items("") or [])
    return [Item(item, Pairs({})) for item in found[:MAX_ITEMS]]


def _document(answer: Answer, mode: str) -> Document:
    kinds = (mode,) if mode in ("json", "xml", "form") else ("json", "xml")
    document = next((found for kind in kinds if (found := answer.parsed(kind))), None)
    if document is None:
        raise MalformedAnswer("the answer is neither JSON nor XML", excerpt(answer.text))
    return document


def _provider_id(sent: Sent) -> str:
    return sent.keys[0].removesuffix(f":{sent.to}") if sent.keys else sent.ref


def _last(ids: list[str], cursor: str) -> str:
    """The highest id where all are numbers, else the last one."""
    if ids and all(re.fullmatch(r"[0-9]{1,30}", one) for one in (*ids, cursor or "0")):
        return max((*ids, cursor or "0"), key=int)
    return ids[-1] if ids else cursor
