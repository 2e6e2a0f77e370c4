"""edna by its three interfaces."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Refusal

REFUSALS = {
    "error-address-format": Refusal.BAD_RECIPIENT,
    "error-subject-unknown": Refusal.BAD_SENDER,
    "error-not-template-match": Refusal.BAD_CONTENT,
    "error-insufficient-balance": Refusal.NO_CREDIT,
    "error-account-locked": Refusal.AUTH,
    "error-id-not-unique": Refusal.DUPLICATE,
    "error-system": Refusal.TEMPORARY,
    "error-syntax": Refusal.CONFIG,
    "user-blocked": Refusal.BLOCKED,
}


def _settings(api: str, path: str, url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        "api": api,
        "url": url + path,
        "login": keys["login"],
        "password": keys["password"],
        "api_key": keys["api_key"],
    }


MEETINGS = tuple(
    Meeting(
        slug="edna",
        variant=api,
        settings=partial(_settings, api, path),
        country="79",
        refusals=REFUSALS,
        reads_replies=False,
    )
    for api, path in (("hpg", "/revoup/demo"), ("sme", "/connector_sme/api"), ("pulse", "/api"))
)
