"""BulkSMS's errors, states and field rules."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

TYPE_URL: Final = "https://developer.bulksms.com/json/v1/errors"
ERRORS: Final = {
    "bad-request": (400, "Bad Request", "The request is not valid"),
    "authentication-failed": (401, "Authentication Failed", "Full authentication is required to access this resource"),
    "insufficient-credits": (403, "Insufficient Credits", "Your account has insufficient credits"),
    "forbidden": (403, "Forbidden", "This is not allowed for your account"),
    "not-found": (404, "Not Found", "The resource does not exist"),
    "too-many-requests": (429, "Too Many Requests", "Slow down"),
    "internal-error": (500, "Internal Server Error", "Something went wrong"),
}
STATUS: Final = {
    "accepted": ("ACCEPTED", None),
    "scheduled": ("SCHEDULED", None),
    "sent": ("SENT", None),
    "delivered": ("DELIVERED", None),
    "unknown": ("UNKNOWN", None),
    "undelivered": ("FAILED", "HANDSET_ERROR"),
    "expired": ("FAILED", "EXPIRED"),
    "rejected": ("FAILED", "NOT_SENT"),
}
FIELDS: Final[Mapping[str, Sequence[Any] | type]] = {
    "encoding": ("TEXT", "UNICODE", "BINARY"),
    "messageClass": ("FLASH_SMS", "ME_SPECIFIC", "SIM_SPECIFIC", "TE_SPECIFIC", 0, 1, 2, 3),
    "routingGroup": ("ECONOMY", "STANDARD", "PREMIUM"),
    "deliveryReports": ("ALL", "ERRORS", "NONE"),
    "longMessageMaxParts": int,
    "protocolId": (*range(256), "IMPLICIT"),
    "userSuppliedId": str,
    "body": str,
}
SENDER_TYPES: Final = {
    "INTERNATIONAL": r"\+?[0-9]{7,15}",
    "ALPHANUMERIC": r"(?=.*[^0-9]).{1,11}",
    "SHORTCODE": "[0-9]{1,6}",
    "REPLIABLE": "",
}
MAX_MESSAGES: Final = 30_000
DEDUPLICATED_FOR_S: Final = 12 * 3600
MAX_PER_CALL: Final = 10
FILTERS: Final = (
    "id",
    "type",
    "submission.id",
    "submission.date",
    "status.type",
    "status.id",
    "userSuppliedId",
)
