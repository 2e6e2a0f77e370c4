"""One API, Platform REST and legacy REST: JSON, one item per recipient in the answer."""

from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, Message, Results, Stop
from gatepost.providers.clickatell.tables import ABOUT, LEGACY, ONE_API, ONE_API_STATES
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import match, per_message
from gatepost.providers.kit.flows import ask
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused
from gatepost.providers.wire import Headers, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused

HOSTS = {"rest_legacy": "https://api.clickatell.com"}
PATHS = {"one_api": "/v1/message", "platform": "/messages", "rest_legacy": "/rest/message"}
EVERY_STATUS = 7
TABLES = {"one_api": ONE_API, "platform": ONE_API, "rest_legacy": LEGACY}


def request(batch: Batch, gw: Gateway) -> Request:
    generation, first = gw["api_generation"], batch.first
    to = [message.to for message in batch.messages]
    minutes = first.validity_s // 60 if first.validity_s else gw["validity_minutes"]
    bodies: dict[str, dict[str, Any]] = {
        "one_api": {"messages": [_item(message) for message in batch.messages]},
        "platform": {
            "content": first.text,
            "to": to,
            "from": first.sender,
            "clientMessageId": first.ref if len(to) == 1 else None,
            "validityPeriod": minutes,
        },
        "rest_legacy": {
            "text": first.text,
            "to": to,
            "from": first.sender,
            "callback": EVERY_STATUS,
            "validity": minutes,
        },
    }
    return requests.post_json(_url(gw, PATHS[generation]), requests.filled(bodies[generation]), headers=_headers(gw))


def _item(message: Message) -> dict[str, Any]:
    return requests.filled(
        {
            "channel": "sms",
            "to": message.to,
            "content": message.text,
            "from": message.sender,
            "clientMessageId": message.ref,
        }
    )


def results(batch: Batch, response: Response, ctx: Context, generation: str) -> Results:
    """Items name the recipient; an answer without items refuses the whole request."""
    said = answers.maybe_json(response) or answers.Node({})
    items = _items(said, generation)
    if items is None:
        if outcome := _refusal(response, ctx, generation):
            return batch.all(outcome)
        raise answers.read_json(response).odd("the answer has no messages")
    found = match(batch, items, numbers=(lambda item: item.maybe_text("to"),))
    return per_message(found, lambda item: _outcome(item, generation))


def _items(said: answers.Node, generation: str) -> list[answers.Node] | None:
    path = ("data", "message") if generation == "rest_legacy" else ("messages",)
    found = said.maybe(*path)
    return found.items() if found is not None and isinstance(found.value, list) and found.value else None


def _outcome(item: answers.Node, generation: str) -> Outcome:
    accepted_flag = item.maybe("accepted")
    if accepted_flag is not None and accepted_flag.value is True:
        return accepted(item.text("apiMessageId"))
    if accepted_flag is None or accepted_flag.value is not False:
        raise item.odd("the item is neither accepted nor refused")
    code, words = _said(item)
    return _classed(code, words, TABLES[generation])


def _said(node: answers.Node) -> tuple[str, str]:
    """Code, without leading zeros, and words of an error: an object in One API, a text in Platform."""
    error = node.maybe("error")
    if error is not None and isinstance(error.value, dict):
        return error.maybe_text("code").lstrip("0"), error.maybe_text("description")
    return node.maybe_text("errorCode").lstrip("0"), node.maybe_text("errorDescription") or node.maybe_text("error")


def _classed(code: str, words: str, table: Refused) -> Outcome:
    """Where the code says little (23), or there is none, the words do."""
    about = next((meaning for part, meaning in ABOUT if part in words.lower()), None)
    if about is not None and (code in ("", "23") or code not in table):
        return refused(about, code, words)
    return table.outcome(code, words) if code else refused(Refusal.PERMANENT, "", words)


def _refusal(response: Response, ctx: Context, generation: str) -> Outcome | None:
    said = answers.maybe_json(response)
    code, words = _said(said) if said is not None and isinstance(said.value, dict) else ("", "")
    table = TABLES[generation]
    is_said = code in table or any(part in words.lower() for part, _ in ABOUT)
    if is_said and 400 <= response.status < 500 and response.status not in (408, 429):
        return _classed(code, words, table)
    return refusal(response, ctx, table, code, words)


def state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    """One API only; the path comes from a client."""
    found = yield from _ask(gw, ctx, f"/v1/message/{requests.segment(key)}", "State")
    sms = found.node("sms")
    at = answers.unix_time(sms.maybe_text("timestamp")[:-3])
    return ONE_API_STATES.receipt(sms.text("status"), keys=(key,), at=at)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    if gw["api_generation"] == "rest_legacy":
        raise Stop(refused(Refusal.CONFIG, "", "The legacy REST interface tells no balance."))
    path = "/v1/balance" if gw["api_generation"] == "one_api" else "/public-client/balance"
    found = yield from _ask(gw, ctx, path, "Balance")
    return base.Balance(found.decimal("balance"), found.maybe_text("currency"))


def _ask(gw: Gateway, ctx: Context, path: str, label: str) -> Flow[answers.Node]:
    one = requests.get(_url(gw, path), headers=_headers(gw))
    generation = gw["api_generation"]
    return answers.read_json((yield from ask(one, label, lambda answer: _refusal(answer, ctx, generation))))


def _url(gw: Gateway, path: str) -> str:
    return (gw["base_url"] or HOSTS.get(gw["api_generation"], "https://platform.clickatell.com")) + path


def _headers(gw: Gateway) -> Headers:
    """The key goes raw; only the legacy interface says Bearer."""
    if gw["api_generation"] == "rest_legacy":
        return (requests.bearer(gw["api_key"]), ("x-version", "1"), ("accept", "application/json"))
    return (("authorization", gw["api_key"]), ("accept", "application/json"))
