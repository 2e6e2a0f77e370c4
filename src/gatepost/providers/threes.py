"""3S, Poland: the SOAP services of its Adescom platform, known from third-party clients only. Facts of 2026-11.

Not found: the WSDL, delivery states, incoming messages, balance, a list of errors, the type of the structure `options`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatepost.providers import base
from gatepost.providers.base import (
    Batch,
    Cached,
    Context,
    Flow,
    Gateway,
    MalformedAnswer,
    Renew,
    Results,
    Stop,
    call,
    send,
)
from gatepost.providers.fields import Choice, Flag, Number, Secret, Text, Url
from gatepost.providers.kit import answers, requests, wsdl
from gatepost.providers.kit.own_words import field_names, named
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.tables import Refused, codes
from gatepost.providers.kit.xml import descendants, escape, escape_attribute, local, maybe_text, read_xml
from gatepost.providers.manifest import Manifest, Pace, SenderRule
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, Refusal, accepted, refused
from gatepost.sms.text import transliterate

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SERVICES = "https://platformy2.3s.pl/userpanel_webservices.php/mvnoservices"
SIGNED_OUT = "Authorization required!"
SESSION = re.compile(r"[\w.,-]{1,200}", re.ASCII)
INBOUND = {
    "sender": ("sender", "from", "src"),
    "to": ("to", "dst"),
    "text": ("text", "message"),
    "id": ("id", "sms_id"),
}
WSDL_S = 24 * 3600
# By SOAP version: the namespaces of the envelope and of the encoding.
NAMESPACES = {
    "1.2": ("http://www.w3.org/2003/05/soap-envelope", "http://www.w3.org/2003/05/soap-encoding"),
    "1.1": ("http://schemas.xmlsoap.org/soap/envelope/", "http://schemas.xmlsoap.org/soap/encoding/"),
}
XSI = 'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
FROM_WSDL = {"group": "Connection"}

manifest = Manifest(
    slug="threes",
    label="3S",
    countries=("PL",),
    callback_names=("3s",),
    confidence="client-code",
    facts="2026-11",
    website="https://www.3s.pl",
    fields=(
        Text("login", required=True, identifier=True, help='A panel user with "SMS webservices" enabled.'),
        Secret("password", required=True, help="Of the panel user."),
        Text(
            "src",
            label="Own number",
            required=True,
            pattern=r"\d{9,15}",
            pattern_words="9 to 15 digits.",
            help="The number that messages are sent from, such as 48111222333.",
        ),
        Number(
            "max_retry_count",
            label="Retries by the platform",
            default=1,
            min=0,
            max=10,
            help="How often the platform repeats a delivery that failed.",
        ),
        Number(
            "retry_interval",
            label="Time between them",
            default=60,
            min=1,
            help="Presumably in seconds.",
            confidence="unverified",
        ),
        Number(
            "session_seconds",
            label="Length of a session (seconds)",
            default=3600,
            min=60,
            max=86_400,
            help="How long one sign-in lasts.",
        ),
        Flag(
            "strip_diacritics",
            label="Replace accented letters",
            help="The known client does so. The log shows the text as it was before.",
        ),
        Url("wsdl_url", label="WSDL", default=f"{SERVICES}/wsdl", **FROM_WSDL, help="The service's own description."),
        Url(
            "location_url",
            label="Address of the service",
            default=f"{SERVICES}/handler",
            **FROM_WSDL,
            help="Where requests go, whatever the WSDL says.",
        ),
        Text(
            "target_namespace",
            help="Only where the WSDL cannot be read: it is then left alone, and all names are guessed.",
            confidence="unverified",
            **FROM_WSDL,
        ),
        Choice(
            "soap_version",
            "1.2",
            "1.1",
            label="SOAP version",
            **FROM_WSDL,
            help="1.1 for installations that refuse 1.2.",
        ),
        field_names("incoming_fields", INBOUND, label="Fields of messages", help="Their names were not found."),
    ),
    sender=SenderRule(r"[^\x00-\x1f]{1,11}", "Up to 11 characters; empty shows the own number."),
    inbound=("sms",),
    inbound_delivery=("push",),
    pace=Pace(parallel=2),
    setup=(
        'Have "SMS webservices" enabled for the panel user whose login you enter.',
        "Enter your own number, and press Check: it reads the WSDL and signs in.",
        "If 3S forwards incoming messages to an address, give it the inbound URL and enter the names of its fields.",
    ),
)

# What a fault's text contains; only that of an expired session is known for certain.
REFUSED = Refused(
    codes(Refusal.BAD_RECIPIENT, "Recipient (unverified)", "dst", "destination", "numer")
    | codes(Refusal.BAD_SENDER, "Sender (unverified)", "src", "overwrite")
    | codes(Refusal.NO_CREDIT, "Money (unverified)", "balance", "credit", "limit", "środk")
)


@dataclass(frozen=True, slots=True)
class Contract:
    """How the operations are called: namespace, actions, and the names of their parts."""

    namespace: str
    login_parts: tuple[str, ...] = ("username", "password", "timeout")
    send_part: str = "options"
    login_action: str = ""
    send_action: str = ""


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    message = batch.first
    contract: Contract = yield Cached("wsdl", WSDL_S, lambda: _contract(gw, ctx))
    session: str = yield Cached("session", gw["session_seconds"] * 0.9, lambda: _session(gw, contract))
    texts = {"src": gw["src"], "overwrite_src": message.sender, "dst": message.to}
    members = [_element(name, value) for name, value in texts.items() if value]
    members += [_element(name, gw[name]) for name in ("max_retry_count", "retry_interval")]
    text = transliterate(message.text) if gw["strip_diacritics"] else message.text
    options = "".join([*members, _element("message", text)])
    body = f"<{contract.send_part}>{options}</{contract.send_part}>"
    request = _request(gw, contract.namespace, "smsSend", contract.send_action, body)
    cookie = ("cookie", f"sessionID={session}")
    response: Response = yield send(request.with_headers(cookie, sensitive=(session,)))
    return batch.all(_outcome(response, ctx))


def _outcome(response: Response, ctx: Context) -> Outcome:
    root, fault = _read(response)
    if fault == SIGNED_OUT:
        raise Renew("session", refused(Refusal.AUTH, "", fault))
    if fault:
        found = REFUSED.refusal(REFUSED.found_in(fault))
        return refused(found or Refusal.PERMANENT, "", answers.excerpt(fault))
    if unread := refusal(response, ctx, Refused({})):
        return unread
    key = maybe_text(root, "sms_id") if root is not None else ""
    if not key:
        raise MalformedAnswer("the answer has neither sms_id nor a fault", answers.excerpt(repr(response.body[:100])))
    return accepted(answers.storable(key))


def _session(gw: Gateway, contract: Contract) -> Flow[str]:
    """Any fault means that login or password is wrong, or that the user may not use the services."""
    values = (gw["login"], gw["password"], gw["session_seconds"])
    body = "".join(_element(name, value) for name, value in zip(contract.login_parts, values, strict=True))
    response: Response = yield call(_request(gw, contract.namespace, "login", contract.login_action, body), "Sign in")
    root, fault = _read(response)
    if fault or root is None:
        raise Stop(refused(Refusal.AUTH, "", answers.excerpt(fault)) if fault else _unreadable("The sign-in", response))
    session = _returned(root)
    if not SESSION.fullmatch(session):
        raise MalformedAnswer("the answer holds no session id")
    return session


def _returned(root: "Element") -> str:
    """The bare `loginResponse`, else the last text that is not the `rpc:result` of SOAP 1.2."""
    texts = [
        (each.tag, (each.text or "").strip()) for each in root.iter() if isinstance(each.tag, str) and not len(each)
    ]
    bare = [text for tag, text in texts if tag == "loginResponse" and text]
    others = [text for tag, text in texts if text and tag.rsplit("}", 1)[-1] != "result"]
    return (bare or others or [""])[-1]


def _contract(gw: Gateway, ctx: Context) -> Flow[Contract]:
    if gw["target_namespace"]:
        return Contract(gw["target_namespace"])
    response: Response = yield call(requests.get(gw["wsdl_url"]), "WSDL")
    try:
        root = read_xml(response.body)
        namespace = root.get("targetNamespace") or ""
        login, sending = wsdl.parts(root, "login"), wsdl.parts(root, "smsSend")
    except MalformedAnswer:
        raise Stop(_unreadable("The WSDL", response)) from None
    if not 200 <= response.status < 300 or not namespace or len(login) != 3 or len(sending) != 1:
        raise Stop(_unreadable("The WSDL", response))
    return Contract(namespace, login, sending[0], wsdl.action(root, "login"), wsdl.action(root, "smsSend"))


def _unreadable(what: str, response: Response) -> Outcome:
    words = f"{what} was answered with HTTP status {response.status} and cannot be read as that of this service."
    return refused(Refusal.CONFIG, str(response.status), words)


def _read(response: Response) -> "tuple[Element | None, str]":
    """The document and the text of its fault, in either version of SOAP; None where it is no SOAP."""
    try:
        root = read_xml(response.body)
    except MalformedAnswer:
        return None, ""
    if local(root) != "Envelope":
        return None, ""
    faults = [maybe_text(each, "Text") or maybe_text(each, "faultstring") for each in descendants(root, "Fault")]
    return root, next(((text or "A fault without words").strip() for text in faults), "")


def _request(gw: Gateway, namespace: str, operation: str, action: str, body: str) -> Request:
    version = gw["soap_version"]
    envelope, encoding = NAMESPACES[version]
    names = f'xmlns:env="{envelope}" xmlns:ns1="{escape_attribute(namespace)}" {XSI} xmlns:enc="{encoding}"'
    wrapped = f'<ns1:{operation} env:encodingStyle="{encoding}">{body}</ns1:{operation}>'
    head = f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope {names}>'
    document = f"{head}<env:Body>{wrapped}</env:Body></env:Envelope>"
    if version == "1.1":
        return requests.post_xml(gw["location_url"], document, headers=(("soapaction", f'"{action}"'),))
    content_type = "application/soap+xml; charset=utf-8" + (f'; action="{action}"' if action else "")
    return requests.post_xml(gw["location_url"], document, content_type=content_type)


def _element(name: str, value: str | int) -> str:
    kind = "int" if isinstance(value, int) else "string"
    return f'<{name} xsi:type="xsd:{kind}">{escape(str(value))}</{name}>'


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    """The names of the fields were not found; the operator's lines tell them."""
    found: Mapping[str, Any] = named(gw["incoming_fields"], answers.form(raw))
    sender, text = answers.need(found, "sender"), found.get("text", "")
    return base.Callback((base.Inbound(sender, found.get("to", ""), text, id=found.get("id", "")),))


def check(gw: Gateway, ctx: Context) -> Flow[base.Checked]:
    contract = yield from _contract(gw, ctx)
    yield from _session(gw, contract)
    return base.Checked("The service's description can be read, and the sign-in was accepted.")
