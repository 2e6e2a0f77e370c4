"""Readers: a value or a MalformedAnswer, never another exception and never a wrong guess."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.providers.base import AdapterError, MalformedAnswer
from gatepost.providers.kit import answers
from gatepost.providers.kit.answers import Node
from gatepost.providers.kit.requests import encode_pairs
from gatepost.providers.wire import RawCallback, Response

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DOCUMENT = {"id": 7, "name": "x", "none": None, "list": [{"id": "a"}, {"id": "b"}], "deep": {"er": {"x": "1,5"}}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def callback(body: bytes = b"", query: str = "", content_type: str = "") -> RawCallback:
    headers = (("Content-Type", content_type),) if content_type else ()
    return RawCallback("receipt", "POST", f"https://gp.example/cb/x{'?' + query if query else ''}", headers, body)


def test_texts_and_numbers_are_read_as_texts() -> None:
    node = Node(DOCUMENT)
    assert node.text("id") == "7"
    assert node.text("name") == "x"
    assert node.maybe_text("none") == ""
    assert node.text("list", 1, "id") == "b"
    assert [item.text("id") for item in node.items("list")] == ["a", "b"]
    assert [item.path for item in node.node("list")] == ["answer.list[0]", "answer.list[1]"]
    assert node.decimal("deep", "er", "x") == Decimal("1.5")
    assert node.integer("id") == 7
    assert "name" in node
    assert "none" not in node
    assert node.maybe("list", 5) is None
    assert node.maybe("name", "deeper") is None


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda node: node.text("none"), "answer.none is missing"),
        (lambda node: node.text("list"), "answer.list is not a text"),
        (lambda node: node.node("deep", "no"), "answer.deep.no is missing"),
        (lambda node: node.items("name"), "answer.name is not a list"),
        (lambda node: node.integer("name"), "answer.name is not a whole number"),
        (lambda node: node.integer("none"), "answer.none is missing"),
        (lambda node: node.decimal("name"), "answer.name is not a number"),
    ],
)
def test_a_missing_or_odd_value_is_named_by_its_path(read: Any, words: str) -> None:
    with pytest.raises(MalformedAnswer) as caught:
        read(Node(DOCUMENT))
    assert str(caught.value) == words
    assert len(caught.value.excerpt) <= answers.EXCERPT + 1


@given(JSON)
def test_any_document_is_read_or_refused(value: Any) -> None:
    node = answers.read_json(json.dumps(value).encode())
    for read in (node.text, node.maybe_text, node.maybe_integer, node.maybe_decimal, node.items):
        for keys in ((), ("a",), (0,), ("a", 0)):
            try:
                found = read(*keys)
            except AdapterError:
                continue
            assert not isinstance(found, str) or "\x00" not in found


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"<html>", b"[" * 100_000, b"1" * 5000, b'{"a":' * 60_000])
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer, match="the body is not JSON"):
        answers.read_json(body)
    assert answers.maybe_json(Response(200, (), body)) is None


def test_booleans_are_no_texts() -> None:
    with pytest.raises(MalformedAnswer, match="not a text"):
        Node({"id": True}).text("id")


def test_what_no_database_stores_is_replaced() -> None:
    assert Node({"a": "x\x00y\ud800"}).text("a") == "x\ufffdy\ufffd"
    assert answers.form(callback(b"a=x%00y"))["a"] == "x\ufffdy"
    assert answers.to_text(Response(200, (), b"a\x00")) == "a\ufffd"


def test_an_excerpt_of_a_deep_document_does_not_fail() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    assert Node(deep).odd("words").excerpt == "…"


def test_a_text_in_another_charset_is_malformed() -> None:
    assert answers.to_text(Response(200, (), "ż".encode("windows-1250")), "windows-1250") == "ż"
    with pytest.raises(MalformedAnswer, match="not utf-8"):
        answers.to_text(Response(200, (), b"\xbf"))


def test_a_form_is_body_first_then_query_and_the_first_of_a_name_wins() -> None:
    raw = callback(b"a=1&a=2&b=&c=x+y%26z", "a=9&d=4")
    assert answers.pairs(raw) == [("a", "1"), ("a", "2"), ("b", ""), ("c", "x y&z"), ("a", "9"), ("d", "4")]
    assert answers.form(raw) == {"a": "1", "b": "", "c": "x y&z", "d": "4"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1&&b=2", [("a", "1"), ("b", "2")]),
        ("a=%zz&b=%", [("a", "%zz"), ("b", "%")]),
        ("a", [("a", "")]),
        ("a=#PLACE#&b=1", [("a", "#PLACE#"), ("b", "1")]),
        ("a=1;b=2", [("a", "1;b=2")]),
        ("a=\xc5\xbc", [("a", "ż")]),
        ("a=ż", [("a", "ż")]),
        ("a=%FF", [("a", "\ufffd")]),
    ],
)
def test_odd_queries_are_read_as_they_are(query: str, expected: list[tuple[str, str]]) -> None:
    assert answers.pairs(callback(query=query)) == expected


def test_a_form_in_another_charset() -> None:
    assert answers.form(callback(b"a=%E6%F3%B3%E6"), "iso-8859-2") == {"a": "ćółć"}
    assert answers.form(callback("a=ćółć".encode("iso-8859-2")), "iso-8859-2") == {"a": "ćółć"}


@given(st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_what_is_encoded_is_read_back(pairs: list[tuple[str, str]]) -> None:
    storable = [(answers.storable(name), answers.storable(value)) for name, value in pairs]
    assert answers.pairs(callback(encode_pairs(storable).encode())) == storable


def test_a_json_body_is_no_form() -> None:
    assert answers.pairs(callback(b"a=1", content_type="application/json; charset=utf-8")) == []


def test_first_and_need() -> None:
    values = {"a": "", "b": "2"}
    assert answers.first(values, "a", "b") == "2"
    assert answers.first(values, "x") == ""
    assert answers.need(values, "a", "b") == "2"
    with pytest.raises(MalformedAnswer, match=r"^a or x is missing$"):
        answers.need(values, "a", "x")


def test_readable_leaves_out_what_makes_no_sense_unless_all_is() -> None:
    def read(text: str) -> int:
        return answers.whole(text)

    assert answers.readable(["1", "x", "3"], read) == [1, 3]
    assert answers.readable([], read) == []
    with pytest.raises(MalformedAnswer):
        answers.readable(["x", "y"], read)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.5", "1.5"), ("1,5", "1.5"), ("1 000,25", "1000.25"), ("-0.1", "-0.1"), ("0.1600", "0.1600")],
)
def test_amounts(text: str, expected: str) -> None:
    assert answers.to_decimal(text) == Decimal(expected)
    assert answers.amount(text) == Decimal(expected)


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity", "1e999999999", "--1"])
def test_what_is_no_amount(text: str) -> None:
    if text == "1e999999999":
        assert answers.to_decimal(text).is_finite()
        return
    assert answers.amount(text) is None
    with pytest.raises(MalformedAnswer):
        answers.to_decimal(text)


def test_times() -> None:
    warsaw = ZoneInfo("Europe/Warsaw")
    assert answers.unix_time("1631525653") == datetime(2021, 9, 13, 9, 34, 13, tzinfo=UTC)
    assert answers.timestamp("2026-07-01 12:00", "%Y-%m-%d %H:%M", warsaw) == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    assert answers.iso_time("2026-07-01T12:00:00+02:00") == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    assert answers.iso_time("2026-07-01T12:00:00") == datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@given(st.text())
def test_a_time_that_cannot_be_read_is_none(text: str) -> None:
    for moment in (answers.unix_time(text), answers.iso_time(text), answers.timestamp(text, "%d.%m.%Y", UTC)):
        assert moment is None or moment.tzinfo is not None


@pytest.mark.parametrize("text", ["9" * 30, "-" + "9" * 30, "1e5", "nan"])
def test_an_impossible_unix_time_is_none(text: str) -> None:
    assert answers.unix_time(text) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("999999", 86_400.0),
        ("9" * 400, 86_400.0),
        ("Fri, 20 Nov 2026 10:01:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("\xb2", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert answers.retry_after(Response(429, (("Retry-After", value),)), NOW) == seconds


def test_no_retry_after() -> None:
    assert answers.retry_after(Response(429), NOW + timedelta(days=1)) is None
