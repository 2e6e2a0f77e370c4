"""How a text travels: which encoding it needs, how many segments, what they hold, and what would make it shorter."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from gatepost.sms.gsm import (
    ESCAPE,
    InvalidText,
    encode_gsm7,
    escaped,
    find_extension,
    find_foreign,
    is_basic,
    is_gsm7,
    require_sendable,
)
from gatepost.sms.transliterate import offers, to_gsm_or_none, transliterate, typographic

__all__ = [
    "Costly",
    "InvalidText",
    "Measure",
    "Saving",
    "count_segments",
    "encode_gsm7",
    "is_gsm7",
    "measure",
    "saving",
    "split",
    "to_gsm_or_none",
    "transliterate",
    "typographic",
]

Encoding = Literal["gsm7", "ucs2"]
Effect = Literal["forces_ucs2", "two_septets"]

GSM7_SINGLE: Final = 160
GSM7_PART: Final = 153
UCS2_SINGLE: Final = 70
UCS2_PART: Final = 67


@dataclass(frozen=True, slots=True)
class Costly:
    """A character that makes the message longer than its letters.

    `name` is Unicode's, or U+XXXX where Unicode has none. `replacement` is what transliterate() would put in its
    place ("" drops it), None where there is nothing to offer.
    """

    character: str
    name: str
    count: int
    effect: Effect
    replacement: str | None


@dataclass(frozen=True, slots=True)
class Measure:
    """The size of a text. Units are septets for gsm7 and UTF-16 code units for ucs2.

    The empty text is one segment of 0 units. `per_segment` is what each segment holds at this length (160 or 153,
    70 or 67), `left_in_segment` what still fits into the last one. In a ucs2 text no character costs two septets,
    so `costly` then names only those that force ucs2.
    """

    encoding: Encoding
    units: int
    segments: int
    per_segment: int
    left_in_segment: int
    costly: tuple[Costly, ...]


@dataclass(frozen=True, slots=True)
class Saving:
    """What replacing the named characters would save, in segments, and the text that does."""

    before: int
    after: int
    text: str
    replaced: tuple[Costly, ...]


def measure(text: str) -> Measure:
    """Encoding, units, segments and costly characters; segments equals len(split(text)). Raises InvalidText."""
    if is_basic(text):
        units = len(text)
        if units <= GSM7_SINGLE:
            return Measure("gsm7", units, 1, GSM7_SINGLE, GSM7_SINGLE - units, ())
        return Measure("gsm7", units, -(-units // GSM7_PART), GSM7_PART, -units % GSM7_PART, ())
    encoding, units, ends = _laid_out(text)
    single, part = (GSM7_SINGLE, GSM7_PART) if encoding == "gsm7" else (UCS2_SINGLE, UCS2_PART)
    per_segment = single if len(ends) == 1 else part
    last = ends[-1] - (ends[-2] if len(ends) > 1 else 0)
    return Measure(encoding, units, len(ends), per_segment, per_segment - last, _costly(text, encoding))


def count_segments(text: str) -> tuple[Encoding, int]:
    """What measure() says of encoding and segments, without naming characters: for bulk. Raises InvalidText."""
    if is_basic(text):
        units = len(text)
        return "gsm7", 1 if units <= GSM7_SINGLE else -(-units // GSM7_PART)
    encoding, _, ends = _laid_out(text)
    return encoding, len(ends)


def split(text: str) -> list[str]:
    """The segments in order; joined they are the text. An escape pair or a surrogate pair is never cut.

    The empty text is one empty segment. Raises InvalidText.
    """
    if is_gsm7(text):
        septets = escaped(text)
        return [septets[start:end].replace(ESCAPE, "") for start, end in _spans(_gsm7_ends(septets))]
    utf16 = _utf16(text)
    return [utf16[2 * start : 2 * end].decode("utf-16-be") for start, end in _spans(_ucs2_ends(utf16))]


def saving(text: str) -> Saving | None:
    """What transliterate() would save; None where it saves no segment. Raises InvalidText."""
    before = measure(text)
    if before.segments == 1 or before.encoding == "gsm7":
        return None
    replaced = transliterate(text)
    after = measure(replaced).segments
    if after >= before.segments:
        return None
    named = tuple(costly for costly in before.costly if costly.replacement is not None)
    return Saving(before.segments, after, replaced, named)


def _laid_out(text: str) -> tuple[Encoding, int, list[int]]:
    """Encoding, units in all, and where each segment ends."""
    if is_gsm7(text):
        septets = escaped(text)
        return "gsm7", len(septets), _gsm7_ends(septets)
    utf16 = _utf16(text)
    return "ucs2", len(utf16) // 2, _ucs2_ends(utf16)


def _utf16(text: str) -> bytes:
    require_sendable(text)
    return text.encode("utf-16-be")


def _gsm7_ends(septets: str) -> list[int]:
    return _ends(len(septets), GSM7_SINGLE, GSM7_PART, lambda unit: septets[unit] == ESCAPE)


def _ucs2_ends(utf16: bytes) -> list[int]:
    return _ends(len(utf16) // 2, UCS2_SINGLE, UCS2_PART, lambda unit: 0xD8 <= utf16[2 * unit] <= 0xDB)


def _ends(units: int, single: int, part: int, opens_pair: Callable[[int], bool]) -> list[int]:
    """Where each segment ends, in units; a segment whose last unit would open a pair gives it to the next one."""
    if units <= single:
        return [units]
    ends = []
    end = 0
    while end < units:
        end += part
        if end < units and opens_pair(end - 1):
            end -= 1
        ends.append(min(end, units))
    return ends


def _spans(ends: list[int]) -> Iterable[tuple[int, int]]:
    return zip([0, *ends], ends, strict=False)


@lru_cache(maxsize=4096)
def _name(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}")


def _costly(text: str, encoding: Encoding) -> tuple[Costly, ...]:
    """In order of first appearance. Extension characters are GSM-7 already, so nothing is offered for them."""
    effect: Effect
    if encoding == "gsm7":
        effect, counts = "two_septets", Counter(find_extension(text))
        replacements: list[str | None] = [None] * len(counts)
    else:
        effect, counts = "forces_ucs2", Counter(find_foreign(text))
        replacements = offers(text, list(counts))
    return tuple(
        Costly(character, _name(character), count, effect, replacement)
        for (character, count), replacement in zip(counts.items(), replacements, strict=True)
    )
