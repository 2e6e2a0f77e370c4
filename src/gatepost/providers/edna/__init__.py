"""MFMS / edna, Russia: HPG (default), the SMS JSON connector and the Pulse cascade. From client code, 2026-11.

Not found: official documents, balance, validity and schedule of HPG. Not supported: SOAP, SMPP.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Cached, Context, Flow, Gateway, MalformedAnswer, Message, Results, Stop, send
from gatepost.providers.edna.tables import REFUSED, STATES
from gatepost.providers.fields import Choice, FieldError, Flag, Pem, Secret, Text, Url
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import digits
from gatepost.providers.kit.flows import ask, key_by_key
from gatepost.providers.kit.own_words import field_names, named
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.manifest import Manifest, Pace, Ref, SenderRule
from gatepost.providers.wire import Link, RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused
from gatepost.sms.states import State

FIELD_NAME = {"pattern": r"[A-Za-z_]\w*", "pattern_words": "letters, digits and underscore."}
HPG, KEYED = ("api", "hpg"), ("api", ("sme", "pulse"))
URLS = {"sme": "https://sms.edna.ru/connector_sme/api", "pulse": "https://app.edna.ru/api"}
# What a check asks about.
NOBODYS_ID, UNKNOWN_ID, NUMBER = "0", "error-provider-id-unknown", "79000000000"
NAMES = {"sender": ("address", "from", "sender"), "to": ("subject", "to"), "text": ("text", "content"), "id": ("id",)}

manifest = Manifest(
    slug="edna",
    label="MFMS / edna",
    countries=("RU",),
    confidence="client-code",
    facts="2026-11",
    website="https://edna.ru",
    fields=(
        Choice("api", ("hpg", "HPG"), ("sme", "SMS JSON connector"), ("pulse", "Pulse cascade"), label="Interface"),
        Url(
            "url",
            label="URL",
            help="HPG: the base up to the connector, such as https://HOST/revoup/CONNECTOR. The others have their own.",
        ),
        Url("status_url", label="Status URL", when=HPG, help="Empty: the URL with /status."),
        Text("login", required=True, identifier=True, when=HPG),
        Text("login_field", label="Login field name", default="login", when=HPG, **FIELD_NAME),
        Secret("password", required=True, when=HPG),
        Text("password_field", default="password", label="Password field name", when=HPG, **FIELD_NAME),
        Text(
            "status_password_field",
            when=HPG,
            help="For hosts that want another name when asked for a state.",
            **FIELD_NAME,
        ),
        Secret("api_key", label="API key", required=True, when=KEYED),
        Text("cascade_id", label="Cascade ID", when=("api", "pulse"), help="Empty: the active one of the sender."),
        Choice("priority", ("", "The provider's"), "low", "normal", "high", "realtime", when=("api", ("hpg", "sme"))),
        Flag("indexed", default=True, when=HPG, help="Parameters as address[0]=; off: plain address=."),
        Pem("ca_pem", label="Certificate authority", help="Some hosts have a certificate of MFMS's own authority."),
        field_names("inbound_names", NAMES, help="Fields of incoming messages; their format was not found."),
    ),
    reference=Ref(50),
    sender=SenderRule(r"[^\x00-\x1f]{1,20}", "A sender name (subject) that is registered.", is_required=True),
    receipts=("query",),
    inbound=("sms",),
    inbound_delivery=("push",),
    await_delivery_s=60,
    pace=Pace(requests_per_second=10, parallel=4),
    setup=(
        "HPG: enter the host and connector, login and password that MFMS gave you; ask how the two fields are named.",
        "SMS JSON connector and Pulse: enter the API key.",
        "Pulse: register the receipt URL as the callback of the sender's channel.",
    ),
)


def prepare(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    if settings["api"] == "hpg" and not settings["url"]:
        raise FieldError("url", "required", "URL is needed: it comes from MFMS, with host and connector.")
    return settings


def capabilities(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Only Pulse pushes alone; the JSON connector pushes and can be asked."""
    pushed = {"sme": ("push", "query"), "pulse": ("push",)}
    api = settings["api"]
    return {"receipts": pushed[api]} if api in pushed else {}


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    message = batch.first
    if gw["api"] == "pulse":
        found = gw["cascade_id"] or (
            yield Cached(f"cascade {message.sender}", 3600, lambda: _cascade(gw, ctx, message))
        )
        request = _json_request(gw, "cascade/schedule", _cascaded(message, found))
    elif gw["api"] == "sme":
        request = _json_request(gw, "smsOutMessage", _out_message(message, gw))
    else:
        request = _hpg_request(gw, _send_url(gw), gw["password_field"], _hpg_params(message, gw))
    response: Response = yield send(request)
    return batch.all(_refusal(response, ctx) or _outcome(response, gw["api"], message.ref))


def _hpg_params(message: Message, gw: Gateway) -> list[tuple[str, str]]:
    index = "[0]" if gw["indexed"] else ""
    named_values = {"subject": message.sender, "address": message.to, "text": message.text, "clientId": message.ref}
    params = [(f"{name}{index}", value) for name, value in named_values.items()]
    return [*params, *requests.present({"priority": _priority(message, gw)})]


def _out_message(message: Message, gw: Gateway) -> dict[str, Any]:
    return requests.filled(
        {
            "id": message.ref,
            "subject": message.sender,
            "address": message.to,
            "priority": _priority(message, gw),
            "contentType": "text",
            "content": message.text,
        }
    )


def _cascaded(message: Message, cascade_id: str) -> dict[str, Any]:
    return {
        "requestId": message.ref,
        "cascadeId": cascade_id,
        "subscriberFilter": {"address": message.to, "type": "PHONE"},
        "content": {"smsContent": {"contentType": "TEXT", "text": message.text}},
    }


def _cascade(gw: Gateway, ctx: Context, message: Message) -> Flow[str]:
    """The active cascade of one stage whose stage has our sender."""
    said = answers.read_json((yield from ask(_cascades(gw), "Cascades", lambda answer: _refusal(answer, ctx))))
    for one in said.items():
        subject = one.maybe("stages", 0, "subject")
        name = subject.maybe_text("subject") if subject and isinstance(subject.value, dict) else ""
        if (one.maybe_text("status"), one.maybe_integer("stagesCount"), name) == ("ACTIVE", 1, message.sender):
            return one.text("id")
    raise Stop(refused(Refusal.BAD_SENDER, "", f"No active cascade of one stage has the sender {message.sender}"))


def _cascades(gw: Gateway) -> Request:
    return _json_request(gw, "cascade/get-all/", {"offset": 0, "limit": 0})


def _priority(message: Message, gw: Gateway) -> str:
    return "realtime" if message.is_urgent and gw["priority"] else gw.text("priority")


def _outcome(response: Response, api: str, ref: str) -> Outcome:
    if api == "hpg":
        return _hpg_outcome(answers.to_text(response))
    said = answers.read_json(response)
    code = said.maybe_text("code")
    if code and code != "ok":
        return REFUSED.outcome(code, said.maybe_text("message"))
    if api == "pulse" and said.text("requestId") != ref:
        raise said.odd("the answer is to another request")
    return accepted(ref if api == "pulse" else said.text("id"))


def _hpg_outcome(text: str) -> Outcome:
    """`ok;index;id`, or an error word."""
    found = _hpg_fields(text)
    return found if isinstance(found, Outcome) else accepted(found[1])


def _hpg_fields(text: str) -> list[str] | Outcome:
    """What follows `ok`, at least two fields of which the second is filled; or what an error word means."""
    word, *rest = [part.strip() for part in text.strip().split(";")]
    if word == "ok" and len(rest) >= 2 and rest[1]:
        return rest
    if word in REFUSED or word.startswith("error-"):
        return REFUSED.outcome(word)
    raise MalformedAnswer("the answer is neither ok with what was asked for nor an error word", answers.excerpt(text))


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """The word is the code of a JSON answer, and what one of HPG begins with."""
    said = answers.maybe_json(response)
    begin = response.body[:100].decode("latin-1").partition(";")[0].strip()
    word = said.maybe_text("code") if said and isinstance(said.value, dict) else begin
    return refusal(response, ctx, REFUSED, word)


def _state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    if gw["api"] == "hpg":
        name = "providerId[0]" if gw["indexed"] else "providerId"
        field = gw["status_password_field"] or gw["password_field"]
        request = _hpg_request(gw, gw["status_url"] or _hpg_base(gw) + "/status", field, [(name, key)])
    else:
        request = _json_request(gw, f"smsOutMessage/{requests.segment(key)}")
    answer = yield from ask(request, "State", lambda response: _refusal(response, ctx))
    return _hpg_receipt(answer, key) if gw["api"] == "hpg" else _receipt(answers.read_json(answer), key)


query = key_by_key(_state)


def check(gw: Gateway, ctx: Context) -> Flow[base.Checked]:
    """HPG: the state of a message that cannot be. The others: a list of cascades, the look of a number."""
    if gw["api"] == "hpg":
        try:
            yield from _state(NOBODYS_ID, gw, ctx)
        except Stop as stop:
            if stop.outcome.code != UNKNOWN_ID:
                raise
    else:
        request = _cascades(gw) if gw["api"] == "pulse" else _json_request(gw, f"validatePhoneNumber/{NUMBER}")
        yield from ask(request, "Check", lambda answer: _refusal(answer, ctx))
    return base.Checked("The credentials are accepted. The provider tells no balance.")


def _hpg_receipt(answer: Response, key: str) -> base.Receipt:
    """`ok;id;status;date;reason`: unlike the answer to a send, the id is the second field."""
    found = _hpg_fields(answers.to_text(answer))
    if isinstance(found, Outcome):
        raise Stop(found)
    return _of_status(found[1], keys=(key,), words=found[3] if len(found) > 3 else "")


def _receipt(said: answers.Node, key: str) -> base.Receipt:
    return _of_status(said.text("dlvStatus"), keys=(key,), words=said.maybe_text("dlvError"))


def _of_status(status: str, **rest: Any) -> base.Receipt:
    """Whatever starts with `error` is a rejection."""
    receipt = STATES.receipt(status, **rest)
    if status.lower().startswith("error"):
        return replace(receipt, state=State.REJECTED, refusal=REFUSED.refusal(status))
    return receipt


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    said = answers.read_json(raw) if raw.body.lstrip().startswith((b"{", b"[")) else answers.Node(answers.form(raw))
    items = said.items() if isinstance(said.value, list) else [said]
    read = _inbound if raw.kind == "inbound" else _pushed
    return base.Callback(tuple(answers.readable(items, lambda one: read(one, gw))))


def _pushed(one: answers.Node, gw: Gateway) -> base.Item:
    if "requestId" in one:
        return _of_status(one.text("status"), ref=one.text("requestId"), keys=(one.text("requestId"),))
    return _receipt(one, one.text("smsOutMessageId"))


def _inbound(one: answers.Node, gw: Gateway) -> base.Item:
    if not isinstance(one.value, dict):
        raise one.odd("the message is not an object")
    values = {key: one.maybe_text(key) for key, value in one.value.items() if isinstance(value, str | int)}
    found = named(gw["inbound_names"], values)
    sender = digits(answers.need(found, "sender"))
    return base.Inbound(sender, found.get("to", ""), found.get("text", ""), id=found.get("id", ""))


def _hpg_base(gw: Gateway) -> str:
    return gw.text("url").removesuffix("/send")


def _send_url(gw: Gateway) -> str:
    return _hpg_base(gw) + "/send"


def _hpg_request(gw: Gateway, url: str, password_field: str, params: list[tuple[str, str]]) -> Request:
    login = [(gw["login_field"], gw["login"]), (password_field, gw["password"])]
    return requests.get(url, [*login, *params], link=_link(gw))


def _json_request(gw: Gateway, path: str, body: Any = None) -> Request:
    url, headers = f"{gw['url'] or URLS[gw['api']]}/{path}", (("x-api-key", gw["api_key"]),)
    if body is None:
        return requests.get(url, headers=headers, link=_link(gw))
    return requests.post_json(url, body, headers=headers, link=_link(gw))


def _link(gw: Gateway) -> Link | None:
    return Link(ca_pem=gw["ca_pem"]) if gw["ca_pem"] else None
