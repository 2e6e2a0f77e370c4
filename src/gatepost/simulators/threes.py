"""3S's side of its SOAP services, below /userpanel_webservices.php/mvnoservices: the WSDL and the handler.

From one client and the shape of a sibling service; no WSDL was seen, so the one here is made up, and so are all faults
but one. Both versions of SOAP are answered in kind. Where the sources leave something open the strict reading is taken:
members in the order of the client, typed as there. Not offered: states, balance, incoming messages (none were found).
"""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from gatepost.simulators.engine import LiveAccount, Report, Route, Simulator
from gatepost.simulators.handset import REFUSED_SENDER, behaviour_of
from gatepost.simulators.records import Reply
from gatepost.simulators.refusals import Refusal
from gatepost.simulators.wire import Answer, Push, Request, text_answer
from gatepost.sms.text import count_segments

BASE: Final = "/userpanel_webservices.php/mvnoservices"
NAMESPACE: Final = "urn:simulated:mvnoservices"
SOAP12, SOAP11 = "http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/"
XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
ERRORS: Final = {
    "session": "Authorization required!",
    "login": "Wrong username or password",
    "recipient": "Invalid dst",
    "sender": "overwrite_src is not allowed",
    "credit": "Not enough credit",
    "text": "Message is empty",
    "request": "Procedure is not present",
    "failed": "Internal failure",
}
MEMBERS: Final = ("src", "overwrite_src", "dst", "max_retry_count", "retry_interval", "message")
NUMBERS: Final = ("max_retry_count", "retry_interval")
WSDL: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap12/"
 xmlns:tns="{NAMESPACE}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="{NAMESPACE}">
 <message name="loginRequest"><part name="username" type="xsd:string"/><part name="password" type="xsd:string"/>
  <part name="timeout" type="xsd:int"/></message>
 <message name="loginResponse"><part name="loginResponse" type="xsd:string"/></message>
 <message name="smsSendRequest"><part name="options" type="tns:SmsSendRequest"/></message>
 <message name="smsSendResponse"><part name="response" type="tns:SmsSendResponse"/></message>
 <portType name="Panel">
  <operation name="login"><input message="tns:loginRequest"/><output message="tns:loginResponse"/></operation>
  <operation name="smsSend"><input message="tns:smsSendRequest"/><output message="tns:smsSendResponse"/></operation>
 </portType>
 <binding name="PanelBinding" type="tns:Panel">
  <operation name="login"><soap:operation soapAction="{NAMESPACE}#login"/></operation>
  <operation name="smsSend"><soap:operation soapAction="{NAMESPACE}#smsSend"/></operation>
 </binding>
</definitions>"""
_ids = count(987_654)


@dataclass(slots=True)
class Memory:
    """`sessions`: until when each is valid."""

    sessions: dict[str, float] = field(default_factory=dict)


def refuse(code: str, request: Request) -> Answer:
    words = ERRORS[code]
    if SOAP11.encode() in request.body:
        fault = f"<env:Fault><faultcode>env:Server</faultcode><faultstring>{words}</faultstring></env:Fault>"
    else:
        reason = f'<env:Reason><env:Text xml:lang="en">{words}</env:Text></env:Reason>'
        fault = f"<env:Fault><env:Code><env:Value>env:Receiver</env:Value></env:Code>{reason}</env:Fault>"
    return _envelope(fault, request, 500)


def serve(request: Request, live: LiveAccount) -> Answer:
    try:
        operation = _operation(request)
        if operation.tag == f"{{{NAMESPACE}}}login":
            return _login(operation, request, live)
        if operation.tag != f"{{{NAMESPACE}}}smsSend":
            raise Refusal("request")
        return _send(operation, request, live)
    except Refusal as refusal:
        return refuse(refusal.code, request)


def _operation(request: Request) -> Element:
    try:
        root: Element = fromstring(request.body)
    except (ParseError, DefusedXmlException):
        raise Refusal("request") from None
    version = root.tag.rpartition("}")[0].lstrip("{")
    content_type = {SOAP12: "application/soap+xml", SOAP11: "text/xml"}.get(version)
    body = root.find(f"{{{version}}}Body")
    if content_type != request.content_type or body is None or len(body) != 1:
        raise Refusal("request")
    return body[0]


def _login(operation: Element, request: Request, live: LiveAccount) -> Answer:
    values = _typed(operation, ("username", "password", "timeout"), ("timeout",))
    if (values["username"], values["password"]) != (live.credentials["login"], live.credentials["password"]):
        raise Refusal("login")
    session = secrets.token_hex(16)
    live.memory.sessions[session] = time.time() + int(values["timeout"])
    return _said("login", f'<loginResponse xsi:type="xsd:string">{session}</loginResponse>', "loginResponse", request)


def _send(operation: Element, request: Request, live: LiveAccount) -> Answer:
    session = re.fullmatch("sessionID=([0-9a-f]+)", request.headers.get("cookie", ""))
    if session is None or live.memory.sessions.get(session[1], 0.0) < time.time():
        raise Refusal("session")
    options = operation.find("options")
    if options is None or len(operation) != 1:
        raise Refusal("request")
    values = _typed(options, MEMBERS, NUMBERS, may_lack="overwrite_src")
    to, text, sender = values["dst"], values["message"], values.get("overwrite_src", values["src"])
    if not re.fullmatch("[1-9][0-9]{10,14}", to) or behaviour_of(to).at_submit:
        raise Refusal("recipient")
    if not sender or sender.lower() == REFUSED_SENDER or not live.allows_sender(sender):
        raise Refusal("sender")
    if not text:
        raise Refusal("text")
    segments = count_segments(text)[1]
    if not live.can_pay(simulator.price * segments):
        raise Refusal("credit")
    message = live.accept(to=to, text=text, sender=sender, segments=segments)
    inside = f'<response xsi:type="ns1:SmsSendResponse"><sms_id xsi:type="xsd:int">{message.id}</sms_id></response>'
    return _said("smsSend", inside, "response", request)


def _typed(parent: Element, names: Sequence[str], numbers: Sequence[str], may_lack: str = "") -> dict[str, str]:
    """The texts of exactly these children, in this order, each of the right type."""
    found = [each.tag for each in parent]
    if found != [name for name in names if name != may_lack or name in found]:
        raise Refusal("request")
    if any(each.get(XSI_TYPE) != ("xsd:int" if each.tag in numbers else "xsd:string") for each in parent):
        raise Refusal("request")
    return {each.tag: each.text or "" for each in parent}


def _said(operation: str, inside: str, result: str, request: Request) -> Answer:
    """SOAP 1.2 names the result in front of it."""
    named = "" if SOAP11.encode() in request.body else f"<rpc:result>{escape(result)}</rpc:result>"
    return _envelope(f"<ns1:{operation}Response>{named}{inside}</ns1:{operation}Response>", request)


def _envelope(inside: str, request: Request, status: int = 200) -> Answer:
    is_old = SOAP11.encode() in request.body
    names = (
        f'xmlns:env="{SOAP11 if is_old else SOAP12}" xmlns:ns1="{NAMESPACE}" '
        'xmlns:rpc="http://www.w3.org/2003/05/soap-rpc" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    )
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope {names}><env:Body>{inside}</env:Body></env:Envelope>'
    )
    return text_answer(document, status, "text/xml; charset=utf-8" if is_old else "application/soap+xml; charset=utf-8")


def nothing_pushed(_about: Sequence[Report] | Reply, _live: LiveAccount) -> list[Push]:
    return []


simulator = Simulator(
    slug="threes",
    label="3S",
    credentials={"login": "demo", "password": "demo-password"},
    routes=(
        Route("GET", f"{BASE}/wsdl", lambda _request, _live: text_answer(WSDL, 200, "text/xml; charset=utf-8")),
        Route("POST", f"{BASE}/handler", serve, submits=lambda request: b"smsSend" in request.body),
    ),
    receipts=nothing_pushed,
    inbound=nothing_pushed,
    refuse=refuse,
    codes=tuple(ERRORS),
    failed="failed",
    throttled="failed",
    not_found=lambda _request: text_answer("Not Found", 404),
    price=Decimal("0.10"),
    new_id=lambda: str(next(_ids)),
    without_id=lambda answer: Answer(
        answer.status, re.sub(b"<sms_id.*?</sms_id>", b"", answer.body), answer.content_type
    ),
    memory=Memory,
)
