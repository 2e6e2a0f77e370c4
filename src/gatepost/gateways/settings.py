"""The provider's own settings of a gateway: cleaned by its manifest, split into what is shown and what is secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings

from gatepost.gateways import certificates
from gatepost.problems import Fault, Problem
from gatepost.providers import fields as provider_fields
from gatepost.providers import registry
from gatepost.providers.fields import Field, FieldError
from gatepost.providers.registry import Provider
from gatepost.rest.storable import is_storable
from gatepost.transport.addresses import parse_allow_list

_EMPTY: Final[tuple[object, ...]] = (None, "", (), [])


@dataclass(frozen=True, slots=True)
class Settled:
    """Cleaned settings. `secrets` holds those that are set; `expiries` the end of certificates among the secrets."""

    settings: dict[str, Any]
    secrets: dict[str, Any] = field(repr=False)
    expiries: dict[str, datetime]


def provider_of(slug: str) -> Provider:
    """The provider of that slug; raises Problem `not_found`."""
    try:
        return registry.provider(slug)
    except KeyError:
        raise Problem("not_found", "There is no such provider.", remedy="Choose one of the catalogue.") from None


def settle(provider: Provider, values: Mapping[str, Any]) -> Settled:
    """Clean the settings as a whole. Raises Problem `invalid_settings` with every fault; none tells a secret."""
    manifest = provider.manifest
    own = tuple(_with_allowed_schemes(one, values.get(one.name)) for one in manifest.fields)
    cleaned, faults = provider_fields.clean(own, values)
    faults += [
        FieldError(one.name, "bad_characters", f"{one.title}: NUL and half characters are not allowed.")
        for one in manifest.fields
        if not is_storable(cleaned.get(one.name))
    ]
    if not faults:
        faults = certificates.faults(manifest.fields, cleaned)
    if not faults and provider.prepare is not None:
        try:
            cleaned = dict(provider.prepare(cleaned))
        except FieldError as fault:
            faults = [fault]
    if faults:
        raise Problem("invalid_settings", faults=[as_fault(fault) for fault in faults])
    secrets = {name: cleaned[name] for name in manifest.secret_names if cleaned.get(name) not in _EMPTY}
    shown = {one.name: cleaned.get(one.name) for one in manifest.fields if not one.secret}
    return Settled(shown, secrets, _expiries(manifest.fields, secrets))


def restored(provider: Provider, stored: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as adapters take them, from what was stored: lists of lines are tuples again, and a field that the
    manifest has gained since has its default. Nothing is checked again: what worked goes on working."""
    saved = {**stored, **secrets}
    return {one.name: _restored(one, saved.get(one.name)) for one in provider.manifest.fields}


def as_fault(fault: FieldError) -> Fault:
    """The fault as the API and the form name it."""
    return Fault(f"settings.{fault.field}", fault.code, fault.words)


def _restored(one: Field, value: Any) -> Any:
    if value is None:
        return one.default
    return tuple(value) if one.kind == "lines" else value


def _expiries(own: tuple[Field, ...], secrets: Mapping[str, Any]) -> dict[str, datetime]:
    pems = {one.name for one in own if one.kind == "pem"}
    ends = {name: certificates.expiry(value) for name, value in secrets.items() if name in pems}
    return {name: end for name, end in ends.items() if end is not None}


def _with_allowed_schemes(one: Field, value: Any) -> Field:
    """Plain http is taken where the operator of the installation has allowed that very address."""
    if one.kind != "url" or not isinstance(value, str) or "http" in one.schemes or not _is_allowed(value.strip()):
        return one
    return replace(one, schemes=(*one.schemes, "http"))


def _is_allowed(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError:
        return False
    allowed = parse_allow_list(django_settings.CONFIG["EGRESS_ALLOW"])
    try:
        return allowed.allows(ip_address(host), port, host)
    except ValueError:
        return (host, port) in allowed.hosts
