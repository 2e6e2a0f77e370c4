"""What Clickatell calls things, by interface: errors, states, levels of reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from gatepost.simulators.wire import Answer, Request, json_answer, text_answer

Interface = Literal["one_api", "platform", "http_legacy", "rest_legacy"]
PATHS: Final[Mapping[str, Interface]] = {
    "/v1/message": "one_api",
    "/messages": "platform",
    "/rest/message": "rest_legacy",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What one thing that is wrong is called: One API's code and HTTP status, the legacy code, the words."""

    code: int
    status: int
    legacy: str
    words: str


FAULTS: Final = {
    "auth": Fault(1, 401, "001", "Authentication failed"),
    "ip": Fault(7, 401, "007", "IP Lockdown violation"),
    "frozen": Fault(2, 400, "004", "Account frozen"),
    "integration": Fault(21, 400, "108", "Invalid or missing API ID"),
    "credit": Fault(20, 402, "301", "No credit left"),
    "parameter": Fault(23, 400, "101", "Invalid or missing parameters"),
    "destination": Fault(25, 400, "105", "Invalid Destination Address"),
    "opted_out": Fault(26, 400, "122", "Destination mobile number has opted out"),
    "sender": Fault(44, 400, "106", "Invalid From number"),
    "empty": Fault(24, 400, "107", "Empty message"),
    "parts": Fault(100, 400, "113", "Maximum message parts exceeded"),
    "slow": Fault(43, 400, "130", "Maximum MT limit exceeded"),
    "internal": Fault(18, 500, "901", "Internal error"),
}
STATES: Final = {
    "accepted": (2, "QUEUED", 2),
    "scheduled": (3, "SCHEDULED", 11),
    "sent": (4, "SENT_TO_SUPPLIER", 3),
    "delivered": (5, "DEVICE_ACK", 4),
    "undelivered": (23, "DELIVERY_FAILURE", 7),
    "expired": (20, "EXPIRED", 10),
    "rejected": (100, "ROUTING_ERROR", 9),
    "cancelled": (21, "STOPPED_BY_USER", 6),
    "unknown": (1, "UNKNOWN", 1),
}
PLATFORM_STATUS: Final = {
    1: "UNKNOWN",
    2: "QUEUED",
    3: "DELIVERED_TO_GATEWAY",
    4: "RECEIVED_BY_RECIPIENT",
    6: "CANCELLED_BY_USER",
    7: "ERROR_DELIVERING_MESSAGE",
    9: "ROUTING_ERROR",
    10: "MESSAGE_EXPIRED",
    11: "QUEUED_FOR_LATER",
}
FINALS: Final = frozenset((4, 5, 7, 9, 10, 12))
LEVELS: Final = {"0": frozenset[int](), "1": frozenset((3,)), "2": FINALS, "3": FINALS | {3}}
LEVELS["4"] = FINALS - {4} | {1, 6}
EVERY: Final = frozenset(range(100))


class Refusal(Exception):
    """`about`: the parameter that is wrong."""

    def __init__(self, name: str, about: str = "") -> None:
        super().__init__(name)
        self.fault = FAULTS[name]
        self.words = f"Invalid or missing parameter: {about} ." if about else self.fault.words

    def as_json(self, interface: Interface) -> dict[str, Any]:
        """The members that say it, of an item or of an answer."""
        if interface == "platform":
            code = None if self.fault.code in (23, 25, 44) else self.fault.code
            return {"errorCode": code, "error": f"{self.words.capitalize()}.", "errorDescription": None}
        said = self.fault.code if interface == "one_api" else self.fault.legacy
        return {"error": {"code": said, "description": self.words}}

    def as_line(self, to: str = "") -> str:
        return f"ERR: {self.fault.legacy}, {self.words}" + (f" To: {to}" if to else "")

    def answer(self, interface: Interface) -> Answer:
        if interface == "http_legacy":
            return text_answer(self.as_line())
        status = 429 if interface == "platform" and self.fault.code == 43 else self.fault.status
        return json_answer(self.as_json(interface), status)


def interface_of(request: Request) -> Interface:
    if request.path.startswith("/http/"):
        return "http_legacy"
    found = next((name for path, name in PATHS.items() if request.path.startswith(path)), None)
    return found or ("one_api" if request.path.startswith("/v1") else "platform")
