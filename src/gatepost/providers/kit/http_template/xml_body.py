"""XML bodies: literal text stays, values are escaped for the place that they stand in (element, attribute, CDATA)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gatepost.providers.kit.http_template.escape import Value, to_str, xml_attribute, xml_cdata, xml_text
from gatepost.providers.kit.http_template.scope import Scope
from gatepost.providers.kit.http_template.template import Placeholder, TemplateFault, parse

Place = Literal["content", "attribute", "cdata"]

_ESCAPES: Mapping[Place, Callable[[Value], str]] = {
    "content": xml_text,
    "attribute": xml_attribute,
    "cdata": xml_cdata,
}
_SKIPPED = (("<!--", "-->"), ("<?", "?>"), ("<!", ">"))
_OPEN_AT_END = re.compile(r"<(?P<tag>[\w:.-]+)(?:\s[^<>]*)?>\s*\Z")
_CDATA = "<![CDATA["
_DECLARED = re.compile(r"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


@dataclass(frozen=True, slots=True)
class Slot:
    """A placeholder in its place. `opening` and `closing`: the tags of the element that it fills alone, optional."""

    placeholder: Placeholder
    place: Place
    opening: str = ""
    closing: str = ""


def render(text: str, scope: Scope) -> str:
    """The XML of the template. Raises TemplateFault for a placeholder where no value can stand."""
    return "".join(_rendered(part, scope) for part in compile_xml(text.strip()))


def declared_encoding(text: str) -> str:
    """The encoding that the XML declaration names, in lower case, or ""."""
    match = _DECLARED.match(text)
    return match[1].lower() if match else ""


def _rendered(part: str | Slot, scope: Scope) -> str:
    if isinstance(part, str):
        return part
    placeholder = part.placeholder
    if placeholder.name == "items":
        item_template = scope.text("item_template")
        return "".join(render(item_template, one) for one in scope.each())
    value = scope.value(placeholder)
    if part.opening and not value:
        return ""
    text = to_str(value, "XML") if placeholder.is_raw else _ESCAPES[part.place](value)
    return f"{part.opening}{text}{part.closing}"


@lru_cache(maxsize=512)
def compile_xml(text: str) -> tuple[str | Slot, ...]:
    tokens = parse(text)
    parts: list[str | Slot] = []
    before = ""
    for token in tokens:
        if isinstance(token, str):
            parts.append(token)
            before += token
        else:
            parts.append(Slot(token, _place(before)))
            before += "x"
    return tuple(_with_elements(parts))


def _place(before: str) -> Place:
    """Where a value would stand after this much of the document (earlier values stand for one letter)."""
    position = 0
    while True:
        position = before.find("<", position)
        if position < 0:
            return "content"
        if before.startswith(_CDATA, position):
            end = before.find("]]>", position)
            if end < 0:
                return "cdata"
            position = end + 3
            continue
        position = _after_markup(before, position)
        if position < 0:
            return "attribute"


def _after_markup(before: str, position: int) -> int:
    """The position after this comment, declaration or tag; -1 inside the quotes of an attribute."""
    for opening, closing in _SKIPPED:
        if before.startswith(opening, position):
            end = before.find(closing, position)
            if end < 0:
                raise TemplateFault("A placeholder cannot stand in an XML comment or declaration.")
            return end + len(closing)
    quote = ""
    for index in range(position, len(before)):
        character = before[index]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == ">":
            return index + 1
    if not quote:
        raise TemplateFault("A placeholder cannot stand inside an XML tag, except between the quotes of an attribute.")
    return -1


def _with_elements(parts: list[str | Slot]) -> list[str | Slot]:
    """Optional placeholders take along the tags of an element that holds nothing else."""
    for index, part in enumerate(parts):
        if isinstance(part, str) or not part.placeholder.is_optional or part.place != "content":
            continue
        before, after = _neighbour(parts, index - 1), _neighbour(parts, index + 1)
        opened = _OPEN_AT_END.search(before)
        closed = opened and re.match(rf"\s*</{re.escape(opened['tag'])}\s*>", after)
        if opened and closed:
            parts[index - 1] = before[: opened.start()]
            parts[index + 1] = after[closed.end() :]
            parts[index] = Slot(part.placeholder, part.place, opened[0], closed[0])
    return parts


def _neighbour(parts: list[str | Slot], index: int) -> str:
    if not 0 <= index < len(parts):
        return ""
    part = parts[index]
    return part if isinstance(part, str) else ""
