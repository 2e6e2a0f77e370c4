"""Settings for what a provider has not documented: the operator writes its words and field names, one per line."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from gatepost.providers.fields import Field, Lines
from gatepost.sms.states import REPORTED, State

STATES = {state.value: state for state in (State.SUBMITTED, *REPORTED)}
_STATE_LINE = rf"[^=]+=\s*(?:{'|'.join(sorted(STATES))})\s*"
_NAME_LINE = r"[a-z_]+\s*=[^=]+"
_WHOLE_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D"})


def state_words(name: str, **kw: Any) -> Field:
    """Lines `word = state`, for `state_of`."""
    words = f"write word = state, where a state is one of {', '.join(sorted(STATES))}."
    return Lines(name, **{"pattern": _STATE_LINE, "pattern_words": words, "group": "Receipts and inbound", **kw})


def state_of(lines: Iterable[str], status: str) -> State | None:
    """What the operator's lines say of a status, without regard to case and accents; None where they say nothing."""
    wanted = plain(status)
    found = (line.rpartition("=") for line in lines)
    return next((STATES[state.strip()] for word, _, state in found if plain(word) == wanted), None)


def meaning_in(lines: Iterable[str], text: str) -> str:
    """What the first of the lines `word = meaning` says whose word the text contains, any case; "" where none does."""
    folded = text.casefold()
    pairs = (line.rpartition("=") for line in lines)
    return next((meaning.strip() for word, _, meaning in pairs if word.strip().casefold() in folded), "")


def field_names(name: str, names: Mapping[str, tuple[str, ...]], **kw: Any) -> Field:
    """Lines `ours = theirs, theirs`, for `named`; `names` is the default."""
    default = tuple(f"{ours} = {', '.join(theirs)}" for ours, theirs in names.items())
    words = f"write name = their names, with commas; names are {', '.join(names)}."
    shown = {"pattern": _NAME_LINE, "pattern_words": words, "group": "Receipts and inbound", "confidence": "unverified"}
    return Lines(name, **{"default": default, **shown, **kw})


def named(lines: Iterable[str], values: Mapping[str, str]) -> dict[str, str]:
    """The values under our names, each "" where none of the provider's names has one."""
    found: dict[str, str] = {}
    for line in lines:
        ours, _, theirs = line.partition("=")
        value = next((values[name.strip()] for name in theirs.split(",") if values.get(name.strip())), "")
        found[ours.strip()] = found.get(ours.strip()) or value
    return found


def plain(text: str) -> str:
    """Without accents and in one case, to compare words that people write either way."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_WHOLE_LETTERS))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().strip()


def without_prefix(text: str, prefixes: Iterable[str]) -> str:
    """The text without the first of these keywords that it begins with, any case, and the blanks behind it."""
    cut = next((prefix for prefix in prefixes if prefix and text.casefold().startswith(prefix.casefold())), "")
    return text[len(cut) :].lstrip() if cut else text
