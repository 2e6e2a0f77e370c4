"""Builders: what is asked is encoded, and what must be masked is named."""

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.providers.kit import requests
from gatepost.providers.wire import Link, Request

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXT.filter(bool), TEXT))
def test_a_form_can_be_read_back(values: dict[str, str]) -> None:
    request = requests.post_form("https://x.example", values.items())
    assert dict(parse_qsl(request.body.decode("ascii"), keep_blank_values=True)) == values
    assert request.headers == (("content-type", "application/x-www-form-urlencoded"),)


@given(st.dictionaries(TEXT.filter(bool), TEXT))
def test_a_query_can_be_read_back(values: dict[str, str]) -> None:
    url = requests.get("https://x.example/a?fixed=1", values.items()).url
    assert url.isascii()
    assert parse_qsl(url.partition("?")[2], keep_blank_values=True) == [("fixed", "1"), *values.items()]


def test_a_query_begins_with_a_question_mark_only_once() -> None:
    assert requests.with_query("https://x.example", [("a", "b c"), ("d", "e/f")]) == "https://x.example?a=b%20c&d=e%2Ff"
    assert requests.with_query("https://x.example?a=1", [("b", "+")]) == "https://x.example?a=1&b=%2B"
    assert requests.with_query("https://x.example", []) == "https://x.example"


def test_a_form_in_another_charset() -> None:
    assert requests.post_form("https://x.example", [("a", "ж")], charset="windows-1251").body == b"a=%E6"
    with pytest.raises(UnicodeEncodeError):
        requests.post_form("https://x.example", [("a", "👍")], charset="windows-1251")


def test_json_is_compact_utf8_in_order() -> None:
    request = requests.post_json("https://x.example", {"b": "ż", "a": [1, None]}, method="PUT")
    assert request.body == '{"b":"ż","a":[1,null]}'.encode()
    assert request.method == "PUT"
    assert json.loads(request.body) == {"b": "ż", "a": [1, None]}


def test_xml_keeps_its_content_type() -> None:
    request = requests.post_xml("https://x.example", "<a>ż</a>", content_type="application/soap+xml")
    assert request.body == "<a>ż</a>".encode()
    assert request.headers == (("content-type", "application/soap+xml"),)


@pytest.mark.parametrize(
    "request_",
    [
        requests.get("https://x.example", headers=(requests.basic("me", "pass"),), sensitive=["hash"]),
        requests.post_form("https://x.example", [], headers=(requests.basic("me", "pass"),), sensitive=["hash"]),
        requests.post_json("https://x.example", {}, headers=(requests.basic("me", "pass"),), sensitive=["hash"]),
        requests.post_xml("https://x.example", "<a/>", headers=(requests.basic("me", "pass"),), sensitive=["hash"]),
    ],
    ids=["get", "form", "json", "xml"],
)
def test_the_credentials_of_a_header_are_masked_in_their_own_coding(request_: Request) -> None:
    assert request_.sensitive == ("hash", "bWU6cGFzcw==")


def test_sign_in_headers() -> None:
    assert requests.basic("üser", "p:w") == ("authorization", "Basic w7xzZXI6cDp3")
    assert requests.bearer("tok") == ("authorization", "Bearer tok")
    assert requests.bearer("tok", "App") == ("authorization", "App tok")


def test_present_leaves_out_what_says_nothing() -> None:
    values = {"a": "x", "b": None, "c": "", "d": False, "e": True, "f": 0, "g": 2}
    assert requests.present(values) == [("a", "x"), ("e", "1"), ("f", "0"), ("g", "2")]


def test_a_request_shows_its_host_and_no_more() -> None:
    request = Request("GET", "https://x.example:8443/path/KEY?secret=1", (("a", "token"),), b"password")
    assert repr(request) == "Request(GET x.example:8443)"
    more = request.with_headers(("b", "c"), sensitive=["derived"])
    assert more.headers == (("a", "token"), ("b", "c"))
    assert more.sensitive == ("derived",)
    assert request.sensitive == ()


def test_a_link_is_left_to_the_gateway_unless_given() -> None:
    assert requests.post_json("https://x.example", {}).link is None
    assert requests.post_json("https://x.example", {}, link=Link(max_bytes=1)).link == Link(max_bytes=1)
