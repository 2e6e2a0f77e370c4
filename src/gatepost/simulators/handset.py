"""What a handset does with a message: delivered after a moment, unless its number ends in one of these endings."""

from dataclasses import dataclass
from typing import Final, Literal

State = Literal[
    "accepted", "scheduled", "sent", "delivered", "undelivered", "expired", "rejected", "unknown", "cancelled"
]
AtSubmit = Literal["", "bad_number", "blocked"]
ReceiptOrder = Literal["normal", "early", "late", "duplicate", "reordered", "none"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`state`: what becomes of the message, None for no news ever. `after_s`: None for the account's usual delay.

    `at_submit`: how the provider refuses the number at once, where its protocol knows such a refusal.
    `receipts`: how the receipts come, "" for what the account's faults say.
    """

    words: str
    state: State | None = "delivered"
    after_s: float | None = None
    at_submit: AtSubmit = ""
    receipts: ReceiptOrder | Literal[""] = ""


ORDINARY: Final = Behaviour("Delivered after a moment.")

BY_ENDING: Final = {
    "0001": Behaviour("Not delivered.", "undelivered"),
    "0002": Behaviour("Expires on the way.", "expired"),
    "0003": Behaviour("Refused at submit as a bad number.", "rejected", at_submit="bad_number"),
    "0004": Behaviour("Taken; no receipt ever comes and a query finds no news.", None),
    "0005": Behaviour("Delivered after 10 seconds.", after_s=10.0),
    "0006": Behaviour("Rejected by the operator, in a receipt.", "rejected"),
    "0007": Behaviour("Delivered, each receipt twice.", receipts="duplicate"),
    "0008": Behaviour("Delivered, an intermediate receipt arrives after the final one.", receipts="reordered"),
    "0009": Behaviour("Delivered, the receipt arrives before the answer to the submit.", receipts="early"),
    "0010": Behaviour("The final receipt says that nothing is known.", "unknown"),
    "0011": Behaviour("Opted out: refused as blocked where the provider knows that.", "rejected", at_submit="blocked"),
}

REFUSED_SENDER: Final = "refused"
"""A sender ID that every simulator refuses, in any case, so that a fallback sender can be seen at work."""


def behaviour_of(number: str) -> Behaviour:
    """What the handset of this number (digits) does."""
    return BY_ENDING.get(number[-4:], ORDINARY)
