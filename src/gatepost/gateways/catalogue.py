"""What the catalogue says of each provider, made from its manifest alone."""

from typing import Any, Final

from gatepost.providers import registry
from gatepost.providers.fields import Field
from gatepost.providers.registry import Provider

_TYPES: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "string"},
    "long_text": {"type": "string"},
    "secret": {"type": "string"},
    "url": {"type": "string", "format": "uri"},
    "pem": {"type": "string"},
    "choice": {"type": "string"},
    "flag": {"type": "boolean"},
    "number": {"type": "integer"},
    "lines": {"type": "array", "items": {"type": "string"}},
    "json": {},
}


def entries() -> list[dict[str, Any]]:
    """Every provider there is, by its label."""
    return sorted((entry(one) for one in registry.all_providers().values()), key=lambda one: one["label"].lower())


def entry(provider: Provider) -> dict[str, Any]:
    """One tile of the catalogue; also what a form is made from."""
    manifest = provider.manifest
    return {
        "slug": manifest.slug,
        "label": manifest.label,
        "confidence": manifest.confidence,
        "facts": manifest.facts,
        "countries": list(manifest.countries),
        "docs": manifest.docs,
        "website": manifest.website,
        "sign_up": manifest.sign_up,
        "unfit": manifest.unfit,
        "setup": list(manifest.setup),
        "capabilities": _capabilities(provider),
        "fields": [_field(one) for one in manifest.fields],
        "presets": [
            {"slug": one.slug, "label": one.label, "help": one.help, "settings": dict(one.settings)}
            for one in manifest.presets
        ],
        "settings_schema": settings_schema(provider),
    }


def settings_schema(provider: Provider) -> dict[str, Any]:
    """The settings as JSON Schema. Fields that are asked for only under another field's value are not required here."""
    own = provider.manifest.fields
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {one.name: _property(one) for one in own},
        "required": [one.name for one in own if one.required and one.when is None and one.default in (None, "", ())],
    }


def _capabilities(provider: Provider) -> dict[str, Any]:
    manifest = provider.manifest
    return {
        "batch": manifest.batch.limit if manifest.batch else None,
        "dedupe": manifest.dedupe.scope if manifest.dedupe else None,
        "receipts": list(manifest.receipts),
        "inbound": list(manifest.inbound),
        "balance": provider.balance is not None,
        "query": provider.query is not None,
        "check": provider.check is not None or provider.balance is not None,
        "schedules": manifest.schedules,
        "validity": manifest.validity is not None,
    }


def _field(one: Field) -> dict[str, Any]:
    return {
        "name": one.name,
        "label": one.title,
        "kind": one.kind,
        "help": one.help,
        "group": one.group,
        "required": one.required,
        "secret": one.secret,
        "identifier": one.identifier,
        "default": None if one.secret else one.default,
        "choices": [{"value": value, "label": label} for value, label in one.choices],
        "when": {"field": one.when[0], "is": one.when[1]} if one.when else None,
        "confidence": one.confidence,
    }


def _property(one: Field) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": one.title, **_TYPES[one.kind]}
    extra = {
        "description": one.help,
        "pattern": f"^(?:{one.pattern})$" if one.pattern and one.kind == "text" else "",
        "enum": [value for value, _ in one.choices],
        "minimum": one.min,
        "maximum": one.max,
        "default": None if one.secret else one.default,
        "writeOnly": one.secret or None,
    }
    return schema | {name: value for name, value in extra.items() if value not in (None, "", [], ())}
