"""SMSAPI's side of its legacy interface `sms.do` and of the REST paths for account.callbacks, profile and senders.

From the official OpenAPI file, the SDKs' fixtures and the published error table. Where these leave something open the
strict reading is taken: a leading `+` is error 13, an unregistered sender 14. Not offered: contact groups and
templates (errors 40 and 104), VMS, HLR; the refusal of plain http (997), since simulators speak nothing else.
Field names of incoming MMS are unverified.
"""

import secrets

from gatepost.simulators.engine import Route, Simulator, always
from gatepost.simulators.smsapi import account, sending
from gatepost.simulators.smsapi.tables import ERRORS, POINTS
from gatepost.simulators.wire import without_keys

simulator = Simulator(
    slug="smsapi",
    label="SMSAPI",
    credentials={"token": "demo-token", "login": "demo", "password": "demo-password"},
    options={"per_number_per_minute": "10"},
    routes=(
        Route("POST", "/sms.do", sending.sms_do, submits=sending.is_sending),
        Route("GET", "/sms.do", sending.sms_do, submits=sending.is_sending),
        Route("POST", "/mms.do", sending.mms_do, submits=always),
        Route("GET", "/user.do", sending.user_do),
        Route("POST", "/user.do", sending.user_do),
        Route("GET", "/ping", account.ping),
        Route("GET", "/profile", account.profile),
        Route("GET", "/sms/sendernames", account.sender_names),
        Route("GET", "/callbacks", account.callbacks),
        Route("POST", "/callbacks", account.callbacks),
        Route("GET", "/callbacks/{id}/commands/test", account.test_callback),
        Route("PUT", "/callbacks/{id}/commands/{command}", account.switch_callback),
    ),
    receipts=account.receipts,
    inbound=account.inbound,
    refuse=sending.refuse,
    codes=tuple(ERRORS),
    failed="201",
    throttled="203",
    not_found=account.not_found,
    price=POINTS,
    new_id=lambda: secrets.token_hex(12).upper(),
    without_id=lambda answer: without_keys(answer, "id"),
    memory=sending.Memory,
)
