"""SberMobile, Russia. Its SMS interface is not public: address and payload come from the operator's contract.

Facts of 2026-11: only that an account has a login, a password and a client ID. Not found: everything else.
"""

from gatepost.providers.kit import http_template
from gatepost.providers.manifest import Manifest, Pace

adapter = http_template

manifest = Manifest(
    slug="sbermobile",
    label="SberMobile",
    countries=("RU",),
    confidence="operator-supplied",
    facts="2026-11",
    website="https://sbermobile.ru",
    fields=http_template.fields(
        defaults={"body_format": "json", "auth": "basic", "number_format": "digits", "no_match": "unknown"},
        changes={
            "username": {"label": "Login", "required": True},
            "password": {"required": True},
            "account_id": {"label": "Client ID", "required": True, "help": "{{account_id}} in templates."},
            "url": {
                "help": "SberMobile's interface has to be entered from the contract.",
                "confidence": "unverified",
            },
            "body": {
                "help": "From the contract. A shape to start from (ours, not SberMobile's): "
                '{"clientId":"{{account_id}}","to":"{{to}}","from":"{{sender}}","text":"{{text}}","id":"{{ref}}"}',
                "confidence": "unverified",
            },
        },
    ),
    receipts=("push", "query"),
    inbound=("sms",),
    inbound_delivery=("push",),
    pace=Pace(requests_per_second=10, parallel=4),
    setup=("Take the address and the payload of the interface from your contract, and enter them below.",),
)
