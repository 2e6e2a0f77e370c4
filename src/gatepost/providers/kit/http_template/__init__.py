"""Gateways that are described instead of programmed: templates for what is sent, rules and names for what comes back.

One provider is this machinery with every setting open. Another one, whose protocol is known only to its customers, is
a manifest with `fields(defaults, changes)` and these functions.

template, scope, modifiers     placeholders and what they stand for
escape, pairs, json_body, xml_body, request     values put in, escaped by the place where they go
draft, numbers                 text and number before they are put in
signing, digest                sign-ins
rules, lookups, documents, verdict     what an answer means
callbacks, receipts, inbound, received, times     what the provider sends to us
pulling                        questions: states, inbox, balance, check
fields, answer_fields, prepare, checks, capabilities, exchange     settings
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatepost.providers.fields import Field
from gatepost.providers.kit.http_template.answer_fields import READING
from gatepost.providers.kit.http_template.callbacks import verify
from gatepost.providers.kit.http_template.capabilities import capabilities
from gatepost.providers.kit.http_template.exchange import export_preset, import_preset
from gatepost.providers.kit.http_template.fields import SENDING
from gatepost.providers.kit.http_template.prepare import prepare, prepared
from gatepost.providers.kit.http_template.pulling import balance, check, poll, query
from gatepost.providers.kit.http_template.received import parse_callback
from gatepost.providers.kit.http_template.sending import preview, submit

__all__ = [
    "balance",
    "capabilities",
    "check",
    "export_preset",
    "fields",
    "import_preset",
    "parse_callback",
    "poll",
    "prepare",
    "prepared",
    "preview",
    "query",
    "submit",
    "verify",
]


def fields(
    defaults: Mapping[str, Any] | None = None, changes: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Field, ...]:
    """All settings; `defaults` by name, `changes` any attributes of a field by name. Raises KeyError for a name
    that does not exist."""
    amended = {name: dict(attributes) for name, attributes in (changes or {}).items()}
    for name, default in (defaults or {}).items():
        amended.setdefault(name, {})["default"] = default
    known = {field.name: field for field in (*SENDING, *READING)}
    for name, attributes in amended.items():
        known[name] = replace(known[name], **attributes)
    return tuple(known.values())
