"""BulkSMS, signed in with an API token."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

MEETINGS = (
    Meeting(
        slug="bulksms",
        settings=lambda url, keys: {"base_url": f"{url}/v1", "login": keys["login"], "password": keys["password"]},
        refusals={
            "authentication-failed": Refusal.AUTH,
            "insufficient-credits": Refusal.NO_CREDIT,
            "too-many-requests": Kind.THROTTLED,
            "internal-error": Kind.UNKNOWN,
        },
    ),
)
