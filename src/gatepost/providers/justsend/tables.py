"""What JustSend takes and says, with its own words beside each code."""

import re

from gatepost.providers.kit.tables import THROTTLED, Refused, States, codes
from gatepost.providers.manifest import SenderRule
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

VARIANTS = (
    ("ECO", "ECO: cheapest, no own sender"),
    ("FULL", "FULL: a sender of the provider's list"),
    ("PRO", "PRO: dynamic, your own sender"),
    ("ECO_RESP", "ECO_RESP: can be answered"),
    ("PRO_RESP", "PRO_RESP: own sender, can be answered"),
    ("TEST_JS", "TEST_JS: test, new API"),
    ("TEST", "TEST: test, REST v2"),
)
LISTED = ("INFO", "INFORMACJA", "KONKURS", "NOWOSC", "OFERTA", "OKAZJA", "PROMOCJA", "SMS")
OWN_NAME = SenderRule(
    r"(?!.*\d{9})[^\x00-\x1f]{1,11}", "At most 11 characters, registered, no phone number.", is_required=True
)
LISTED_NAME = SenderRule("|".join(LISTED), f"One of {', '.join(LISTED)}.", is_required=True)

HTTP = Refused(
    {
        400: (Refusal.PERMANENT, "Bad request"),
        401: (Refusal.AUTH, "Unauthorized"),
        402: (Refusal.NO_CREDIT, "Payment required"),
        403: (Refusal.AUTH, "Forbidden"),
        404: (Refusal.CONFIG, "Not found"),
        409: (Refusal.DUPLICATE, "Conflict"),
        422: (Refusal.PERMANENT, "Not processable"),
        429: (THROTTLED, "Too many requests"),
    }
)
# The word of responseCode stands before errorId, which uses 106 for two things.
REFUSED = Refused(
    codes(Refusal.TEMPORARY, "Internal error", "INTERNAL_ERROR", 100)
    | codes(Refusal.AUTH, "No user authentication", "NO_AUTHENTICATION", 101)
    | codes(Refusal.AUTH, "Not allowed", "NO_AUTHORIZATION", "NO_ACCESS", 102)
    | codes(Refusal.PERMANENT, "No such object", "NOT_FOUND", 103)
    | codes(Refusal.CONFIG, "Account status", "INVALID_USER_STATUS", 104)
    | codes(Refusal.AUTH, "Wrong credentials", "NO_SUBUSER_FOUND", "WRONG_CREDENTIALS", 105)
    | codes(Refusal.NO_CREDIT, "No sufficient points", "NO_SUFFICIENT_POINTS", "NO_USER_FOUND", 106)
    | codes(Refusal.CONFIG, "Invalid state of the bulk", "INVALID_BULK_STATE", 107)
    | codes(Refusal.CONFIG, "No right to replies", 108)
    | codes(Refusal.CONFIG, "Wrong prefix", "ILLEGAL_CREATE_PREFIX", 109)
    | codes(Refusal.NO_CREDIT, "Not enough funds", "NOT_FUNDS", 301)
    | codes(Refusal.BAD_SENDER, "Sender contains a phone number", 311)
    | codes(Refusal.BAD_SENDER, "Wrong length of the sender", 312)
    | codes(THROTTLED, "Limit exceeded", "LIMIT_EXCEEDED")
    | codes(Refusal.BLOCKED, "Number on black list", "NUMBER_ON_BLACK_LIST")
    | codes(Refusal.CONFIG, "Variant not allowed", "NO_AUTHORIZATION_BULK")
)
# States of a bulk that was taken, but will not be sent.
BULKS = Refused(
    {"CANCELED": (Refusal.PERMANENT, "The bulk was cancelled"), "ERROR": (Refusal.PERMANENT, "The bulk failed")}
)
STATES = States(
    {
        "DELIVERED": (State.DELIVERED, "Delivered"),
        "NOT_DELIVERED": (State.UNDELIVERED, "Not delivered"),
        "NOT_SENT": (State.REJECTED, "Not sent"),
        "NOT_CONFIRMED": (State.SUBMITTED, "Not confirmed"),
    }
)
COUNTS = {"delivered": "DELIVERED", "notDelivered": "NOT_DELIVERED", "notSent": "NOT_SENT", "sent": "NOT_CONFIRMED"}
# Neither generation names the field at fault but in words.
FIELDS = (
    (re.compile(r"\b(?:msisdn|number|to parameter)\b", re.IGNORECASE), Refusal.BAD_RECIPIENT),
    (re.compile(r"\b(?:sender|from parameter)\b", re.IGNORECASE), Refusal.BAD_SENDER),
    (re.compile(r"\b(?:content|message parameter|message is)\b", re.IGNORECASE), Refusal.BAD_CONTENT),
)
