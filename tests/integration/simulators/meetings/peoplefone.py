"""peoplefone, with states that are pushed, and asked for."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

REFUSALS = {
    "400-text": Refusal.PERMANENT,
    "402": Refusal.NO_CREDIT,
    "403": Refusal.AUTH,
    "413": Refusal.BAD_CONTENT,
    "429": Kind.THROTTLED,
    "503": Kind.UNKNOWN,
}
MEETINGS = (
    Meeting(
        slug="peoplefone",
        settings=lambda url, keys: {
            "base_url": f"{url}/customer/sms",
            "api_key": keys["api_key"],
            "batch_size": 10,
        },
        country="41",
        number="41445550000",
        refusals=REFUSALS,
    ),
)
