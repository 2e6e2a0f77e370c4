"""What a text cannot be rendered for, and a value that a contact does not have."""

from collections.abc import Iterable

from liquid import Undefined


class MissingValue(Exception):
    """The contact lacks values that the text shows. `names`: the fields, in order of appearance."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"Without a value: {', '.join(self.names)}.")


class TextFault(Exception):
    """The text cannot be rendered for this contact, or for nobody. `words` says why, to people."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


class Nothing(str):
    """What a missing text counts as where Liquid compares or tests it: false, and equal to "", blank, empty and nil."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return other is None or other == ""

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash("")


# Liquid's tests ask by isinstance whether something is undefined, and its `empty` and `blank` whether it is a text.
Undefined.register(Nothing)
NOTHING = Nothing()


class Missing(str):
    """The place of a value that the contact does not have: an empty text that knows which field it stands for.

    `is_text`: whether the field would hold a text or a list. A missing number or date is nil instead, because Liquid
    compares nil with anything, by size too, and finds it neither larger nor smaller.
    """

    field: str
    is_text: bool

    def __new__(cls, field: str, *, is_text: bool) -> "Missing":
        made = super().__new__(cls, "")
        made.field, made.is_text = field, is_text
        return made

    def __liquid__(self) -> Nothing | None:
        return NOTHING if self.is_text else None
