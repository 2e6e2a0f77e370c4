"""What the other side wrote, read by names and paths that the operator chose: form, JSON, XML or plain text.

Paths of JSON: `data.id`, `[0].id`, `items[*].id`, `"key.with.dots".id`. Paths of XML: simple XPath (`/a/b`, `//b`,
`b/@attribute`, `b[1]`), namespaces ignored. A value that is absent is None; a document that cannot be read is a
MalformedAnswer.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.answers import excerpt, storable
from gatepost.providers.kit.http_template.template import TemplateFault
from gatepost.providers.kit.xml import local, read_xml

_STEP = re.compile(r'"(?P<quoted>[^"]*)"|\[(?P<index>-?[0-9]+|\*)\]|(?P<key>[^.\[\]"]+)|(?P<dot>\.)')
Steps = tuple[str | int | None, ...]


class Document(ABC):
    """A place in what the other side wrote."""

    @abstractmethod
    def values(self, path: str) -> list[str]:
        """The values at that path as texts; objects and lists are skipped."""

    @abstractmethod
    def items(self, path: str) -> "list[Document] | None":
        """The elements at that path; None where there is nothing."""

    def has(self, path: str) -> bool:
        """Whether there is anything but null and emptiness."""
        return any(value.strip() for value in self.values(path))

    def value(self, path: str) -> str | None:
        return next(iter(self.values(path)), None)


class Pairs(Document):
    """A query and a form; a name is the whole path."""

    def __init__(self, pairs: Mapping[str, Sequence[str]]) -> None:
        self.pairs = pairs

    def values(self, path: str) -> list[str]:
        return list(self.pairs.get(path, ()))

    def items(self, path: str) -> list[Document] | None:
        return [self]


class Json(Document):
    """A parsed JSON value; numbers keep the digits that were written."""

    def __init__(self, value: Any) -> None:
        self.parsed = value

    def values(self, path: str) -> list[str]:
        found = _walk(self.parsed, json_steps(path))
        return [text for value in _flat(found) if (text := _scalar(value)) is not None]

    def has(self, path: str) -> bool:
        return any(value not in (None, "", [], {}) for value in _walk(self.parsed, json_steps(path)))

    def items(self, path: str) -> list[Document] | None:
        found = _walk(self.parsed, json_steps(path)) if path else [self.parsed]
        elements = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        return [Json(element) for element in elements] if found else None


class Xml(Document):
    """A parsed XML document or element, namespaces removed."""

    def __init__(self, element: Element, *, is_root: bool = False) -> None:
        self.element = element
        self.is_root = is_root

    def values(self, path: str) -> list[str]:
        elements, attribute = self._find(path)
        if attribute:
            return [value for element in elements if (value := element.get(attribute)) is not None]
        return ["".join(element.itertext()).strip() for element in elements]

    def items(self, path: str) -> list[Document] | None:
        if not path:
            return [self]
        elements, _ = self._find(path)
        return [Xml(element) for element in elements] or None

    def _find(self, path: str) -> tuple[list[Element], str]:
        search, attribute = xpath(path, is_root=self.is_root)
        return (self.element.findall(search) if search else [self.element]), attribute


def parse_json(body: bytes | str) -> Json:
    try:
        return Json(json.loads(body, parse_float=Decimal))
    except (ValueError, RecursionError):
        raise MalformedAnswer("the body is not JSON", excerpt(repr(body[:100]))) from None


def parse_xml(body: bytes) -> Xml:
    root = read_xml(body)
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = local(element)
    document = Element("document")
    document.append(root)
    return Xml(document, is_root=True)


@lru_cache(maxsize=512)
def json_steps(path: str) -> Steps:
    """Keys, indexes and None (all elements). Raises TemplateFault."""
    steps: list[str | int | None] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise TemplateFault(f"{path!r} is not a path: write it like data.items[0].id.")
        if match["quoted"] is not None:
            steps.append(match["quoted"])
        elif match["index"]:
            steps.append(None if match["index"] == "*" else int(match["index"]))
        elif match["key"]:
            steps.append(match["key"].strip())
        position = match.end()
    return tuple(steps)


@lru_cache(maxsize=512)
def xpath(path: str, *, is_root: bool) -> tuple[str, str]:
    """(search below the element, attribute name or ""). Raises TemplateFault."""
    search = path.strip().removesuffix("/text()")
    attribute = ""
    if match := re.search(r"(?:^|/)@([\w:.-]+)\Z", search):
        search, attribute = search[: match.start()], match[1].rsplit(":", 1)[-1]
    search = re.sub(r"(^|/)[\w.-]+:(?=[\w*])", r"\1", search)
    if search.startswith("/"):
        search = f".{search}"
    elif search and not search.startswith("."):
        search = f".//{search}" if is_root else f"./{search}"
    try:
        Element("x").findall(search or ".")
    except (SyntaxError, KeyError, ValueError, TypeError):
        raise TemplateFault(f"{path!r} is not a simple XPath such as /answer/id or //message/@id.") from None
    return search, attribute


def _walk(value: Any, steps: Steps) -> list[Any]:
    found = [value]
    for step in steps:
        found = [below for one in found for below in _below(one, step)]
    return found


def _below(value: Any, step: str | int | None) -> list[Any]:
    if step is None:
        return list(value) if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    return [value[step]] if isinstance(value, list) and -len(value) <= step < len(value) else []


def _flat(found: list[Any]) -> list[Any]:
    """A list at the end of a path counts as its elements."""
    return [element for value in found for element in (value if isinstance(value, list) else [value])]


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return storable(value)
    return str(value) if isinstance(value, int | Decimal) else None
