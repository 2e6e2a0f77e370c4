"""Mobitex, with pushes by the names that its sheet proposes."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Refusal

MEETINGS = (
    Meeting(
        slug="mobitex",
        settings=lambda url, keys: {"base_url": url, "login": keys["user"], "password": keys["password"]},
        refusals={
            "103": Refusal.BAD_CONTENT,
            "106": Refusal.BAD_RECIPIENT,
            "107": Refusal.CONFIG,
            "114": Refusal.BAD_SENDER,
            "201": Refusal.TEMPORARY,
            "202": Refusal.NO_CREDIT,
            "206": Refusal.AUTH,
        },
    ),
)
