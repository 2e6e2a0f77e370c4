"""SMSC's error codes and statuses, in its own words."""

from gatepost.providers.kit.tables import THROTTLED, Refused, States
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

REFUSED = Refused(
    {
        1: (Refusal.CONFIG, "Error in the parameters"),
        2: (Refusal.AUTH, "Wrong login or password, or an address that is not allowed"),
        3: (Refusal.NO_CREDIT, "Not enough money"),
        4: (THROTTLED, "The IP address is blocked for a while because of frequent errors"),
        5: (Refusal.CONFIG, "Wrong date format"),
        6: (Refusal.BAD_CONTENT, "The message is forbidden, by its text or its sender name"),
        7: (Refusal.BAD_RECIPIENT, "Wrong phone number format"),
        8: (Refusal.BAD_RECIPIENT, "A message to this number cannot be delivered"),
        9: (THROTTLED, "The same request more than once within a minute, or too many at once"),
    }
)
OF_ONE = ("6", "7", "8")
NOTHING_FOUND = "3"
STATES = States(
    {
        -3: (State.UNCONFIRMED, "Not found"),
        -2: (State.REJECTED, "Stopped"),
        -1: (State.SUBMITTED, "Waiting to be sent"),
        0: (State.SUBMITTED, "Handed to the operator"),
        1: (State.DELIVERED, "Delivered"),
        2: (State.DELIVERED, "Read"),
        3: (State.EXPIRED, "Expired"),
        4: (State.DELIVERED, "A link in the text was opened"),
        6: (State.DELIVERED, "Marked as spam"),
        20: (State.UNDELIVERED, "Cannot be delivered"),
        22: (State.UNDELIVERED, "Wrong number", Refusal.BAD_RECIPIENT),
        23: (State.REJECTED, "Forbidden"),
        24: (State.REJECTED, "Not enough money", Refusal.NO_CREDIT),
        25: (State.UNDELIVERED, "The number cannot be reached"),
    }
)
SMS_TYPES = ("", "0", "1", "2")
