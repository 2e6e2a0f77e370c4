"""Sky Media (country and site not established). Its protocol is not public: the address comes from the operator.

Facts of 2026-11: only that an account has a login and a password. Not found: everything else. Not supported: SMPP.
"""

from gatepost.providers.kit import http_template
from gatepost.providers.manifest import Manifest, Pace, SenderRule

adapter = http_template

manifest = Manifest(
    slug="skymedia",
    label="Sky Media",
    confidence="operator-supplied",
    facts="2026-11",
    fields=http_template.fields(
        defaults={
            "body_format": "form",
            "auth": "none",
            "no_match": "unknown",
            "number_format": "digits",
            "body": "login={{username}}&password={{password}}&phone={{to}}&text={{text}}&sender={{sender}}",
        },
        changes={
            "username": {"label": "Login", "required": True},
            "password": {"required": True},
            "url": {
                "help": "The send address from the provider's manual: it is not built in.",
                "confidence": "unverified",
            },
            "body": {"help": "The names are guesses: put in those of the manual.", "confidence": "unverified"},
            "success_text": {"required": True, "help": "What a good answer says, from the provider's manual."},
        },
    ),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}|\d{1,15}", "Up to 11 letters and digits, or up to 15 digits."),
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    pace=Pace(requests_per_second=5, parallel=4),
    setup=("Ask the provider for the manual of its HTTP interface, and enter address, payload and a good answer.",),
)
