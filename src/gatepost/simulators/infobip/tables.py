"""Infobip's statuses, errors and the fields that its requests may hold."""

from collections.abc import Mapping
from typing import Final

GROUPS: Final = {1: "PENDING", 2: "UNDELIVERABLE", 3: "DELIVERED", 4: "EXPIRED", 5: "REJECTED"}
ITEMS: Final = {
    6: "REJECTED_NETWORK",
    8: "REJECTED_PREFIX_MISSING",
    10: "REJECTED_DND",
    11: "REJECTED_SOURCE",
    12: "REJECTED_NOT_ENOUGH_CREDITS",
    13: "REJECTED_SENDER",
    14: "REJECTED_DESTINATION_BLOCKLISTED",
    17: "REJECTED_PREPAID_PACKAGE_EXPIRED",
    18: "REJECTED_DESTINATION_NOT_REGISTERED",
    19: "REJECTED_ROUTE_NOT_AVAILABLE",
    20: "REJECTED_FLOODING_FILTER",
    21: "REJECTED_SYSTEM_ERROR",
    23: "REJECTED_DUPLICATE_MESSAGE_ID",
    24: "REJECTED_INVALID_UDH",
    25: "REJECTED_MESSAGE_TOO_LONG",
    51: "MISSING_TO",
    52: "REJECTED_DESTINATION",
    87: "SIGNALS_BLOCKED",
    99: "REJECTED",
    100: "UNDELIVERABLE_REJECTED_PLATFORM",
}
WHOLE: Final = {
    "E400": (400, "BAD_REQUEST", "Request cannot be processed."),
    "E401": (401, "UNAUTHORIZED", "Invalid login details"),
    "E403": (403, "FORBIDDEN", "Unauthorized access"),
    "E404": (404, "NOT_FOUND", "Requested URL not found"),
    "E429": (429, "TOO_MANY_REQUESTS", "Too many requests"),
    "E500": (500, "GENERAL_ERROR", "Something went wrong. Please contact support."),
}
STATUS: Final = {
    "accepted": (1, 26, "PENDING_ACCEPTED"),
    "scheduled": (1, 3, "PENDING_WAITING_DELIVERY"),
    "sent": (1, 7, "PENDING_ENROUTE"),
    "delivered": (3, 5, "DELIVERED_TO_HANDSET"),
    "undelivered": (2, 9, "UNDELIVERABLE_NOT_DELIVERED"),
    "expired": (4, 15, "EXPIRED_EXPIRED"),
    "rejected": (2, 4, "UNDELIVERABLE_REJECTED_OPERATOR"),
    "unknown": (4, 29, "EXPIRED_DLR_UNKNOWN"),
}
NO_ERROR: Final = (0, "OK", 0, "NO_ERROR", "No Error", False)
UNKNOWN_SUBSCRIBER: Final = (1, "HANDSET_ERRORS", 1, "EC_UNKNOWN_SUBSCRIBER", "Unknown Subscriber", True)
TRANSLITERATIONS: Final = frozenset(
    (
        *("NONE", "TURKISH", "GREEK", "CYRILLIC", "SERBIAN_CYRILLIC", "BULGARIAN_CYRILLIC", "CENTRAL_EUROPEAN"),
        *("BALTIC", "PORTUGUESE", "COLOMBIAN", "NON_UNICODE", "ALL"),
    )
)
FIELDS: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "3": {
        "": frozenset(("messages", "options")),
        "message": frozenset(("sender", "destinations", "content", "options", "webhooks")),
        "content": frozenset(("text", "transliteration", "language")),
        "options": frozenset(
            ("validityPeriod", "flash", "platform", "campaignReferenceId", "deliveryTimeWindow", "regional")
        ),
        "webhooks": frozenset(("delivery", "contentType", "callbackData")),
        "destination": frozenset(("to", "messageId")),
        "whole": frozenset(("schedule", "includeSmsCountInResponse", "tracking")),
    },
    "2": {
        "": frozenset(("bulkId", "messages", "includeSmsCountInResponse", "tracking", "sendingSpeedLimit")),
        "message": frozenset(
            (
                *(
                    "from",
                    "destinations",
                    "text",
                    "validityPeriod",
                    "transliteration",
                    "language",
                    "notifyUrl",
                    "flash",
                ),
                *("notifyContentType", "intermediateReport", "callbackData", "sendAt", "entityId", "applicationId"),
                *("regional", "deliveryTimeWindow", "campaignReferenceId"),
            )
        ),
        "destination": frozenset(("to", "messageId")),
    },
}
MAX_PARTS: Final = 25
REPORTS_PER_CALL: Final = 100
