"""SberMobile's preset, in JSON with HTTP Basic as it proposes."""

from tests.integration.simulators.meetings import Meeting
from tests.integration.simulators.plain_form import REFUSALS, filled_in

BODY = '{"clientId":"{{account_id}}","to":"{{to}}","from":"{{sender}}","text":"{{text}}","id":"{{ref}}"}'

MEETINGS = (
    Meeting(
        slug="sbermobile",
        settings=lambda url, keys: filled_in(url, keys, account_id="17", body=BODY),
        country="7",
        refusals=REFUSALS,
    ),
)
