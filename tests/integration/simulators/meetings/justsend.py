"""JustSend in both generations."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal
from gatepost.sms.states import State

REFUSALS = {
    "NO_SUFFICIENT_POINTS": Refusal.NO_CREDIT,
    "NO_AUTHORIZATION": Refusal.AUTH,
    "INVALID_LENGTH": Refusal.BAD_SENDER,
    "FORBIDDEN_VALUE": Refusal.BAD_CONTENT,
    "LIMIT_EXCEEDED": Kind.THROTTLED,
}


def _settings(generation: str, path: str, url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        "api_generation": generation,
        "base_url": url + path,
        "app_key": keys["app_key"],
        "bulk_variant": "PRO",
        "use_bulk": True,
        "reply_prefix": "ABC" if generation == "rest_v2" else None,
    }


MEETINGS = (
    Meeting(
        slug="justsend",
        variant="new",
        settings=partial(_settings, "io", "/api"),
        refusals=REFUSALS,
        has_balance=False,
    ),
    Meeting(
        slug="justsend",
        variant="v2",
        settings=partial(_settings, "rest_v2", "/api/rest/v2"),
        endings={"0001": {State.UNDELIVERED}, "0002": {State.UNDELIVERED}, "0006": {State.REJECTED}},
        refusals=REFUSALS | {"NUMBER_ON_BLACK_LIST": Refusal.BLOCKED},
    ),
)
