"""Devino in its three interfaces."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

SHARED = {"phone": Refusal.BAD_RECIPIENT, "sender": Refusal.BAD_SENDER, "no_credit": Refusal.NO_CREDIT}
ONLINE = SHARED | {
    "text": Refusal.BAD_CONTENT,
    "stop_list": Refusal.BLOCKED,
    "forbidden": Refusal.AUTH,
    "invalid": Refusal.CONFIG,
    "throttled": Kind.THROTTLED,
    "failed": Kind.UNKNOWN,
}
OLDER = SHARED | {"text": Refusal.CONFIG, "forbidden": Refusal.AUTH, "failed": Kind.UNKNOWN}


def _settings(api: str, path: str, url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {"api": api, "base_url": url + path, **keys}


MEETINGS = (
    Meeting(
        slug="devino",
        settings=partial(_settings, "devino_online", "/online"),
        country="79",
        number="2435",
        refusals=ONLINE,
    ),
    *(
        Meeting(
            slug="devino",
            variant=api,
            settings=partial(_settings, api, path),
            country="79",
            number="2435",
            refusals=OLDER,
        )
        for api, path in (("rest_v2", "/rest/v2"), ("rest_v1", "/rest"))
    ),
)
