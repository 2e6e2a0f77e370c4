"""The settings that say what the provider's words mean: answers, delivery reports, incoming messages, balance."""

from dataclasses import replace

from gatepost.providers.fields import Choice, Field, Flag, Lines, LongText, Number, Secret, Text

PARSES = (("auto", "By content type"), ("form", "Query and form"), "json", "xml")
REPLY_TYPES = ("text/plain", "application/json", "application/xml", "text/xml")
TIME_HELP = "iso, unix, unix_ms, YYMMDDhhmm, or a pattern such as %Y-%m-%d %H:%M:%S."
PATH_HELP = "A name, JSON path or XPath. Empty: the usual names are tried."

_ANSWER = (
    Text("ok_statuses", label="Good HTTP statuses", default="200-299", help="A list with ranges."),
    Lines(
        "rules",
        help="One per line, the first match decides: WHERE OPERATION VALUE -> OUTCOME[: words]. WHERE is body, "
        "status, header:NAME, json:PATH, xml:XPATH or form:NAME; OPERATION is contains, not_contains, equals, "
        "starts_with, regex, exists, in, lt or gt; OUTCOME is success, throttled, unknown, or a refusal class "
        "such as temporary, permanent, auth, no_credit, bad_recipient. {{match}} in the words shows what matched.",
    ),
    Text(
        "success_text", label="Successful response", help="Text that a good answer contains; checked after the rules."
    ),
    Choice(
        "no_match",
        ("auto", "Success, unless a success rule is set"),
        "success",
        ("fail", "Failure"),
        "unknown",
        label="When no rule matches",
        help="What an answer with a good status means then.",
    ),
    Text("id_from", label="Message id", help="json:PATH, xml:XPATH, header:NAME or regex:PATTERN with one group."),
    Text("parts_from", label="Number of parts", help="Like the message id."),
    Text("price_from", label="Price", help="Like the message id."),
    Text("currency", help="Of the price."),
    Choice(
        "on_read_timeout",
        ("unknown", "Unknown: never repeat"),
        ("retry", "Repeat"),
        help="Repeating needs a provider that recognises a repeated reference.",
    ),
    Flag("idempotent", help="The provider recognises a reference that it has seen and does not send twice."),
    Number(
        "idempotent_hours",
        label="It remembers (hours)",
        default=24,
        min=1,
        max=720,
        when=("idempotent", True),
        help="A message of unknown fate is repeated within that time only.",
    ),
    Text(
        "unprocessed_statuses",
        help="HTTP statuses (408, 5xx) after which the provider promises that nothing was sent, such as 503. After "
        "all others the message is unknown.",
    ),
)

_RECEIPTS = (
    Flag(
        "dlr_enabled",
        label="Delivery reports",
        help="Give the receipt URL to the provider, or put {{dlr_url}} into the request.",
    ),
    Text("dlr_suffix", help="Codes that the provider replaces, such as &status=%d; put behind {{dlr_url}}."),
    Text(
        "dlr_methods",
        default="GET, POST, PUT",
        label="Methods of reports",
        help="How the provider calls; anything else is refused.",
    ),
    Choice("dlr_parse", *PARSES, label="Body of reports", help="How to read what the provider sends."),
    Text("dlr_items_path", help="Where one call holds several reports."),
    Text("dlr_id", help=PATH_HELP),
    Text("dlr_ref", help="Where our reference is. Empty: ref in our own URL."),
    Text("dlr_status", help=PATH_HELP),
    Text("dlr_error", help="Where the reason is."),
    Text("dlr_number", help="Where the recipient's number is."),
    Text("dlr_time", help="Where the time is."),
    Text("dlr_time_format", default="iso", help=TIME_HELP),
    Text("dlr_time_zone", default="UTC", help="Of times that name none, such as Europe/Warsaw."),
    Choice(
        "status_preset",
        ("none", "Words only"),
        ("kannel", "Kannel: 1, 2, 4, 8, 16"),
        ("playsms", "playSMS: 0, 1, 2, 3"),
        label="Numeric statuses",
        help="Bare digits mean something else at every provider.",
    ),
    Lines("status_map", help="One per line: value = state, or /pattern/ = state. Stands before the usual words."),
    Flag("status_in_path", help="The report URL is called with /sent, /delivered or /failed behind it."),
    Number(
        "dlr_reply_status",
        default=200,
        min=200,
        max=299,
        label="Status of our answer",
        help="The HTTP status that the provider takes as received.",
    ),
    Choice("dlr_reply_type", *REPLY_TYPES, label="Type of our answer", help="Its content type."),
    LongText("dlr_reply_body", help="The exact answer, such as ACK/Jasmin. {{id}} and {{ref}} may stand in it."),
)

_CALLBACKS = (
    Choice(
        "callback_auth",
        ("none", "The secret URL only"),
        ("header", "A header equals the secret"),
        ("basic", "Basic login"),
        ("hmac", "HMAC signature"),
        label="Proof of origin",
        help="Beyond the address, which nobody can guess.",
    ),
    Text(
        "callback_header",
        required=True,
        help="The header with the secret or the signature.",
        when=("callback_auth", ("header", "hmac")),
    ),
    Text(
        "callback_username",
        required=True,
        when=("callback_auth", "basic"),
        help="What the provider signs in with when it calls us.",
    ),
    Secret(
        "callback_secret",
        required=True,
        when=("callback_auth", ("header", "basic", "hmac")),
        help="The password, the value of the header, or the key of the signature.",
    ),
    Choice(
        "callback_hmac_algo",
        "sha256",
        "sha1",
        "sha512",
        when=("callback_auth", "hmac"),
        label="Signature algorithm",
        help="As the provider documents it.",
    ),
    Choice(
        "callback_hmac_encoding",
        "hex",
        "base64",
        when=("callback_auth", "hmac"),
        label="Signature written as",
        help="As the provider documents it.",
    ),
    Choice(
        "callback_hmac_input",
        ("body", "The body"),
        ("body_timestamp", "Body, then timestamp"),
        ("timestamp_dot_body", "Timestamp, a point, body"),
        when=("callback_auth", "hmac"),
        label="What the provider signs",
        help="As the provider documents it.",
    ),
    Text(
        "callback_timestamp_header",
        when=("callback_auth", "hmac"),
        label="Header with the timestamp",
        help="Where it is part of what is signed.",
    ),
)

_PULL = (
    Text("poll_url", label="State address", max_length=2000, help="{{id}} is the provider's id, {{ids}} several."),
    Choice("poll_method", "GET", "POST", "PUT", label="Method", help="How the state address is asked."),
    LongText("poll_body", help="Form, JSON or XML by its first character."),
    Lines("poll_headers", help="Empty: those of sending."),
    Number(
        "poll_ids_max",
        label="Ids per question",
        default=1,
        min=1,
        max=1000,
        help="Above 1, the address or payload needs {{ids}}.",
    ),
    Text("poll_id_separator", default=",", help="Write space, newline or tab for those."),
    Number(
        "poll_max_age_h",
        label="Ask for (hours)",
        default=72,
        min=1,
        max=720,
        help="After that a message without a final state ends as unconfirmed.",
    ),
)

_INBOUND = (
    Flag(
        "mo_enabled",
        label="Incoming messages",
        help="Give the inbound URL to the provider, or enter the inbox address below.",
    ),
    Text(
        "mo_methods",
        default="GET, POST, PUT",
        label="Methods of messages",
        help="How the provider calls; anything else is refused.",
    ),
    Choice("mo_parse", *PARSES, label="Body of messages", help="How to read what the provider sends."),
    Text("mo_items_path", help="Where one call holds several messages."),
    Text("mo_from", help=PATH_HELP),
    Text("mo_to", help=PATH_HELP),
    Text("mo_text", help=PATH_HELP),
    Text("mo_id", help=PATH_HELP),
    Text("mo_time", help=PATH_HELP),
    Text("mo_time_format", default="iso", help=TIME_HELP),
    Text(
        "mo_time_zone",
        default="UTC",
        label="Time zone of messages",
        help="Of times that name none, such as Europe/Warsaw.",
    ),
    Choice(
        "mo_text_encoding",
        ("plain", "Characters"),
        ("hex_utf16be", "Hex of UTF-16BE"),
        ("hex_latin1", "Hex of ISO-8859-1"),
        ("base64", "Base64 of UTF-8"),
        label="Text written as",
        help="How the provider writes the text.",
    ),
    Text("mo_coding", help="A field that says so: 2 or 8 means hex of UTF-16BE."),
    Choice(
        "mo_charset",
        "utf-8",
        "iso-8859-1",
        "iso-8859-2",
        "windows-1250",
        "windows-1251",
        "windows-1252",
        label="Charset of messages",
        help="Of pushed fields and bodies that name none.",
    ),
    Text("mo_part_ref", help="Reference of a long message whose parts come one by one."),
    Text("mo_part_no", label="Number of a part", help="Where it is in the message, counted from 1."),
    Text("mo_part_count", label="Parts in all", help="Where it is in the message."),
    Text("mo_udh", label="User data header", help="Instead of the three: the header in hex."),
    Text("mo_media", help="Where an MMS has its URLs or base64."),
    Text(
        "mo_distinguish",
        help="A rule that holds for messages, where reports and messages come to one URL, such as json:eventType "
        "equals inbound.",
    ),
    Flag("mo_strict", help="Refuses senders that are no phone numbers and times in another format with 400."),
    Number(
        "mo_reply_status",
        default=200,
        min=200,
        max=299,
        label="Status of our answer",
        help="The HTTP status that the provider takes as received.",
    ),
    Choice("mo_reply_type", *REPLY_TYPES, label="Type of our answer", help="Its content type."),
    LongText("mo_reply_body", help="The exact answer. Some providers send it to the handset: leave it empty there."),
    Text("mo_poll_url", label="Inbox address", max_length=2000, help="Asked for messages; {{cursor}} is the last id."),
    Choice("mo_poll_method", "GET", "POST", "PUT", label="Method", help="How the inbox address is asked."),
    LongText("mo_poll_body", label="Payload", help="Form, JSON or XML by its first character."),
    Number(
        "mo_poll_every_s",
        label="Ask every (seconds)",
        default=60,
        min=10,
        max=86_400,
        help="The pause after an empty answer.",
    ),
    Text("mo_ack_url", max_length=2000, help="Called once messages are stored, with {{id}} (each) or {{ids}} (all)."),
    Choice(
        "mo_ack_method",
        "GET",
        "POST",
        "PUT",
        "DELETE",
        label="Method of the confirmation",
        help="How the address above is called.",
    ),
    LongText("mo_ack_body", label="Payload of the confirmation", help="Form, JSON or XML by its first character."),
)

_BALANCE = (
    Text("balance_url", max_length=2000, help="Asked with the sign-in and headers of sending."),
    Choice("balance_method", "GET", "POST", label="Method", help="How the balance address is asked."),
    LongText("balance_body", label="Payload", help="Form, JSON or XML by its first character."),
    Text("balance_field", help="JSON path, XPath or regex:PATTERN. Empty: the first number in the answer."),
    Text("balance_unit", help="A currency, or credits."),
)

READING: tuple[Field, ...] = tuple(
    replace(field, group=group)
    for group, fields in (
        ("Answer", _ANSWER),
        ("Delivery reports", _RECEIPTS),
        ("Asking for states", _PULL),
        ("Incoming messages", _INBOUND),
        ("Proof of callbacks", _CALLBACKS),
        ("Balance", _BALANCE),
    )
    for field in fields
)
