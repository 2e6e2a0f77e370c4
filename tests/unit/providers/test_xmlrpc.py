"""XML-RPC: what is written can be read, and what is not XML-RPC is an odd answer."""

import pytest

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.xmlrpc import method_call, read_answer


def answer(value: str, kind: str = "params") -> bytes:
    inside = f"<param><value>{value}</value></param>" if kind == "params" else f"<value>{value}</value>"
    return f"<methodResponse><{kind}>{inside}</{kind}></methodResponse>".encode()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "<nil/>"),
        (True, "<boolean>1</boolean>"),
        (False, "<boolean>0</boolean>"),
        (7, "<int>7</int>"),
        (-(2**31), "<int>-2147483648</int>"),
        (2**31, "<i8>2147483648</i8>"),
        (1.5, "<double>1.5</double>"),
        ("a & <b>", "<string>a &amp; &lt;b&gt;</string>"),
        ([1, "x"], "<array><data><value><int>1</int></value><value><string>x</string></value></data></array>"),
        ({"k&": None}, "<struct><member><name>k&amp;</name><value><nil/></value></member></struct>"),
    ],
)
def test_what_is_written_is_read_back(value: object, written: str) -> None:
    document = method_call("a.b", value)
    assert f"<methodName>a.b</methodName><params><param><value>{written}</value></param></params>" in document
    node, is_fault = read_answer(answer(written))
    assert node.value == value
    assert type(node.value) is type(value)
    assert not is_fault


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("<string/>", ""),
        ("<i4> 5 </i4>", 5),
        ("<dateTime.iso8601>20261120T10:00:00</dateTime.iso8601>", "20261120T10:00:00"),
        ("<array><data/></array>", []),
        ("<struct/>", {}),
    ],
)
def test_reads_what_others_write(written: str, value: object) -> None:
    assert read_answer(answer(written))[0].value == value


def test_tells_a_fault() -> None:
    members = "<member><name>faultString</name><value><string>no</string></value></member>"
    node, is_fault = read_answer(answer(f"<struct>{members}</struct>", "fault"))
    assert is_fault
    assert node.text("faultString") == "no"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<methodResponse/>",
        b"<methodResponse><params/></methodResponse>",
        b"<other><params><param><value>1</value></param></params></other>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><methodResponse>&a;</methodResponse>",
        answer("<int>x</int>"),
        answer("<boolean>yes</boolean>"),
        answer("<double>NaN</double>"),
        answer("<array><data><value>" * 40 + "</value></data></array>" * 40),
    ],
    ids=lambda body: body[:40].decode(),
)
def test_anything_else_is_an_odd_answer(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read_answer(body)
