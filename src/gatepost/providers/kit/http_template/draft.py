"""A message made ready for a template: its text after all text settings, its coding, its sender."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from gatepost.providers.base import MalformedAnswer, Message
from gatepost.providers.kit.http_template.escape import Unrenderable, Value, to_bytes
from gatepost.providers.kit.http_template.limited import fits
from gatepost.providers.kit.http_template.template import Placeholder, parse
from gatepost.sms.outcomes import Refusal
from gatepost.sms.text import (
    UCS2_PART,
    UCS2_SINGLE,
    InvalidText,
    count_segments,
    encode_gsm7,
    is_gsm7,
    transliterate,
    typographic,
)
from gatepost.sms.values import quick_dataclass

PLAIN_TEMPLATE = "{{text}}"

ENCODINGS: Mapping[str, Callable[[str], Value]] = {
    "plain": lambda text: text,
    "utf16be": lambda text: to_bytes(text, "utf-16-be"),
    "hex_utf16be": lambda text: to_bytes(text, "utf-16-be").hex().upper(),
    "hex_gsm": lambda text: encode_gsm7(text).hex().upper(),
    "hex_latin1": lambda text: to_bytes(text, "iso-8859-1").hex().upper(),
    "base64_utf8": lambda text: base64.b64encode(to_bytes(text, "utf-8")).decode(),
}


@quick_dataclass(frozen=True, slots=True)
class Draft:
    """`text` is what the handset shall show, `wire_text` how `{{text}}` is written. `segments`: as we count them."""

    message: Message
    text: str
    wire_text: Value
    sender: str
    is_unicode: bool
    segments: int


def draft(message: Message, settings: Mapping[str, Any]) -> Draft:
    """Raises Unrenderable where the settings refuse the number, the sender or the text."""
    _refuse_destination(message.to, settings)
    sender = message.sender or str(settings.get("sender_default") or "")
    _refuse_sender(sender, settings)
    try:
        text, is_unicode = _in_mode(_templated(message, sender, settings), settings)
        text = _not_too_long(text, settings)
        segments = _ucs2_segments(text) if is_unicode else count_segments(text)[1]
        encoding = settings.get("text_encoding_unicode" if is_unicode else "text_encoding_gsm") or "plain"
        wire_text = ENCODINGS[encoding](text)
    except InvalidText as fault:
        raise Unrenderable(Refusal.BAD_CONTENT, fault.sentence) from None
    return Draft(message, text, wire_text, sender, is_unicode, segments)


def _refuse_destination(to: str, settings: Mapping[str, Any]) -> None:
    if not settings.get("allowed_prefixes"):
        return
    listed = str(settings["allowed_prefixes"]).replace(",", " ").split()
    prefixes = tuple(prefix.lstrip("+").removeprefix("00") for prefix in listed)
    if prefixes and not to.startswith(prefixes):
        raise Unrenderable(Refusal.BAD_RECIPIENT, "This gateway does not send to that destination (allowed prefixes).")


def _refuse_sender(sender: str, settings: Mapping[str, Any]) -> None:
    pattern = settings.get("sender_allowed")
    if not pattern or not sender:
        return
    try:
        is_allowed = fits(str(pattern), sender)
    except MalformedAnswer:
        is_allowed = False
    if not is_allowed:
        raise Unrenderable(Refusal.BAD_SENDER, "This gateway does not allow that sender ID.")


def _templated(message: Message, sender: str, settings: Mapping[str, Any]) -> str:
    """The text inside the message template, line ends as LF; values are never searched for placeholders."""
    template = settings.get("message_template")
    is_plain = not template or template == PLAIN_TEMPLATE
    text = message.text if is_plain else _in_template(str(template), message, sender)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _in_template(template: str, message: Message, sender: str) -> str:
    values = {"text": message.text, "sender": sender, "to": message.to, "ref": message.ref, "id": message.ref}
    return "".join(values.get(t.name, "") if isinstance(t, Placeholder) else t for t in parse(template))


def _in_mode(text: str, settings: Mapping[str, Any]) -> tuple[str, bool]:
    """The text and whether it travels as Unicode."""
    mode = settings.get("unicode_mode") or "auto"
    if mode == "smart":
        text = typographic(text)
    if settings.get("transliterate") and mode != "unicode_only":
        text = transliterate(text)
    if mode == "gsm_only" and not is_gsm7(text):
        raise Unrenderable(Refusal.BAD_CONTENT, "The text holds characters outside GSM-7, which this gateway refuses.")
    return text, mode == "unicode_only" or not is_gsm7(text)


def _not_too_long(text: str, settings: Mapping[str, Any]) -> str:
    limit = settings.get("max_chars")
    if not limit or len(text) <= limit:
        return text
    if settings.get("too_long") == "cut":
        return text[:limit]
    raise Unrenderable(Refusal.BAD_CONTENT, f"The text is longer than the {limit} characters that this gateway takes.")


def _ucs2_segments(text: str) -> int:
    units = len(to_bytes(text, "utf-16-be")) // 2
    return 1 if units <= UCS2_SINGLE else -(-units // UCS2_PART)
