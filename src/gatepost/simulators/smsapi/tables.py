"""SMSAPI's error table, states and limits. The words of the errors are the published meanings in short."""

import re
from decimal import Decimal
from typing import Final

ERRORS: Final = {
    "7": "Short links are disabled",
    "8": "Error in request",
    "11": "Message text missing, too long or with forbidden characters",
    "12": "Message has more parts than allowed",
    "13": "No correct phone numbers",
    "14": "Wrong sender name",
    "17": "Flash message with special characters",
    "18": "Wrong number of parameters",
    "19": "Too many messages in one request",
    "20": "Wrong number of idx parameters",
    "25": "Parameters normalize and datacoding cannot be used together",
    "26": "Subject too long",
    "27": "Idx too long",
    "28": "Wrong time restriction",
    "30": "Wrong UDH parameter",
    "40": "Group does not exist",
    "41": "Group is empty",
    "50": "Date too far in the future",
    "52": "Too many messages to one number",
    "53": "Not unique idx parameter",
    "54": "Wrong date",
    "56": "Wrong expiration date",
    "57": "Number on the blacklist",
    "59": "Number on the opt-out list",
    "70": "Wrong notify_url",
    "72": "notify_url is not allowed with many recipients",
    "74": "Outside of the allowed sending hours",
    "76": "Forbidden characters",
    "93": "Parameters cannot be used with a group",
    "94": "Messages with links are not allowed",
    "96": "Country or limit restriction",
    "98": "Account restricted to the number used at registration",
    "101": "Authorization failed",
    "102": "Bad login or password",
    "103": "Not enough points",
    "104": "No such template",
    "105": "IP address not allowed",
    "106": "Wrong short link",
    "110": "Action not allowed for this account",
    "112": "Sending to this country is not allowed",
    "200": "Message not submitted",
    "201": "Internal error",
    "202": "Too many simultaneous requests",
    "203": "Too many requests",
    "301": "Message does not exist",
    "400": "Wrong message id",
    "401": "Token lacks permission",
    "409": "Value already exists",
    "666": "Internal error",
    "997": "Plain HTTP is disabled",
    "998": "Short link service unavailable",
    "999": "Internal error",
    "1000": "Action for the main user only",
    "1001": "Wrong action",
}
STATES: Final = {
    "accepted": (409, "QUEUE"),
    "scheduled": (409, "QUEUE"),
    "sent": (403, "SENT"),
    "delivered": (404, "DELIVERED"),
    "undelivered": (405, "UNDELIVERED"),
    "expired": (402, "EXPIRED"),
    "rejected": (407, "REJECTED"),
    "unknown": (408, "UNKNOWN"),
}
BLOCKED: Final = "59"
POINTS: Final = Decimal("0.16")
MAX_PARTS: Final = 6
MAX_RECIPIENTS: Final = 10_000
REPORTS_PER_CALL: Final = 5
CHARSETS: Final = {"utf-8": "utf-8", "iso-8859-2": "iso-8859-2", "windows-1250": "windows-1250"}
SENDER: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9.&@+_!%# -]{1,11}")
