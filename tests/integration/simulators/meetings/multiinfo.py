"""MultiInfo in both forms, one message at a time and in packages."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.integration.simulators.meetings import Meeting
from tests.support.certificates import certificate, new_key, private_key

from gatepost.sms.outcomes import Kind, Refusal
from gatepost.sms.states import State

KEY = new_key()
PEM = certificate(KEY) + private_key(KEY)
# A report of a package has no word that is known for a rejected message.
PACKAGE_ENDINGS = {"0001": {State.UNDELIVERED}, "0002": {State.EXPIRED}}


def _settings(path: str, in_packages: bool, url: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        "base_url": url,
        "api_path": path,
        "login": keys["login"],
        "password": keys["password"],
        "service_id": "24138",
        "client_pem": PEM,
        "use_package": in_packages,
        "incoming": True,
    }


MEETINGS = (
    Meeting(
        slug="multiinfo",
        settings=partial(_settings, "/Api61/", False),
        refusals={
            "-14": Refusal.BAD_SENDER,
            "-15": Refusal.TEMPORARY,
            "-24": Refusal.CONFIG,
            "-84": Refusal.AUTH,
            "503": Kind.UNKNOWN,
        },
    ),
    Meeting(slug="multiinfo", variant="old", settings=partial(_settings, "/", False), texts=("Zażółć", "a" * 459)),
    Meeting(
        slug="multiinfo",
        variant="package",
        settings=partial(_settings, "/Api61/", True),
        endings=PACKAGE_ENDINGS,
        texts=("test",),
    ),
)
