"""Clickatell's four interfaces."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "ip": Refusal.AUTH,
    "frozen": Refusal.CONFIG,
    "integration": Refusal.CONFIG,
    "credit": Refusal.NO_CREDIT,
    "parameter": Refusal.PERMANENT,
    "opted_out": Refusal.BLOCKED,
    "sender": Refusal.BAD_SENDER,
    "empty": Refusal.BAD_CONTENT,
    "parts": Refusal.BAD_CONTENT,
    "slow": Kind.THROTTLED,
    "internal": Kind.UNKNOWN,
}
# The Platform interface has no codes that are known, only words and the HTTP status.
BY_STATUS = {name: REFUSALS[name] for name in ("ip", "credit", "sender", "slow", "internal")}


# Callbacks of the first interface bring a user name and a password.
BASIC = {"one_api": {"callback_user": "gateway", "callback_password": "callback-password"}}


def _settings(interface: str, url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    signs_in = ("user", "password", "api_id") if interface == "http_legacy" else ("api_key",)
    signed_in = {name: keys[name] for name in signs_in}
    return {"api_generation": interface, "base_url": url, **signed_in, **BASIC.get(interface, {})}


MEETINGS = tuple(
    Meeting(
        slug="clickatell",
        variant=interface,
        settings=partial(_settings, interface),
        options={"interface": interface, **BASIC.get(interface, {})},
        country="27",
        number="27000000000",
        refusals=refusals,
        has_balance=interface != "rest_legacy",
        can_check=interface != "rest_legacy",
    )
    for interface, refusals in {
        "one_api": REFUSALS,
        "platform": BY_STATUS,
        "http_legacy": REFUSALS | {"internal": Refusal.TEMPORARY},
        "rest_legacy": REFUSALS,
    }.items()
)
