"""Any provider with an HTTP interface, described by its operator: Settings > Gateways > Generic HTTP.

Not supported: one request per part of a long text (`split_mode` us), redirects.
"""

from collections.abc import Mapping
from typing import Any

from gatepost.providers.generic_http.presets import PRESETS
from gatepost.providers.kit import http_template
from gatepost.providers.kit.http_template import (
    balance,
    capabilities,
    check,
    parse_callback,
    poll,
    prepare,
    prepared,
    preview,
    query,
    submit,
    verify,
)
from gatepost.providers.manifest import Manifest, Pace

__all__ = [
    "balance",
    "capabilities",
    "check",
    "export_preset",
    "import_preset",
    "manifest",
    "parse_callback",
    "poll",
    "prepare",
    "prepared",
    "preview",
    "query",
    "submit",
    "verify",
]

manifest = Manifest(
    slug="generic_http",
    label="Generic HTTP",
    confidence="documented",
    facts="2026-11",
    fields=http_template.fields(),
    pace=Pace(requests_per_second=5, parallel=10),
    receipts=("push", "query"),
    inbound=("sms", "mms"),
    inbound_delivery=("push", "poll"),
    presets=PRESETS,
    setup=(
        "Choose a preset, or enter the provider's address, method and payload with %TO% and %MESSAGE% in it.",
        "Put credentials into their own fields and write {{username}}, {{password}}, {{api_key}} or {{secret_1}}.",
        "Say what a good answer looks like: a success text or a rule.",
        "For delivery reports and incoming messages, switch them on and give the provider the URLs shown below.",
    ),
)


def export_preset(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as a preset to share: no secrets, certificates or account names."""
    return http_template.export_preset(manifest.fields, settings)


def import_preset(data: Any) -> dict[str, Any]:
    """The settings of an exported preset. Raises FieldError."""
    return http_template.import_preset(manifest.fields, data)
