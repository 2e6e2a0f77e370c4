"""MFMS / edna, Russia: HPG (default), the SMS JSON connector and the Pulse cascade. From client code, 2026-11.

Not found: official documents, balance, validity and schedule of HPG. Not supported: SOAP, SMPP.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatepost.providers import base
from gatepost.providers.base import Batch, Cached, Context, Flow, Gateway, Message, Results, Stop, send
from gatepost.providers.edna import hpg
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
        Choice(
            "api",
            ("hpg", "HPG"),
            ("sme", "SMS JSON connector"),
            ("pulse", "Pulse cascade"),
            label="Interface",
            help="HPG for a host of your own, the others for accounts with an API key.",
        ),
        Url(
            "url",
            label="URL",
            help="HPG: the base up to the connector, such as https://HOST/revoup/CONNECTOR. The others have their own.",
        ),
        Url("status_url", label="Status URL", when=HPG, help="Empty: the URL with /status."),
        Text("login", required=True, identifier=True, when=HPG, help="From MFMS, with the host."),
        Text(
            "login_field",
            label="Login field name",
            default="login",
            when=HPG,
            **FIELD_NAME,
            help="What the host calls the login.",
        ),
        Secret("password", required=True, when=HPG, help="From MFMS, with the host."),
        Text(
            "password_field",
            default="password",
            label="Password field name",
            when=HPG,
            **FIELD_NAME,
            help="What the host calls the password, such as pass.",
        ),
        Text(
            "status_password_field",
            when=HPG,
            help="For hosts that want another name when asked for a state.",
            **FIELD_NAME,
        ),
        Secret("api_key", label="API key", required=True, when=KEYED, help="From the edna account; sent as X-API-KEY."),
        Text("cascade_id", label="Cascade ID", when=("api", "pulse"), help="Empty: the active one of the sender."),
        Choice(
            "priority",
            ("", "The provider's"),
            "low",
            "normal",
            "high",
            "realtime",
            when=("api", ("hpg", "sme")),
            help="Where one is chosen, one-time codes go in real time.",
        ),
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
        request = hpg.send_request(message, gw, _priority(message, gw), _link(gw))
    response: Response = yield send(request)
    return batch.all(_refusal(response, ctx) or _outcome(response, gw["api"], message.ref))


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
        return accepted(hpg.fields(response)[1])
    said = answers.read_json(response)
    code = said.maybe_text("code")
    if code and code != "ok":
        return REFUSED.outcome(code, said.maybe_text("message"))
    if api == "pulse" and said.text("requestId") != ref:
        raise said.odd("the answer is to another request")
    return accepted(ref if api == "pulse" else said.text("id"))


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """The word is the code of a JSON answer, and what one of HPG begins with."""
    said = answers.maybe_json(response)
    begin = response.body[:100].decode("latin-1").partition(";")[0].strip()
    word = said.maybe_text("code") if said and isinstance(said.value, dict) else begin
    return refusal(response, ctx, REFUSED, word)


def _state(key: str, gw: Gateway, ctx: Context) -> Flow[base.Receipt]:
    is_hpg = gw["api"] == "hpg"
    path = f"smsOutMessage/{requests.segment(key)}"
    request = hpg.state_request(key, gw, _link(gw)) if is_hpg else _json_request(gw, path)
    answer = yield from ask(request, "State", lambda response: _refusal(response, ctx))
    if not is_hpg:
        return _receipt(answers.read_json(answer), key)
    # Unlike in the answer to a send, the id is the first field here.
    _, status, *rest = hpg.fields(answer)
    return _of_status(status, keys=(key,), words=rest[1] if len(rest) > 1 else "")


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


def _receipt(said: answers.Node, key: str) -> base.Receipt:
    return _of_status(said.text("dlvStatus"), keys=(key,), words=said.maybe_text("dlvError"))


def _of_status(status: str, **rest: Any) -> base.Receipt:
    """Whatever starts with `error` is a rejection."""
    receipt = STATES.receipt(status, **rest)
    if status.lower().startswith("error"):
        return replace(receipt, state=State.REJECTED, refusal=REFUSED.refusal(status))
    return receipt


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    read = _inbound if raw.kind == "inbound" else _pushed
    return base.Callback(tuple(answers.readable(answers.objects(raw), lambda one: read(one, gw))))


def _pushed(one: answers.Node, gw: Gateway) -> base.Item:
    if "requestId" in one:
        return _of_status(one.text("status"), ref=one.text("requestId"), keys=(one.text("requestId"),))
    return _receipt(one, one.text("smsOutMessageId"))


def _inbound(one: answers.Node, gw: Gateway) -> base.Item:
    found = named(gw["inbound_names"], one.texts())
    sender = digits(answers.need(found, "sender"))
    return base.Inbound(sender, found.get("to", ""), found.get("text", ""), id=found.get("id", ""))


def _json_request(gw: Gateway, path: str, body: Any = None) -> Request:
    url, headers = f"{gw['url'] or URLS[gw['api']]}/{path}", (("x-api-key", gw["api_key"]),)
    if body is None:
        return requests.get(url, headers=headers, link=_link(gw))
    return requests.post_json(url, body, headers=headers, link=_link(gw))


def _link(gw: Gateway) -> Link | None:
    return Link(ca_pem=gw["ca_pem"]) if gw["ca_pem"] else None
