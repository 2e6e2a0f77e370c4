"""The legacy HTTP interface: forms in Latin-1, answers in lines of text, always HTTP 200."""

import re

from gatepost.providers import base
from gatepost.providers.base import Batch, Context, Flow, Gateway, MalformedAnswer, Results, Stop
from gatepost.providers.clickatell.tables import LEGACY, STATES
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import match, per_message
from gatepost.providers.kit.flows import ask
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused

HOST = "https://api.clickatell.com"
LINE = re.compile(r"(ID: *(?P<id>[0-9a-z]{6,64})|ERR: *(?P<code>\d{1,3}),? *(?P<words>.*?))(?: +To: *(?P<to>\d+))?")
STATE = re.compile(r"ID: *\S+ +Status: *(\d{1,3})", re.IGNORECASE)
CREDIT = re.compile(r"Credits?: *(\S+)", re.IGNORECASE)
NO_HTTP = Refused({})


def request(batch: Batch, gw: Gateway) -> Request:
    first = batch.first
    is_unicode = first.encoding == "ucs2" or any(letter > "\xff" for letter in first.text)
    params = {
        **_login(gw),
        "to": ",".join(message.to for message in batch.messages),
        "text": first.text.encode("utf-16-be").hex().upper() if is_unicode else first.text,
        "unicode": "1" if is_unicode else "",
        "from": first.sender,
        "mo": "1" if gw["mo"] else "",
        "callback": "7",
        "climsgid": first.ref if len(batch.messages) == 1 else "",
        "concat": gw["concat"],
        "validity": first.validity_s // 60 if first.validity_s else gw["validity_minutes"],
    }
    try:
        return requests.post_form(_url(gw, "sendmsg"), requests.present(params), charset="latin-1")
    except UnicodeEncodeError:
        raise Stop(refused(Refusal.BAD_SENDER, "", "The sender ID has letters that Latin-1 lacks.")) from None


def results(batch: Batch, response: Response, ctx: Context) -> Results:
    """A line per recipient; one without `To:` answers a single message, or refuses the whole request."""
    lines = _lines(response, ctx)
    if len(lines) == 1 and not lines[0]["to"] and lines[0]["code"]:
        return batch.all(_outcome(lines[0]))
    return per_message(match(batch, lines, numbers=(lambda line: line["to"] or "",)), _outcome)


def _lines(response: Response, ctx: Context) -> list[re.Match[str]]:
    if outcome := refusal(response, ctx, NO_HTTP):
        raise Stop(outcome)
    text = answers.to_text(response, "latin-1")
    found = [LINE.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
    if not found or None in found:
        raise MalformedAnswer("a line is neither ID nor ERR", answers.excerpt(text))
    return [line for line in found if line]


def _outcome(line: re.Match[str]) -> Outcome:
    if line["id"]:
        return accepted(line["id"])
    return LEGACY.outcome(int(line["code"]), line["words"])


def state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    text = yield from _ask(gw, ctx, "querymsg", "State", {"apimsgid": key})
    found = STATE.search(text)
    if found is None:
        raise MalformedAnswer("the answer has no status", answers.excerpt(text))
    return STATES.receipt(int(found[1]), keys=(key,))


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    text = yield from _ask(gw, ctx, "getbalance", "Balance", {})
    found = CREDIT.search(text)
    if found is None:
        raise MalformedAnswer("the answer has no credit", answers.excerpt(text))
    return base.Balance(answers.to_decimal(found[1]), "credits")


def _ask(gw: Gateway, ctx: Context, command: str, label: str, params: dict[str, str]) -> Flow[str]:
    one = requests.post_form(_url(gw, command), requests.present({**_login(gw), **params}), charset="latin-1")
    answer: Response = yield from ask(one, label, lambda response: refusal(response, ctx, NO_HTTP))
    text = answers.to_text(answer, "latin-1").strip()
    failed = LINE.fullmatch(text)
    if failed is not None and failed["code"]:
        raise Stop(_outcome(failed))
    return text


def _url(gw: Gateway, command: str) -> str:
    return f"{gw['base_url'] or HOST}/http/{command}"


def _login(gw: Gateway) -> dict[str, str]:
    return {"user": gw["user"], "password": gw["password"], "api_id": gw["api_id"]}
