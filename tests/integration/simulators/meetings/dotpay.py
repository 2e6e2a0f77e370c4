"""Dotpay's preset, filled in as an operator would for a plain form."""

from collections.abc import Mapping
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal


def _settings(url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        "username": keys["login"],
        "password": keys["password"],
        "url": f"{url}/send",
        "success_text": "OK",
        "id_from": r"regex:^OK (\d+)",
        "rules": (
            "body equals ERROR number -> bad_recipient",
            "body equals ERROR credit -> no_credit",
        ),
        "dlr_enabled": True,
        "dlr_id": "id",
        "dlr_status": "status",
        "dlr_number": "to",
        "poll_url": f"{url}/state?login={{{{username}}}}&password={{{{password}}}}&id={{{{id}}}}",
        "mo_enabled": True,
        "balance_url": f"{url}/balance?login={{{{username}}}}&password={{{{password}}}}",
    }


MEETINGS = (
    Meeting(
        slug="dotpay",
        settings=_settings,
        refusals={"credit": Refusal.NO_CREDIT, "slow": Kind.THROTTLED, "temporary": Kind.UNKNOWN},
    ),
)
