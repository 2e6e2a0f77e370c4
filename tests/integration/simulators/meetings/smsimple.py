"""SMSimple, by XML-RPC in both styles and by its scripts."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Refusal

REFUSALS = {
    "no_credit": Refusal.NO_CREDIT,
    "signature": Refusal.BAD_SENDER,
    "phone": Refusal.BAD_RECIPIENT,
    "blacklist": Refusal.BLOCKED,
    "failed": Refusal.PERMANENT,
}


def _settings(more: Mapping[str, Any], url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {"xmlrpc_url": f"{url}/xmlrpc", "http_url": url, "or_id": 12345, **more, **keys}


MEETINGS = tuple(
    Meeting(
        slug="smsimple",
        variant=variant,
        settings=partial(_settings, more),
        # The sender is the signature of the setting.
        sender="12345",
        country="79",
        refusals=REFUSALS,
    )
    for variant, more in (("", {}), ("wrapped", {"call_style": "wrapped"}), ("http", {"transport": "http"}))
)
