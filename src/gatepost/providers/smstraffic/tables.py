"""What the script answers and reports, in the provider's words."""

from gatepost.providers.kit.tables import Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

REFUSED = Refused(
    codes(Refusal.CONFIG, "Login parameter missing", 401)
    | codes(Refusal.CONFIG, "Password parameter missing", 402)
    | codes(Refusal.CONFIG, "Phones missing, empty or wrong", 403, 407, 440, 422)
    | codes(Refusal.CONFIG, "Incompatible or wrong parameters", 404, 408, 409, 410, 413, 414, 438, 441, 442, 433, 435)
    | codes(Refusal.CONFIG, "Template or parameter wrong", 704, 705)
    | codes(Refusal.CONFIG, "Date wrong or past, or ids not possible for late messages", 416, 417, 418, 501, 502, 702)
    | codes(Refusal.CONFIG, "Route not allowed", 419)
    | codes(Refusal.CONFIG, "Wrong route", 701)
    | codes(Refusal.CONFIG, "Content store limits", 601, 602)
    | codes(Refusal.CONFIG, "More than 15 ids in a status request", 505)
    | codes(Refusal.BAD_CONTENT, "Message missing", 405)
    | codes(Refusal.BAD_CONTENT, "Message empty for a phone", 423)
    | codes(Refusal.BAD_CONTENT, "Text too long", 406, 420, 424, 437, 703)
    | codes(Refusal.BAD_SENDER, "Originator too long", 421)
    | codes(Refusal.BAD_SENDER, "Originator forbidden", 436)
    | codes(Refusal.BAD_SENDER, "Originator empty", 443)
    | codes(Refusal.BAD_RECIPIENT, "Phone too short", 425)
    | codes(Refusal.BAD_RECIPIENT, "Phone too long", 426)
    | codes(Refusal.BAD_RECIPIENT, "Wrong length of the phone", 427)
    | codes(Refusal.BAD_RECIPIENT, "Wrong format of the phone", 428)
    | codes(Refusal.BAD_RECIPIENT, "Invalid phone", 430)
    | codes(Refusal.BAD_RECIPIENT, "Phone of an operator that is not supported", 429)
    | codes(Refusal.BLOCKED, "No open subscription", 431)
    | codes(Refusal.BLOCKED, "Blocked phone", 432)
    | codes(Refusal.AUTH, "Authentication failed", 411)
    | codes(Refusal.AUTH, "Wrong IP address", 412)
    | codes(Refusal.AUTH, "Sending by HTTP is not allowed", 439)
    | codes(Refusal.NO_CREDIT, "Not enough funds", 415)
    | codes(Refusal.PERMANENT, "No such message", 434)
    | codes(Refusal.TEMPORARY, "Temporary error: the other host is tried", 1000)
)
OF_ONE = (Refusal.BAD_RECIPIENT, Refusal.BLOCKED, Refusal.BAD_CONTENT)
STATES = States(
    {
        "": (State.SUBMITTED, "queued"),
        "Buffered SMSC": (State.SUBMITTED, "sent"),
        "Delivered": (State.DELIVERED, "delivered"),
        "READ": (State.DELIVERED, "read"),
        "Non Delivered": (State.UNDELIVERED, "not delivered"),
        "UNDELIVERED": (State.UNDELIVERED, "not delivered"),
        "FAILED": (State.UNDELIVERED, "failed"),
        "Rejected": (State.REJECTED, "rejected"),
        "Expired": (State.EXPIRED, "lifetime is over"),
        "Deleted": (State.REJECTED, "deleted"),
        "Unknown status": (State.UNCONFIRMED, "unknown"),
    }
)
