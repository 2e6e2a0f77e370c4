"""MTS's two products; Communicator by password and by token, with messages pushed and fetched."""

from collections.abc import Mapping
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

BOTH = {
    "auth": Refusal.AUTH,
    "forbidden": Refusal.AUTH,
    "packet": Refusal.NO_CREDIT,
    "speed": Kind.THROTTLED,
}


def _omnichannel(url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {"url": f"{url}/http-api/v1", "login": keys["login"], "password": keys["password"]}


def _communicator(url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    signed = {"login": keys["login"], "password": keys["password"], "validity_s": 600}
    return {"api": "communicator", "url": f"{url}/m2m/m2m_api.asmx", **signed}


def _by_token(url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    address = f"{url}/m2m/m2m_api.asmx"
    return {"api": "communicator", "url": address, "token": keys["token"], "poll_inbound": True}


MEETINGS = (
    Meeting(
        slug="mts",
        settings=_omnichannel,
        number="79991112233",
        country="79",
        refusals=BOTH | {"request": Refusal.CONFIG, "naming": Refusal.CONFIG, "failed": Kind.UNKNOWN},
    ),
    Meeting(
        slug="mts",
        variant="communicator",
        settings=_communicator,
        looks_up=False,
        number="79991112233",
        country="79",
        refusals=BOTH | {"msid": Refusal.BAD_RECIPIENT, "naming": Refusal.BAD_SENDER, "failed": Refusal.PERMANENT},
    ),
    Meeting(
        slug="mts",
        variant="token",
        settings=_by_token,
        looks_up=False,
        number="79991112233",
        country="79",
        pushes_replies=False,
        texts=("test",),
    ),
)
