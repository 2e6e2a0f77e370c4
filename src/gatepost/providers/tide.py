"""Tide, Poland (identity unverified). Its protocol is not public: address and payload come from the operator.

Facts of 2026-11: only that an account has a login, a password and a sender name. Not found: everything else.
"""

from gatepost.providers.kit import http_template
from gatepost.providers.manifest import Manifest, Pace, SenderRule

adapter = http_template

manifest = Manifest(
    slug="tide",
    label="Tide",
    countries=("PL",),
    confidence="operator-supplied",
    facts="2026-11",
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
            "url": {"help": "Address of the HTTP interface from your Tide documentation.", "confidence": "unverified"},
            "body": {
                "help": "The names are ours: put in those of your Tide documentation.",
                "confidence": "unverified",
            },
            "success_text": {"required": True, "help": "What a good answer says, from your Tide documentation."},
        },
    ),
    sender=SenderRule(r"[A-Za-z0-9 .&_-]{1,11}", "Up to 11 letters and digits."),
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    pace=Pace(requests_per_second=5, parallel=4),
    setup=(
        "Ask the provider for the description of its HTTP interface.",
        "Enter its address, the names of its fields, and what a good answer says.",
    ),
)
