"""SMSimple, Russia: XML-RPC (default, the vendor's PHP class) and the HTTP scripts (client code). Facts of 2026-11.

Not found: a table of errors (Russian texts; what they mean is guessed from their words, unverified), the words of the
HTTP status, receipts by push, incoming messages. Not supported: mailings to contact groups, USSD.
"""

import re
from collections.abc import Mapping
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Cached, Context, Flow, Gateway, MalformedAnswer, Renew, Results, Stop, send
from gatepost.providers.fields import Choice, Lines, Number, Secret, Text, Url
from gatepost.providers.kit import answers, own_words, requests, xmlrpc
from gatepost.providers.kit.batches import refused_as_one
from gatepost.providers.kit.flows import ask, check_by_balance, key_by_key
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused, States, codes
from gatepost.providers.manifest import Batch as Batching
from gatepost.providers.manifest import Manifest, Pace
from gatepost.providers.wire import Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused
from gatepost.sms.states import State

CLASSES = "|".join(sorted(Refusal))
SENT = re.compile(r"Сообщение\s*#(\d{1,20})", re.ASCII)
SENTENCE = re.compile(r"(?=.*[а-яё])[^<>{}\[\]\ufffd]{1,500}", re.IGNORECASE | re.DOTALL)
SESSION_S = 3600
SIGNED_OUT = ("session", "сесси")
# Why a call is refused as a whole although only one of its numbers is at fault.
OF_ONE = (Refusal.BAD_RECIPIENT, Refusal.BLOCKED)
BY_XMLRPC, BY_HTTP = ("transport", "xmlrpc"), ("transport", "http")

manifest = Manifest(
    slug="smsimple",
    label="SMSimple.ru",
    countries=("RU",),
    confidence="documented",
    facts="2026-11",
    docs="https://smsimple.ru/api",
    website="https://smsimple.ru",
    fields=(
        Text("user", required=True, identifier=True, help="The login of the cabinet."),
        Secret("password", required=True, help="The password of the cabinet; it is sent in the clear."),
        Number(
            "or_id",
            label="Originator ID (or_id)",
            min=0,
            help='The number of the signature on the page "Подписи". Empty: the main one; 0: a random number.',
        ),
        Choice(
            "transport",
            ("xmlrpc", "XML-RPC"),
            ("http", "HTTP scripts"),
            label="Interface",
            help="XML-RPC tells more: ids as numbers, delivered parts, the balance.",
        ),
        Url(
            "xmlrpc_url",
            label="XML-RPC URL",
            default="http://api.smsimple.ru/",
            schemes=("https", "http"),
            when=BY_XMLRPC,
            help="Whether this host speaks https was not found.",
        ),
        Choice(
            "call_style",
            ("direct", "By the method's name"),
            ("wrapped", "By `call`, as the older library does"),
            label="Calls",
            when=BY_XMLRPC,
            help="Direct, unless the provider says otherwise.",
        ),
        Url(
            "http_url",
            label="URL of the scripts",
            default="https://smsimple.ru",
            when=BY_HTTP,
            help="Where http_send.php and the others are.",
        ),
        Lines(
            "error_words",
            label="Meaning of errors",
            pattern=rf"[^=]+=\s*(?:{CLASSES})\s*",
            pattern_words=f"write text = class, where a class is one of {', '.join(sorted(Refusal))}.",
            help="Errors are texts. What a text contains decides; your lines stand before the built-in ones.",
            confidence="unverified",
        ),
        own_words.state_words(
            "status_words",
            label="Meaning of states",
            default=("не доставлен = undelivered", "доставлен = delivered"),
            help="What a text contains decides, the first line that fits; any other text is on its way.",
            confidence="unverified",
            when=BY_HTTP,
        ),
    ),
    batch=Batching(100, same=("sender", "text"), unique_number=True),
    receipts=("query",),
    await_delivery_s=60,
    poll_until_s=48 * 3600,
    pace=Pace(parallel=4),
    setup=(
        "Enter login and password of the cabinet.",
        'Register a signature on the page "Подписи" and enter its number; it is what the handset shows as the sender.',
    ),
)

REFUSED = Refused(
    codes(Refusal.AUTH, "Login or password", "invalid api username or password", "логин", "пароль", "авториз")
    | codes(Refusal.NO_CREDIT, "Balance", "баланс", "недостаточно", "средств")
    | codes(Refusal.BAD_SENDER, "Signature", "подпис", "origin")
    | codes(Refusal.BLOCKED, "Black list", "чёрн", "черн", "blacklist")
    | codes(Refusal.BAD_RECIPIENT, "Number", "телефон", "номер", "phone")
)
STATES = States(
    {
        "delayed": (State.SUBMITTED, "parts are on their way"),
        "delivered": (State.DELIVERED, "all parts are delivered"),
        "failed": (State.UNDELIVERED, "parts have failed"),
    }
)


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {} if settings["transport"] == "xmlrpc" else {"batch": None}


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    first, is_single = batch.first, len(batch.messages) == 1
    if gw["transport"] == "http":
        params = {"or_id": gw.text("or_id"), "phone": first.to, "message": first.text}
        response: Response = yield send(_script(gw, "http_send.php", params))
        return batch.all(refusal(response, ctx, Refused({})) or _sent(response, gw))
    members = {
        "origin_id": gw["or_id"],
        "phone": ",".join(message.to for message in batch.messages),
        "message": first.text,
    }
    session: str = yield Cached("session", SESSION_S, lambda: _session(gw, ctx))
    response = yield send(_call(gw, "pajm.sms.send", members if is_single else members | {"multiple": True}, session))
    try:
        said = _result(response, gw, ctx)
    except Stop as stop:
        return refused_as_one(batch, stop.outcome, OF_ONE)
    ids = [said] if is_single and not isinstance(said.value, list) else said.items()
    if len(ids) != len(batch.messages):
        raise said.odd("the answer has another number of ids than the request")
    return {ref: accepted(str(one.integer())) for ref, one in zip(batch.refs, ids, strict=True)}


def _session(gw: Gateway, ctx: Context) -> Flow[str]:
    request = _call(gw, "pajm.user.auth", {"username": gw["user"], "password": gw["password"]})
    response = yield from ask(request, "Sign in", lambda answer: None)
    try:
        said = _result(response, gw, ctx)
    except Renew as fault:
        raise Stop(fault.otherwise) from None
    if not said.value:
        raise Stop(refused(Refusal.AUTH, "", "Invalid API username or password"))
    return said.text("session_id")


def _ask(gw: Gateway, ctx: Context, method: str, label: str, members: Mapping[str, Any]) -> Flow[answers.Node]:
    session: str = yield Cached("session", SESSION_S, lambda: _session(gw, ctx))
    response = yield from ask(_call(gw, method, members, session), label, lambda answer: None)
    return _result(response, gw, ctx)


def _call(gw: Gateway, method: str, members: Mapping[str, Any], session: str = "") -> Request:
    struct = ({"session_id": session} if session else {}) | dict(members)
    name, *rest = ("call", method) if gw["call_style"] == "wrapped" else (method,)
    document = xmlrpc.method_call(name, *rest, struct)
    return requests.post_xml(gw["xmlrpc_url"], document, sensitive=answers.some(session))


def _result(response: Response, gw: Gateway, ctx: Context) -> answers.Node:
    """The `result`. Raises Stop with what `info` or a fault says, or Renew where the session is over."""
    if found := refusal(response, ctx, Refused({})):
        raise Stop(found)
    said, is_fault = xmlrpc.read_answer(response.body)
    words = said.text("faultString") if is_fault else said.maybe_text("info")
    if any(word in words.casefold() for word in SIGNED_OUT):
        raise Renew("session", refused(Refusal.TEMPORARY, "", words))
    if words:
        raise Stop(_refused(words, gw))
    if not isinstance(said.value, dict) or "result" not in said.value:
        raise said.odd("the answer has neither result nor info")
    return answers.Node(said.value["result"], "answer.result")


def _refused(words: str, gw: Gateway) -> Outcome:
    own = own_words.meaning_in(gw["error_words"], words)
    found = Refusal(own) if own else REFUSED.refusal(REFUSED.found_in(words))
    return refused(found or Refusal.PERMANENT, "", answers.excerpt(words))


def _sent(response: Response, gw: Gateway) -> Outcome:
    text = _text(response)
    if found := SENT.search(text):
        return accepted(found[1])
    head, _, words = text.partition(":")
    if not head.strip().startswith("Ошибка") or not words:
        raise MalformedAnswer("the answer says neither sent nor why not", answers.excerpt(text))
    return _refused(words.strip(), gw)


def _text(response: Response) -> str:
    try:
        return answers.to_text(response)
    except MalformedAnswer:
        return answers.storable(response.body.decode("windows-1251", "replace"))


def _state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    if gw["transport"] == "http":
        request = _script(gw, "http_check.php", {"message_id": key, "version": "3"})
        answer = yield from ask(request, "State", lambda response: refusal(response, ctx, Refused({})))
        return _described(_text(answer).strip(), key, gw)
    wanted = {"sms_id": answers.whole(key, "the message's id")}
    return _counted((yield from _ask(gw, ctx, "pajm.sms.get_delivery", "State", wanted)), key)


query = key_by_key(_state)


def _counted(said: answers.Node, key: str) -> base.Receipt:
    """Counts of parts; where they do not add up, nothing is settled."""
    count, delivered, failed, delayed = (
        said.integer(name) for name in ("sms_count", "sms_delivered", "sms_failed", "sms_delayed")
    )
    status = "failed" if failed > 0 else "delivered" if delivered == count > 0 else "unknown"
    words = f"{delivered} of {count} parts delivered, {failed} failed, {delayed} delayed"
    return STATES.receipt("delayed" if delayed > 0 else status, keys=(key,), words=words, segments=count or None)


def _described(text: str, key: str, gw: Gateway) -> base.Receipt:
    if not SENTENCE.fullmatch(text):
        raise MalformedAnswer("the answer is not a sentence about a state", answers.excerpt(text))
    state = own_words.meaning_in(gw["status_words"], text)
    return base.Receipt(own_words.STATES[state] if state else State.SUBMITTED, answers.excerpt(text), keys=(key,))


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    if gw["transport"] == "xmlrpc":
        said = yield from _ask(gw, ctx, "pajm.user.get_balance", "Balance", {})
        return base.Balance(said.decimal(), "RUB")
    request = _script(gw, "http_balance.php", {})
    answer = yield from ask(request, "Balance", lambda response: refusal(response, ctx, Refused({})))
    text = _text(answer)
    number = re.search(r"-?\d[\d ]*(?:[.,]\d+)?", text, re.ASCII)
    if number is None:
        raise Stop(refused(Refusal.AUTH, "", answers.excerpt(text) or "Wrong login or password"))
    return base.Balance(answers.to_decimal(number[0]), "RUB")


check = check_by_balance(balance)


def _script(gw: Gateway, name: str, params: Mapping[str, str]) -> Request:
    sign_in = {"user": gw["user"], "pass": gw["password"]}
    return requests.get(gw.url(f"/{name}", "http_url"), (sign_in | dict(params)).items())
