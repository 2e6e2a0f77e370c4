"""TeleCube's preset, with the key in the form as its panel's other calls have it."""

from tests.integration.simulators.meetings import Meeting
from tests.integration.simulators.plain_form import REFUSALS, filled_in

from gatepost.sms.outcomes import Refusal

BODY = "user={{username}}&api_key={{password}}&caller={{sender}}&number={{to_no_plus}}&text={{text}}"
ASKED = "user={{username}}&api_key={{password}}"

MEETINGS = (
    Meeting(
        slug="telecube",
        settings=lambda url, keys: filled_in(
            url,
            keys,
            body=BODY,
            poll_url=f"{url}/state?{ASKED}&id={{{{id}}}}",
            balance_url=f"{url}/balance?{ASKED}",
        ),
        options={"names": "user,api_key,caller,number,text"},
        # What the preset does not recognise is a failure, as the panel's other calls say OK or what is wrong.
        refusals={**REFUSALS, "temporary": Refusal.PERMANENT},
    ),
)
