"""Phone numbers as E.164 digits without '+', the one form in which they are stored and compared.

A recipient must be a *possible* number: a known country calling code and a length that country uses, at most 15
digits in all. *Valid* would also ask whether the range is assigned; that refuses test numbers (+15005550006) and
ranges newer than our tables, and the provider knows better. The exception is a national part of up to six digits,
which has to be valid, because that is where short codes live and a short code receives nothing.

phonenumbers takes tens of microseconds a number. Plain digits therefore take a short cut, which answers only where
the library provably would take the digits as they are (no trunk prefix, no dialling prefix, a possible length) and
leaves everything else to it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, ValidationResult
from phonenumbers.phonemetadata import PhoneMetadata

Style = Literal["plus", "digits", "00", "national"]

MAX_DIGITS: Final = 15
MAX_INPUT: Final = 64
SHORT: Final = 6
"""National parts up to this length must be valid, not only possible."""

_PROBLEMS: Final = {
    "number_empty": ("There is no phone number.", "Give one in international form, such as +48600100200."),
    "number_too_long": (
        "The phone number is too long.",
        "Check its digits, 15 at most with the country code; one of another country needs its + in front.",
    ),
    "number_too_short": (
        "The phone number is too short: it is a short code, a local number, or digits are missing.",
        "Give the full number with its area and country code, such as +48600100200.",
    ),
    "number_no_country": (
        "The phone number does not begin with a known country code.",
        "Write it in international form, such as +48600100200, or set a default country.",
    ),
    "default_country_unknown": (
        "The default country is not a known ISO 3166 code.",
        "Use the two letters of the country, such as PL.",
    ),
    "invalid_number": (
        "This is not a phone number.",
        "Use digits in international form, such as +48600100200; spaces, hyphens and brackets are ignored.",
    ),
}


class InvalidNumber(ValueError):
    """A number that cannot be a recipient. `code` is stable; `sentence` and `remedy` are for people.

    Nothing in it shows more of the input than `masked`.
    """

    def __init__(self, code: str, text: object = "") -> None:
        self.code = code
        self.sentence, self.remedy = _PROBLEMS[code]
        self.masked = mask(text) if isinstance(text, str) else ""
        shown = f" ({self.masked})" if self.masked else ""
        super().__init__(f"{self.sentence[:-1]}{shown}. {self.remedy}")


def parse(text: str, default_country: str | None = None) -> str:
    """E.164 digits of a number written by a person or a program. Raises InvalidNumber, and nothing else.

    With '+' the number is international whatever the default country. Without it, it is read as dialled in
    `default_country` (ISO 3166, two letters; empty is none), and where there is none as international digits, with
    or without 00.
    """
    if not isinstance(text, str):
        raise InvalidNumber("invalid_number")
    default_country = default_country or None
    if (digits := _short_cut(text, default_country)) is not None:
        return digits
    if len(text) > MAX_INPUT:
        raise InvalidNumber("number_too_long", text)
    answer = _read(text, default_country)
    if answer.code is not None:
        raise InvalidNumber(answer.code, text)
    return answer.digits


def calling_code(digits: str) -> str | None:
    """The country calling code of E.164 digits, None where it is unknown."""
    plan = _plan(digits[:3])
    return None if plan is None else plan.code


@lru_cache(maxsize=16384)
def country_of(digits: str) -> str | None:
    """ISO 3166 country of E.164 digits, None where the code is unknown or belongs to no country (+800, +870).

    Where countries share a code, a number in no assigned range counts as the main one's (+15005550006 is US).
    """
    if not _is_digits(digits) or (plan := _plan(digits[:3])) is None:
        return None
    regions: tuple[str, ...] = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(plan.code)]
    national_part = digits[len(plan.code) :]
    region: str | None = None
    if len(regions) > 1 and 0 < len(national_part) <= MAX_DIGITS:
        region = phonenumbers.region_code_for_number(_as_number(plan.code, national_part))
    region = region or regions[0]
    return None if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else region


def national(digits: str) -> str:
    """E.164 digits without the country calling code and without a trunk prefix.

    Raises InvalidNumber `number_no_country` where the code is unknown.
    """
    if (code := calling_code(digits)) is None:
        raise InvalidNumber("number_no_country", digits)
    return digits[len(code) :]


_FORMATS: Final[dict[Style, Callable[[str], str]]] = {
    "plus": lambda digits: "+" + digits,
    "digits": lambda digits: digits,
    "00": lambda digits: "00" + digits,
    "national": national,
}


def format_number(digits: str, style: Style) -> str:
    """E.164 digits as a provider wants them. Raises InvalidNumber where `national` meets an unknown code."""
    return _FORMATS[style](digits)


def mask(digits: str) -> str:
    """A number fit for logs and errors: '48600100200' is '4860•••••200'. The number of dots tells nothing.

    Shorter ones show less, and characters other than digits are never shown, so any input may be masked.
    """
    digits = re.sub("[^0-9]", "", digits)
    if len(digits) >= 10:
        return f"{digits[:4]}•••••{digits[-3:]}"
    if len(digits) >= 7:
        return f"{digits[:2]}•••••{digits[-2:]}"
    return "•••••" if digits else ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a calling code lets through unread: total lengths, and no trunk prefix after the code."""

    code: str
    lengths: frozenset[int]
    trunk: Callable[[str], re.Match[str] | None] | None


@dataclass(frozen=True, slots=True)
class _Home:
    """How a country's own people write: what they dial first, and from which length on their own code is one."""

    code: str
    longest: int
    abroad: Callable[[str], re.Match[str] | None] | None
    trunk: Callable[[str], re.Match[str] | None] | None


def _matcher(pattern: str | None) -> Callable[[str], re.Match[str] | None] | None:
    return re.compile(pattern).match if pattern else None


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


@lru_cache(maxsize=2048)
def _plan(first_three: str) -> _Plan | None:
    """Calling codes are prefix-free, at most three digits long and never begin with 0, so three digits decide."""
    if not _is_digits(first_three) or first_three.startswith("0"):
        return None
    for size in range(1, len(first_three) + 1):
        code = first_three[:size]
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))
        if regions is None:
            continue
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), regions[0])
        if metadata is None or (possible := metadata.general_desc) is None:
            return None
        lengths = {size + length for length in possible.possible_length if length > SHORT}
        allowed = frozenset(length for length in lengths if length <= MAX_DIGITS)
        return _Plan(code, allowed, _matcher(metadata.national_prefix_for_parsing))
    return None


@lru_cache(maxsize=512)
def _home(country: str) -> _Home | None:
    metadata = PhoneMetadata.metadata_for_region(country.upper(), None)
    if metadata is None or (possible := metadata.general_desc) is None:
        return None
    return _Home(
        code=str(metadata.country_code),
        longest=max(*possible.possible_length, *possible.possible_length_local_only, 0),
        abroad=_matcher(metadata.international_prefix),
        trunk=_matcher(metadata.national_prefix_for_parsing),
    )


def _short_cut(text: str, default_country: str | None) -> str | None:
    """The digits where the library would only repeat them, else None. Never refuses."""
    if text[:1] == "+":
        return _international(text[1:])
    return _international(text) if default_country is None else _dialled(text, default_country)


def _international(digits: str) -> str | None:
    plan = _plan(digits[:3])
    if plan is None or len(digits) not in plan.lengths or not _is_digits(digits):
        return None
    # A pattern may match nothing at all (Argentina's), which takes nothing away.
    if plan.trunk is not None and (found := plan.trunk(digits[len(plan.code) :])) is not None and found.end():
        return None
    return digits


def _dialled(digits: str, country: str) -> str | None:
    home = _home(country)
    if home is None or len(digits) > MAX_DIGITS or not _is_digits(digits):
        return None
    if home.abroad is not None and home.abroad(digits) is not None:
        return None
    national_part = digits
    if digits.startswith(home.code):
        # Up to the longest national number, digits that begin like the code may be the area code.
        if len(digits) <= home.longest:
            return None
        national_part = digits[len(home.code) :]
    if home.trunk is not None and (found := home.trunk(national_part)) is not None and found.end():
        return None
    return _international(home.code + national_part)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Digits, or the code of the refusal: refusals are cached too, since a bad list repeats them."""

    digits: str = ""
    code: str | None = None


_INVISIBLE: Final = dict.fromkeys(
    map(ord, "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
)
"""Marks that address books and spreadsheets paste around a number."""

_SPACING = "\t \u00a0\u2007\u2009\u202f().\\-\u2010-\u2015\u2212/"
_is_number_shaped = re.compile(f"[{_SPACING}]*\\+?[0-9{_SPACING}]*[0-9][0-9{_SPACING}]*").fullmatch
_spacing = re.compile(f"[{_SPACING}]")

_PARSE_PROBLEMS: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: "number_no_country",
    NumberParseException.NOT_A_NUMBER: "invalid_number",
    NumberParseException.TOO_SHORT_AFTER_IDD: "number_too_short",
    NumberParseException.TOO_SHORT_NSN: "number_too_short",
    NumberParseException.TOO_LONG: "number_too_long",
}
_LENGTH_PROBLEMS: Final = {
    ValidationResult.INVALID_COUNTRY_CODE: "number_no_country",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "number_too_short",
    ValidationResult.TOO_SHORT: "number_too_short",
    ValidationResult.INVALID_LENGTH: "invalid_number",
    ValidationResult.TOO_LONG: "number_too_long",
}


@lru_cache(maxsize=16384)
def _read(text: str, default_country: str | None) -> _Answer:
    """The library's answer, which the short cut must never contradict."""
    visible = text.translate(_INVISIBLE).strip()
    bare = _spacing.sub("", visible)
    if not bare:
        return _Answer(code="number_empty")
    if _is_number_shaped(visible) is None:
        return _Answer(code="invalid_number")
    if bare.startswith("+"):
        return _through_library(bare, None)
    if default_country is None:
        return _through_library("+" + bare.removeprefix("00"), None)
    if _home(default_country) is None:
        return _Answer(code="default_country_unknown")
    return _through_library(bare, default_country.upper())


def _through_library(number: str, country: str | None) -> _Answer:
    try:
        parsed = phonenumbers.parse(number, country)
    except NumberParseException as refusal:
        return _Answer(code=_PARSE_PROBLEMS[refusal.error_type])
    if problem := _LENGTH_PROBLEMS.get(phonenumbers.is_possible_number_with_reason(parsed)):
        return _Answer(code=problem)
    national_part = phonenumbers.national_significant_number(parsed)
    if len(national_part) <= SHORT and not phonenumbers.is_valid_number(parsed):
        return _Answer(code="number_too_short")
    digits = f"{parsed.country_code}{national_part}"
    if len(digits) > MAX_DIGITS:
        return _Answer(code="number_too_long")
    # Two trunk prefixes in a row lose one per reading: what is stored would not survive being read again.
    if _international(digits) is None and phonenumbers.parse("+" + digits) != parsed:
        return _Answer(code="invalid_number")
    return _Answer(digits)


def _as_number(code: str, national_part: str) -> PhoneNumber:
    zeros = len(national_part) - len(national_part.lstrip("0"))
    return PhoneNumber(
        country_code=int(code),
        national_number=int(national_part),
        italian_leading_zero=zeros > 0 or None,
        number_of_leading_zeros=zeros if zeros > 1 else None,
    )
