"""TeleCube.pl, Poland. Its SMS call is not public: the address and the names of its fields come from the operator.

Facts of 2026-11 from the panel's neighbouring APIs (wiki.telecube.pl): form, JSON answer with `error`, authorised IPs.
Not found: the SMS call, reports, incoming messages, balance.
"""

from gatepost.providers.kit import http_template
from gatepost.providers.manifest import Manifest, Pace, SenderRule

adapter = http_template

manifest = Manifest(
    slug="telecube",
    label="TeleCube.pl",
    countries=("PL",),
    confidence="operator-supplied",
    facts="2026-11",
    docs="https://www.telecube.pl/bramka-sms/",
    website="https://www.telecube.pl",
    fields=http_template.fields(
        defaults={
            "body_format": "form",
            "auth": "none",
            "number_format": "digits",
            "rules": ("json:error equals OK -> success", "body contains exceeded -> throttled"),
            "no_match": "fail",
        },
        changes={
            "username": {
                "label": "Login",
                "required": True,
                "pattern": r"[A-Za-z0-9._-]+",
                "pattern_words": "letters, digits, dot, dash and underscore.",
                "help": "Panel login; it is part of the panel API's address. {{username}} in templates.",
            },
            "password": {
                "label": "API key",
                "required": True,
                "help": "Panel > Rozbudowa Centrali > Integracja API. {{password}} in templates.",
            },
            "url": {
                "help": "From TeleCube's documentation for your account; expected shape (unverified): "
                "https://panel.telecube.pl/api/{{username}}/<method>/",
                "confidence": "unverified",
            },
            "body": {
                "help": "From TeleCube's documentation, such as api_key={{password}}&to={{to_no_plus}}&text={{text}}: "
                "the names of its fields for number, text and sender were not found.",
                "confidence": "unverified",
            },
        },
    ),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}|\d{9,15}", "11 characters, or your own number (SMS Premium only)."),
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    pace=Pace(requests_per_second=5, parallel=4),
    setup=(
        "In the panel, switch on Rozbudowa Centrali > Integracja API and copy the key.",
        "Add the address from which this installation calls to the authorised addresses, or every call is refused.",
        "Ask TeleCube for the description of the SMS call, and enter its address and payload below.",
    ),
)
