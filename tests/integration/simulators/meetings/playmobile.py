"""Play Mobile, whose message ids are ours."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

MEETINGS = (
    Meeting(
        slug="playmobile",
        settings=lambda url, keys: {
            "base_url": url,
            "user_id": keys["user_id"],
            "password": keys["password"],
            "protects_repeats": True,
        },
        country="998",
        number="3700",
        refusals={
            "100": Refusal.TEMPORARY,
            "102": Refusal.AUTH,
            "202": Refusal.BAD_RECIPIENT,
            "401": Refusal.BAD_SENDER,
            "406": Refusal.BAD_CONTENT,
            "http-429": Kind.THROTTLED,
        },
    ),
)
