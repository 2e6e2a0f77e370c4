"""Twilio's error codes and message statuses, in its own words."""

from gatepost.providers.kit.tables import THROTTLED, Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

REFUSED = Refused(
    codes(Refusal.AUTH, "Authentication failed", 20003, *range(20101, 20108), 20151)
    | codes(Refusal.CONFIG, "Wrong account or path, or no right to it", 20404, 20001, 20005, 20403)
    | codes(Refusal.CONFIG, "Bad parameter", 20422)
    | codes(THROTTLED, "Too many requests", 20429)
    | codes(Refusal.TEMPORARY, "Fault at the provider", 20500, 20503)
    | codes(Refusal.BAD_RECIPIENT, "Not a valid phone number", 21211, 21214, 21217, 21401, 21421, 21604)
    | codes(Refusal.BAD_RECIPIENT, "This sender cannot reach this number", 21612)
    | codes(Refusal.BAD_RECIPIENT, "Not a mobile number, or not able to take messages", 21614, 21615, 30006, 63003)
    | codes(Refusal.BAD_RECIPIENT, "Unreachable handset: off or without reception", 30003)
    | codes(Refusal.BAD_RECIPIENT, "Unknown handset", 30005)
    | codes(Refusal.CONFIG, "Sending to this region is not enabled for the account", 21408)
    | codes(Refusal.BLOCKED, "The recipient has opted out (STOP)", 21610)
    | codes(Refusal.BLOCKED, "Blocked by the recipient or the carrier", 30004)
    | codes(Refusal.BAD_SENDER, "The sender is missing", 21603)
    | codes(Refusal.BAD_SENDER, "Not a valid sender, or not able to send messages", 21212, 21601, 21606, 21709, 21910)
    | codes(Refusal.BAD_SENDER, "From is no Twilio number, or a short code of another country", 21659)
    | codes(Refusal.BAD_SENDER, "From belongs to another account", 21660)
    | codes(Refusal.BAD_SENDER, "The sender does not fit the recipient or the service", 30024)
    | codes(Refusal.BAD_SENDER, "The sender is not registered (sender ID, toll-free or 10DLC)", 30018, 30032, 30034)
    | codes(Refusal.CONFIG, "Limits of a trial account", 21607, 21608)
    | codes(Refusal.BAD_CONTENT, "The body is missing or not allowed", 21602, 21618, 21619, 21652, 63021)
    | codes(Refusal.BAD_CONTENT, "The body is longer than 1600 characters", 21605, 21617)
    | codes(Refusal.BAD_CONTENT, "Filtered by the carrier, or too large", 30007, 30019)
    | codes(Refusal.CONFIG, "The StatusCallback URL is not valid", 21609, 21502)
    | codes(THROTTLED, "The queue of this sender is full", 21611, 30001)
    | codes(THROTTLED, "A rate limit or daily limit is reached", 30022, 30023, 30027, 63017, 63018, 63038)
    | codes(Refusal.BAD_CONTENT, "Media problem, or no MMS here", 21620, 21623, 30011, 63019)
    | codes(Refusal.CONFIG, "The account or number is not set up for media", 21621, 21622)
    | codes(Refusal.CONFIG, "The validity period is wrong", 21624, 30012)
    | codes(Refusal.CONFIG, "The Messaging Service is not set up for this", *range(21701, 21706))
    | codes(Refusal.TEMPORARY, "The Messaging Service has a problem", 30021)
    | codes(Refusal.CONFIG, "The account is suspended", 30002)
    | codes(Refusal.TEMPORARY, "Unknown error of the carrier", 30008)
    | codes(Refusal.TEMPORARY, "A segment is missing, congestion, or a timeout", 30009, 30017, 30410)
    | codes(Refusal.CONFIG, "Dearer than the highest price allowed", 30010)
    | codes(Refusal.CONFIG, "Scheduling: SendAt is outside its window, or something is missing", *range(35111, 35119))
)
STATES = States(
    {
        "accepted": (State.SUBMITTED, "Accepted"),
        "scheduled": (State.SUBMITTED, "Scheduled"),
        "queued": (State.SUBMITTED, "Queued"),
        "sending": (State.SUBMITTED, "Sending"),
        "sent": (State.SUBMITTED, "Sent to the carrier"),
        "delivered": (State.DELIVERED, "Delivered"),
        "read": (State.DELIVERED, "Read"),
        "partially_delivered": (State.DELIVERED, "Delivered in part"),
        "undelivered": (State.UNDELIVERED, "Undelivered"),
        "failed": (State.REJECTED, "Failed"),
        "canceled": (State.REJECTED, "Canceled"),
    }
)
