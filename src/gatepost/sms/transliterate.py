"""Replacements that bring a text back into GSM-7. They are offered to the sender and never applied unasked.

Cyrillic follows the simple BGN/PCGN forms people read in phone messages (`щ` shch, `ю` yu; soft and hard signs are
dropped). A text with Ukrainian letters and none that only Russian has reads `г` as h and `и` as y.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from gatepost.sms.gsm import BASIC, ESCAPE, EXTENSION, is_gsm7, require_sendable


def _spread(groups: Mapping[str, str]) -> dict[int, str]:
    """{"characters": "replacement"} to a table by code point."""
    return {ord(character): replacement for characters, replacement in groups.items() for character in characters}


TYPOGRAPHIC: Final = _spread(
    {
        "‘’‚‛′‵´ʼʹ": "'",
        "`": "'",
        "“”„‟″‶«»": '"',
        "‹": "<",
        "›": ">",
        "‐‑‒–—―−⁃﹘": "-",
        "…": "...",
        "‥": "..",
        "•‣◦▪▫●○■□∙": "*",
        "·": ".",
        "⁄∕": "/",
        "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000": " ",
        "\u0085\u2028\u2029": "\n",
        "\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff": "",
    }
)

_LATIN: Final = _spread(
    {
        "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th", "Ħ": "H", "ħ": "h",
        "Ŧ": "T", "ŧ": "t", "ı": "i", "Œ": "OE", "œ": "oe", "ẞ": "SS", "ĸ": "k", "Ŋ": "N", "ŋ": "n", "Ə": "E",
        "ə": "e", "Ƒ": "F", "ƒ": "f",
        "Ő": "Ö", "ő": "ö", "Ű": "Ü", "ű": "ü",
    }
)  # fmt: skip

_SYMBOLS: Final = _spread(
    {
        "©": "(c)", "®": "(R)", "℗": "(P)", "×": "x", "÷": ":", "→": "->", "←": "<-", "⇒": "=>", "≤": "<=", "≥": ">=",
        "≠": "!=", "≈": "~", "±": "+/-", "¢": "c", "µ": "u", "ª": "a", "º": "o", "¦": "|", "№": "No",
        "✓✔": "v", "✗✘": "x", "₽": "RUB", "₴": "UAH", "₸": "KZT", "₺": "TRY", "₹": "INR", "₪": "ILS", "₩": "KRW",
        "₫": "VND", "\u20e3": "",
    }
)  # fmt: skip

_GREEK_LOOKALIKES: Final = {ord(greek): latin for greek, latin in zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)}
"""Capitals only: they look the same. Small letters have no such twin, and μg read as Mg would be a lie."""

_CYRILLIC_SMALL: Final = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i", "й": "y",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya",
    "і": "i", "ї": "i", "є": "ye", "ґ": "g", "ў": "u",
    "ј": "j", "љ": "lj", "њ": "nj", "ђ": "dj", "ћ": "c", "џ": "dz", "ѓ": "gj", "ќ": "kj", "ѕ": "dz", "ѐ": "e", "ѝ": "i",
    "ә": "a", "ғ": "g", "қ": "q", "ң": "n", "ө": "o", "ұ": "u", "ү": "u", "һ": "h",
}  # fmt: skip


def _both_cases(small: Mapping[str, str]) -> dict[int, str]:
    capital = {ord(letter.upper()): latin.capitalize() for letter, latin in small.items()}
    return capital | {ord(letter): latin for letter, latin in small.items()}


_CYRILLIC: Final = _both_cases(_CYRILLIC_SMALL)
_UKRAINIAN: Final = _both_cases({"г": "h", "и": "y"})
_CAPITALS: Final = "".join(letter.upper() for letter in _CYRILLIC_SMALL)
_LONG_CAPITALS: Final = "".join(letter.upper() for letter, latin in _CYRILLIC_SMALL.items() if len(latin) > 1)

_in_capitals = re.compile(f"(?<=[{_CAPITALS}])[{_LONG_CAPITALS}]|[{_LONG_CAPITALS}](?=[{_CAPITALS}])")
_ukrainian_only = re.compile("[іїєґІЇЄҐ]").search
_never_ukrainian = re.compile("[ыэъёЫЭЪЁ]").search
_accented = re.compile("[^\u0300-\u036f][\u0300-\u036f]+")
_ACCENTS: Final = dict.fromkeys(range(0x0300, 0x0370), "")

JOINERS: Final = "\u200c\u200d\ufe0e\ufe0f"
"""Zero-width joiners and variation selectors: dropped only where they join nothing but GSM-7, because inside an emoji
or an Indic word they carry meaning."""
_GSM_CHARACTERS: Final = re.escape(BASIC.replace(ESCAPE, "") + "".join(EXTENSION))
_idle_joiners = re.compile(f"(?<![^{_GSM_CHARACTERS}])[{JOINERS}]+")

_FIXED: Final = TYPOGRAPHIC | _LATIN | _SYMBOLS | _GREEK_LOOKALIKES


def _decomposed(character: str) -> str:
    """The character without what Unicode adds to a plainer one; itself where that does not end in GSM-7."""
    if is_gsm7(composed := unicodedata.normalize("NFKC", character)) and composed.strip():
        return composed
    parts = unicodedata.normalize("NFKD", character)
    # A fraction would glue itself to the number before it: 5½ must not become 51/2.
    if parts == character or "\u2044" in parts:
        return character
    plain = parts.translate(_ACCENTS).translate(_FIXED)
    return plain if plain.strip() and is_gsm7(plain) else character


class _Table(dict[int, str]):
    """What str.translate asks: fixed replacements first, then decomposition, computed and not kept, because a
    hostile text could otherwise fill the memory with every code point there is."""

    def __missing__(self, code_point: int) -> str:
        return _decomposed(chr(code_point))


_UNCHANGED: Final = {ord(character): character for character in BASIC.replace(ESCAPE, "") + "".join(EXTENSION)}


@cache
def _table(is_ukrainian: bool) -> _Table:
    cyrillic = _CYRILLIC | _UKRAINIAN if is_ukrainian else _CYRILLIC
    return _Table(_ACCENTS | _FIXED | cyrillic | _UNCHANGED)


def _is_ukrainian(text: str) -> bool:
    return _ukrainian_only(text) is not None and _never_ukrainian(text) is None


def transliterate(text: str) -> str:
    """The text with every character that GSM-7 lacks replaced by a readable one; what has no replacement stays.

    Doing it twice changes nothing more. Raises InvalidText for a NUL or a lone surrogate.
    """
    require_sendable(text)
    if is_gsm7(text):
        return text
    table = _table(_is_ukrainian(text))
    composed = _accented.sub(lambda match: unicodedata.normalize("NFC", match[0]), text)
    capitals = _in_capitals.sub(lambda match: table[ord(match[0])].upper(), composed)
    return _idle_joiners.sub("", capitals.translate(table))


def typographic(text: str) -> str:
    """The text with only quotes, dashes, ellipses, bullets, odd spaces and zero-width characters replaced.

    Letters keep their accents. Raises InvalidText for a NUL or a lone surrogate.
    """
    require_sendable(text)
    if is_gsm7(text):
        return text
    return _idle_joiners.sub("", text.translate(TYPOGRAPHIC))


def to_gsm_or_none(text: str) -> str | None:
    """The transliterated text if all of it fits GSM-7, else None. Raises like transliterate()."""
    replaced = transliterate(text)
    return replaced if is_gsm7(replaced) else None


@lru_cache(maxsize=4096)
def _offer(character: str, is_ukrainian: bool) -> str | None:
    replaced = character.translate(_table(is_ukrainian))
    return replaced if replaced != character and is_gsm7(replaced) else None


def offers(text: str, characters: list[str]) -> list[str | None]:
    """For each of these characters of the text, what transliterate() would put in its place; None: it would stay.

    An empty replacement means the character would be dropped.
    """
    is_ukrainian = _is_ukrainian(text)
    found = [_offer(character, is_ukrainian) for character in characters]
    if any(character in JOINERS for character in characters):
        kept = transliterate(text)
        found = [
            "" if character in JOINERS and character not in kept else offer
            for character, offer in zip(characters, found, strict=True)
        ]
    return found
