"""3S in both versions of SOAP, and with a WSDL that is left alone."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Refusal

BASE = "/userpanel_webservices.php/mvnoservices"
REFUSALS = {
    "session": Refusal.AUTH,
    "recipient": Refusal.BAD_RECIPIENT,
    "sender": Refusal.BAD_SENDER,
    "credit": Refusal.NO_CREDIT,
    "text": Refusal.PERMANENT,
}


def _settings(more: Mapping[str, Any], url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    addresses = {"wsdl_url": f"{url}{BASE}/wsdl", "location_url": f"{url}{BASE}/handler"}
    return {**addresses, "src": "48111222333", **more, **keys}


VARIANTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("", {}),
    ("soap11", {"soap_version": "1.1"}),
    ("blind", {"target_namespace": "urn:simulated:mvnoservices"}),
)
MEETINGS = tuple(
    Meeting(
        slug="threes",
        variant=variant,
        settings=partial(_settings, more),
        refusals=REFUSALS,
        reads_replies=False,
    )
    for variant, more in VARIANTS
)
