"""The codes of MultiInfo, in words of the clients that know them."""

from gatepost.providers.kit.tables import Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

REFUSED = Refused(
    codes(Refusal.PERMANENT, "Request error", -2, -12, -21, -22, -23)
    | codes(Refusal.TEMPORARY, "System error", -10, -71)
    | codes(Refusal.PERMANENT, "No such package or report", -61, -62, -63)
    | codes(Refusal.AUTH, "Certificate error", -81, -82, -83, -86)
    | {
        -1: (Refusal.AUTH, "Login failed"),
        -14: (Refusal.PERMANENT, "Bad parameter value"),
        -15: (Refusal.TEMPORARY, "No database connection"),
        -24: (Refusal.CONFIG, "Service not active"),
        -31: (Refusal.PERMANENT, "Wrong message id"),
        -41: (Refusal.PERMANENT, "Message already passed on"),
        -80: (Refusal.AUTH, "No client certificate presented"),
        -84: (Refusal.AUTH, "Certificate not yet agreed with Polkomtel"),
        -85: (Refusal.AUTH, "CN of the certificate differs from the login"),
        403: (Refusal.AUTH, "Certificate refused"),
    }
)
# Status, or status/sub-status where version 6.1 tells one.
STATES = States(
    {
        "0": (State.SUBMITTED, "Accepted"),
        "1": (State.SUBMITTED, "Being processed"),
        "3": (State.SUBMITTED, "Passed to the SMSC, waiting for a report"),
        "7": (State.SUBMITTED, "Held, limit exceeded"),
        "11": (State.UNDELIVERED, "Fatal error"),
        "11/1": (State.EXPIRED, "Validity passed"),
        "11/2": (State.UNDELIVERED, "Not delivered"),
        "11/3": (State.REJECTED, "Wrong message"),
        "11/4": (State.UNDELIVERED, "SMSC did not answer"),
        "11/5": (State.UNDELIVERED, "SMSC did not answer"),
        "11/6": (State.REJECTED, "Cancelled or deleted"),
        "11/7": (State.REJECTED, "Cancelled or deleted"),
        "11/8": (State.REJECTED, "Cancelled or deleted"),
        "11/9": (State.REJECTED, "Not passed on"),
        "11/10": (State.REJECTED, "No configuration"),
        "12": (State.EXPIRED, "Expired"),
        "13": (State.REJECTED, "Deleted"),
        "14": (State.REJECTED, "Sender number on blacklist"),
        "20": (State.REJECTED, "Recipient number on blacklist", Refusal.BLOCKED),
        "22": (State.REJECTED, "Recipient number on blacklist", Refusal.BLOCKED),
        "21/0": (State.UNCONFIRMED, "Sent, no report requested"),
        "21/1": (State.DELIVERED, "Report received"),
    }
)
# How the words of a package's report begin; all but the first are guesses.
REPORT_WORDS = {
    "doreczono": State.DELIVERED,
    "niedor": State.UNDELIVERED,
    "przeterm": State.EXPIRED,
    "przedaw": State.EXPIRED,
}
