"""The codes of EAPI, of submits and of states."""

from gatepost.providers.kit.tables import THROTTLED, Refused, States
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

# What a failed validation is about stands in its words (unverified).
ABOUT = (("msisdn", Refusal.BAD_RECIPIENT), ("sender", Refusal.BAD_SENDER), ("message", Refusal.BAD_CONTENT))
REFUSED = Refused(
    {
        22: (Refusal.PERMANENT, "Internal fatal error"),
        23: (Refusal.AUTH, "Authentication failure"),
        24: (Refusal.PERMANENT, "Data validation failed"),
        25: (Refusal.NO_CREDIT, "Not enough credits"),
        26: (Refusal.TEMPORARY, "Upstream credits not available"),
        27: (THROTTLED, "Daily quota exceeded"),
        28: (Refusal.TEMPORARY, "Upstream quota exceeded"),
        40: (Refusal.TEMPORARY, "Temporarily unavailable"),
    },
    by_words={24: ABOUT},
)
STATES = States(
    {
        0: (State.SUBMITTED, "in progress"),
        1: (State.SUBMITTED, "scheduled"),
        10: (State.SUBMITTED, "delivered upstream"),
        11: (State.DELIVERED, "delivered to mobile"),
        12: (State.SUBMITTED, "delivered upstream, unacknowledged"),
        22: (State.REJECTED, "internal fatal error"),
        23: (State.REJECTED, "authentication failure", Refusal.AUTH),
        24: (State.REJECTED, "data validation failed"),
        25: (State.REJECTED, "not enough credits", Refusal.NO_CREDIT),
        26: (State.REJECTED, "upstream credits not available"),
        27: (State.REJECTED, "quota exceeded"),
        28: (State.REJECTED, "upstream quota exceeded"),
        29: (State.REJECTED, "cancelled"),
        31: (State.UNDELIVERED, "unroutable", Refusal.BAD_RECIPIENT),
        32: (State.REJECTED, "blocked: the recipient asked not to get messages", Refusal.BLOCKED),
        33: (State.REJECTED, "censored", Refusal.BAD_CONTENT),
        40: (State.SUBMITTED, "temporarily unavailable"),
        50: (State.UNDELIVERED, "delivery failed"),
        51: (State.UNDELIVERED, "delivery to phone failed"),
        52: (State.UNDELIVERED, "delivery to network failed"),
        53: (State.EXPIRED, "message expired"),
        54: (State.UNDELIVERED, "failed on remote network (unverified)"),
        60: (State.SUBMITTED, "transient upstream failure"),
        61: (State.SUBMITTED, "status update"),
        62: (State.SUBMITTED, "cancel failed"),
    }
)
