"""Dotpay.pl, Poland. Its interface for sending is not public: address and payload come from the operator.

Facts of 2026-11: an account has a login, a password and a sender name. Not found: everything else. Dotpay's Premium
SMS (`check_code.php`) checks codes that customers paid for and sends nothing; it is another service.
"""

from gatepost.providers.kit import http_template
from gatepost.providers.manifest import Manifest, Pace, SenderRule

adapter = http_template

manifest = Manifest(
    slug="dotpay",
    label="Dotpay.pl",
    countries=("PL",),
    confidence="operator-supplied",
    facts="2026-11",
    website="https://www.dotpay.pl",
    fields=http_template.fields(
        defaults={
            "body_format": "form",
            "auth": "none",
            "no_match": "unknown",
            "body": "login={{username}}&password={{password}}&from={{sender}}&to={{to_no_plus}}&text={{text}}",
        },
        changes={
            "username": {"label": "Gateway login", "required": True},
            "password": {"label": "Gateway password", "required": True},
            "url": {"help": "From your Dotpay SMS contract documentation, https only.", "confidence": "unverified"},
            "body": {
                "required": True,
                "help": "The names are ours: put in those of your contract documentation.",
                "confidence": "unverified",
            },
            "success_text": {"required": True, "help": "What a good answer says, from your contract documentation."},
            "mo_enabled": {
                "help": "Premium SMS can be forwarded to a URL; the names of its fields were not found. Texts begin "
                "with AP.<service>.",
                "confidence": "unverified",
            },
        },
    ),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}", "Up to 11 letters and digits."),
    receipts=("push", "query"),
    inbound=("sms", "mms"),
    inbound_delivery=("push",),
    pace=Pace(requests_per_second=5, parallel=4),
    setup=(
        "Only for owners of a contract: whether the service still exists after the merger could not be verified.",
        "Enter the address, the names of the fields, and what a good answer says, from your contract documentation.",
    ),
)
