"""Messages from handsets: pushed to us, or read from the answer to a question; and opt-outs."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from gatepost.providers.base import Callback, Gateway, Inbound, MalformedAnswer, Media, OptOut
from gatepost.providers.kit.answers import storable
from gatepost.providers.kit.http_template.callbacks import (
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Item,
    ack,
    is_method_allowed,
    items_of,
)
from gatepost.providers.kit.http_template.times import read_time
from gatepost.providers.wire import RawCallback

FROM_NAMES = ("from", "sender", "msisdn", "source", "originator", "phone")
TO_NAMES = ("to", "recipient", "receiver", "destination", "shortcode")
TEXT_NAMES = ("text", "message", "body", "content", "msg")
ID_NAMES = ("id", "message_id", "messageId", "msgid")
TIME_NAMES = ("date", "time", "timestamp", "received_at")

WIDE_CODINGS = ("2", "8")
"""Values of the coding field that mean UCS-2: Kannel's 2, SMPP's data coding 8."""

_PHONE = re.compile(r"\+?[0-9]{3,20}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")


def parse_inbound(raw: RawCallback, gw: Gateway) -> Callback:
    """The messages of a callback. Raises MalformedAnswer where sender or text are missing."""
    if not gw.get("mo_enabled"):
        return Callback(ack=NOT_FOUND)
    if not is_method_allowed(raw, gw.get("mo_methods")):
        return Callback(ack=METHOD_NOT_ALLOWED)
    items = items_of(raw, gw.text("mo_parse"), gw.text("mo_items_path"), gw.text("mo_charset") or "utf-8")
    messages = tuple(read_inbound(item, gw.settings) for item in items)
    return Callback(messages, ack(gw, "mo", messages[0].id if messages else ""))


def parse_stop(raw: RawCallback, gw: Gateway) -> Callback:
    """An opt-out: only the number is needed."""
    item = items_of(raw, gw.text("mo_parse"), "", gw.text("mo_charset") or "utf-8")[0]
    number = item.text(gw.text("mo_from"), *FROM_NAMES)
    if not number:
        raise MalformedAnswer("the opt-out names no number")
    return Callback((OptOut(number),), ack(gw, "mo"))


def read_inbound(item: Item, settings: Mapping[str, Any]) -> Inbound:
    """A message by the names and paths of the settings, the operator's own first, then the usual ones."""

    def own(name: str) -> str:
        return str(settings.get(name) or "")

    sender = item.text(own("mo_from"), *FROM_NAMES)
    media = _media(item, own("mo_media"))
    text = item.value(own("mo_text"), *TEXT_NAMES)
    if not sender or (text is None and not media):
        raise MalformedAnswer("the message has no sender" if not sender else "the message has no text")
    written = item.text(own("mo_time"), *TIME_NAMES)
    at = read_time(written, own("mo_time_format"), own("mo_time_zone"))
    if settings.get("mo_strict"):
        _refuse_odd(sender, written, at)
    kind: Literal["sms", "mms"] = "mms" if media else "sms"
    return Inbound(
        sender=sender,
        recipient=item.text(own("mo_to"), *TO_NAMES),
        text=decoded(text or "", _encoding(item, settings)),
        id=item.text(own("mo_id"), *ID_NAMES),
        at=at,
        kind=kind,
        media=media,
        part=_part(item, settings, sender),
    )


def _refuse_odd(sender: str, written: str, at: datetime | None) -> None:
    if not _PHONE.fullmatch(sender):
        raise MalformedAnswer("the sender is not a phone number")
    if written and at is None:
        raise MalformedAnswer("the time is not in the format of the settings")


def _encoding(item: Item, settings: Mapping[str, Any]) -> str:
    coding = str(settings.get("mo_coding") or "")
    if coding and item.text(coding) in WIDE_CODINGS:
        return "hex_utf16be"
    return str(settings.get("mo_text_encoding") or "plain")


def decoded(text: str, encoding: str) -> str:
    """The characters behind the encoding. Raises MalformedAnswer where the text is not in it."""
    try:
        return storable(DECODERS[encoding](text))
    except (ValueError, binascii.Error):
        raise MalformedAnswer(f"the text is not {encoding}") from None


def _from_hex(text: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise ValueError("not hexadecimal")
    return bytes.fromhex(text)


DECODERS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "hex_utf16be": lambda text: _from_hex(text).decode("utf-16-be"),
    "hex_latin1": lambda text: _from_hex(text).decode("latin-1"),
    "base64": lambda text: base64.b64decode(text, validate=True).decode("utf-8"),
}


def _media(item: Item, path: str) -> tuple[Media, ...]:
    """URLs, data: URLs or base64 at that path."""
    return tuple(_medium(value.strip()) for value in (item.values(path) if path else []) if value.strip())


def _medium(value: str) -> Media:
    if value.lower().startswith(("http://", "https://")):
        return Media(url=value)
    content_type = ""
    if value.lower().startswith("data:"):
        head, _, value = value[5:].partition(",")
        content_type = head.partition(";")[0]
    try:
        return Media(content_type=content_type, body=base64.b64decode(value, validate=True))
    except (ValueError, binascii.Error):
        raise MalformedAnswer("a medium is neither a URL nor base64") from None


def _part(item: Item, settings: Mapping[str, Any], sender: str) -> tuple[str, int, int] | None:
    """Where one part of a long message arrives alone: (reference, number, count)."""
    udh = str(settings.get("mo_udh") or "")
    if udh and (header := item.text(udh)):
        found = concatenation(header)
        return (f"{sender}:{found[0]}", found[1], found[2]) if found else None
    names = [str(settings.get(name) or "") for name in ("mo_part_ref", "mo_part_no", "mo_part_count")]
    ref, number, count = (item.text(name) if name else "" for name in names)
    if not ref or not number.isdecimal() or not count.isdecimal():
        return None
    return _plausible(f"{sender}:{ref}", int(number), int(count))


def concatenation(udh: str) -> tuple[str, int, int] | None:
    """(reference, number, count) of a user data header in hex (3GPP TS 23.040, elements 00 and 08: the count
    stands before the number)."""
    try:
        header = _from_hex(re.sub(r"[\s:%]", "", udh))
    except ValueError:
        raise MalformedAnswer("the user data header is not hexadecimal") from None
    position = 1
    while position + 2 <= len(header):
        element, length = header[position], header[position + 1]
        data = header[position + 2 : position + 2 + length]
        if element == 0x00 and len(data) == 3:
            return _plausible(str(data[0]), data[2], data[1])
        if element == 0x08 and len(data) == 4:
            return _plausible(str(data[0] * 256 + data[1]), data[3], data[2])
        position += 2 + length
    return None


def _plausible(ref: str, number: int, count: int) -> tuple[str, int, int] | None:
    return (ref, number, count) if 1 <= number <= count <= 255 and count > 1 else None
