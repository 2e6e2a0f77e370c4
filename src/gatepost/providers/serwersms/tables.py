"""The codes of SerwerSMS, with its own words beside each."""

from gatepost.providers.kit.tables import Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

AUTH, BAD_CONTENT, BAD_RECIPIENT, BLOCKED = Refusal.AUTH, Refusal.BAD_CONTENT, Refusal.BAD_RECIPIENT, Refusal.BLOCKED
BAD_SENDER, CONFIG, NO_CREDIT = Refusal.BAD_SENDER, Refusal.CONFIG, Refusal.NO_CREDIT
PERMANENT, TEMPORARY = Refusal.PERMANENT, Refusal.TEMPORARY

# Of the 44xx only the group is documented: sender names.
REFUSED = Refused(
    codes(BAD_SENDER, "Sender name", *range(4400, 4500))
    | {
        1000: (PERMANENT, "No action given"),
        1001: (AUTH, "Incorrect login or password"),
        1002: (AUTH, "No permission to use the API"),
        1003: (AUTH, "IP address not authorised"),
        1004: (PERMANENT, "Bad id parameter"),
        1005: (CONFIG, "No permission"),
        1006: (PERMANENT, "Bad data format"),
        1007: (CONFIG, "Account not fully active"),
        1008: (CONFIG, "May not view numbers"),
        2000: (PERMANENT, "Required parameter missing"),
        2001: (BAD_RECIPIENT, "Bad phone number"),
        2002: (PERMANENT, "Bad error code"),
        3000: (NO_CREDIT, "Limit of ECO+ messages used up"),
        3001: (CONFIG, "No permission for ECO+"),
        3002: (NO_CREDIT, "Limit of FULL messages used up"),
        3003: (CONFIG, "No permission for FULL"),
        3004: (NO_CREDIT, "Limit of MMS used up"),
        3005: (CONFIG, "No permission for MMS"),
        3006: (NO_CREDIT, "Limit of VOICE messages used up"),
        3007: (CONFIG, "No permission for VOICE"),
        3008: (CONFIG, "No permission for Flash"),
        3009: (CONFIG, "No permission for SMS"),
        3100: (CONFIG, "Sending blocked"),
        3101: (BAD_CONTENT, "Empty message"),
        3102: (BAD_CONTENT, "Message too long"),
    }
)
# From the list of the SQL interface; that these are the same here is not verified.
UNSENT = Refused(
    {
        2200: (BAD_RECIPIENT, "Bad recipient number"),
        2201: (NO_CREDIT, "Limit used up"),
        2202: (CONFIG, "Sending blocked"),
        2203: (BAD_CONTENT, "Bad message"),
        2204: (TEMPORARY, "Operator error"),
        2205: (BAD_SENDER, "Bad sender name"),
        2206: (BLOCKED, "Number on blacklist"),
        2207: (CONFIG, "Foreign networks blocked"),
        2208: (CONFIG, "No permission"),
    }
)
STATES = States(
    {
        "saved": (State.SUBMITTED, "Scheduled"),
        "in_progress": (State.SUBMITTED, "In progress"),
        "pending": (State.SUBMITTED, "Pending"),
        "sent": (State.SUBMITTED, "Sent, waiting for a report"),
        "delivered": (State.DELIVERED, "Delivered"),
        "undelivered": (State.UNDELIVERED, "Undelivered"),
        "unsent": (State.REJECTED, "Unsent"),
    }
)
# Why an undelivered message was not delivered, in the words and in the numbers of the provider.
REASONS = States(
    {
        "message_expired": (State.EXPIRED, "Validity passed"),
        "unsupported_number": (State.UNDELIVERED, "Unsupported number", BAD_RECIPIENT),
        "wrong_number": (State.UNDELIVERED, "Wrong number", BAD_RECIPIENT),
        "message_rejected": (State.REJECTED, "Rejected", PERMANENT),
        "missed_call": (State.UNDELIVERED, "Call not answered"),
        "limit_exhausted": (State.UNDELIVERED, "Limit used up", NO_CREDIT),
        "lock_send": (State.UNDELIVERED, "Sending blocked", CONFIG),
        "wrong_message": (State.UNDELIVERED, "Bad message", BAD_CONTENT),
        "operator_error": (State.UNDELIVERED, "Operator error", TEMPORARY),
        "wrong_sender_name": (State.UNDELIVERED, "Bad sender name", BAD_SENDER),
        "number_is_blacklisted": (State.UNDELIVERED, "Number on blacklist", BLOCKED),
        "sending_to_foreign_networks_is_locked": (State.UNDELIVERED, "Foreign networks blocked", CONFIG),
        "no_permission_to_send_messages": (State.UNDELIVERED, "No permission", CONFIG),
        "other_error": (State.UNDELIVERED, "Other error", PERMANENT),
        "2000": (State.EXPIRED, "Validity passed"),
        "2001": (State.UNDELIVERED, "Wrong number", BAD_RECIPIENT),
        "2002": (State.UNDELIVERED, "Unsupported number", BAD_RECIPIENT),
        "2003": (State.REJECTED, "Rejected", PERMANENT),
        "2004": (State.UNDELIVERED, "Operator error", TEMPORARY),
        "2005": (State.UNDELIVERED, "Call not answered"),
    }
)
# The words of pushed reports were not found: likely ones, besides those of STATES, for the operator to amend.
PUSHED_WORDS = (
    *(f"{word} = delivered" for word in ("dostarczono", "dostarczony", "doręczono")),
    *(f"{word} = undelivered" for word in ("niedostarczono", "niedoręczono")),
    "wysłano = submitted",
    "niewysłano = rejected",
)
INBOUND_NAMES = {
    "sender": ("from", "numer", "phone"),
    "recipient": ("to", "na_numer", "to_number", "ournumber"),
    "text": ("wiadomosc", "tresc", "text"),
    "time": ("data", "recived", "time"),
    "id": ("id", "smsid"),
}
