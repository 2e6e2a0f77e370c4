"""With a password and signed callbacks, and with an API key, fetching replies."""

from collections.abc import Mapping
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "1": Refusal.CONFIG,
    "3": Refusal.NO_CREDIT,
    "4": Kind.THROTTLED,
    "5": Refusal.CONFIG,
    "6": Refusal.BAD_CONTENT,
    "7": Refusal.BAD_RECIPIENT,
    "8": Refusal.BAD_RECIPIENT,
    "9": Kind.THROTTLED,
}


def _signed(url: str, credentials: Mapping[str, str]) -> Mapping[str, Any]:
    names = ("login", "password", "callback_secret")
    return {"base_url": f"{url}/sys", "password_is_md5": True, **{name: credentials[name] for name in names}}


def _by_key(url: str, credentials: Mapping[str, str]) -> Mapping[str, Any]:
    sign_in = {"auth_kind": "api_key", "api_key": credentials["api_key"]}
    return {"base_url": f"{url}/sys", "send_op": False, "max_parts": 10, "poll_inbound": True, **sign_in}


MEETINGS = [
    Meeting(slug="smsc", settings=_signed, country="7", number="79990000001", refusals=REFUSALS),
    Meeting(slug="smsc", variant="key", settings=_by_key, country="7", number="79990000001"),
]
