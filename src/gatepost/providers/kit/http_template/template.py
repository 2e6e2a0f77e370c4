"""Templates that an operator writes: literal text with placeholders, split once and never searched again.

`{{name}}`, `{{name?}}` (optional), `{{name|modifier:argument|...}}`, `{{now:%Y-%m-%d}}`, and the upper-case spellings
`%TO%`, `%MESSAGE%`... of Splynx-like products. Any other `%` stays as it is, so `%20` and `%d` survive.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

PERCENT_NAMES = {
    "TO": "to",
    "MESSAGE": "text",
    "FROM": "sender",
    "SENDER": "sender",
    "USERNAME": "username",
    "PASSWORD": "password",
    "ID": "ref",
    "REF": "ref",
    "DLRURL": "dlr_url",
}
ALIASES = {"message": "text", "from": "sender"}

_PLACEHOLDER = re.compile(r"\{\{(?P<inside>.*?)\}\}|%(?P<percent>" + "|".join(PERCENT_NAMES) + ")%")
_HEAD = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?::(?P<argument>.*?))?(?P<optional>\?)?")


class TemplateFault(ValueError):
    """A template that cannot be used; `words` say what to change and never hold a value."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True)
class Modifier:
    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`argument` belongs to the name (`now:FORMAT`); `is_optional` is the `?` behind it."""

    name: str
    argument: str = ""
    modifiers: tuple[Modifier, ...] = ()
    is_optional: bool = False
    is_raw: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_raw", any(modifier.name == "raw" for modifier in self.modifiers))


Token = str | Placeholder
Template = tuple[Token, ...]


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """Literals and placeholders in order; no two literals in a row, no empty literal. Raises TemplateFault."""
    tokens: list[Token] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        _add_literal(tokens, text[end : match.start()])
        if match["percent"]:
            tokens.append(Placeholder(PERCENT_NAMES[match["percent"]]))
        else:
            tokens.append(_placeholder(match["inside"]))
        end = match.end()
    _add_literal(tokens, text[end:])
    return tuple(tokens)


def _add_literal(tokens: list[Token], literal: str) -> None:
    if "{{" in literal:
        raise TemplateFault("A placeholder is opened with {{ and not closed with }}.")
    if literal:
        tokens.append(literal)


def _placeholder(inside: str) -> Placeholder:
    head, *chain = (part.strip() for part in inside.split("|"))
    match = _HEAD.fullmatch(head)
    if match is None:
        raise TemplateFault(f"{{{{{inside}}}}} is not a placeholder: write {{{{name}}}} or {{{{name|modifier}}}}.")
    modifiers = []
    for part in chain:
        name, _, argument = part.partition(":")
        modifiers.append(Modifier(name, argument))
    name = ALIASES.get(match["name"], match["name"])
    return Placeholder(name, match["argument"] or "", tuple(modifiers), bool(match["optional"]))


def placeholders(template: Iterable[Token]) -> Iterator[Placeholder]:
    return (token for token in template if isinstance(token, Placeholder))


@lru_cache(maxsize=1024)
def names(*texts: str) -> frozenset[str]:
    """The names of all placeholders in these templates."""
    return frozenset(placeholder.name for text in texts for placeholder in placeholders(parse(text)))


def split_literals(template: Template, separator: str, limit: int = -1) -> list[Template]:
    """The template cut where `separator` stands in a literal; placeholders are never looked into."""
    pieces: list[list[Token]] = [[]]
    cuts = 0
    for token in template:
        if isinstance(token, Placeholder):
            pieces[-1].append(token)
            continue
        parts = token.split(separator, limit - cuts if limit >= 0 else -1)
        cuts += len(parts) - 1
        for index, part in enumerate(parts):
            if index:
                pieces.append([])
            if part:
                pieces[-1].append(part)
    return [tuple(piece) for piece in pieces]
