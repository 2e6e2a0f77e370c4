"""What both interfaces answer and report. Neither list of codes was found: HTTP statuses and words have to do."""

from gatepost.providers.base import Batch, Results
from gatepost.providers.kit.tables import THROTTLED, Refused, States, codes
from gatepost.sms.outcomes import Outcome, Refusal, not_sent, unknown
from gatepost.sms.states import State

HTTP = Refused(
    codes(Refusal.AUTH, "Wrong login, password or token", 401, 403)
    | codes(Refusal.CONFIG, "The request is not understood", 400, 422)
    | codes(Refusal.NO_CREDIT, "No SMS packet, or no balance", 402)
    | codes(THROTTLED, "Too many requests", 429)
)
# Words of an error text, in the order in which they are looked for.
FAULTS = Refused(
    codes(Refusal.AUTH, "Wrong login, password or token", "login", "password", "access denied")
    | codes(Refusal.BAD_SENDER, "Sender name not connected", "naming")
    | codes(Refusal.BAD_RECIPIENT, "Wrong number", "msid")
    | codes(Refusal.NO_CREDIT, "No SMS packet, or a limit is reached", "limit", "packet", "пакет", "баланс")
)
EVENTS = States(
    {
        200: (State.SUBMITTED, "sent"),
        201: (State.REJECTED, "not sent"),
        300: (State.DELIVERED, "delivered"),
        301: (State.UNDELIVERED, "not delivered"),
    }
)
STATES = States(
    {
        "Pending": (State.SUBMITTED, "queued"),
        "Sending": (State.SUBMITTED, "queued"),
        "Sent": (State.SUBMITTED, "sent"),
        "NotSent": (State.REJECTED, "not sent"),
        "Delivered": (State.DELIVERED, "delivered"),
        "NotDelivered": (State.UNDELIVERED, "not delivered"),
        "TimedOut": (State.EXPIRED, "lifetime is over"),
        "Error": (State.UNDELIVERED, "error"),
        "Cancelled": (State.REJECTED, "cancelled"),
    }
)
OF_ONE = (Refusal.BAD_RECIPIENT, Refusal.CONFIG, Refusal.PERMANENT)


def of_all(batch: Batch, outcome: Outcome, *, is_certain: bool = True) -> Results:
    """A refusal of the whole request may be the fault of one message, and does not say of which.

    `is_certain`: whether it proves that nothing of the request was processed.
    """
    if outcome.refusal not in OF_ONE or len(batch.messages) == 1:
        return batch.all(outcome)
    if not is_certain:
        return batch.all(unknown("the whole request failed", outcome.code, outcome.words))
    return batch.all(not_sent(f"the whole request was refused: {outcome.words}", is_alone=True))
