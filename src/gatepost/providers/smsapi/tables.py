"""The codes of SMSAPI, with its own words beside each."""

from gatepost.providers.kit.tables import RECIPIENT_THROTTLED, THROTTLED, Code, Refused, States
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

AUTH, BAD_CONTENT, CONFIG = Refusal.AUTH, Refusal.BAD_CONTENT, Refusal.CONFIG
PERMANENT, TEMPORARY = Refusal.PERMANENT, Refusal.TEMPORARY

REFUSED = Refused(
    {
        7: (CONFIG, "Short links are disabled on the account"),
        8: (PERMANENT, "Error in request"),
        11: (BAD_CONTENT, "Text missing, too long, or special characters with nounicode"),
        12: (BAD_CONTENT, "More parts than max_parts"),
        13: (Refusal.BAD_RECIPIENT, "No valid number: wrong or blacklisted"),
        14: (Refusal.BAD_SENDER, "Wrong sender name"),
        17: (BAD_CONTENT, "Flash with special characters"),
        18: (PERMANENT, "Wrong number of parameters"),
        19: (CONFIG, "Too many messages in one request"),
        20: (PERMANENT, "The number of idx values does not match"),
        25: (BAD_CONTENT, "Parameter conflict"),
        26: (BAD_CONTENT, "MMS subject too long"),
        27: (PERMANENT, "idx over 255 characters"),
        28: (PERMANENT, "Wrong time restriction"),
        30: (BAD_CONTENT, "Wrong UDH"),
        40: (CONFIG, "No such group"),
        41: (CONFIG, "Empty group"),
        50: (PERMANENT, "More than 3 months ahead"),
        52: (RECIPIENT_THROTTLED, "Over 10 messages to one number within 60 s"),
        53: (Refusal.DUPLICATE, "idx already used"),
        54: (PERMANENT, "Bad date"),
        56: (PERMANENT, "Bad expiry date"),
        57: (Refusal.BLOCKED, "Number on the user's blacklist"),
        59: (Refusal.BLOCKED, "Number on the opt-out list"),
        70: (CONFIG, "Bad notify_url"),
        72: (CONFIG, "notify_url with many recipients"),
        74: (TEMPORARY, "Outside the allowed sending hours"),
        76: (BAD_CONTENT, "Bad characters"),
        93: (BAD_CONTENT, "Parameters cannot be used with a group"),
        94: (BAD_CONTENT, "Messages with links are not allowed"),
        96: (PERMANENT, "Country or limit restriction"),
        98: (CONFIG, "The account may only send to the number used at registration"),
        101: (AUTH, "Authorization failed"),
        102: (AUTH, "Bad login or password"),
        103: (Refusal.NO_CREDIT, "Not enough points; nothing of the request was sent"),
        104: (CONFIG, "No such template"),
        105: (AUTH, "IP address not allowed"),
        106: (BAD_CONTENT, "Bad short link"),
        110: (CONFIG, "Action not allowed for the account"),
        112: (Refusal.BAD_RECIPIENT, "Sending to this country is not allowed"),
        200: (TEMPORARY, "Message not submitted"),
        201: (TEMPORARY, "Internal error"),
        202: (THROTTLED, "Too many simultaneous requests"),
        203: (THROTTLED, "Too many requests"),
        301: (PERMANENT, "Message id does not exist"),
        400: (PERMANENT, "Bad message id in a status query"),
        401: (AUTH, "The token lacks the permission"),
        409: (PERMANENT, "Value already exists"),
        666: (TEMPORARY, "Internal error"),
        997: (CONFIG, "Plain HTTP is disabled, use HTTPS"),
        998: (TEMPORARY, "Short link service unavailable"),
        999: (TEMPORARY, "Internal error"),
        1000: (CONFIG, "For the main user only"),
        1001: (CONFIG, "Wrong action of user.do"),
    }
)
HTTP = Refused(
    {
        401: (AUTH, "Unauthorized"),
        404: (CONFIG, "Not found: is the base URL right?"),
        429: (THROTTLED, "Too many requests"),
    }
)
Rows = dict[Code, tuple[State, str]]
NUMBERED: Rows = {
    401: (State.UNCONFIRMED, "NOT_FOUND"),
    402: (State.EXPIRED, "EXPIRED"),
    403: (State.SUBMITTED, "SENT"),
    404: (State.DELIVERED, "DELIVERED"),
    405: (State.UNDELIVERED, "UNDELIVERED"),
    406: (State.UNDELIVERED, "FAILED"),
    407: (State.REJECTED, "REJECTED"),
    408: (State.UNCONFIRMED, "UNKNOWN"),
    409: (State.SUBMITTED, "QUEUE"),
    410: (State.SUBMITTED, "ACCEPTED"),
    411: (State.SUBMITTED, "RENEWAL"),
    412: (State.REJECTED, "STOP"),
}
NAMED: Rows = {name: (state, name) for state, name in NUMBERED.values()}
SHORT: Rows = {"REJECTD": (State.REJECTED, "REJECTED"), "ACCEPTD": (State.SUBMITTED, "ACCEPTED")}
STATES = States(NUMBERED | NAMED | SHORT)
