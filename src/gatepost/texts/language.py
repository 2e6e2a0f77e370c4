"""The language of texts: placeholders such as {{ full_name }} or %FULL_NAME%, and Liquid for what needs more.

    text = compile_text("Dear {{ first_name | default: 'customer' }}, you owe {{ custom.balance | money }}.", known)
    text.render({"first_name": "Ewa", "custom.balance": 12.5})

A text whose placeholders are all plain ones is cut into pieces once and joined for each contact; Liquid (sandbox.py)
renders the others. `known` names what a text may ask for (values.py); without it every name passes.
"""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from liquid.exceptions import LiquidError

from gatepost.problems import Fault, Problem
from gatepost.rest.storable import is_storable
from gatepost.texts import sandbox
from gatepost.texts.faults import Missing, MissingValue, TextFault
from gatepost.texts.filters import FILTERS, is_empty, shown

__all__ = ["LONGEST_TEXT", "MissingValue", "Text", "TextFault", "compile_text"]

LONGEST_TEXT: Final = 20_000
"""Characters of a text as it is written."""
LONGEST_MARK: Final = 500
"""Characters between the braces of one placeholder or tag."""

NAME: Final = r"[A-Za-z_][A-Za-z0-9_]{0,39}"
_OPENING: Final = re.compile(rf"\{{\{{|\{{%|%((?:[Cc][Uu][Ss][Tt][Oo][Mm]\.)?{NAME})%")
_PLACEHOLDER: Final = re.compile(
    rf"\s*(?P<name>(?:custom\.)?{NAME})\s*(?:\|\s*default\s*:\s*(?P<default>\"[^\"]*\"|'[^']*')\s*)?"
)
_TAG: Final = re.compile(r"-?\s*(#|\w*)")
_END_OF_RAW: Final = re.compile(r"\{%-?\s*endraw\s*-?%\}")
_LITERALS: Final = frozenset({"true", "false", "nil", "null", "empty", "blank", "custom"})


@dataclass(frozen=True, slots=True)
class Slot:
    """A plain placeholder. `default`: what stands there for a contact without the value; None: nothing does."""

    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A text that can be rendered. `fields`: the values it may ask for, by the names of values.py."""

    source: str
    fields: frozenset[str] = frozenset()
    pieces: tuple[str | Slot, ...] = ()
    template: sandbox.Template | None = field(default=None, repr=False, compare=False)

    @property
    def is_plain(self) -> bool:
        """Whether it is the same for everybody."""
        return self.template is None and all(isinstance(piece, str) for piece in self.pieces)

    def render(self, values: Mapping[str, Any], *, instead: str | None = None) -> str:
        """The text for one contact. `instead` stands where a value is missing.

        Raises MissingValue with the fields that it shows and that have no value (never with `instead`), and TextFault.
        """
        if self.template is not None:
            return sandbox.render(self.template, _nested(values, self.fields), instead=instead)
        written: list[str] = []
        missing: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                written.append(piece)
                continue
            value = values.get(piece.name)
            if is_empty(value):
                value = piece.default if piece.default is not None else instead
                if value is None:
                    missing.append(piece.name)
                    continue
            written.append(value if isinstance(value, str) else shown(value))
        if missing:
            raise MissingValue(dict.fromkeys(missing))
        joined = "".join(written)
        if len(joined) * 4 > sandbox.OUTPUT_LIMIT < len(joined.encode()):
            raise TextFault(f"The text comes out longer than {sandbox.OUTPUT_LIMIT} bytes.")
        return joined


def compile_text(source: str, known: Container[str] | None = None, *, about: str = "text") -> Text:
    """The text, ready to be rendered. Raises Problem `invalid` with faults of the field `about`: line and remedy."""
    if len(source) > LONGEST_TEXT:
        raise _invalid(about, "too_long", f"At most {LONGEST_TEXT} characters; these are {len(source)}.")
    if not is_storable(source):
        raise _invalid(about, "bad_text", "The text holds a NUL or half a character. Remove it.")
    reader = _Reader(source)
    reader.read()
    found = list(reader.faults)
    template, names = None, list(reader.names)
    if not found and not reader.is_simple:
        template, names, found = _parsed("".join(reader.liquid))
    if known is not None and not found:
        found = [fault for name, at in names if (fault := _unknown(name, at, known))]
    if found:
        raise Problem("invalid", faults=[_fault(source, about, one) for one in found])
    pieces = () if template else _joined(reader.pieces)
    return Text(source, frozenset(name for name, _ in names), pieces, template)


@dataclass(frozen=True, slots=True)
class _Found:
    """Something that does not fit, at a place of the text."""

    index: int
    code: str
    words: str


@dataclass(slots=True)
class _Reader:
    """Cuts a text at its marks. `liquid`: the text as Liquid reads it, of the same length in lines."""

    source: str
    pieces: list[str | Slot] = field(default_factory=list)
    liquid: list[str] = field(default_factory=list)
    names: list[tuple[str, int]] = field(default_factory=list)
    faults: list[_Found] = field(default_factory=list)
    open_blocks: list[tuple[str, int]] = field(default_factory=list)
    is_simple: bool = True

    def read(self) -> None:
        at = 0
        while opening := _OPENING.search(self.source, at):
            self._literal(self.source[at : opening.start()])
            at = self._percent(opening) if opening[1] else self._mark(opening.start())
        self._literal(self.source[at:])
        if not self.faults:
            for name, opened in self.open_blocks:
                words = f"{name} is opened and never ended. End it with {{% end{name} %}}."
                self.faults.append(_Found(opened, "bad_mark", words))

    def _literal(self, text: str) -> None:
        if text:
            self.pieces.append(text)
            self.liquid.append(text)

    def _percent(self, opening: re.Match[str]) -> int:
        self._slot(opening[1].lower(), None, opening.start(), f"{{{{ {opening[1].lower()} }}}}")
        return opening.end()

    def _slot(self, name: str, default: str | None, at: int, liquid: str) -> None:
        self.pieces.append(Slot(name, default))
        self.names.append((name, at))
        self.liquid.append(liquid)

    def _mark(self, at: int) -> int:
        """A placeholder or tag, up to where its braces close; the rest of the text where they never do."""
        is_tag = self.source[at + 1] == "%"
        close = "%}" if is_tag else "}}"
        end = self.source.find(close, at + 2)
        inside = self.source[at + 2 : end]
        if end < 0:
            words = f"{self.source[at : at + 2]} is opened and never closed. Close it with {close}."
        elif len(inside) > LONGEST_MARK:
            words = f"Between {self.source[at : at + 2]} and {close} there are more than {LONGEST_MARK} characters."
        elif is_tag:
            return self._tag(at, inside, end + 2)
        else:
            self._output(at, inside)
            return end + 2
        self.faults.append(_Found(at, "bad_mark", words))
        return len(self.source)

    def _output(self, at: int, inside: str) -> None:
        if not inside.strip(" \t\r\n-"):
            self.faults.append(_Found(at, "bad_mark", "{{ }} is empty. Write the name of a field in it."))
        found = _PLACEHOLDER.fullmatch(inside)
        if found and found["name"] not in _LITERALS:
            default = found["default"]
            self._slot(found["name"], default[1:-1] if default else None, at, f"{{{{{inside}}}}}")
        else:
            self.is_simple = False
            self.liquid.append(f"{{{{{inside}}}}}")

    def _tag(self, at: int, inside: str, end: int) -> int:
        self.is_simple = False
        found = _TAG.match(inside)
        name = found[1] if found else ""
        if name == "raw":
            closing = _END_OF_RAW.search(self.source, end)
            if closing is None:
                self.faults.append(_Found(at, "bad_mark", "raw is never ended. End it with {% endraw %}."))
                return len(self.source)
            self.liquid.append(self.source[at : closing.end()])
            return closing.end()
        if name not in sandbox.TAG_NAMES | {"#"}:
            self.faults.append(_Found(at, "unknown_tag", f"There is no tag {name!r}. {_nearest(name, _TAGS)}"))
        elif name in sandbox.BLOCKS:
            self.open_blocks.append((name, at))
        elif name.startswith("end"):
            opened = self.open_blocks.pop()[0] if self.open_blocks else "nothing"
            if name != f"end{opened}":
                self.faults.append(_Found(at, "bad_mark", f"{name} stands here, but {opened} is open."))
        self.liquid.append(f"{{%{inside}%}}")
        return end


_TAGS: Final = sorted(sandbox.TAG_NAMES)


def _parsed(liquid: str) -> tuple[sandbox.Template | None, list[tuple[str, int]], list[_Found]]:
    """The text as Liquid understands it, with the names that it asks for. Places are found again by their lines."""
    try:
        template = sandbox.parse(liquid)
        return template, list(sandbox.needed(template)), []
    except sandbox.Refused as refused:
        remedy = _REMEDIES.get(refused.code, "")
        return None, [], [_Found(refused.index, refused.code, f"{refused.words} {remedy}".strip())]
    except LiquidError as error:
        at = error.token.start_index if error.token is not None else 0
        return None, [], [_Found(max(0, at), "bad_syntax", sandbox.said(error))]
    except RecursionError:
        return None, [], [_Found(0, "bad_syntax", "The text is nested too deeply.")]


_REMEDIES: Final[Mapping[str, str]] = {
    "range": "Loop over a list of the contact, such as plans.",
    "loop_in_loop": "End the first one before.",
    "unknown_filter": f"Use one of {', '.join(sorted(FILTERS))}.",
    "bad_loop": "Write for example {% for plan in plans %}.",
}


def _unknown(name: str, at: int, known: Container[str]) -> _Found | None:
    if name in known:
        return None
    names = known if isinstance(known, Iterable) else ()
    return _Found(at, "unknown_field", f"There is no field {name!r}. {_nearest(name, sorted(names))}")


def _nearest(word: str, words: Sequence[str]) -> str:
    near = get_close_matches(word.lower(), words, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(near)}?" if near else f"Use one of {', '.join(words)}."


def _nested(values: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """The values that are needed, where Liquid looks for them; in the place of each that is missing, its name."""
    nested: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name in fields:
        value = values.get(name)
        if is_empty(value):
            value = Missing(name, is_text=value is not None)
        if name.startswith("custom."):
            custom[name.removeprefix("custom.")] = value
        else:
            nested[name] = value
    return nested | {"custom": custom} if custom else nested


def _joined(pieces: Iterable[str | Slot]) -> tuple[str | Slot, ...]:
    """The pieces with neighbouring literals in one."""
    joined: list[str | Slot] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(joined)


def _fault(source: str, about: str, found: _Found) -> Fault:
    line = source.count("\n", 0, found.index) + 1
    return Fault(about, found.code, f"Line {line}: {found.words}" if "\n" in source else found.words)


def _invalid(about: str, code: str, words: str) -> Problem:
    return Problem("invalid", faults=[Fault(about, code, words)])
