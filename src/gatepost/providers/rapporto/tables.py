"""What the three interfaces answer and report, in the provider's words."""

from gatepost.providers.kit.tables import THROTTLED, UNCERTAIN, Refused, States, codes
from gatepost.sms.outcomes import Refusal
from gatepost.sms.states import State

TOO_MANY = "too.many.messages"
HTTP_REFUSED = Refused(
    {
        400: (Refusal.CONFIG, "Parameter missing or wrong"),
        401: (Refusal.AUTH, "Wrong service ID or password"),
        402: (Refusal.NO_CREDIT, "Prepaid messages are used up"),
        403: (Refusal.AUTH, "Service ID unknown or inactive"),
        406: (Refusal.BAD_RECIPIENT, "Cannot send to this number"),
        408: (THROTTLED, "Above the allowed rate"),
        409: (Refusal.DUPLICATE, "The same number and text within a day, or blocked"),
        414: (Refusal.BAD_CONTENT, "Text too long"),
        500: (Refusal.TEMPORARY, "Internal error"),
        503: (UNCERTAIN, "The first request with this id is still being processed"),
    }
)
REST_REFUSED = Refused(
    {
        1: (Refusal.TEMPORARY, "Service is unavailable"),
        2: (Refusal.AUTH, "Invalid IP-address"),
        3: (THROTTLED, "Too many connections"),
        4: (Refusal.CONFIG, "Invalid request"),
        5: (Refusal.AUTH, "Invalid login"),
        6: (Refusal.AUTH, "Invalid password"),
        7: (Refusal.BAD_SENDER, "serviceNumber is not defined"),
        8: (Refusal.BAD_RECIPIENT, "destAddr is not correct"),
        9: (Refusal.CONFIG, "Message type is not correct"),
        10: (Refusal.DUPLICATE, "Prohibited sending duplicates"),
        11: (Refusal.CONFIG, "Invalid TTL"),
        100: (Refusal.TEMPORARY, "Internal error"),
    }
)
BATCH_REFUSED = Refused(
    {
        "invalid validity": (Refusal.CONFIG, "Wrong lifetime"),
        "invalid callbackUrl": (Refusal.CONFIG, "Wrong report URL"),
        "must.be.not.null": (Refusal.CONFIG, "No messages"),
        TOO_MANY: (Refusal.CONFIG, "Too many messages in a request"),
        "forbidden": (Refusal.AUTH, "Forbidden"),
        "unknown": (Refusal.TEMPORARY, "Unknown error"),
        "invalid to": (Refusal.BAD_RECIPIENT, "Wrong number"),
        "length.too.long text": (Refusal.BAD_CONTENT, "Text too long"),
        "not.available from": (Refusal.BAD_SENDER, "Sender not available"),
    }
)
BATCH_HTTP = Refused(codes(Refusal.AUTH, "Not authorised (unverified)", 401, 403))
# "5/12" is status 5 for reason 12.
STATES = States(
    {
        "0": (State.SUBMITTED, "sent to the operator"),
        "2": (State.DELIVERED, "delivered"),
        "5": (State.UNDELIVERED, "not delivered"),
        "9": (State.DELIVERED, "read"),
        "5/1": (State.UNDELIVERED, "unknown"),
        "5/2": (State.EXPIRED, "absent-subscriber"),
        "5/3": (State.UNDELIVERED, "call-barred"),
        "5/4": (State.UNDELIVERED, "failure"),
        "5/5": (State.UNDELIVERED, "memory-capacity-exceeded"),
        "5/6": (State.UNDELIVERED, "teleservice-not-provisioned"),
        "5/7": (State.UNDELIVERED, "timeout"),
        "5/8": (State.UNDELIVERED, "unknown-subscriber", Refusal.BAD_RECIPIENT),
        "5/9": (State.REJECTED, "duplicated", Refusal.DUPLICATE),
        "5/10": (State.REJECTED, "filtered by the platform", Refusal.BAD_CONTENT),
        "5/11": (State.REJECTED, "unrouted", Refusal.CONFIG),
        "5/12": (State.REJECTED, "oper-blacklisted", Refusal.BLOCKED),
        "5/13": (State.REJECTED, "oper-invsrcaddr", Refusal.BAD_SENDER),
        "5/14": (State.REJECTED, "oper-spamfiltered", Refusal.BAD_CONTENT),
        "ACCEPTED": (State.SUBMITTED, "queued"),
        "SENT": (State.SUBMITTED, "sent"),
        "DELIVERED": (State.DELIVERED, "delivered"),
        "EXPIRED": (State.EXPIRED, "lifetime is over"),
        "REJECTED": (State.REJECTED, "rejected"),
        "UNDELIVERABLE": (State.UNDELIVERED, "cannot be delivered"),
        "UNKNOWN": (State.UNCONFIRMED, "unknown"),
    }
)
