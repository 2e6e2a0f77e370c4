"""Settings of the installation: what does not fit is refused with its remedy, secrets come from files."""

from pathlib import Path

import pytest

from gatepost import config


def test_without_variables_every_setting_has_its_default() -> None:
    values = config.load({})
    assert values["HOST"] == "127.0.0.1"
    assert values["PORT"] == 8000
    assert values["SENDING_ENABLED"] is True
    assert values["SHORT_LINK_DAYS"] == 730
    assert set(values) == {setting.name for setting in config.SETTINGS}


def test_values_are_read_as_their_type() -> None:
    values = config.load(
        {
            "GATEPOST_PUBLIC_URL": "https://sms.example.com/",
            "GATEPOST_PROVIDER_LIMITS": "acme=49, other=0.5",
            "GATEPOST_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "GATEPOST_SENDING_ENABLED": "off",
            "GATEPOST_DEFAULT_COUNTRY": "pl",
            "GATEPOST_LOG_LEVEL": "DEBUG",
        }
    )
    assert values["PUBLIC_URL"] == "https://sms.example.com"
    assert values["PROVIDER_LIMITS"] == {"acme": 49.0, "other": 0.5}
    assert values["TRUSTED_PROXIES"] == ("10.0.0.0/8", "::1")
    assert values["SENDING_ENABLED"] is False
    assert values["DEFAULT_COUNTRY"] == "PL"
    assert values["LOG_LEVEL"] == "debug"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "eighty"),
        ("SENDING_ENABLED", "perhaps"),
        ("PUBLIC_URL", "sms.example.com"),
        ("PUBLIC_URL", "ftp://sms.example.com"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("PROVIDER_LIMITS", "acme=fast"),
        ("DEFAULT_COUNTRY", "Poland"),
        ("LOG_LEVEL", "loud"),
        ("SHORT_LINK_DAYS", "399"),
        ("SHORT_LINK_DAYS", "two years"),
        ("SECRET_KEY", "short"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(config.ConfigError, match=f"GATEPOST_{name}"):
        config.load({f"GATEPOST_{name}": text})


def test_unsafe_combinations_are_refused() -> None:
    with pytest.raises(config.ConfigError, match="GATEPOST_DEBUG"):
        config.load({"GATEPOST_DEBUG": "true", "GATEPOST_HOST": "0.0.0.0"})
    with pytest.raises(config.ConfigError, match="GATEPOST_ALLOW_PLAIN_HTTP"):
        config.load({"GATEPOST_PUBLIC_URL": "http://sms.example.com"})
    assert config.load({"GATEPOST_DEBUG": "true", "GATEPOST_HOST": "127.0.0.1"})["DEBUG"] is True
    assert config.load({"GATEPOST_PUBLIC_URL": "http://127.0.0.1:8000"})["PUBLIC_URL"] == "http://127.0.0.1:8000"


def test_a_secret_may_come_from_a_file_and_nothing_else_may(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a-key-that-is-long-enough-to-be-taken\n")
    values = config.load({"GATEPOST_SECRET_KEY_FILE": str(file), "GATEPOST_DEFAULT_SENDER_FILE": str(file)})
    assert values["SECRET_KEY"] == "a-key-that-is-long-enough-to-be-taken"
    assert values["DEFAULT_SENDER"] == ""


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match=r"GATEPOST_SECRET_KEY_FILE: cannot read .*nothing-here"):
        config.load({"GATEPOST_SECRET_KEY_FILE": str(tmp_path / "nothing-here")})
