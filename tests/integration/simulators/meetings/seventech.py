"""Seven Tech, with the reports that are guessed."""

from tests.integration.simulators.meetings import Meeting

from gatepost.sms.outcomes import Kind, Refusal

MEETINGS = (
    Meeting(
        slug="seventech",
        settings=lambda url, keys: {
            "url": f"{url}/messaging/v1/send",
            "login": keys["login"],
            "password": keys["password"],
        },
        country="79",
        number="4040",
        refusals={
            "400": Refusal.CONFIG,
            "402": Refusal.NO_CREDIT,
            "409": Refusal.DUPLICATE,
            "422": Refusal.BAD_CONTENT,
            "429": Kind.THROTTLED,
            "503": Kind.UNKNOWN,
        },
    ),
)
