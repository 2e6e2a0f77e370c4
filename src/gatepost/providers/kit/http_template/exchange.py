"""Presets as files: the settings of a gateway without its credentials, to give to others."""

from collections.abc import Iterable, Mapping
from typing import Any

from gatepost.providers.fields import Field, FieldError, clean

FORMAT = "gatepost-http-preset"
VERSION = 1


def export_preset(fields: Iterable[Field], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults, without secrets, certificates and account names."""
    shared = {
        field.name: list(value) if isinstance(value, tuple) else value
        for field in fields
        if not _is_private(field)
        and (value := settings.get(field.name)) != field.default
        and value not in (None, "", (), [])
    }
    return {"format": FORMAT, "version": VERSION, "settings": shared}


def import_preset(fields: tuple[Field, ...], data: Any) -> dict[str, Any]:
    """The settings of a preset file, to be merged with credentials. Raises FieldError."""
    if not isinstance(data, Mapping) or data.get("format") != FORMAT or not isinstance(data.get("settings"), Mapping):
        raise FieldError("preset", "not_a_preset", "This is not a preset that was exported from an HTTP gateway.")
    if data.get("version") != VERSION:
        raise FieldError("preset", "other_version", "The preset was written by another version.")
    chosen = dict(data["settings"])
    private = {field.name for field in fields if _is_private(field)} & set(chosen)
    if private:
        raise FieldError(min(private), "secret_in_preset", "A preset must not hold credentials.")
    cleaned, faults = clean(fields, chosen)
    found = [fault for fault in faults if fault.code != "required"]
    if found:
        raise found[0]
    return {name: cleaned[name] for name in chosen}


def _is_private(field: Field) -> bool:
    return field.secret or field.kind == "pem" or field.group == "Credentials" or field.name.startswith("proxy_")
