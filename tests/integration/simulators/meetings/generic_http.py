"""The preset of Kannel, filled in as an operator does."""

from collections.abc import Mapping
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.providers.generic_http.presets import KANNEL
from gatepost.sms.outcomes import Kind, Refusal


def _filled_in(url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        **KANNEL.settings,
        "url": str(KANNEL.settings["url"]).replace("http://HOST:13013", url),
        "username": keys["username"],
        "password": keys["password"],
        "mo_enabled": True,
    }


MEETINGS = (
    Meeting(
        slug="generic_http",
        settings=_filled_in,
        refusals={
            "authorization": Refusal.AUTH,
            "not-routable": Refusal.PERMANENT,
            "temporary": Refusal.TEMPORARY,
            "throttled": Kind.THROTTLED,
        },
        has_balance=False,
        can_check=False,
    ),
)
