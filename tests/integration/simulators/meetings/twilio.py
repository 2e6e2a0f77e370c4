"""Signed in with the account's token, and with an API key through a Messaging Service."""

from collections.abc import Mapping
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "20429": Kind.THROTTLED,
    "20500": Kind.UNKNOWN,
    "20005": Refusal.CONFIG,
    "21408": Refusal.CONFIG,
    "21606": Refusal.BAD_SENDER,
    "21610": Refusal.BLOCKED,
    "21611": Kind.THROTTLED,
    "21614": Refusal.BAD_RECIPIENT,
    "21617": Refusal.BAD_CONTENT,
    "21701": Refusal.CONFIG,
}


def _by_token(url: str, credentials: Mapping[str, str]) -> Mapping[str, Any]:
    return {"base_url": url, "account_sid": credentials["account_sid"], "auth_token": credentials["auth_token"]}


def _by_key(url: str, credentials: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "base_url": url,
        **credentials,
        "smart_encoded": True,
        "validity_seconds": 600,
        "auto_reply": "Thanks & bye",
    }


MEETINGS = [
    Meeting(slug="twilio", settings=_by_token, refusals=REFUSALS),
    Meeting(slug="twilio", variant="service", settings=_by_key, sender="55123"),
]
