"""MTS Communicator (M2M API): SOAP 1.1, signed in by login and the MD5 of the password, or by a token."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gatepost.providers import base
from gatepost.providers.base import Ack, Batch, Context, Flow, Gateway, Later, MalformedAnswer, Results, send
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.batches import match, per_message
from gatepost.providers.kit.flows import ask, fetched, since
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.kit.signatures import hash_hex
from gatepost.providers.kit.xml import descendants, escape, maybe_text, read_xml, text
from gatepost.providers.manifest import Validity
from gatepost.providers.mts.tables import FAULTS, HTTP, STATES, of_all
from gatepost.providers.wire import RawCallback, Request, Response
from gatepost.sms.outcomes import Outcome, accepted

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DEFAULT_URL = "https://www.mcommunicator.ru/m2m/m2m_api.asmx"
NAMESPACE = "http://mcommunicator.ru/M2M"
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Body><{method} xmlns="{namespace}">{params}</{method}></soap:Body></soap:Envelope>'
)
RECEIVED = Ack(
    body=b'<?xml version="1.0" encoding="utf-8"?>\n<OperationResult xmlns="http://mcommunicator.ru/M2M/">'
    b"<code>0</code><description>OK</description></OperationResult>",
    content_type="text/xml; charset=utf-8",
)
# A relative time whose years and months stay zero.
VALIDITY = Validity(1, 30 * 86_400)
TIME = "%Y-%m-%dT%H:%M:%S"


def submit(batch: Batch, gw: Gateway, ctx: Context) -> Flow[Results]:
    first = batch.first
    naming, period = _element("naming", first.sender), _period(first.validity_s or gw["validity_s"])
    if len(batch.messages) == 1:
        params = _element("msid", first.to) + _element("message", first.text) + naming
        method = "SendMessageWithValidityPeriod" if period else "SendMessage"
        response: Response = yield send(_request(gw, method, params + _element("validityPeriod", period)))
        refused = _refusal(response, ctx)
        return batch.all(refused or accepted(_id(read_xml(response.body), f"{method}Result")))
    pairs = "".join(
        f"<Submit>{_element('Msid', message.to)}{_element('Message', message.text)}</Submit>"
        for message in batch.messages
    )
    params = f"<msidsAndMessages>{pairs}</msidsAndMessages>{naming}<scheduledSendDate></scheduledSendDate>"
    period_element = f"<validityPeriod>{period}</validityPeriod>"
    response = yield send(_request(gw, "SendVariousMessages", params + period_element))
    if refused := _refusal(response, ctx):
        return of_all(batch, refused, is_certain=response.status < 500)
    items = descendants(read_xml(response.body), "SendMessageIDs")
    found = match(batch, items, numbers=(lambda item: maybe_text(item, "Msid"),))
    return per_message(found, lambda item: accepted(_id(item, "MessageID")))


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(value)}</{name}>" if value else ""


def _period(seconds: int | None) -> str:
    """The relative time of SMPP, `YYMMDDhhmmss000R`."""
    if not seconds:
        return ""
    minutes, second = divmod(VALIDITY.clamp(seconds), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02}{hour:02}{minute:02}{second:02}000R"


def _id(source: "Element", name: str) -> str:
    key = text(source, name)
    if not re.fullmatch(r"[1-9]\d{0,18}", key, re.ASCII):
        raise MalformedAnswer(f"<{name}> is no id", answers.excerpt(key))
    return key


def _refusal(response: Response, ctx: Context) -> Outcome | None:
    """A fault, of which the words are all there is; what follows its first line is a trace of calls."""
    try:
        fault = maybe_text(read_xml(response.body), "faultstring")
    except MalformedAnswer:
        fault = ""
    if fault:
        words = fault.splitlines()[0]
        return FAULTS.outcome(FAULTS.found_in(words) or "fault", words)
    return refusal(response, ctx, HTTP)


def query(sent: tuple[base.Sent, ...], gw: Gateway, ctx: Context) -> Flow[list[base.Receipt]]:
    keys = [key for message in sent for key in message.keys]
    if len(keys) == 1:
        root = yield from _ask(gw, ctx, "GetMessageStatus", _element("messageID", keys[0]), "State")
        return answers.readable(descendants(root, "DeliveryInfo"), lambda info: _state(keys[0], info, gw))
    ids = "".join(_element("long", key) for key in keys)
    root = yield from _ask(gw, ctx, "GetMessagesStatus", f"<messageIDs>{ids}</messageIDs>", "States")
    pairs = [
        (_id(one, "MessageID"), info)
        for one in descendants(root, "MessageStatusWithID")
        for info in descendants(one, "DeliveryInfo")
    ]
    return answers.readable(pairs, lambda pair: _state(*pair, gw))


def _state(key: str, info: "Element", gw: Gateway) -> base.Receipt:
    parts = maybe_text(info, "PartCount")
    return STATES.receipt(
        text(info, "DeliveryStatus"),
        keys=(key,),
        at=_moment(maybe_text(info, "UserDeliveryDate") or maybe_text(info, "DeliveryDate"), gw),
        segments=int(parts) if re.fullmatch(r"[1-9]\d{0,2}", parts, re.ASCII) else None,
    )


def _moment(written: str, gw: Gateway) -> datetime | None:
    return answers.timestamp(written[:19], TIME, ZoneInfo(gw["timezone"]))


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    """No id and no time come with a message: the minute tells a repeat from the same text said again."""
    values: Mapping[str, str] = answers.form(raw)
    at = raw.received_at.replace(second=0, microsecond=0)
    return base.Callback((base.Inbound(answers.need(values, "msid"), "", values.get("message", ""), at=at),), RECEIVED)


def poll(feed: str, cursor: str, gw: Gateway, ctx: Context) -> Flow[Later]:
    zone, dates = ZoneInfo(gw["timezone"]), {"DateFrom": since(cursor, ctx), "DateTo": ctx.now}
    period = "".join(_element(name, at.astimezone(zone).strftime(TIME)) for name, at in dates.items())
    params = f"<messageType>MO</messageType><subscriberMsids></subscriberMsids>{period}"
    root = yield from _ask(gw, ctx, "GetMessages", params, "Incoming messages")
    newest_first = answers.readable(descendants(root, "MessageInfo"), lambda info: _incoming(info, gw))
    return (yield from fetched(reversed(newest_first), ctx))


def _incoming(info: "Element", gw: Gateway) -> base.Inbound:
    sender, at = text(info, "SenderMsid"), _moment(maybe_text(info, "CreationDate"), gw)
    return base.Inbound(sender, "", maybe_text(info, "MessageText"), id=_id(info, "MessageID"), at=at)


def balance(gw: Gateway, ctx: Context) -> Flow[base.Balance]:
    root = yield from _ask(gw, ctx, "GetStatistics", "", "Statistics")
    return base.Balance(answers.to_decimal(text(root, "Remainder")), "SMS", "What is left of the packet.")


def _ask(gw: Gateway, ctx: Context, method: str, params: str, label: str) -> "Flow[Element]":
    request = _request(gw, method, params)
    answer = yield from ask(request, label, lambda response: _refusal(response, ctx))
    root = read_xml(answer.body)
    if not descendants(root, f"{method}Response"):
        raise MalformedAnswer(f"the answer is none to {method}")
    return root


def _request(gw: Gateway, method: str, params: str) -> Request:
    """With a token, login and password are left out."""
    secret, headers = "", [("soapaction", f'"{NAMESPACE}/{method}"')]
    if gw["token"]:
        headers.append(requests.bearer(gw["token"]))
    else:
        secret = gw["password"].lower() if gw["password_is_md5"] else hash_hex(gw["password"].encode())
        params += _element("login", gw["login"]) + _element("password", secret)
    return requests.post_xml(
        gw["url"] or DEFAULT_URL,
        ENVELOPE.format(method=method, namespace=NAMESPACE, params=params),
        headers=tuple(headers),
        sensitive=answers.some(secret),
    )
