"""The settings of a gateway that is described by templates: the request, its sign-in and the way there."""

from dataclasses import replace

from gatepost.providers.fields import Choice, Field, Flag, Lines, LongText, Number, Pem, Secret, Text, Url
from gatepost.providers.kit.http_template.request import CONNECT_S, MAX_BYTES, READ_S

HTTP = ("http", "https")
METHODS = ("POST", "GET", "PUT", "PATCH")
FORMATS = (
    ("form", "Form (name=value&name=value)"),
    ("json", "JSON"),
    ("xml", "XML"),
    ("text", "Plain text"),
    ("multipart", "Multipart form"),
    ("none", "No body"),
)
CHARSETS = (
    "utf-8",
    "iso-8859-1",
    "iso-8859-2",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    ("utf-16be", "utf-16be (the text only)"),
)
AUTHS = (
    ("none", "None, or inside the templates"),
    ("basic", "Basic: username and password"),
    ("digest", "Digest: username and password"),
    ("bearer", "Bearer: API key"),
    ("header_key", "API key in a header, without a scheme"),
    ("query_key", "API key in the query"),
    ("login_token", "Token from a login address"),
    ("oauth2_client", "OAuth 2 client credentials"),
    ("hmac", "HMAC signature with secret 1"),
)
ENCODINGS = (
    ("plain", "Characters"),
    ("utf16be", "UTF-16BE bytes"),
    ("hex_utf16be", "Hex of UTF-16BE"),
    ("hex_gsm", "Hex of GSM-7, one septet per byte"),
    ("hex_latin1", "Hex of ISO-8859-1"),
    ("base64_utf8", "Base64 of UTF-8"),
)
TOKEN = ("login_token", "oauth2_client")

_CREDENTIALS = (
    Text("username", identifier=True, help="{{username}} in templates; the login of Basic, Digest and OAuth 2."),
    Secret("password", help="{{password}} in templates."),
    Secret("api_key", label="API key", help="{{api_key}} in templates; what the bearer and key sign-ins send."),
    Text("account_id", label="Account ID", help="{{account_id}} in templates."),
    *(
        Secret(f"secret_{n}", help=f"{{{{secret_{n}}}}} in templates. Secrets typed into a template are refused.")
        for n in (1, 2, 3)
    ),
)

_REQUEST = (
    Choice("method", *METHODS, default="POST", help="JSON, XML and text bodies go with POST, PUT or PATCH."),
    Text(
        "url",
        label="Gateway URL",
        required=True,
        max_length=2000,
        help="http:// or https://. Placeholders may stand in path and query, never in the host.",
    ),
    Choice("body_format", *FORMATS, default="form", help="Decides how values are escaped, whatever the content type."),
    LongText(
        "body",
        label="Payload",
        help='For example to=%TO%&message=%MESSAGE%, or {"to": {{to}}, "text": {{text}}} with or without quotes '
        "around the placeholders. {{name?}} leaves the pair or member out when it is empty. With GET a form payload "
        "becomes the query.",
    ),
    Text("content_type", help="Only the header; empty: by the body format."),
    Lines(
        "headers",
        help="One per line, Name: value. Secrets only as placeholders: Authorization: Basic {{secret_1}}.",
    ),
    Lines("query", help="One name=value per line, added to the URL. A & belongs to the value."),
    Choice("charset", *CHARSETS, help="Of form and query values, text and XML. What it lacks is transliterated."),
    Flag("space_as_plus", default=True, help="A blank in form and query values: + or, when off, %20."),
    Flag("json_ascii", label="JSON in ASCII", help="Writes other characters as \\uXXXX.", when=("body_format", "json")),
    Text(
        "unicode_url",
        label="URL for Unicode texts",
        max_length=2000,
        help="Used instead of the URL when the text does not fit GSM-7. Empty: the same URL.",
    ),
    LongText("unicode_body", label="Payload for Unicode texts", help="Used instead of the payload likewise."),
    Flag(
        "confirm_raw",
        label="Allow |raw for text, number and sender",
        help="Values then go in unescaped: a text can change the request. Only where the provider leaves no choice.",
    ),
)

_SIGN_IN = (
    Choice("auth", *AUTHS, label="Sign-in", help="A login typed into the URL is moved here and never sent in the URL."),
    Text(
        "auth_header_name",
        default="Authorization",
        pattern=r"[A-Za-z0-9][A-Za-z0-9_-]*",
        pattern_words="a header name.",
        when=("auth", ("header_key", *TOKEN)),
        help="The header that carries the key or token.",
    ),
    Text("auth_query_name", default="api_key", help="Name of the query parameter.", when=("auth", "query_key")),
    Text(
        "token_url",
        label="Login address",
        max_length=2000,
        required=True,
        when=("auth", TOKEN),
        help="Asked for a token before the first message, and again when it is refused.",
    ),
    Choice("token_method", "POST", "GET", "PUT", when=("auth", TOKEN), help="How the login address is asked."),
    LongText(
        "token_body",
        label="Login payload",
        help="Form, JSON or XML by its first character. Empty with OAuth 2: grant_type=client_credentials with the "
        "username as client_id and the password as client_secret.",
        when=("auth", TOKEN),
    ),
    Text(
        "token_path",
        default="access_token",
        help="Where the token is in the answer: a JSON path, xml:..., header:... or regex:... It is sent as Bearer, "
        "unless a template uses {{token}}.",
        when=("auth", TOKEN),
    ),
    Number(
        "token_ttl_s",
        label="Token lives (seconds)",
        default=3000,
        min=30,
        max=2_592_000,
        when=("auth", TOKEN),
        help="Asked for anew after that.",
    ),
    Text("token_ttl_path", help="Where the answer says so itself, in seconds.", when=("auth", TOKEN)),
    Choice(
        "hmac_algo",
        "sha256",
        "sha1",
        "sha512",
        label="HMAC algorithm",
        when=("auth", "hmac"),
        help="As the provider documents it.",
    ),
    LongText(
        "hmac_input",
        label="What is signed",
        default="{{body}}",
        help="Any placeholder, and {{body}}, {{method}}, {{url}}, {{path}}. The key is secret 1.",
        when=("auth", "hmac"),
    ),
    Choice(
        "hmac_encoding",
        "hex",
        "base64",
        label="Signature as",
        when=("auth", "hmac"),
        help="How the signature is written.",
    ),
    Text(
        "hmac_header",
        label="Signature header",
        default="X-Signature",
        help="A name, or Name: value with {{signature}} in it.",
        when=("auth", "hmac"),
    ),
)

_TRANSPORT = (
    Pem("client_cert_pem", label="Client certificate (PEM)", help="For providers that ask for one, with its chain."),
    Pem("client_key_pem", label="Client key (PEM)", secret=True, help="The private key of that certificate."),
    Secret("client_key_password", help="If the key is encrypted."),
    Pem("ca_pem", label="Private CA (PEM)", help="Trusted for this gateway instead of the public ones."),
    Number(
        "connect_timeout_s",
        label="Connect time-out (seconds)",
        default=CONNECT_S,
        min=1,
        max=60,
        help="No answer by then: the message is tried again.",
    ),
    Number(
        "read_timeout_s",
        label="Answer time-out (seconds)",
        default=READ_S,
        min=1,
        max=120,
        help="No answer by then: what became of the message is unknown.",
    ),
    Url("proxy_url", label="Proxy", schemes=HTTP, help="Requests of this gateway go through it."),
    Text("proxy_username", label="Proxy login", help="If the proxy asks for one."),
    Secret("proxy_password", help="If the proxy asks for one."),
    Number("max_response_bytes", default=MAX_BYTES, min=256, max=262_144, help="What is read of an answer at most."),
)

_NUMBERS = (
    Choice(
        "number_format",
        ("plus", "+48600100200"),
        ("digits", "48600100200"),
        ("00", "0048600100200"),
        ("national", "600100200"),
        help="What {{to}} gives.",
    ),
    Lines("number_rewrite", help="One /pattern/replacement/ per line, applied to {{to}} in this order."),
    Text("allowed_prefixes", help="Country codes or prefixes, with commas; other destinations are refused."),
    Text("sender_default", label="Default sender", help="Where a message names none."),
    Text("sender_allowed", label="Allowed senders", help="A pattern that the whole sender has to match."),
)

_TEXT = (
    Choice(
        "unicode_mode",
        ("auto", "GSM-7 where it fits, else Unicode"),
        ("gsm_only", "GSM-7 only, refuse the rest"),
        ("unicode_only", "Always Unicode"),
        ("smart", "Replace typographic characters first"),
        help="What is done about characters outside GSM-7.",
    ),
    Flag("transliterate", help="Replaces characters outside GSM-7 by readable ones."),
    Text("coding_gsm", default="0", help="{{coding}} for GSM-7 texts."),
    Text("coding_unicode", default="1", help="{{coding}} for Unicode texts."),
    Choice("text_encoding_gsm", *ENCODINGS, help="How {{text}} is written for GSM-7 texts."),
    Choice("text_encoding_unicode", *ENCODINGS, help="How {{text}} is written for Unicode texts."),
    Number("max_chars", min=1, max=10_000, help="Characters that the provider takes."),
    Choice("too_long", ("refuse", "Refuse"), ("cut", "Cut"), label="Longer texts", help="What to do with them."),
    Text("message_template", default="{{text}}", max_length=1000, help="Put words before or behind the text."),
)

_BATCH = (
    Number(
        "max_recipients",
        label="Recipients per request",
        default=1,
        min=1,
        max=10_000,
        help="Above 1, the payload needs {{to_list}} or {{items}}.",
    ),
    Text(
        "recipient_separator",
        default=",",
        help="Between the numbers of {{to_list}}. Write space, newline or tab for those.",
    ),
    LongText("item_template", help="Repeated for each message inside {{items}}, for different texts in one request."),
    Text("result_items_path", help="Where the answer lists the messages: a JSON path or XPath."),
    Text("result_number_path", help="The number inside an item. Empty: items are in the order of the request."),
    Text("result_id_path", help="The id inside an item."),
    Text("result_ok_rule", help="Holds for an accepted item, such as json:status equals OK."),
    Text("result_error_path", help="The error inside an item; the rules are tried on it."),
)

SENDING: tuple[Field, ...] = tuple(
    replace(field, group=group)
    for group, fields in (
        ("Credentials", _CREDENTIALS),
        ("Request", _REQUEST),
        ("Authentication", _SIGN_IN),
        ("Transport", _TRANSPORT),
        ("Numbers and sender", _NUMBERS),
        ("Text", _TEXT),
        ("Batch", _BATCH),
    )
    for field in fields
)
