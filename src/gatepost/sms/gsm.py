"""The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1 and 6.2.1.1).

National shift tables are left out on purpose: no provider here takes them for a message we encode, so a text that
needs one travels as UCS-2.
"""

import re
from typing import Final

ESCAPE: Final = "\x1b"

BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Character at its septet value, 0 to 127. Position 27 is the escape, which is no character of a text."""

EXTENSION: Final = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""Character to the septet that follows the escape; each costs two septets."""

_BASIC_CHARACTERS = re.escape(BASIC.replace(ESCAPE, ""))
_EXTENSION_CHARACTERS = re.escape("".join(EXTENSION))

_basic_only = re.compile(f"[{_BASIC_CHARACTERS}]*").fullmatch
_alphabet_only = re.compile(f"[{_BASIC_CHARACTERS}{_EXTENSION_CHARACTERS}]*").fullmatch
find_extension: Final = re.compile(f"[{_EXTENSION_CHARACTERS}]").findall
find_foreign: Final = re.compile(f"[^{_BASIC_CHARACTERS}{_EXTENSION_CHARACTERS}]").findall

_SEPTETS: Final = {ord(character): value for value, character in enumerate(BASIC) if character != ESCAPE} | {
    ord(character): ESCAPE + chr(value) for character, value in EXTENSION.items()
}
_ESCAPED: Final = {ord(character): ESCAPE + character for character in EXTENSION}

_PROBLEMS: Final = {
    "text_has_nul": (
        "The text contains a NUL character.",
        "Remove it: no provider and no database column carries U+0000.",
    ),
    "text_has_lone_surrogate": (
        "The text contains half of a surrogate pair.",
        "Send the text as valid Unicode; a character was cut in two before it reached us.",
    ),
    "text_not_gsm7": (
        "The text contains a character outside the GSM 7-bit alphabet.",
        "Send it as UCS-2, or replace the characters that measure() names.",
    ),
}


class InvalidText(ValueError):
    """A text that cannot be sent as it stands. `code` is stable; `sentence` and `remedy` are for people."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.sentence, self.remedy = _PROBLEMS[code]
        super().__init__(f"{self.sentence} {self.remedy}")


def require_sendable(text: str) -> None:
    """Raise InvalidText for a NUL or a lone surrogate, which no encoding of an SMS carries."""
    if "\0" in text:
        raise InvalidText("text_has_nul")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidText("text_has_lone_surrogate") from None


def is_basic(text: str) -> bool:
    """Whether every character costs exactly one septet."""
    return _basic_only(text) is not None


def is_gsm7(text: str) -> bool:
    """Whether the text can be sent in the default alphabet with its extension table. The empty text can."""
    return _alphabet_only(text) is not None


def escaped(text: str) -> str:
    """The GSM-7 text with an escape before each extension character: its length is the number of septets."""
    return text.translate(_ESCAPED)


def encode_gsm7(text: str) -> bytes:
    """One septet per byte, unpacked, with escapes. Raises InvalidText `text_not_gsm7`."""
    if not is_gsm7(text):
        require_sendable(text)
        raise InvalidText("text_not_gsm7")
    return text.translate(_SEPTETS).encode("ascii")
