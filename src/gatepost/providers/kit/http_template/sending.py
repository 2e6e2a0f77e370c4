"""Submitting: the drafts of a batch, the one request, and what its answer means per message."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gatepost.providers.base import Batch, Context, Flow, Gateway, Message, Results, send
from gatepost.providers.kit.http_template.documents import Document
from gatepost.providers.kit.http_template.draft import Draft, draft
from gatepost.providers.kit.http_template.escape import Unrenderable
from gatepost.providers.kit.http_template.lookups import Answer, answer_of, lookup
from gatepost.providers.kit.http_template.numbers import recipient
from gatepost.providers.kit.http_template.request import sending
from gatepost.providers.kit.http_template.rules import SUCCESS, condition, rules
from gatepost.providers.kit.http_template.scope import SECRETS, Scope
from gatepost.providers.kit.http_template.signing import complete, renewed, signed_in
from gatepost.providers.kit.http_template.verdict import failure, is_id, is_ok, outcome, success
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused, unknown

SAMPLE = Message("a1b2c3", "48600100200", 'He said "hi" & left\nBye 100%', "Sample")
SAMPLE_UNICODE = replace(SAMPLE, text='He said "hi" & left\nBye ☺ 100%', encoding="ucs2")
MASK = "********"
SAMPLE_CONTEXT = Context(
    now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    nonce="preview",
    receipt_url="https://gateway.example/receipt",
    inbound_url="https://gateway.example/inbound",
)


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    """One request for the whole batch, by the gateway's templates; a text that they refuse is not sent."""
    drafts, outcomes = _drafted(batch, gw.settings)
    if not drafts:
        return outcomes
    scope = Scope(gw.settings, ctx, drafts)
    is_unicode = scope.is_unicode
    shape = gw.once((sending, is_unicode), lambda: sending(gw.settings, is_unicode=is_unicode))
    scope = yield from signed_in(scope, shape)
    try:
        request = complete(shape, scope)
    except Unrenderable as fault:
        refusal = refused(fault.refusal, "", fault.words)
        return outcomes | {one.message.ref: refusal for one in drafts}
    response = yield send(request)
    return outcomes | judged(response, scope)


def preview(settings: Mapping[str, Any], message: Message = SAMPLE, ctx: Context = SAMPLE_CONTEXT) -> Request:
    """The exact request that these settings give for a message, secrets masked. Raises Unrenderable.

    What a sign-in fetches first (a token) is shown as the mask; a digest challenge cannot be answered beforehand.
    """
    masked = {**settings, **{name: MASK for name in SECRETS if settings.get(name)}}
    return rendered(masked, message, ctx)


def rendered(settings: Mapping[str, Any], message: Message = SAMPLE, ctx: Context = SAMPLE_CONTEXT) -> Request:
    """Like `preview`, with the secrets in it."""
    scope = Scope(settings, ctx, (draft(message, settings),), given={"token": MASK})
    return complete(sending(settings, is_unicode=scope.is_unicode), scope)


def judged(response: Response, scope: Scope) -> Results:
    """The outcome of every message of the request."""
    settings = scope.settings
    answer = answer_of(response, scope.charset)
    is_itemised = bool(settings.get("result_items_path"))
    items = _items(answer, scope) if is_itemised and is_ok(answer.status, settings) else []
    # Where items speak for themselves, a rule that fits one of them must not condemn the others.
    failed = None if items else failure(answer, settings, scope.ctx, is_itemised=is_itemised)
    if failed is not None:
        renewed(response, scope, failed)
        return {one.message.ref: _resent(failed, one, scope.ctx) for one in scope.drafts}
    if is_itemised:
        return _per_item(items, answer, scope)
    suffixed = has_shared_id(settings)
    return {
        one.message.ref: success(answer, settings, one.message.ref, f":{one.message.to}" if suffixed else "")
        for one in scope.drafts
    }


def has_shared_id(settings: Mapping[str, Any]) -> bool:
    """Whether one id may stand for several messages; the key of a message is then `id:number`."""
    return (settings.get("max_recipients") or 1) > 1 and not settings.get("result_items_path")


def _drafted(batch: Batch, settings: Mapping[str, Any]) -> tuple[tuple[Draft, ...], Results]:
    drafts: list[Draft] = []
    outcomes: Results = {}
    for message in batch.messages:
        try:
            drafts.append(draft(message, settings))
        except Unrenderable as fault:
            outcomes[message.ref] = refused(fault.refusal, "", fault.words)
    return tuple(drafts), outcomes


def _resent(failed: Outcome, one: Draft, ctx: Context) -> Outcome:
    """To a repeated request "duplicate" says that the first one had arrived."""
    return accepted(one.message.ref) if ctx.is_resend and failed.refusal is Refusal.DUPLICATE else failed


def _items(answer: Answer, scope: Scope) -> list[Document]:
    found = lookup(scope.text("result_items_path"))
    document = answer.parsed(found.kind)
    return (document.items(found.path) if document else None) or []


def _per_item(items: list[Document], answer: Answer, scope: Scope) -> Results:
    """By number where the items name numbers, else by order; who is not named is unknown."""
    number_path = scope.text("result_number_path")
    if not number_path:
        if len(items) != len(scope.drafts):
            cause = f"the answer has {len(items)} items for {len(scope.drafts)} messages"
            return {one.message.ref: unknown(cause, answer.status) for one in scope.drafts}
        return {one.message.ref: _item(item, one, answer, scope) for one, item in zip(scope.drafts, items, strict=True)}
    by_number = {_digits(lookup_value(item, number_path)): item for item in items}
    outcomes: Results = {}
    for one in scope.drafts:
        written = _digits(recipient(one.message.to, scope.settings))
        item = by_number.get(one.message.to) or by_number.get(written)
        missing = unknown("the answer does not name this number", answer.status)
        outcomes[one.message.ref] = missing if item is None else _item(item, one, answer, scope)
    return outcomes


def _item(item: Document, one: Draft, answer: Answer, scope: Scope) -> Outcome:
    settings = scope.settings
    inside = replace(answer, document=item, _parsed={})
    ok_rule = scope.text("result_ok_rule")
    error_path = scope.text("result_error_path")
    error = lookup_value(item, error_path) if error_path else ""
    if (ok_rule and condition(ok_rule).match(inside) is None) or (not ok_rule and error):
        return _resent(_item_failure(inside, error, scope), one, scope.ctx)
    id_path = scope.text("result_id_path")
    if not id_path:
        return accepted(one.message.ref)
    identifier = lookup_value(item, id_path).strip()
    if not is_id(identifier):
        return unknown("an item of the answer has no message id", answer.status)
    return success(inside, {**settings, "id_from": ""}, identifier)


def _item_failure(inside: Answer, error: str, scope: Scope) -> Outcome:
    """The first failure rule that fits the item (its error text stands for the body), else permanent."""
    about = replace(inside, body=error.encode(), charset="utf-8", _parsed={})
    for rule in rules(tuple(scope.settings.get("rules") or ())):
        match = None if rule.outcome == SUCCESS else rule.condition.match(about)
        if match is not None:
            return outcome(rule.outcome, about, rule.said(match) or error, scope.ctx)
    return refused(Refusal.PERMANENT, inside.status, error)


def lookup_value(item: Document, path: str) -> str:
    """The value at a path of an item; `json:` or `xml:` before the path is allowed and changes nothing."""
    return item.value(re.sub(r"^(json|xml|form):", "", path)) or ""


def _digits(number: str) -> str:
    return re.sub(r"[^0-9]", "", number)
