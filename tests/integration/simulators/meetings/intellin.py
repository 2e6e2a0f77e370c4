"""Intellin, whose states are asked for."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

MEETINGS = (
    Meeting(
        slug="intellin",
        settings=lambda url, keys: {"base_url": url, "login": keys["login"], "password": keys["password"]},
        country="79",
        refusals={"5": Refusal.PERMANENT, "403": Refusal.AUTH, "503": Kind.UNKNOWN},
    ),
)
