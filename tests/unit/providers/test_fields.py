"""One declaration of a setting: what it takes, what it stores, what it says otherwise."""

from typing import Any

import pytest

from gatepost.providers.fields import (
    Choice,
    Field,
    FieldError,
    Flag,
    Json,
    Lines,
    LongText,
    Md5,
    Number,
    Pem,
    Secret,
    Text,
    Url,
    clean,
)

MD5_OF_SECRET = "5ebe2294ecd0e0f08eab7690d2a6ee69"
PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----"


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        (Text("a"), "  x ", "x"),
        (Text("a", default="d"), "", "d"),
        (Text("a"), None, None),
        (LongText("a"), "x\r\ny ", "x\ny "),
        (Secret("a"), "p w", "p w"),
        (Md5("a"), "secret", MD5_OF_SECRET),
        (Md5("a"), MD5_OF_SECRET.upper(), MD5_OF_SECRET),
        (Url("a"), "https://x.example/a/", "https://x.example/a"),
        (Url("a", schemes=("http", "https")), "http://[::1]:80", "http://[::1]:80"),
        (Choice("a", "one", ("two", "Two")), "two", "two"),
        (Choice("a", "one", "two"), "", "one"),
        (Flag("a"), "on", True),
        (Flag("a"), None, False),
        (Flag("a", default=True), "false", False),
        (Number("a", min=1, max=9), " 9 ", 9),
        (Number("a", default=3), "", 3),
        (Pem("a"), PEM.replace("\n", "\r\n"), PEM + "\n"),
        (Lines("a"), "x\n\n y \n", ("x", "y")),
        (Lines("a"), ["x"], ("x",)),
        (Lines("a"), "", ()),
        (Json("a"), '{"x": [1]}', {"x": [1]}),
        (Json("a"), [1], [1]),
    ],
)
def test_what_is_stored(field: Field, value: Any, stored: Any) -> None:
    assert field.clean(value) == stored


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (Text("a"), 5, "not_text"),
        (Text("a", max_length=3), "abcd", "too_long"),
        (Text("a"), "a\nb", "bad_characters"),
        (Text("a"), "a\x00b", "bad_characters"),
        (LongText("a"), "a\x00b", "bad_characters"),
        (Secret("a"), "a\rb", "bad_characters"),
        (Text("a", pattern="[0-9]+"), "x1", "bad_format"),
        (Url("a"), "http://x.example", "bad_url"),
        (Url("a"), "x.example", "bad_url"),
        (Url("a"), "https://[x", "bad_url"),
        (Url("a"), "https://x.example:port", "bad_url"),
        (Url("a"), "https://me:pw@x.example", "credentials_in_url"),
        (Choice("a", "one"), "two", "bad_choice"),
        (Flag("a"), "maybe", "not_flag"),
        (Number("a"), "x", "not_number"),
        (Number("a"), True, "not_number"),
        (Number("a", min=1), 0, "out_of_range"),
        (Number("a", max=1), 2, "out_of_range"),
        (Pem("a"), "abc", "bad_pem"),
        (Pem("a"), 5, "bad_pem"),
        (Lines("a"), [1], "not_lines"),
        (Lines("a", pattern="[a-z]"), "a\n1", "bad_format"),
        (Json("a"), "{", "bad_json"),
        (Json("a"), "[" * 40_000, "bad_json"),
        (Json("a", max_length=3), "[1,2]", "too_long"),
    ],
)
def test_what_is_refused(field: Field, value: Any, code: str) -> None:
    with pytest.raises(FieldError) as caught:
        field.clean(value)
    assert caught.value.code == code
    assert caught.value.field == "a"


def test_a_fault_never_quotes_a_secret() -> None:
    with pytest.raises(FieldError) as caught:
        Secret("key", pattern="[a-z]+").clean("HUNTER2")
    assert "HUNTER2" not in str(caught.value)


def test_every_fault_is_found_and_a_typing_error_is_one() -> None:
    fields = (Text("login", required=True), Number("parts", min=1), Url("base_url", default="https://x.example"))
    cleaned, faults = clean(fields, {"parts": 0, "lgoin": "me"})
    assert {(fault.field, fault.code) for fault in faults} == {
        ("lgoin", "unknown_field"),
        ("parts", "out_of_range"),
        ("login", "required"),
    }
    assert cleaned["base_url"] == "https://x.example"


@pytest.mark.parametrize(("mode", "needed"), [("token", {"token"}), ("login", {"login", "password"}), ("none", set())])
def test_a_field_is_needed_only_where_it_applies(mode: str, needed: set[str]) -> None:
    fields = (
        Choice("mode", "token", "login", "none"),
        Secret("token", when=("mode", "token"), required=True),
        Text("login", when=("mode", ("login", "digest")), required=True),
        Secret("password", when=("mode", ("login", "digest")), required=True),
    )
    _, faults = clean(fields, {"mode": mode})
    assert {fault.field for fault in faults} == needed


def test_a_field_has_a_title() -> None:
    assert Text("api_key").title == "API key"
    assert Text("api_key", label="API key").title == "API key"


def test_an_address_without_tls_says_where_it_is_allowed() -> None:
    with pytest.raises(FieldError, match=r"starts with https://; http:// only to what GATEPOST_EGRESS_ALLOW names"):
        Url("base_url").clean("http://127.0.0.1:9000")
