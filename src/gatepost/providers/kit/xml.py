"""Reading and writing XML: entities and DTDs are refused, values are escaped."""

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape as _escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.answers import excerpt

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF))


def escape(text: str) -> str:
    """Text for an element; characters that XML 1.0 forbids are dropped."""
    return _escape(text.translate(FORBIDDEN), {'"': "&quot;", "'": "&apos;", "\r": "&#13;"})


def escape_attribute(text: str) -> str:
    """Text for an attribute, where a parser makes a space of every line feed and tab that is not written out."""
    return escape(text).replace("\n", "&#10;").replace("\t", "&#9;")


def read_xml(body: bytes) -> "Element":
    """The root element. Anything unparsable, and any DTD or entity, is an odd answer."""
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError, LookupError):
        raise MalformedAnswer("the body is not XML", excerpt(repr(body[:100]))) from None
    return root


def local(element: "Element") -> str:
    """The tag without its namespace."""
    return element.tag.rsplit("}", 1)[-1]


def descendants(element: "Element", name: str) -> "list[Element]":
    """All elements of that local name below, namespaces ignored, in document order."""
    return [child for child in element.iter() if isinstance(child.tag, str) and local(child) == name]


def maybe_text(element: "Element", name: str) -> str:
    found = descendants(element, name)
    return (found[0].text or "").strip() if found else ""


def text(element: "Element", name: str) -> str:
    """The text of the first such element below; missing or empty is an odd answer."""
    value = maybe_text(element, name)
    if not value:
        raise MalformedAnswer(f"<{name}> is missing")
    return value
