"""Gateways that share one account at a provider, where that account has a limit of its own: one worker drives them all,
under the lease of one of them, and with one pacer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gatepost.gateways import services
from gatepost.gateways.models import Gateway
from gatepost.problems import Problem
from gatepost.providers.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Shared:
    """An account as one of its gateways sees it. `rate`: of all of them together, per second. `leader_id`: the gateway
    without whose lease none of the others is driven. `seen`: the provider's gateways when this was found, as their last
    change and how many there were."""

    leader_id: int
    rate: float
    seen: tuple[datetime, int]


def shared_by(row: Gateway, settings: Mapping[str, Any], manifest: Manifest, limit: float | None) -> Shared | None:
    """The account of a gateway with these settings; None where no account has a limit. Uses the ORM.

    `limit`: what the installation allows for each account of the provider, per second.
    """
    pace = manifest.pace
    rate = min((one for one in (limit, pace.requests_per_second if pace.shared_by else None) if one), default=None)
    if rate is None:
        return None
    key = _key(settings, manifest)
    rows = list(Gateway.objects.filter(provider=row.provider).prefetch_related("secrets").order_by("id"))
    leader = next((one.pk for one in rows if one.pk < row.pk and _key_of(one, manifest) == key), row.pk)
    return Shared(leader, rate, (max(one.updated_at for one in rows), len(rows)))


def _key_of(row: Gateway, manifest: Manifest) -> object:
    try:
        return _key(services.runtime(row).settings, manifest)
    except Problem:
        # What cannot be read is not driven, so it takes nothing of the limit.
        return None


def _key(settings: Mapping[str, Any], manifest: Manifest) -> object:
    """What tells accounts apart: the setting that the manifest names, else its identifier, else all there is."""
    names = (manifest.pace.shared_by, manifest.identifier.name if manifest.identifier else "")
    named = next((settings[name] for name in names if name and settings.get(name)), None)
    return str(named) if named is not None else sorted((name, repr(value)) for name, value in settings.items())
