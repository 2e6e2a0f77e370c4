"""SerwerSMS, with both ways to sign in and both ways to hear of a delivery."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "1003": Refusal.AUTH,
    "3002": Refusal.NO_CREDIT,
    "2204": Refusal.TEMPORARY,
    "2205": Refusal.BAD_SENDER,
    "2206": Refusal.BLOCKED,
    "429": Kind.THROTTLED,
}

MEETINGS = (
    Meeting(
        slug="serwersms",
        settings=lambda url, keys: {"base_url": url, "login": keys["login"], "password": keys["password"]},
        refusals=REFUSALS,
    ),
    Meeting(
        slug="serwersms",
        variant="asking",
        settings=lambda url, keys: {
            "base_url": url,
            "auth_mode": "token",
            "api_token": keys["token"],
            "use_dlr_url": False,
        },
        texts=("test",),
    ),
)
