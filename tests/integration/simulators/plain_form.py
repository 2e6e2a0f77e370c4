"""What an operator fills into a preset for a provider that speaks the plain form."""

from collections.abc import Mapping
from typing import Any

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS: Mapping[str, Refusal | Kind] = {
    "credit": Refusal.NO_CREDIT,
    "slow": Kind.THROTTLED,
    "temporary": Kind.UNKNOWN,
}


def filled_in(url: str, keys: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """The settings of a gateway; `more` are those of one preset."""
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
        **more,
    }
