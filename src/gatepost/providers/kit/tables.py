"""Tables of a provider's codes, with the provider's wording beside each row."""

from collections.abc import Mapping
from typing import Any, Literal

from gatepost.providers.base import Receipt
from gatepost.sms.outcomes import Outcome, Refusal, refused, throttled, unknown
from gatepost.sms.states import State

Code = str | int
Meaning = Refusal | Literal["throttled", "recipient_throttled", "unknown"]
THROTTLED: Literal["throttled"] = "throttled"
RECIPIENT_THROTTLED: Literal["recipient_throttled"] = "recipient_throttled"
UNCERTAIN: Literal["unknown"] = "unknown"


class Refused:
    """Submit errors: code to (class, words). A code that is not listed is `permanent`, with the provider's words.

    `by_words`: codes that say little by themselves, with words to look for in the provider's text of such an error,
    in this order and any case, and the class of each.
    """

    def __init__(
        self,
        rows: Mapping[Code, tuple[Meaning, str]],
        otherwise: Meaning = Refusal.PERMANENT,
        by_words: Mapping[Code, tuple[tuple[str, Refusal], ...]] | None = None,
    ) -> None:
        self.rows = {_key(code): row for code, row in rows.items()}
        self.otherwise: Meaning = otherwise
        self.by_words = {_key(code): rows for code, rows in (by_words or {}).items()}

    def __contains__(self, code: Code) -> bool:
        return _key(code) in self.rows

    def outcome(self, code: Code, words: str = "", retry_after_s: float | None = None) -> Outcome:
        """The outcome of a code; the provider's own words of this answer stand before the table's."""
        meaning, listed = self.rows.get(_key(code), (self.otherwise, ""))
        said, folded = words or listed, words.casefold()
        named = (about for word, about in self.by_words.get(_key(code), ()) if word in folded)
        meaning = next(named, meaning)
        if meaning in (THROTTLED, RECIPIENT_THROTTLED):
            return throttled(retry_after_s, code, said, is_recipient_only=meaning == RECIPIENT_THROTTLED)
        if meaning == UNCERTAIN:
            return unknown("the provider does not know", code, said)
        return refused(Refusal(meaning), code, said)

    def refusal(self, code: Code) -> Refusal | None:
        """The class of a listed code, for a report; None where the code is not listed or is about the pace."""
        meaning, _ = self.rows.get(_key(code), (None, ""))
        return meaning if isinstance(meaning, Refusal) else None

    def words(self, code: Code) -> str:
        return self.rows.get(_key(code), (None, ""))[1]

    def found_in(self, text: str) -> str:
        """The first row whose key the text contains, any case, or "": for providers whose errors are sentences."""
        folded = text.casefold()
        return next((word for word in self.rows if word in folded), "")


def codes(meaning: Meaning, words: str, *codes: Code) -> dict[Code, tuple[Meaning, str]]:
    """Rows for codes that mean the same; join them with `|`."""
    return dict.fromkeys(codes, (meaning, words))


class States:
    """Receipt statuses: status to (state, words[, refusal class]), any case. Not listed is unrecognised: None."""

    def __init__(self, rows: Mapping[Code, tuple[State, str] | tuple[State, str, Refusal]]) -> None:
        self.rows = {_key(status): row for status, row in rows.items()}

    def state(self, status: Code) -> State | None:
        row = self.rows.get(_key(status))
        return row[0] if row else None

    def words(self, status: Code) -> str:
        row = self.rows.get(_key(status))
        return row[1] if row else ""

    def refusal(self, status: Code) -> Refusal | None:
        row = self.rows.get(_key(status))
        return row[2] if row and len(row) == 3 else None

    def receipt(self, status: Code, *, words: str = "", refusal: Refusal | None = None, **rest: Any) -> Receipt:
        """A receipt with what the table says of the status; the provider's own words of this report stand before it."""
        return Receipt(
            self.state(status),
            str(status),
            words=words or self.words(status),
            refusal=refusal or self.refusal(status),
            **rest,
        )


def _key(code: Code) -> str:
    return str(code).strip().casefold()
