"""What Clickatell calls back with: the One API's envelope, Platform's flat fields, and the legacy interface's query."""

from collections.abc import Mapping
from datetime import timedelta, timezone
from urllib.parse import unquote_to_bytes

from gatepost.providers import base
from gatepost.providers.base import Gateway, MalformedAnswer
from gatepost.providers.clickatell.tables import ONE_API_STATES, STATES
from gatepost.providers.kit import answers
from gatepost.providers.kit.batches import digits
from gatepost.providers.kit.requests import basic
from gatepost.providers.kit.signatures import equal
from gatepost.providers.wire import RawCallback
from gatepost.sms.outcomes import Price

GMT_PLUS_2 = timezone(timedelta(hours=2))
CHARSETS = {"": "utf-8", "utf-8": "utf-8", "iso-8859-1": "latin-1", "utf-16be": "utf-16-be", "ucs2-be": "utf-16-be"}


def verify(raw: RawCallback, gw: Gateway) -> bool | None:
    """HTTP Basic, where the portal was told to call us with it."""
    if not gw["callback_user"]:
        return None
    return equal(raw.header("authorization"), basic(gw["callback_user"], gw.text("callback_password"))[1])


def parse_callback(raw: RawCallback, gw: Gateway) -> base.Callback:
    """Reports and messages may come to one URL: what is in them tells."""
    if raw.body.lstrip().startswith(b"{"):
        said = answers.read_json(raw)
        event = said.maybe("event")
        if event is not None:
            return base.Callback(_enveloped(event))
        return base.Callback((_flat(said.texts()),))
    values = {name.decode("latin-1"): value.decode("latin-1") for name, value in answers.byte_pairs(_bytes(raw))}
    return base.Callback((_flat(values),) if values else ())


def _bytes(raw: RawCallback) -> bytes:
    return raw.query.encode("latin-1", "replace") or raw.body


def _enveloped(event: answers.Node) -> tuple[base.Item, ...]:
    updates = event.items("messageStatusUpdate") if "messageStatusUpdate" in event else []
    texts = event.items("moText") if "moText" in event else []
    return (*answers.readable(updates, _update), *answers.readable(texts, _text))


def _update(one: answers.Node) -> base.Receipt:
    return ONE_API_STATES.receipt(
        one.text("statusCode"),
        keys=(one.text("messageId"),),
        ref=one.maybe_text("clientMessageId"),
        at=answers.unix_time(one.maybe_text("timestamp")[:-3]),
    )


def _text(one: answers.Node) -> base.Inbound:
    answered = one.maybe_text("relatedMessageId")
    return base.Inbound(
        one.text("from"),
        one.maybe_text("to"),
        one.maybe_text("content"),
        id=one.text("messageId"),
        at=answers.unix_time(one.maybe_text("timestamp")[:-3]),
        answers=answers.some(answered),
    )


def _flat(values: Mapping[str, str]) -> base.Item:
    if values.get("replyMessageId") or values.get("moMsgId") or "text" in values:
        return _reply(values)
    status = answers.need(values, "statusCode", "status")
    if not status.isdecimal() or len(status) > 3:
        raise MalformedAnswer("the status is no number")
    charge = answers.amount(values.get("charge", ""))
    written = values.get("timestamp", "")
    return STATES.receipt(
        int(status),
        keys=(answers.need(values, "apiMsgId", "messageId"),),
        ref=answers.first(values, "cliMsgId", "clientMessageId"),
        to=digits(values.get("to", "")),
        at=answers.unix_time(written[:-3] if len(written) > 11 else written),
        price=Price(charge, "credits") if charge is not None else None,
    )


def _reply(values: Mapping[str, str]) -> base.Inbound:
    written, answered = values.get("timestamp", ""), "" if "moMsgId" in values else values.get("messageId", "")
    at = answers.unix_time(written[:-3]) if written.isdecimal() else None
    return base.Inbound(
        answers.need(values, "fromNumber", "from"),
        answers.first(values, "toNumber", "to"),
        _decoded(values.get("text", ""), values.get("charset", "")),
        id=answers.first(values, "replyMessageId", "moMsgId"),
        at=at or answers.timestamp(written, "%Y-%m-%d %H:%M:%S", GMT_PLUS_2),
        answers=answers.some(answered),
    )


def _decoded(text: str, charset: str) -> str:
    """A charset other than UTF-8 means that the text is percent-escaped bytes in it, also in JSON."""
    coding = CHARSETS.get(charset.lower())
    if coding is None:
        raise MalformedAnswer("the charset is not known")
    data = text.encode("utf-8", "replace") if max(text, default="") > "\xff" else text.encode("latin-1")
    try:
        return (data if coding == "utf-8" else unquote_to_bytes(data.replace(b"+", b" "))).decode(coding)
    except UnicodeDecodeError:
        if coding == "utf-8":
            return text
        raise MalformedAnswer(f"the text is not {coding}") from None
