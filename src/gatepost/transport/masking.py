"""Finds a secret wherever it stands and however it was encoded on the way, and hides it.

A secret is looked for raw; percent-encoded, JSON-escaped, XML-escaped, each alone or one within another, character by
character, because every encoder escapes a different set; in Base64 at all three alignments, so that a password inside
a Basic header is found; in hex; and as its MD5. Hiding too much is harmless, hiding too little is not.
"""

import hashlib
import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from urllib.parse import quote

from gatepost.sms.msisdn import mask as mask_number

HIDDEN = "•••"
SHORT = 4
"""A secret below this length is hidden only where it is a whole value: "1" stands everywhere."""
LONG = 8192
"""Anything longer (a WSDL, a certificate) is no credential."""
CODECS = ("utf-8", "latin-1", "cp1250", "cp1251", "iso8859-2", "iso8859-7")
BASE64_CHAR = "[A-Za-z0-9+/_-]?"
WHOLE_BEFORE = r"""(?<![^=:"'>\s,;\[])"""
WHOLE_AFTER = r"""(?![^&"'<\s,;}\]])"""

MD5_HEX = 32

Rule = tuple[re.Pattern[str], str]
_Hidden = tuple[str, Callable[[str], re.Pattern[str]], str]


class Masker:
    """Hides these secrets, and message texts and numbers where asked to. Build it once for many texts.

    A pattern is made when the first text comes that could hold what it finds: most texts are too short for a token
    or a signature that was made for one message only.
    """

    __slots__ = ("_hidden", "_rules")

    def __init__(self, secrets: Iterable[str], *, texts: Iterable[str] = (), numbers: Iterable[str] = ()) -> None:
        self._hidden: list[_Hidden] = [(secret, _secret_pattern, HIDDEN) for secret in _worth_hiding(secrets)]
        self._hidden += [(text, _text_pattern, "[text]") for text in _worth_hiding(texts)]
        self._hidden += [(number, _number_pattern, mask_number(number)) for number in _worth_hiding(numbers)]
        self._rules: dict[int, Rule] = {}

    def mask(self, text: str) -> str:
        """The text without what must not be seen. Finds are joined before they are hidden, so none shields another."""
        finds = sorted(
            (match.start(), match.end(), replacement)
            for pattern, replacement in self._rules_for(text)
            for match in pattern.finditer(text)
        )
        if not finds:
            return text
        parts: list[str] = []
        done = 0
        for start, end, replacement in finds:
            if start >= done:
                parts += (text[done:start], replacement)
            done = max(done, end)
        return "".join((*parts, text[done:]))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where in the text the secrets stand: disjoint, in order."""
        joined: list[tuple[int, int]] = []
        for start, end in sorted(
            match.span() for pattern, _ in self._rules_for(text) for match in pattern.finditer(text)
        ):
            if joined and start < joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        return joined

    def _rules_for(self, text: str) -> Iterator[Rule]:
        """Those that can find anything in a text of this length: nothing is written in fewer characters than it has,
        but for an MD5."""
        for number, (value, pattern_of, replacement) in enumerate(self._hidden):
            if len(text) < min(len(value), MD5_HEX):
                continue
            if number not in self._rules:
                self._rules[number] = (pattern_of(value), replacement)
            yield self._rules[number]


def _worth_hiding(values: Iterable[str]) -> list[str]:
    return sorted({value for value in values if value and len(value) <= LONG}, key=len, reverse=True)


@lru_cache(maxsize=1024)
def _secret_pattern(secret: str) -> re.Pattern[str]:
    if len(secret) < SHORT:
        return re.compile(f"{WHOLE_BEFORE}(?:{_mixed(secret)}){WHOLE_AFTER}")
    alternatives = [_mixed(secret)]
    for encoded in _encodings(secret):
        alternatives += (_ignoring_case(encoded.hex()), _fully_quoted(encoded), *_base64_patterns(encoded))
    alternatives.append(_ignoring_case(hashlib.md5(secret.encode(errors="replace"), usedforsecurity=False).hexdigest()))
    if re.fullmatch(r"[0-9a-fA-F]{16,}", secret):
        alternatives.append(_ignoring_case(secret))
    return re.compile("|".join(alternatives))


def _text_pattern(text: str) -> re.Pattern[str]:
    """As a secret, and in the UTF-16 hex that many providers want for Unicode."""
    utf16 = text.encode("utf-16-be", errors="surrogatepass").hex()
    return re.compile(f"{_secret_pattern(text).pattern}|{_ignoring_case(utf16)}")


def _number_pattern(number: str) -> re.Pattern[str]:
    return re.compile(_mixed(number))


def _encodings(secret: str) -> list[bytes]:
    return list(dict.fromkeys(filter(None, (_encoded(secret, codec) for codec in CODECS))))


def _encoded(text: str, codec: str) -> bytes:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return b""


def _ignoring_case(literal: str) -> str:
    return f"(?i:{literal})"


def _fully_quoted(encoded: bytes) -> str:
    """Every byte percent-encoded, letters too."""
    return _ignoring_case("".join(f"%(?:25)*{byte:02x}" for byte in encoded))


def _base64_patterns(encoded: bytes) -> list[str]:
    """The secret at each place it can have within groups of three bytes: the characters that depend on it alone, and
    the neighbours that hold some of its bits."""
    patterns = []
    for before in range(3):
        bits = (before + len(encoded)) * 8
        characters = b64encode(bytes(before) + encoded).decode()[(0, 2, 3)[before] : bits // 6]
        core = "".join(_base64_character(character) for character in characters)
        patterns.append((BASE64_CHAR if before else "") + core + (BASE64_CHAR if bits % 6 else ""))
    return patterns


def _base64_character(character: str) -> str:
    if character.isalnum():
        return character
    other = {"+": "-", "/": "_"}[character]
    return f"(?:{_character(character)}|{other})"


def _mixed(text: str) -> str:
    """A pattern of the text in which every character may be escaped in its own way."""
    return "".join(
        _backslashes(len(list(run))) if character == "\\" else _character(character) * len(list(run))
        for character, run in groupby(text)
    )


def _backslashes(count: int) -> str:
    """One repetition for the whole run: a choice per backslash would take exponential time."""
    escaped = "|".join(sorted((re.escape(form) for form in _forms("\\") if set(form) != {"\\"}), key=len, reverse=True))
    return rf"(?:\\{{{count},{4 * count}}}|(?:{escaped}){{{count}}})"


@lru_cache(maxsize=4096)
def _character(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    return "(?:" + "|".join(sorted(map(re.escape, _forms(character)), key=len, reverse=True)) + ")"


def _forms(character: str) -> set[str]:
    """The character as every encoder writes it, and as a second encoder writes that."""
    once = {character, *(form for encode in ENCODERS for form in encode(character))}
    second = (_quoted_utf8, _json_escaped) if character.isalpha() else ENCODERS
    return once | {form for first in once for encode in second for form in encode(first)}


def _quoted(text: str) -> Iterable[str]:
    for codec in CODECS:
        encoded = _encoded(text, codec)
        if encoded:
            yield from (*_both_cases(quote(encoded, safe="")), encoded.decode("latin-1"))
    if text == " ":
        yield "+"
    if text in ("-", "_", ".", "~"):
        yield from _both_cases(f"%{ord(text):02X}")


def _quoted_utf8(text: str) -> Iterable[str]:
    return _both_cases(quote(text, safe="", errors="replace"))


def _both_cases(quoted: str) -> tuple[str, str]:
    return quoted, re.sub("%..", lambda found: found[0].lower(), quoted)


def _json_escaped(text: str) -> Iterable[str]:
    for form in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        yield from (form, form.replace("/", "\\/"))
    yield re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), json.dumps(text)[1:-1])
    if len(text) == 1 and ord(text) < 0x10000:
        yield from (f"\\u{ord(text):04x}", f"\\u{ord(text):04X}", f"\\x{ord(text) & 0xFF:02x}")
    if len(text) == 1:
        yield "".join(f"\\x{byte:02x}" for byte in _encoded(text, "utf-8"))
        yield f"\\{text}" if text in "'\"`$/" else text


def _xml_escaped(text: str) -> Iterable[str]:
    yield html.escape(text, quote=False)
    yield html.escape(text)
    if text == "'":
        yield "&apos;"
    if len(text) == 1:
        yield from (f"&#{ord(text)};", f"&#x{ord(text):x};", f"&#x{ord(text):X};")


ENCODERS: tuple[Callable[[str], Iterable[str]], ...] = (_quoted, _json_escaped, _xml_escaped)
