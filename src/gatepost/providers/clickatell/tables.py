"""Clickatell's codes, by generation of its interface: the same numbers mean different things."""

from gatepost.providers.kit.tables import THROTTLED, Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

ONE_API = Refused(
    codes(Refusal.AUTH, "Invalid or missing API key, or address not allowed", 1, 7, 401)
    | codes(Refusal.CONFIG, "State of account or integration", 2, 3, 21, 22, 38, 39, 41, 42, 46, 110, 111)
    | codes(Refusal.TEMPORARY, "Internal error or service unavailable", 18, 19)
    | codes(Refusal.NO_CREDIT, "No credit", 20, 402)
    | codes(Refusal.BAD_CONTENT, "Content, media or charset", 24, 30, 31, 32, 33, 40)
    | codes(Refusal.BAD_RECIPIENT, "Destination not valid or not reachable", 25, 27, 28, 101)
    | codes(Refusal.BAD_SENDER, "Sender not valid or not linked", 44, 45)
    | {
        23: (Refusal.PERMANENT, "Missing or bad parameter"),
        26: (Refusal.BLOCKED, "The recipient has opted out"),
        43: (THROTTLED, "Rate limit"),
        100: (Refusal.BAD_CONTENT, "Too many parts"),
    }
)
LEGACY = Refused(
    codes(Refusal.AUTH, "Authentication failed, session or address", 1, 2, 3, 5, 7)
    | codes(Refusal.CONFIG, "Account frozen, bad or missing API id", 4, 108, 109)
    | codes(Refusal.BAD_RECIPIENT, "Invalid destination or no route", 105, 114)
    | codes(Refusal.BAD_SENDER, "Invalid source address", 106, 123)
    | codes(Refusal.BAD_CONTENT, "Empty, too long or not Unicode", 107, 113, 116)
    | codes(Refusal.BLOCKED, "Barred, opted out or delisted", 121, 122, 128)
    | codes(Refusal.NO_CREDIT, "No credit left, or the most allowed", 301, 302)
    | codes(Refusal.PERMANENT, "Data malformed", 100, 101, 102, 103, 104, 110, 111, 112, 115, 120, 201, 202)
    | {130: (THROTTLED, "Limit exceeded"), 901: (Refusal.TEMPORARY, "Internal error")}
)
# What a refused item or parameter is about stands in its words.
ABOUT = (
    ("opted out", Refusal.BLOCKED),
    ("destination address", Refusal.BAD_RECIPIENT),
    ("parameter: to", Refusal.BAD_RECIPIENT),
    ("from number", Refusal.BAD_SENDER),
    ("parameter: from", Refusal.BAD_SENDER),
    ("parameter: content", Refusal.BAD_CONTENT),
)
ONE_API_STATES = States(
    {
        1: (State.SUBMITTED, "UNKNOWN"),
        2: (State.SUBMITTED, "QUEUED"),
        3: (State.SUBMITTED, "SCHEDULED"),
        4: (State.SUBMITTED, "SENT_TO_SUPPLIER"),
        5: (State.DELIVERED, "DEVICE_ACK"),
        6: (State.DELIVERED, "READ"),
        20: (State.EXPIRED, "EXPIRED"),
        21: (State.REJECTED, "STOPPED_BY_USER"),
        22: (State.REJECTED, "STOPPED_BY_ADMIN"),
        23: (State.UNDELIVERED, "DELIVERY_FAILURE"),
        24: (State.DELIVERED, "EMULATED"),
        25: (State.REJECTED, "INSUFFICIENT_ACCOUNT_BALANCE", Refusal.NO_CREDIT),
        26: (State.REJECTED, "VOLUME_LIMIT"),
        27: (State.REJECTED, "VOLUME_LIMIT_DAILY"),
        28: (State.REJECTED, "VOLUME_LIMIT_MONTHLY"),
        29: (State.UNDELIVERED, "RECIPIENT_DOES_NOT_EXIST", Refusal.BAD_RECIPIENT),
        100: (State.UNDELIVERED, "ROUTING_ERROR"),
        "UNKNOWN": (State.SUBMITTED, "UNKNOWN"),
        "QUEUED": (State.SUBMITTED, "QUEUED"),
        "SCHEDULED": (State.SUBMITTED, "SCHEDULED"),
        "SENT_TO_SUPPLIER": (State.SUBMITTED, "SENT_TO_SUPPLIER"),
        "DEVICE_ACK": (State.DELIVERED, "DEVICE_ACK"),
        "READ": (State.DELIVERED, "READ"),
        "EXPIRED": (State.EXPIRED, "EXPIRED"),
        "DELIVERY_FAILURE": (State.UNDELIVERED, "DELIVERY_FAILURE"),
        "ROUTING_ERROR": (State.UNDELIVERED, "ROUTING_ERROR"),
    }
)
STATES = States(
    {
        1: (State.SUBMITTED, "unknown"),
        2: (State.SUBMITTED, "queued"),
        3: (State.SUBMITTED, "delivered to gateway"),
        4: (State.DELIVERED, "received by recipient"),
        5: (State.UNDELIVERED, "error with message"),
        6: (State.REJECTED, "cancelled by user"),
        7: (State.UNDELIVERED, "error delivering"),
        8: (State.SUBMITTED, "received by gateway"),
        9: (State.REJECTED, "routing error"),
        10: (State.EXPIRED, "expired"),
        11: (State.SUBMITTED, "queued for later delivery"),
        12: (State.REJECTED, "out of credit", Refusal.NO_CREDIT),
        14: (State.REJECTED, "limit exceeded"),
    }
)
