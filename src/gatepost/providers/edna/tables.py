"""The words of edna's answers and reports, any case; the numbers are statuses of HTTP."""

from gatepost.providers.kit.tables import Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

REFUSED = Refused(
    codes(Refusal.AUTH, "Wrong login or password", "error-auth", "error-unauthorized", 401, 403)
    | codes(Refusal.AUTH, "Account locked", "error-account-locked")
    | codes(Refusal.BAD_RECIPIENT, "Number format", "error-address-format", "error-address-not-specified")
    | codes(Refusal.BAD_RECIPIENT, "Sending to this range is not allowed", "error-address-unknown")
    | codes(Refusal.BAD_SENDER, "Sender format", "error-subject-format", "error-subject-not-specified")
    | codes(Refusal.BAD_SENDER, "Sender not allowed", "error-subject-unknown")
    | codes(Refusal.BAD_CONTENT, "Text format", "error-content-format", "error-content-not-specified")
    | codes(Refusal.BAD_CONTENT, "No template fits the text", "error-not-template-match", "no-match-template")
    | codes(Refusal.NO_CREDIT, "Not enough money", "error-insufficient-balance")
    | codes(Refusal.DUPLICATE, "Own id used before", "error-id-not-unique")
    | codes(Refusal.BLOCKED, "Recipient blocked", "user-blocked")
    | codes(Refusal.TEMPORARY, "Platform error", "error-system")
    | codes(Refusal.TEMPORARY, "Platform blocked", "error-system-blocked")
    | codes(Refusal.PERMANENT, "No such message", "error-provider-id-unknown")
    | codes(Refusal.CONFIG, "Wrong or missing parameter", "error-syntax", 400, 422)
    | codes(Refusal.CONFIG, "Format of the priority", "error-priority-format")
    | codes(Refusal.CONFIG, "Format of the start time", "error-start-time-format")
    | codes(Refusal.CONFIG, "Format of the content type", "error-content-type-format")
    | codes(Refusal.CONFIG, "Format of the lifetime", "error-validity-period-seconds-format")
)
STATES = States(
    {
        "enqueued": (State.SUBMITTED, "queued"),
        "delayed": (State.SUBMITTED, "delayed"),
        "sent": (State.SUBMITTED, "sent"),
        "delivered": (State.DELIVERED, "delivered"),
        "read": (State.DELIVERED, "read"),
        "undelivered": (State.UNDELIVERED, "not delivered"),
        "failed": (State.UNDELIVERED, "failed"),
        "expired": (State.EXPIRED, "lifetime is over"),
        "cancelled": (State.REJECTED, "cancelled"),
        "no-match-template": (State.REJECTED, "no template fits the text", Refusal.BAD_CONTENT),
    }
)
