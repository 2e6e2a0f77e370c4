"""Escaping by the place where a value goes: percent-encoding in a charset, XML, headers."""

import re
from functools import lru_cache
from urllib.parse import quote, quote_from_bytes

from gatepost.providers.kit import xml
from gatepost.sms.outcomes import Refusal
from gatepost.sms.text import InvalidText, transliterate

Value = str | bytes

_RESERVED_BYTE = re.compile("[^A-Za-z0-9_.~-]")
_RESERVED_BYTE_BUT_BLANK = re.compile("[^A-Za-z0-9_.~ -]")
_PERCENT = {chr(byte): quote_from_bytes(bytes((byte,)), safe="") for byte in range(256)}
RESERVED = ":/?#[]@!$&'()*+,;=%"
HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Unrenderable(Exception):
    """A request that cannot be built from these settings or this message; nothing has left."""

    def __init__(self, refusal: Refusal, words: str) -> None:
        super().__init__(words)
        self.refusal = refusal
        self.words = words


def to_bytes(value: Value, charset: str) -> bytes:
    """The value in `charset`. What the charset lacks is transliterated; what then still does not fit is refused."""
    if isinstance(value, bytes):
        return value
    try:
        return value.encode(charset)
    except UnicodeEncodeError:
        return b"".join(_character(character, charset) for character in value)


def to_str(value: Value, place: str) -> str:
    """The value where only characters can stand; bytes (a UTF-16 text) are a fault of the settings."""
    if isinstance(value, bytes):
        raise Unrenderable(Refusal.CONFIG, f"A text written as UTF-16 bytes cannot stand in {place}.")
    return value


def _character(character: str, charset: str) -> bytes:
    try:
        return character.encode(charset)
    except UnicodeEncodeError:
        pass
    try:
        return transliterate(character).encode(charset)
    except (UnicodeEncodeError, InvalidText):
        raise Unrenderable(Refusal.BAD_CONTENT, f"The text holds characters that {charset} does not have.") from None


def percent(value: Value, charset: str, *, is_plus: bool) -> str:
    """Everything but A-Z a-z 0-9 - . _ ~ percent-encoded; a blank is "+" where `is_plus`."""
    text = to_bytes(value, charset).decode("latin-1")
    if is_plus:
        return _RESERVED_BYTE_BUT_BLANK.sub(_escaped, text).replace(" ", "+")
    return _RESERVED_BYTE.sub(_escaped, text)


def _escaped(byte: re.Match[str]) -> str:
    return _PERCENT[byte[0]]


@lru_cache(maxsize=1024)
def as_typed(literal: str, charset: str) -> str:
    """What the operator typed into a URL or form: left alone, except for characters that cannot stand there."""
    return quote(literal, safe=RESERVED, encoding=charset)


def xml_text(value: Value) -> str:
    return xml.escape(to_str(value, "XML"))


def xml_attribute(value: Value) -> str:
    return xml.escape(to_str(value, "XML")).replace("\t", "&#9;").replace("\n", "&#10;")


def xml_cdata(value: Value) -> str:
    """The value inside a CDATA section, which is closed and opened again where the value would end it."""
    text = to_str(value, "XML").translate(xml.FORBIDDEN).replace("]]>", "]]]]><![CDATA[>")
    return f"]]><![CDATA[{text}" if text.startswith((">", "]>")) else text


def header(value: Value) -> str:
    """A header value; CR, LF, NUL and other control characters are refused, never dropped."""
    text = to_str(value, "a header")
    if any(character < " " and character != "\t" for character in text) or "\x7f" in text:
        raise Unrenderable(Refusal.BAD_CONTENT, "A header cannot hold line breaks or control characters.")
    if any(character > "\xff" for character in text):
        raise Unrenderable(
            Refusal.BAD_CONTENT, "A header holds only ISO-8859-1: encode the value, such as |url or |b64."
        )
    return text
