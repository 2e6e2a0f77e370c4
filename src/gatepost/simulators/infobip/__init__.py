"""Infobip's side of `/sms/3/messages` and of the superseded `/sms/2/text/advanced`, with reports, logs and the inbox.

From the official OpenAPI files and the published code tables. Where these leave something open the strict reading is
taken: an unknown field is a bad request, a `messageId` counts as used once it was seen in an accepted or rejected item,
reports and replies are given out once, and only where no URL took them. `validationErrors` of the older API is a map of
property to words (its form is not known). Not offered: bulks, preview, transliteration, sending MMS, fetching media.
"""

from decimal import Decimal

from gatepost.simulators.engine import Route, Simulator, always
from gatepost.simulators.infobip import reporting, sending
from gatepost.simulators.infobip.account import Memory, answered, problem, version_of
from gatepost.simulators.infobip.tables import ITEMS, WHOLE
from gatepost.simulators.wire import without_keys

simulator = Simulator(
    slug="infobip",
    label="Infobip",
    credentials={"api_key": "demo-api-key", "username": "demo", "password": "demo-password"},
    options={"balance_scope": "yes"},
    routes=(
        Route("POST", "/sms/3/messages", answered(sending.submit), submits=always),
        Route("POST", "/sms/2/text/advanced", answered(sending.submit), submits=always),
        Route("GET", "/sms/3/reports", answered(reporting.reports)),
        Route("GET", "/sms/1/reports", answered(reporting.reports)),
        Route("GET", "/sms/3/logs", answered(reporting.logs)),
        Route("GET", "/sms/1/inbox/reports", answered(reporting.inbox)),
        Route("GET", "/account/1/balance", answered(reporting.balance)),
    ),
    receipts=reporting.receipts,
    inbound=reporting.inbound,
    refuse=sending.refuse,
    codes=(*WHOLE, *map(str, ITEMS)),
    failed="E500",
    throttled="E429",
    not_found=lambda request: problem("E404", version_of(request)),
    price=Decimal("0.01"),
    interim=True,
    keeps_replies=True,
    new_id=lambda: str(next(sending.ids)),
    without_id=lambda answer: without_keys(answer, "messageId"),
    memory=Memory,
)
