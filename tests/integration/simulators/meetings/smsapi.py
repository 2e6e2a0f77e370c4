"""SMSAPI with both ways to sign in."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "101": Refusal.AUTH,
    "103": Refusal.NO_CREDIT,
    "203": Kind.THROTTLED,
    "666": Refusal.TEMPORARY,
}

MEETINGS = (
    Meeting(
        slug="smsapi",
        settings=lambda url, keys: {"base_url": url, "auth_mode": "token", "api_token": keys["token"]},
        options={"per_number_per_minute": "0"},
        refusals=REFUSALS,
    ),
    Meeting(
        slug="smsapi",
        variant="password",
        settings=lambda url, keys: {
            "base_url": url,
            "auth_mode": "md5",
            "login": keys["login"],
            "password_md5": keys["password"],
        },
        options={"per_number_per_minute": "0"},
        refusals=REFUSALS,
    ),
)
