"""The settings that every gateway has: what is taken, how it is stored, and what is refused."""

from typing import Any

import pytest
from tests.support.acme import MANIFEST, Acme

from gatepost.gateways import common
from gatepost.gateways.models import Gateway
from gatepost.gateways.schemas import CommonIn, GatewayOut


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("sender", "  Acme ", "Acme"),
        ("sender", None, ""),
        ("requests_per_second", 0.5, 0.5),
        ("requests_per_second", "49", 49.0),
        ("requests_per_second", None, None),
        ("parallel", 64, 64),
        ("await_delivery_s", None, 0),
        ("days_to_expire", "", 3),
        ("is_active", None, True),
        ("verified_phones", ["+48 600 100 200", "48600100200"], ["48600100200"]),
        ("verified_phones", "+48600100200\n+48600100201", ["48600100200", "48600100201"]),
        ("verified_senders", ["Acme", "Acme", " Beta "], ["Acme", "Beta"]),
        ("sender_rates", "ACME=5\nOther Co = 0.50", ["ACME = 5", "Other Co = 0.5"]),
        ("sender_rates", [], []),
        ("send_ips", ["10.1.2.3/8", "2001:db8::1"], ["10.0.0.0/8", "2001:db8::1/128"]),
        ("callback_ips", [], []),
        ("prefixes_to_remove", "+48,0048,48", ["+48", "0048", "48"]),
        ("inbound_number", "+48 600 100 200", "48600100200"),
        ("inbound_number", "", ""),
        ("sign_up_url", "http://acme.example/join", "http://acme.example/join"),
    ],
)
def test_values_are_stored_in_one_form(name: str, value: Any, stored: Any) -> None:
    assert common.clean({name: value}, MANIFEST) == ({name: stored}, [])


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("sender", "no spaces!", "bad_sender"),
        ("fallback_sender", "x" * 21, "too_long"),
        ("pattern", "burst", "bad_choice"),
        ("requests_per_second", 0, "out_of_range"),
        ("requests_per_second", "nan", "out_of_range"),
        ("requests_per_second", float("inf"), "bad_characters"),
        ("requests_per_second", True, "out_of_range"),
        ("parallel", 0, "out_of_range"),
        ("parallel", 2001, "out_of_range"),
        ("max_segments", "many", "not_number"),
        ("days_to_expire", 31, "out_of_range"),
        ("is_active", "perhaps", "not_flag"),
        ("verified_phones", ["12"], "invalid_number"),
        ("verified_phones", [1], "not_lines"),
        ("verified_senders", ["x" * 21], "too_long"),
        ("sender_rates", ["ACME"], "bad_format"),
        ("sender_rates", ["= 5"], "bad_format"),
        ("sender_rates", ["ACME = 0"], "out_of_range"),
        ("sender_rates", ["ACME ="], "out_of_range"),
        ("sender_rates", ["ACME = 5", "ACME = 6"], "twice"),
        ("sender_rates", ["x" * 21 + " = 5"], "too_long"),
        ("send_ips", ["10.0.0.0/33"], "bad_network"),
        ("callback_ips", ["example.com"], "bad_network"),
        ("prefixes_to_remove", ["48a"], "bad_prefix"),
        ("inbound_number", "call me", "bad_format"),
        ("sign_up_url", "javascript:alert(1)", "bad_url"),
        ("description", "a\x00b", "bad_characters"),
        ("description", "\ud800", "bad_characters"),
        ("callback_token", "mine", "unknown_field"),
    ],
)
def test_what_does_not_fit_is_named(name: str, value: Any, code: str) -> None:
    cleaned, faults = common.clean({name: value}, MANIFEST)
    assert (cleaned, [(fault.field, fault.code) for fault in faults]) == ({}, [(name, code)])


def test_a_new_gateway_starts_with_what_the_manifest_says(acme: Acme) -> None:
    assert common.from_manifest(MANIFEST) == {
        "sign_up_url": "https://acme.example/sign-up",
        "requests_per_second": 49.0,
        "parallel": 8,
        "await_delivery_s": 30,
        "prefixes_to_remove": ["+48", "0048", "48"],
    }


def test_table_model_and_api_name_the_same_settings() -> None:
    assert set(CommonIn.model_fields) == set(common.BY_NAME)
    assert set(common.BY_NAME) <= set(GatewayOut.model_fields)
    assert set(common.BY_NAME) <= {field.name for field in Gateway._meta.get_fields()}


@pytest.mark.parametrize("field", common.FIELDS, ids=lambda field: field.name)
def test_the_default_of_the_table_is_that_of_the_model(field: common.Field) -> None:
    model = Gateway._meta.get_field(field.name).get_default()
    cleaned, _ = common.clean({field.name: None}, MANIFEST)
    assert cleaned[field.name] == model
