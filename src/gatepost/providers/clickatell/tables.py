"""Clickatell's codes, by generation of its interface: the same numbers mean different things."""

from gatepost.providers.kit.tables import THROTTLED, Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

ONE_API = Refused(
    codes(Refusal.CONFIG, "State of the account or integration", 2, 3)
    | codes(Refusal.BAD_RECIPIENT, "Destination not reachable or not allowed", 27, 28)
    | codes(Refusal.BAD_CONTENT, "Content type or media", 30, 31, 32, 33)
    | codes(Refusal.CONFIG, "Set-up of the integration", 38, 39, 41, 42, 46, 110, 111)
    | {
        1: (Refusal.AUTH, "Invalid or missing API key"),
        7: (Refusal.AUTH, "IP address not allowed"),
        18: (Refusal.TEMPORARY, "Internal error"),
        19: (Refusal.TEMPORARY, "Service unavailable"),
        20: (Refusal.NO_CREDIT, "No credit"),
        21: (Refusal.CONFIG, "Integration disabled"),
        22: (Refusal.CONFIG, "Channel not enabled"),
        23: (Refusal.PERMANENT, "Missing or bad parameter"),
        24: (Refusal.BAD_CONTENT, "Content problem"),
        25: (Refusal.BAD_RECIPIENT, "Bad destination"),
        26: (Refusal.BLOCKED, "The recipient has opted out"),
        40: (Refusal.BAD_CONTENT, "Bad charset"),
        43: (THROTTLED, "Rate limit"),
        44: (Refusal.BAD_SENDER, "Sender not valid"),
        45: (Refusal.BAD_SENDER, "Sender not linked"),
        100: (Refusal.BAD_CONTENT, "Too many parts"),
        101: (Refusal.BAD_RECIPIENT, "Destination invalid"),
        401: (Refusal.AUTH, "Not authorised"),
        402: (Refusal.NO_CREDIT, "Payment required"),
    }
)
LEGACY = Refused(
    codes(Refusal.PERMANENT, "Unknown message ID", 103, 104)
    | {
        1: (Refusal.AUTH, "Authentication failed"),
        2: (Refusal.AUTH, "Unknown user name or password"),
        3: (Refusal.AUTH, "Session ID expired"),
        4: (Refusal.CONFIG, "Account frozen"),
        5: (Refusal.AUTH, "Missing session ID"),
        7: (Refusal.AUTH, "IP lockdown violation"),
        100: (Refusal.PERMANENT, "Data malformed"),
        101: (Refusal.PERMANENT, "Invalid or missing parameters"),
        102: (Refusal.PERMANENT, "Invalid user data header"),
        105: (Refusal.BAD_RECIPIENT, "Invalid destination address"),
        106: (Refusal.BAD_SENDER, "Invalid source address"),
        107: (Refusal.BAD_CONTENT, "Empty message"),
        108: (Refusal.CONFIG, "Invalid or missing API ID"),
        109: (Refusal.CONFIG, "Missing message ID"),
        110: (Refusal.PERMANENT, "Error with an e-mail message"),
        111: (Refusal.PERMANENT, "Invalid protocol"),
        112: (Refusal.PERMANENT, "Invalid message type"),
        113: (Refusal.BAD_CONTENT, "More parts than allowed"),
        114: (Refusal.BAD_RECIPIENT, "Cannot route the message"),
        115: (Refusal.PERMANENT, "Expired before it was sent"),
        116: (Refusal.BAD_CONTENT, "Invalid Unicode data"),
        120: (Refusal.PERMANENT, "Invalid delivery time"),
        121: (Refusal.BLOCKED, "Destination barred"),
        122: (Refusal.BLOCKED, "Destination opted out"),
        123: (Refusal.BAD_SENDER, "Invalid sender ID"),
        128: (Refusal.BLOCKED, "Number delisted"),
        130: (THROTTLED, "Limit of messages exceeded"),
        201: (Refusal.PERMANENT, "Invalid batch ID"),
        202: (Refusal.PERMANENT, "No batch template"),
        301: (Refusal.NO_CREDIT, "No credit left"),
        302: (Refusal.NO_CREDIT, "Maximum allowed credit"),
        901: (Refusal.TEMPORARY, "Internal error"),
    }
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
        # The last range has no end in the documentation.
        **dict.fromkeys((60, 61, *range(80, 86), *range(130, 200)), (State.REJECTED, "encryption, media or WhatsApp")),
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
