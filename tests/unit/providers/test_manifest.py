"""What a manifest says about itself, and how providers are found."""

from dataclasses import replace

import pytest

from gatepost.providers.fields import Secret, Text
from gatepost.providers.manifest import Dedupe, Manifest, SenderRule, Validity
from gatepost.providers.registry import all_providers, by_callback_name, provider
from gatepost.providers.wire import RawCallback

MANIFEST = Manifest(
    slug="x",
    label="X",
    confidence="documented",
    facts="2026-11",
    countries=("PL",),
    fields=(Text("login", identifier=True), Secret("password")),
)


def test_the_identifier_and_the_secrets_are_known_by_name() -> None:
    assert MANIFEST.identifier == MANIFEST.fields[0]
    assert MANIFEST.secret_names == ("password",)
    assert replace(MANIFEST, fields=()).identifier is None


def test_prefixes_to_remove_come_from_the_countries_unless_given() -> None:
    assert set(MANIFEST.prefixes_to_remove) == {"+48", "0048", "48"}
    assert replace(MANIFEST, inbound_prefixes=("9",)).prefixes_to_remove == ("9",)
    assert replace(MANIFEST, countries=()).prefixes_to_remove == ()


@pytest.mark.parametrize(("asked", "given"), [(1, 60), (60, 60), (100, 100), (9999, 3600)])
def test_a_validity_is_brought_to_the_nearer_end(asked: int, given: int) -> None:
    assert Validity(60, 3600).clamp(asked) == given


def test_a_sender_must_match_as_a_whole() -> None:
    rule = SenderRule(r"[a-z]{1,3}")
    assert rule.allows("abc")
    assert not rule.allows("abcd")
    assert not rule.allows("abc\n")


def test_protection_may_depend_on_a_setting() -> None:
    assert Dedupe("message", 60, "refuses").protects({})
    switched = Dedupe("message", 60, "refuses", when=("check", True))
    assert switched.protects({"check": True})
    assert not switched.protects({"check": False})


def test_providers_are_found_in_order_and_by_any_of_their_names() -> None:
    assert list(all_providers()) == sorted(all_providers())
    for slug, found in all_providers().items():
        assert provider(slug) is found
        assert by_callback_name(slug.upper()) is found
        assert all(by_callback_name(alias.title()) is found for alias in found.manifest.callback_names)
    assert by_callback_name("nobody") is None
    with pytest.raises(KeyError):
        provider("nobody")


def test_a_manifest_changes_with_the_settings_only_where_it_says_so() -> None:
    found = provider("smsapi")
    assert found.manifest_for({"test_mode": False}) == found.manifest
    assert found.manifest_for({"test_mode": True}).receipts == ()


def test_a_callback_knows_its_query_and_the_reference_in_it() -> None:
    raw = RawCallback(
        "receipt", "GET", "https://gp.example/cb?ref=r1&a=#x#", (("Content-Type", "Text/XML; charset=x"),)
    )
    assert raw.query == "ref=r1&a=#x#"
    assert raw.receipt_ref == "r1"
    assert raw.content_type == "text/xml"
    assert raw.header("CONTENT-TYPE") == "Text/XML; charset=x"
    assert raw.header("none") is None
