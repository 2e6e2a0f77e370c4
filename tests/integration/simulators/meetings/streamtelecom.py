"""Stream Telecom, signing in with every request, and once for all."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "1": Refusal.CONFIG,
    "2": Refusal.CONFIG,
    "4": Refusal.AUTH,
    "5": Refusal.NO_CREDIT,
    "6": Refusal.PERMANENT,
    "7": Refusal.AUTH,
    "8": Kind.UNKNOWN,
    "10": Refusal.DUPLICATE,
    "429": Kind.THROTTLED,
}


def _settings(sign_in: str, url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {"base_url": f"{url}/rest", **keys, "auth_mode": sign_in}


MEETINGS = tuple(
    Meeting(
        slug="streamtelecom",
        variant=variant,
        settings=partial(_settings, sign_in),
        country="7",
        number="79990000001",
        refusals=REFUSALS if sign_in == "direct" else {"3": Refusal.AUTH},
        pushes_batch=False,
    )
    for variant, sign_in in (("", "direct"), ("session", "session"))
)
