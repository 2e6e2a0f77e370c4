"""BulkSMS's older interface, with incoming messages that are pushed, and fetched; then with tables of texts too."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "22": Refusal.PERMANENT,
    "23": Refusal.AUTH,
    "24": Refusal.PERMANENT,
    "25": Refusal.NO_CREDIT,
    "26": Refusal.TEMPORARY,
    "27": Kind.THROTTLED,
    "40": Refusal.TEMPORARY,
    "99": Refusal.PERMANENT,
}


def _settings(fetches: bool, url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {"base_url": url, **keys, "poll_inbound": fetches, "batch_mode": "send_batch" if fetches else "send_sms"}


MEETINGS = (
    Meeting(
        slug="bulksms_eapi",
        settings=partial(_settings, False),
        country="27",
        number="27000000000",
        refusals=REFUSALS,
    ),
    Meeting(
        slug="bulksms_eapi",
        variant="fetching",
        settings=partial(_settings, True),
        country="27",
        number="27000000000",
        texts=("test",),
        pushes_replies=False,
    ),
)
