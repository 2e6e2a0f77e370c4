"""Version 3 with an API key, and version 2 with user name and password."""

from collections.abc import Mapping
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "E400": Refusal.PERMANENT,
    "E403": Refusal.CONFIG,
    "E429": Kind.THROTTLED,
    "E500": Kind.UNKNOWN,
    "10": Refusal.BLOCKED,
    "12": Refusal.NO_CREDIT,
    "13": Refusal.BAD_SENDER,
    "18": Refusal.CONFIG,
    "20": Kind.THROTTLED,
    "21": Refusal.TEMPORARY,
    "23": Refusal.DUPLICATE,
    "25": Refusal.BAD_CONTENT,
    "52": Refusal.BAD_RECIPIENT,
    "99": Refusal.PERMANENT,
}


def _current(url: str, credentials: Mapping[str, str]) -> Mapping[str, Any]:
    return {"base_url": url, "api_key": credentials["api_key"]}


def _superseded(url: str, credentials: Mapping[str, str]) -> Mapping[str, Any]:
    login = {"auth_kind": "basic", "username": credentials["username"], "secret_key": credentials["password"]}
    sent = {"validity_minutes": 600, "entity_id": "ent", "application_id": "app", "india_dlt_template_id": "1"}
    return {"base_url": url, "api_version": "v2", "notify_url_mode": "account", **login, **sent}


MEETINGS = [
    Meeting(slug="infobip", settings=_current, refusals=REFUSALS),
    Meeting(slug="infobip", variant="v2", settings=_superseded, refusals=REFUSALS),
]
