"""What a WSDL 1.1 says of an operation: the parts of its input, and its SOAP action."""

import re
from typing import TYPE_CHECKING

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.xml import descendants

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parts(root: "Element", operation: str) -> tuple[str, ...]:
    """The names of the parts of an operation's input; a name that cannot stand in an envelope is an odd one."""
    ports = [each for port in descendants(root, "portType") for each in _named(port, "operation", operation)]
    inputs = [each for port in ports for each in descendants(port, "input")][:1]
    wanted = [(each.get("message") or "").rpartition(":")[2] for each in inputs]
    messages = [each for name in wanted for each in _named(root, "message", name)][:1]
    names = tuple(part.get("name") or "" for each in messages for part in descendants(each, "part"))
    if not all(re.fullmatch(r"[A-Za-z_][\w.-]*", name, re.ASCII) for name in names):
        raise MalformedAnswer("a part has an odd name")
    return names


def action(root: "Element", operation: str) -> str:
    """The SOAP action that the first binding of the operation names, empty where none can stand in a header."""
    bound = [each for binding in descendants(root, "binding") for each in _named(binding, "operation", operation)]
    actions = [each.get("soapAction") or "" for outer in bound for each in outer.iter() if each is not outer]
    return next((name for name in actions if re.fullmatch(r"[!#-\[\]-~]+", name)), "")


def _named(root: "Element", tag: str, name: str) -> "list[Element]":
    return [each for each in descendants(root, tag) if each.get("name") == name]
