"""Every setting of the installation: name, type, default and what it does. Read from `GATEPOST_*` variables, secrets
also from files named by `GATEPOST_*_FILE`. The settings page of the docs is generated from this table."""

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LOG_LEVELS = ("debug", "info", "warning", "error")


class ConfigError(Exception):
    """A setting that is wrong or unsafe; the text says which one and what to do."""


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("write true or false")


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _networks(text: str) -> tuple[str, ...]:
    for part in _list(text):
        ipaddress.ip_network(part, strict=False)
    return _list(text)


def _limits(text: str) -> dict[str, float]:
    return {slug.strip(): float(rate) for slug, _, rate in (part.partition("=") for part in _list(text))}


def _url(text: str) -> str:
    if text and (urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname):
        raise ValueError("write a full address such as https://sms.example.com")
    return text.rstrip("/")


def _country(text: str) -> str:
    if text and not (len(text) == 2 and text.isalpha()):
        raise ValueError("write a two-letter country code such as PL")
    return text.upper()


def _log_level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"write one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def _link_days(text: str) -> int:
    days = int(text)
    if days and not 400 <= days <= 36_500:
        raise ValueError("write 0, or 400 to 36500: a message may be scheduled a year ahead")
    return days


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable. `read` turns its text into the value and raises ValueError with the remedy."""

    name: str
    read: Callable[[str], Any]
    default: str
    help: str
    is_secret: bool = False

    @property
    def variable(self) -> str:
        return f"GATEPOST_{self.name}"


SETTINGS = (
    Setting("DATA_DIR", Path, "./var", "Folder of the embedded database, keys and logs."),
    Setting(
        "FILES_DIR",
        str,
        "",
        "Folder of documents and imported tables; default <data dir>/files. Several nodes need one that they share.",
    ),
    Setting("HOST", str, "127.0.0.1", "Address that the web server listens on."),
    Setting("PORT", int, "8000", "Port of the web server; `gatepost up` takes the next free one when it is taken."),
    Setting(
        "DATABASE_URL",
        str,
        "",
        "PostgreSQL to use instead of the embedded one, for example postgresql://user@host/gatepost.",
        is_secret=True,
    ),
    Setting(
        "SECRET_KEY",
        str,
        "",
        "Signs sessions and one-time links. Without it, a key is made once in the data folder.",
        is_secret=True,
    ),
    Setting(
        "ENCRYPTION_KEYS",
        _list,
        "",
        "Fernet keys for provider secrets, newest first. Without it, a key is made once in the data folder.",
        is_secret=True,
    ),
    Setting(
        "PUBLIC_URL",
        _url,
        "",
        "Address under which providers and people reach this installation. Callback URLs are made from it.",
    ),
    Setting(
        "ALLOW_PLAIN_HTTP",
        _flag,
        "false",
        "Accept a public URL without TLS. Passwords and messages then travel in the clear.",
    ),
    Setting("TRUSTED_PROXIES", _networks, "", "Networks of reverse proxies whose X-Forwarded-For is believed."),
    Setting(
        "EGRESS_ALLOW",
        _list,
        "",
        "Private addresses that gateways and e-mail accounts may reach, as host:port or network (a modem, a Kannel).",
    ),
    Setting("PROVIDER_LIMITS", _limits, "", "Requests per second per provider account, for example acme=49."),
    Setting("DEFAULT_COUNTRY", _country, "", "Country of numbers that are written without one, for example PL."),
    Setting("DEFAULT_SENDER", str, "", "Sender ID of last resort."),
    Setting(
        "DEFAULT_GATEWAY",
        str,
        "",
        "Name or number of the gateway for messages that no rule and no default of their workspace sends elsewhere.",
    ),
    Setting("SENDING_ENABLED", _flag, "true", "Off: accepted messages wait as held."),
    Setting(
        "SHORT_LINK_DAYS",
        _link_days,
        "730",
        "After so many days short links lead nowhere and are deleted with their clicks; 0: never.",
    ),
    Setting("SMS_LOG", str, "", "Debug log of gateways; default <data dir>/logs/sms.log."),
    Setting("LOG_LEVEL", _log_level, "info", "debug, info, warning or error."),
    Setting("DEBUG", _flag, "false", "Django's debug pages; refused on a public address."),
)


def _text(setting: Setting, environ: Mapping[str, str]) -> str:
    file = environ.get(f"{setting.variable}_FILE") if setting.is_secret else None
    if file:
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise ConfigError(f"{setting.variable}_FILE: cannot read {file}: {error.strerror}.") from None
    return environ.get(setting.variable, setting.default)


def load(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """All settings by name; raises ConfigError for a value that does not fit or a combination that is unsafe."""
    values = {}
    for setting in SETTINGS:
        try:
            values[setting.name] = setting.read(_text(setting, environ))
        except ValueError as error:
            raise ConfigError(f"{setting.variable}: {error}.") from None
    _refuse_unsafe(values)
    return values


def _refuse_unsafe(values: Mapping[str, Any]) -> None:
    is_local = values["HOST"] in ("localhost", "::1") or values["HOST"].startswith("127.")
    if values["DEBUG"] and not is_local:
        raise ConfigError(
            "GATEPOST_DEBUG on a public address shows secrets to strangers: unset it, or bind to 127.0.0.1."
        )
    public = urlsplit(values["PUBLIC_URL"])
    is_loopback = (public.hostname or "") in ("localhost", "127.0.0.1", "::1")
    if public.scheme == "http" and not is_loopback and not values["ALLOW_PLAIN_HTTP"]:
        raise ConfigError(
            "GATEPOST_PUBLIC_URL is plain http: use https, or set GATEPOST_ALLOW_PLAIN_HTTP=true if TLS ends elsewhere."
        )
    if values["SECRET_KEY"] and len(values["SECRET_KEY"]) < 32:
        raise ConfigError("GATEPOST_SECRET_KEY is shorter than 32 characters: make one with `openssl rand -hex 32`.")
