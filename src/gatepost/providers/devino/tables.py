"""Devino's error codes and states: devino.online, and under OLDER the platform before it (REST v2 and v1)."""

from gatepost.providers.kit.tables import THROTTLED, Refused, States
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

REFUSED = Refused(
    {
        400: (Refusal.CONFIG, "Bad request"),
        401: (Refusal.AUTH, "Not authorised"),
        402: (Refusal.NO_CREDIT, "Payment required (unverified)"),
        403: (Refusal.AUTH, "Forbidden"),
        429: (THROTTLED, "Too many requests"),
    }
)
# The keys of the reasons were not found; a field's name in `ref`, or a word in `key`, tells (unverified).
REASONS = (
    (r"black|stop.?list", Refusal.BLOCKED),
    (r"balance|credit", Refusal.NO_CREDIT),
    (r"\bfrom:|sender|source", Refusal.BAD_SENDER),
    (r"\bto:|phone|address", Refusal.BAD_RECIPIENT),
    (r"text", Refusal.BAD_CONTENT),
)
STATES = States(
    {
        "ENQUEUED": (State.SUBMITTED, "queued (unverified)"),
        "ACCEPTED": (State.SUBMITTED, "accepted (unverified)"),
        "SENT": (State.SUBMITTED, "sent (unverified)"),
        "DELIVERED": (State.DELIVERED, "delivered (unverified)"),
        "CLICKED": (State.DELIVERED, "delivered, a link was opened"),
        "UNDELIVERED": (State.UNDELIVERED, "not delivered (unverified)"),
        "NOT_DELIVERED": (State.UNDELIVERED, "not delivered (unverified)"),
        "FAILED": (State.UNDELIVERED, "failed (unverified)"),
        "ERROR": (State.UNDELIVERED, "failed (unverified)"),
        "EXPIRED": (State.EXPIRED, "lifetime is over (unverified)"),
        "REJECTED": (State.REJECTED, "rejected (unverified)"),
        "CANCELLED": (State.REJECTED, "cancelled (unverified)"),
        "DELETED": (State.REJECTED, "deleted (unverified)"),
    }
)

# What an invalid argument or operation is about, as its words say it.
OLDER_NAMED = (("destination", Refusal.BAD_RECIPIENT), ("source", Refusal.BAD_SENDER))
OLDER_REFUSED = Refused(
    {
        1: (Refusal.CONFIG, "Argument null or empty"),
        2: (Refusal.CONFIG, "Invalid argument"),
        3: (Refusal.AUTH, "Invalid session id"),
        4: (Refusal.AUTH, "Unauthorized, or the session is over"),
        5: (Refusal.NO_CREDIT, "Not enough credits"),
        6: (Refusal.CONFIG, "Invalid operation"),
        7: (Refusal.AUTH, "Forbidden"),
        8: (Refusal.TEMPORARY, "Gateway error"),
        9: (Refusal.TEMPORARY, "Internal error"),
    },
    by_words=dict.fromkeys((2, 6), OLDER_NAMED),
)
OLDER_STATES = States(
    {
        -2: (State.SUBMITTED, "in queue"),
        -1: (State.SUBMITTED, "sent to the network"),
        0: (State.DELIVERED, "delivered"),
        10: (State.REJECTED, "wrong sender address", Refusal.BAD_SENDER),
        11: (State.UNDELIVERED, "wrong destination", Refusal.BAD_RECIPIENT),
        41: (State.UNDELIVERED, "inadmissible destination", Refusal.BAD_RECIPIENT),
        42: (State.REJECTED, "rejected by the SMS centre"),
        46: (State.EXPIRED, "lifetime is over"),
        47: (State.REJECTED, "deleted"),
        48: (State.REJECTED, "rejected by the platform"),
        69: (State.REJECTED, "rejected"),
        -98: (State.REJECTED, "stopped"),
        99: (State.UNCONFIRMED, "unknown"),
        255: (State.UNCONFIRMED, "not in the database, or older than 48 hours"),
    }
)
