"""A provider's own settings, cleaned as a whole."""

from typing import Any

import pytest
from django.conf import settings
from tests.support.acme import ACME, Acme
from tests.support.certificates import certificate, new_key, private_key

from gatepost.gateways.settings import restored, settle
from gatepost.problems import Problem


def refused(acme: Acme, **values: Any) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as caught:
        settle(ACME, acme.settings(**values))
    assert caught.value.code == "invalid_settings"
    assert acme.secret not in str(caught.value)
    return [(fault.field, fault.code) for fault in caught.value.faults]


def test_secrets_stand_apart_and_defaults_are_filled_in(acme: Acme) -> None:
    settled = settle(ACME, acme.settings(password="sesame"))
    assert settled.secrets == {"api_key": acme.secret, "password": "c8dae1c50e092f3d877192fc555b1dcf"}
    assert settled.settings["base_url"] == "https://api.acme.example"
    assert settled.settings["batch_size"] == 100
    assert acme.secret not in repr(settled)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"api_key": ""}, ("settings.api_key", "required")),
        ({"api_kye": "x"}, ("settings.api_kye", "unknown_field")),
        ({"batch_size": 501}, ("settings.batch_size", "out_of_range")),
        ({"login": "nobody"}, ("settings.login", "bad_login")),
        ({"mapping": '{"a": "\\u0000"}'}, ("settings.mapping", "bad_characters")),
        ({"codes": ["\udc00"]}, ("settings.codes", "bad_characters")),
        ({"client_pem": certificate(new_key()) + private_key(new_key())}, ("settings.client_pem", "key_mismatch")),
    ],
)
def test_faults_are_named(acme: Acme, values: dict[str, Any], fault: tuple[str, str]) -> None:
    assert refused(acme, **values) == [fault]


def test_every_fault_is_found_at_once(acme: Acme) -> None:
    assert len(refused(acme, api_key="", batch_size=0, mode="morse")) == 3


@pytest.mark.parametrize(
    ("allowed", "url", "is_taken"),
    [
        ((), "http://127.0.0.1:9100", False),
        (("127.0.0.1:9100",), "http://127.0.0.1:9100/api", True),
        (("127.0.0.1:9100",), "http://127.0.0.1:9101", False),
        (("127.0.0.1:9100",), "http://127.0.0.1", False),
        (("modem.lan:80",), "http://MODEM.lan", True),
        (("10.0.0.0/8",), "http://10.1.2.3:8080", True),
        (("10.0.0.0/8",), "http://11.1.2.3:8080", False),
        (("[fd00::5]:80",), "http://[fd00::5]/", True),
        (("127.0.0.1:9100",), "ftp://127.0.0.1:9100", False),
        (("127.0.0.1:9100",), "http://127.0.0.1:99999", False),
    ],
)
def test_plain_http_only_where_the_operator_allows_the_address(
    acme: Acme, monkeypatch: pytest.MonkeyPatch, allowed: tuple[str, ...], url: str, is_taken: bool
) -> None:
    monkeypatch.setitem(settings.CONFIG, "EGRESS_ALLOW", allowed)
    if is_taken:
        assert settle(ACME, acme.settings(base_url=url)).settings["base_url"] == url.rstrip("/")
    else:
        assert refused(acme, base_url=url) == [("settings.base_url", "bad_url")]


def test_the_end_of_a_secret_certificate_is_kept_beside_it(acme: Acme) -> None:
    key = new_key()
    settled = settle(ACME, acme.settings(client_pem=certificate(key, days=30) + private_key(key)))
    assert set(settled.expiries) == {"client_pem"}


def test_stored_settings_come_back_as_adapters_take_them(acme: Acme) -> None:
    back = restored(ACME, {"codes": ["A", "B"], "gone": 1}, {"api_key": "k"})
    assert back["codes"] == ("A", "B")
    assert back["batch_size"] == 100
    assert back["api_key"] == "k"
    assert "gone" not in back
