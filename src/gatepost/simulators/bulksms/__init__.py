"""BulkSMS's side of its JSON API v1, below /v1.

From the official reference and Swagger file. Where these leave something open the strict reading is taken: an unknown
field is a bad request, one bad number refuses the whole request, a text of more parts than `longMessageMaxParts`
allows is refused. Several messages are answered in another order than they came, as the reference permits. Not
offered: contact groups, `rmm`. Ids in webhooks about replies are JSON numbers of 19 digits, in receipts texts; the
provider uses both.
"""

import json
import time
from decimal import Decimal
from itertools import count

from gatepost.simulators.bulksms import account, sending
from gatepost.simulators.bulksms.resources import Memory, problem
from gatepost.simulators.bulksms.tables import ERRORS
from gatepost.simulators.engine import Route, Simulator, always
from gatepost.simulators.wire import Answer, json_answer

_ids = count(time.time_ns())


def _without_id(answer: Answer) -> Answer:
    items = [{name: value for name, value in item.items() if name != "id"} for item in json.loads(answer.body)]
    return json_answer(items, answer.status)


simulator = Simulator(
    slug="bulksms",
    label="BulkSMS",
    credentials={"login": "demo-token-id", "password": "demo-token-secret"},
    options={"invoke": "MANY"},
    routes=(
        Route("POST", "/v1/messages", sending.submit, submits=always),
        Route("GET", "/v1/messages/send", sending.submit_one, submits=always),
        Route("GET", "/v1/messages", account.list_messages),
        Route("GET", "/v1/messages/{id}", account.show),
        Route("GET", "/v1/messages/{id}/relatedReceivedMessages", account.list_replies),
        Route("GET", "/v1/profile", account.profile),
        Route("GET", "/v1/blocked-numbers", account.blocked_numbers),
        Route("POST", "/v1/blocked-numbers", account.blocked_numbers),
        Route("GET", "/v1/webhooks", account.webhooks),
        Route("POST", "/v1/webhooks", account.webhooks),
    ),
    receipts=account.receipts,
    inbound=account.inbound,
    refuse=lambda code, _request: problem(code),
    codes=tuple(ERRORS),
    failed="internal-error",
    throttled="too-many-requests",
    not_found=lambda _request: problem("not-found"),
    price=Decimal(1),
    interim=True,
    new_id=lambda: str(next(_ids)),
    without_id=_without_id,
    memory=Memory,
)
