"""OmniChannel of MTS Marketolog: JSON with HTTP Basic."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Found, Gateway, Results, send
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.answers import Node
from gatepost.providers.kit.batches import match, per_message
from gatepost.providers.kit.flows import ask
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.mts.tables import EVENTS, FAULTS, HTTP, of_all
from gatepost.providers.wire import EPOCH, RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted
from gatepost.sms.states import REPORTED

DEFAULT_URL = "https://omnichannel.mts.ru/http-api/v1"


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    """Recipients of one text and sender stand together."""
    alike: dict[tuple[str, str], list[dict[str, str]]] = {}
    for message in batch.messages:
        recipient = {"msisdn": message.to, "message_id": message.ref}
        alike.setdefault((message.sender, message.text), []).append(recipient)
    messages = [
        {"content": {"short_text": text}, "from": {"sms_address": sender}, "to": recipients}
        for (sender, text), recipients in alike.items()
    ]
    response: Response = yield send(_request(gw, "/messages", {"messages": messages}))
    if outcome := _refusal(response, ctx):
        return of_all(batch, outcome)
    items = answers.read_json(response).items("messages")
    found = match(batch, items, numbers=(lambda item: item.maybe_text("msisdn"),))
    return per_message(found, lambda item: accepted(item.text("internal_id")))


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """A body with a code and a message is an error under any status."""
    said = answers.maybe_json(response) or Node({})
    code, words = said.maybe_text("code"), said.maybe_text("message")
    outcome = refusal(response, ctx, HTTP, "", words)
    if outcome is None and code and words:
        outcome = HTTP.outcome(code, words)
    if outcome and FAULTS.refusal(FAULTS.found_in(words)) is Refusal.NO_CREDIT:
        return replace(outcome, refusal=Refusal.NO_CREDIT)
    return outcome


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    keys = [key for message in sent for key in message.keys]
    said = yield from _ask(gw, ctx, "/messages/info", {"int_ids": keys}, "States")
    receipts = answers.readable(said.items("events_info"), lambda one: _state(one.items("events_info")))
    return [receipt for receipt in receipts if receipt]


def find(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[dict[str, Found]]:
    """Events prove that a message has arrived. Their absence proves nothing, so it is not reported."""
    found = {}
    for message in sent:
        said = yield from _ask(gw, ctx, "/messages/info", {"msg_ids": [message.ref]}, "Look-up")
        for one in said.items("events_info"):
            if receipt := _state(one.items("events_info")):
                found[message.ref] = Found(True, receipt.keys, receipt.state)
    return found


def _state(events: list[Node]) -> base.Receipt | None:
    """Of the whole history, the last event that is final, else the last one."""
    receipts = sorted(answers.readable(events, _event), key=lambda receipt: receipt.at or EPOCH)
    final = [receipt for receipt in receipts if receipt.state in REPORTED]
    return next(iter(final[-1:] or receipts[-1:]), None)


def _event(one: Node) -> base.Receipt:
    errors = [error.text() for error in one.items("internal_errors")] if "internal_errors" in one else []
    keys, ref = answers.some(one.maybe_text("internal_id")), one.maybe_text("message_id")
    if not keys and not ref:
        raise one.odd("the event names no message")
    return EVENTS.receipt(
        one.text("status"),
        keys=keys,
        ref=ref,
        code=",".join(errors),
        at=answers.iso_time(one.maybe_text("event_at")),
        segments=one.maybe_integer("total_parts"),
    )


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    """The format was not found: whatever names a message and tells its status is taken."""
    events = list(_events(answers.read_json(raw).value))
    if not events:
        raise base.MalformedAnswer("no event was found")
    return base.Callback(tuple(answers.readable(events, _event)))


def _events(tree: Any) -> Iterator[Node]:
    waiting = [tree]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, dict):
            if "status" in value and (value.get("internal_id") or value.get("message_id")):
                yield Node(value, "event")
            waiting = [*value.values(), *waiting]
        elif isinstance(value, list):
            waiting = [*value, *waiting]


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    said = yield from _ask(gw, ctx, "/messages/balanceManagement/balance/full", None, "Balance")
    return base.Balance(said.decimal("balance"), "RUB")


def _ask(gw: Gateway, ctx: Context, path: str, body: Any, label: str) -> Flow[Node]:
    answer = yield from ask(_request(gw, path, body), label, lambda response: _refusal(response, ctx))
    return answers.read_json(answer)


def _request(gw: Gateway, path: str, body: Any) -> Request:
    url, sign_in = (gw["url"] or DEFAULT_URL) + path, requests.basic(gw["login"], gw["password"])
    if body is None:
        return Request("POST", url).with_headers(sign_in, sensitive=(sign_in[1].removeprefix("Basic "),))
    return requests.post_json(url, body, headers=(sign_in,))
