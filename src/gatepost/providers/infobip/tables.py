"""Infobip's status and error codes, in its own words."""

from gatepost.providers.kit.tables import RECIPIENT_THROTTLED, THROTTLED, Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

HTTP = Refused(
    {
        400: (Refusal.PERMANENT, "Request cannot be processed"),
        401: (Refusal.AUTH, "Invalid login details"),
        403: (Refusal.CONFIG, "No permission: the key lacks the scope, or this address is not allowed"),
        404: (Refusal.CONFIG, "Not found: check the base URL"),
        429: (THROTTLED, "Too many requests"),
    }
)
BAD_FIELD = {
    "to": Refusal.BAD_RECIPIENT,
    "sender": Refusal.BAD_SENDER,
    "from": Refusal.BAD_SENDER,
    "text": Refusal.BAD_CONTENT,
}
REFUSED = Refused(
    {
        6: (Refusal.PERMANENT, "REJECTED_NETWORK"),
        8: (Refusal.BAD_RECIPIENT, "REJECTED_PREFIX_MISSING"),
        10: (Refusal.BLOCKED, "REJECTED_DND"),
        11: (Refusal.BAD_SENDER, "REJECTED_SOURCE"),
        12: (Refusal.NO_CREDIT, "REJECTED_NOT_ENOUGH_CREDITS"),
        13: (Refusal.BAD_SENDER, "REJECTED_SENDER"),
        14: (Refusal.BLOCKED, "REJECTED_DESTINATION_BLOCKLISTED"),
        17: (Refusal.NO_CREDIT, "REJECTED_PREPAID_PACKAGE_EXPIRED"),
        18: (Refusal.CONFIG, "REJECTED_DESTINATION_NOT_REGISTERED (trial accounts)"),
        19: (Refusal.CONFIG, "REJECTED_ROUTE_NOT_AVAILABLE"),
        20: (RECIPIENT_THROTTLED, "REJECTED_FLOODING_FILTER"),
        21: (Refusal.TEMPORARY, "REJECTED_SYSTEM_ERROR"),
        23: (Refusal.DUPLICATE, "REJECTED_DUPLICATE_MESSAGE_ID"),
        24: (Refusal.PERMANENT, "REJECTED_INVALID_UDH"),
        25: (Refusal.BAD_CONTENT, "REJECTED_MESSAGE_TOO_LONG"),
        51: (Refusal.BAD_RECIPIENT, "MISSING_TO"),
        52: (Refusal.BAD_RECIPIENT, "REJECTED_DESTINATION"),
        87: (Refusal.BLOCKED, "SIGNALS_BLOCKED (fraud protection)"),
        99: (Refusal.PERMANENT, "REJECTED"),
        100: (Refusal.PERMANENT, "UNDELIVERABLE_REJECTED_PLATFORM"),
    }
)
STATES = States(
    {
        2: (State.SUBMITTED, "DELIVERED_TO_OPERATOR"),
        3: (State.SUBMITTED, "PENDING_WAITING_DELIVERY"),
        4: (State.UNDELIVERED, "REJECTED_OPERATOR"),
        5: (State.DELIVERED, "DELIVERED_TO_HANDSET"),
        7: (State.SUBMITTED, "PENDING_ENROUTE"),
        9: (State.UNDELIVERED, "UNDELIVERABLE_NOT_DELIVERED"),
        15: (State.EXPIRED, "EXPIRED_EXPIRED"),
        26: (State.SUBMITTED, "PENDING_ACCEPTED"),
        29: (State.UNCONFIRMED, "EXPIRED_DLR_UNKNOWN"),
        31: (State.UNDELIVERED, "UNDELIVERABLE_NOT_SENT"),
    }
)
# What a status means that is not listed, or has several groups: by the number of its group, else by its name.
GROUPS = {
    "1": State.SUBMITTED,
    "2": State.UNDELIVERED,
    "3": State.DELIVERED,
    "4": State.EXPIRED,
    "5": State.REJECTED,
    "PENDING": State.SUBMITTED,
    "UNDELIVERABLE": State.UNDELIVERED,
    "DELIVERED": State.DELIVERED,
    "EXPIRED": State.EXPIRED,
    "REJECTED": State.REJECTED,
}
ERRORS = Refused(
    codes(Refusal.BAD_RECIPIENT, "Unknown, absent or wrong subscriber", 1, 9, 11, 12, 351, 352, 568, 629)
    | codes(Refusal.TEMPORARY, "The handset cannot be reached now", 6, 27, 31, 32, 256)
    | codes(Refusal.BAD_SENDER, "The sender is not allowed", 368, 375, 2053)
    | codes(THROTTLED, "Too many messages", 541, 542, 4099, 4103, 4104, 4202)
    | codes(Refusal.BLOCKED, "Blocked, or opted out", 560, 566, 573, 603, 604, 608, 2050, 2052)
    | codes(Refusal.BAD_CONTENT, "The content is not allowed", 561, 607, 355)
    | codes(Refusal.DUPLICATE, "The message id was used before", 5492)
    | codes(Refusal.PERMANENT, "EC_MESSAGE_CANCELED", 4100)
)
EXPIRED_ERRORS = ("811", "4098", "4101")
