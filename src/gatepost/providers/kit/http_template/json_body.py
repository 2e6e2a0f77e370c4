"""JSON bodies: the template is parsed with markers in place of the placeholders, values go into the parsed tree.

So any text gives valid JSON, whether the operator wrote quotes around the placeholder or not. A bare placeholder
becomes a whole value: a string, or a list, number or boolean where its name says so.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gatepost.providers.kit.http_template.escape import to_str
from gatepost.providers.kit.http_template.pairs import is_left_out, items_text
from gatepost.providers.kit.http_template.scope import BOOLEANS, LISTS, NUMBERS, Scope
from gatepost.providers.kit.http_template.template import Placeholder, Template, TemplateFault, parse

_MARKS = ("\ue000", "\ue001")
_MARKED = re.compile(f"{_MARKS[0]}(b?)([0-9]+){_MARKS[1]}")
_LEFT_OUT = object()

Node = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Spliced:
    """The elements of a list that stands bare inside another list."""

    elements: tuple[Any, ...]


def render(text: str, scope: Scope) -> str:
    """The JSON text of the template. Raises TemplateFault where it is not JSON."""
    value = compile_json(text)(scope)
    if isinstance(value, Spliced):
        value = list(value.elements)
    is_ascii = bool(scope.settings.get("json_ascii"))
    return json.dumps(None if value is _LEFT_OUT else value, ensure_ascii=is_ascii, separators=(",", ":"))


@lru_cache(maxsize=512)
def compile_json(text: str) -> Node:
    tokens = parse(text)
    if any(mark in token for token in tokens if isinstance(token, str) for mark in _MARKS):
        raise TemplateFault("The JSON template holds private-use characters (U+E000, U+E001).")
    found: list[Placeholder] = []
    try:
        tree = json.loads(_marked(tokens, found), parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        reason = fault.msg if isinstance(fault, json.JSONDecodeError) else "it cannot be read"
        raise TemplateFault(f"The body is not JSON: {reason}.") from None
    return _node(tree, found)


def _marked(tokens: Template, found: list[Placeholder]) -> str:
    parts = []
    is_inside = False
    for token in tokens:
        if isinstance(token, str):
            parts.append(token)
            is_inside = _ends_inside(token, is_inside)
            continue
        if is_inside and token.is_raw:
            raise TemplateFault("raw cannot stand inside the quotes of a JSON string.")
        marker = f"{_MARKS[0]}{'' if is_inside else 'b'}{len(found)}{_MARKS[1]}"
        parts.append(marker if is_inside else f'"{marker}"')
        found.append(token)
    return "".join(parts)


def _ends_inside(literal: str, is_inside: bool) -> bool:
    """Whether a JSON string is open after this literal."""
    is_escaped = False
    for character in literal:
        if is_escaped:
            is_escaped = False
        elif is_inside and character == "\\":
            is_escaped = True
        elif character == '"':
            is_inside = not is_inside
    return is_inside


def _no_constant(word: str) -> Any:
    raise TemplateFault(f"The body is not JSON: {word} is no JSON value.")


def _node(value: Any, found: list[Placeholder]) -> Node:
    if isinstance(value, dict):
        return _object([(_string(key, found), _node(member, found)) for key, member in value.items()])
    if isinstance(value, list):
        return _list([_node(element, found) for element in value])
    if isinstance(value, str):
        bare = _MARKED.fullmatch(value)
        if bare and bare[1]:
            return _bare(found[int(bare[2])])
        return _string(value, found)
    return lambda _scope: value


def _object(members: list[tuple[Node, Node]]) -> Node:
    def rendered(scope: Scope) -> dict[str, Any]:
        pairs = ((key(scope), member(scope)) for key, member in members)
        return {
            str(key): list(value.elements) if isinstance(value, Spliced) else value
            for key, value in pairs
            if value is not _LEFT_OUT
        }

    return rendered


def _list(elements: list[Node]) -> Node:
    def rendered(scope: Scope) -> list[Any]:
        values: list[Any] = []
        for element in elements:
            value = element(scope)
            if isinstance(value, Spliced):
                values += value.elements
            elif value is not _LEFT_OUT:
                values.append(value)
        return values

    return rendered


def _string(value: str, found: list[Placeholder]) -> Node:
    template: list[str | Placeholder] = []
    for index, part in enumerate(_MARKED.split(value)):
        if index % 3 == 0 and part:
            template.append(part)
        elif index % 3 == 2:
            template.append(found[int(part)])
    tokens = tuple(template)

    def rendered(scope: Scope) -> Any:
        if is_left_out(tokens, scope):
            return _LEFT_OUT
        return "".join(token if isinstance(token, str) else _characters(token, scope) for token in tokens)

    return rendered


def _characters(placeholder: Placeholder, scope: Scope) -> str:
    if placeholder.name == "items":
        return items_text(scope)
    return to_str(scope.value(placeholder), "JSON")


def _bare(placeholder: Placeholder) -> Node:
    def rendered(scope: Scope) -> Any:
        if placeholder.name == "items":
            item = compile_json(scope.text("item_template"))
            return Spliced(tuple(item(one) for one in scope.each()))
        if placeholder.name in LISTS and not placeholder.modifiers:
            return Spliced(tuple(scope.elements(placeholder.name)))
        text = to_str(scope.value(placeholder), "JSON")
        if placeholder.is_optional and not text:
            return _LEFT_OUT
        return _typed(placeholder, text)

    return rendered


def _typed(placeholder: Placeholder, text: str) -> Any:
    """The value in the JSON type that the placeholder's name promises; a string where it does not fit."""
    if placeholder.is_raw:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise TemplateFault("A raw value in a JSON body has to be JSON itself.") from None
    is_number = placeholder.name in NUMBERS or any(m.name == "len" for m in placeholder.modifiers[-1:])
    if is_number:
        return _number(text)
    if placeholder.name in BOOLEANS and text in ("true", "false"):
        return text == "true"
    return text


def _number(text: str) -> Any:
    if not text:
        return None
    return int(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text) else text
