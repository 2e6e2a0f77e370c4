"""Rapporto by its three interfaces, with and without protection against repeats."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal


def _settings(api: str, path: str, url: str, keys: Mapping[str, str], **more: Any) -> dict[str, Any]:
    sign_in = {"service_id": keys["service_id"], "password": keys["password"]}
    key = {"api_key": keys["api_key"]}
    return {"api": api, "url": url + path, **(key if api == "rest_batch" else sign_in), **more}


MEETINGS = (
    Meeting(
        slug="rapporto",
        variant="http",
        settings=partial(_settings, "http", "/http", use_partner_msg_id=True, mo_hash_key="hash-key"),
        options={"recognises_ids": "yes", "hash_key": "hash-key"},
        number="0001",
        country="79",
        refusals={
            "400": Refusal.CONFIG,
            "401": Refusal.AUTH,
            "402": Refusal.NO_CREDIT,
            "403": Refusal.AUTH,
            "406": Refusal.BAD_RECIPIENT,
            "408": Kind.THROTTLED,
            "409": Refusal.DUPLICATE,
            "414": Refusal.BAD_CONTENT,
            "500": Kind.UNKNOWN,
            "503": Kind.UNKNOWN,
        },
    ),
    Meeting(
        slug="rapporto",
        variant="rest",
        settings=partial(_settings, "rest", "/rest", use_partner_msg_id=True, ttl_minutes=60),
        options={"recognises_ids": "yes", "inbound": "rest"},
        number="0001",
        country="79",
        refusals={
            "400": Refusal.CONFIG,
            "401": Refusal.AUTH,
            "403": Refusal.AUTH,
            "406": Refusal.BAD_RECIPIENT,
            "408": Kind.THROTTLED,
            "409": Refusal.DUPLICATE,
            "500": Kind.UNKNOWN,
            "503": Kind.UNKNOWN,
            "source": Refusal.BAD_SENDER,
        },
    ),
    Meeting(
        slug="rapporto",
        variant="batch",
        settings=partial(_settings, "rest_batch", "/batch", ttl_minutes=60),
        number="0001",
        country="79",
        refusals={"401": Refusal.AUTH, "408": Kind.THROTTLED, "500": Kind.UNKNOWN},
    ),
)
