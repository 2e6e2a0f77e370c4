"""XML-RPC calls and answers, http://xmlrpc.com/spec.md, with the usual additions `nil` and `i8`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.answers import Node, storable, to_decimal, whole
from gatepost.providers.kit.xml import escape, local, read_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_DEPTH = 16


def method_call(name: str, *params: Any) -> str:
    """The document of a call. Takes None, bool, int, float, str, lists and mappings."""
    written = "".join(f"<param><value>{_written(param)}</value></param>" for param in params)
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{head}<methodCall><methodName>{escape(name)}</methodName><params>{written}</params></methodCall>"


def read_answer(body: bytes) -> tuple[Node, bool]:
    """The value, and whether it is a fault (a struct of faultCode and faultString). Anything else is an odd answer."""
    root = read_xml(body)
    for kind in ("fault", "params"):
        found = root.find(f"./{kind}//value")
        if local(root) == "methodResponse" and found is not None:
            return Node(_value(found, 0)), kind == "fault"
    raise MalformedAnswer("the answer is not that of XML-RPC")


def _written(value: Any) -> str:
    if value is None:
        return "<nil/>"
    if isinstance(value, bool):
        return f"<boolean>{int(value)}</boolean>"
    if isinstance(value, int):
        kind = "int" if -(2**31) <= value < 2**31 else "i8"
        return f"<{kind}>{value}</{kind}>"
    if isinstance(value, float):
        return f"<double>{value}</double>"
    if isinstance(value, Mapping):
        members = (f"<member><name>{escape(k)}</name><value>{_written(v)}</value></member>" for k, v in value.items())
        return f"<struct>{''.join(members)}</struct>"
    if isinstance(value, list | tuple):
        return f"<array><data>{''.join(f'<value>{_written(each)}</value>' for each in value)}</data></array>"
    return f"<string>{escape(str(value))}</string>"


def _value(element: "Element", depth: int) -> Any:
    """A value without a type is a text; so is one of a type that is not known (dates, base64)."""
    if depth > MAX_DEPTH:
        raise MalformedAnswer("the answer is nested too deeply")
    typed = next(iter(element), None)
    if typed is None:
        return storable(element.text or "")
    kind = local(typed) if isinstance(typed.tag, str) else ""
    if kind == "struct":
        members = [(member.findtext("name") or "", member.find("value")) for member in typed.findall("member")]
        return {storable(name): _value(value, depth + 1) for name, value in members if value is not None}
    if kind == "array":
        return [_value(each, depth + 1) for each in typed.findall("./data/value")]
    return _SCALARS.get(kind, storable)(typed.text or "")


def _boolean(text: str) -> bool:
    if text.strip() not in ("0", "1"):
        raise MalformedAnswer("a boolean is neither 0 nor 1")
    return text.strip() == "1"


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("int", "i4", "i8"), whole),
    "double": lambda text: float(to_decimal(text.strip())),
    "boolean": _boolean,
    "nil": lambda text: None,
}
