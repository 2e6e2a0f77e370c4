"""Regular expressions of operators: compiled once, run with a time limit, because a careless one may never end."""

import re
from functools import lru_cache

import regex

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.http_template.template import TemplateFault

TIMEOUT_S = 0.25

_ATOM = r"(?:[^\\()\[\]{}*+?|.^$]|\\[^\w\s]|\\[dswDSW]|\[\^?[^\\\[\]^]+\]|\.)"
_PLAIN = re.compile(rf"\^?(?:{_ATOM}[+*?]?|\((?:{_ATOM}[+*?]?)*\))*\$?")
_HUMBLE = 1000
"""Characters of a text on which a plain pattern ends in no time."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> "regex.Pattern[str]":
    """Python syntax, `.` stops at line ends, any case with (?i). Raises TemplateFault."""
    try:
        return regex.compile(pattern)
    except regex.error as fault:
        raise TemplateFault(f"The pattern cannot be read: {fault}.") from None


def search(pattern: str, text: str) -> "regex.Match[str] | None":
    """The first match. Raises MalformedAnswer when the pattern takes too long on this text."""
    if len(text) <= _HUMBLE and _is_humble(pattern):
        return compiled(pattern).search(text)
    try:
        return compiled(pattern).search(text, timeout=TIMEOUT_S)
    except TimeoutError:
        raise MalformedAnswer("a pattern of the settings takes too long on this text") from None


@lru_cache(maxsize=1024)
def _is_humble(pattern: str) -> bool:
    """Whether it needs no time limit, which costs ten times as much as the search: no alternatives, nothing
    repeated that holds a repetition, and steps that grow with the square of the text at most."""
    choices = sum(map(pattern.count, "*+?")) + (not pattern.startswith("^"))
    return choices <= 2 and _PLAIN.fullmatch(pattern) is not None


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text matches. Raises MalformedAnswer like `search`."""
    try:
        return compiled(pattern).fullmatch(text, timeout=TIMEOUT_S) is not None
    except TimeoutError:
        raise MalformedAnswer("a pattern of the settings takes too long on this text") from None


def replaced(pattern: str, replacement: str, text: str) -> str:
    """Every match replaced. Raises MalformedAnswer like `search`, TemplateFault for a bad replacement."""
    try:
        return compiled(pattern).sub(replacement, text, timeout=TIMEOUT_S)
    except TimeoutError:
        raise MalformedAnswer("a pattern of the settings takes too long on this text") from None
    except (regex.error, IndexError):
        raise TemplateFault("The replacement names a group that its pattern does not have.") from None
