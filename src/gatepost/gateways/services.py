"""Gateways: making, changing, deleting, and handing them to whoever drives an adapter.

Each change grows `settings_version`, keeps the settings as they were, and tells workers and caches on CONFIG_CHANNEL
in the same transaction.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings as django_settings
from django.db import IntegrityError, connection, transaction

from gatepost.gateways import certificates, changes, common, deletion, secrets
from gatepost.gateways.models import Gateway, GatewaySecret, SettingsVersion
from gatepost.gateways.settings import Settled, provider_of, restored, settle
from gatepost.problems import Fault, Problem
from gatepost.providers import base
from gatepost.providers.manifest import Manifest
from gatepost.providers.registry import Provider
from gatepost.rest.storable import is_storable
from gatepost.workspaces.differences import Changes, differences, untold
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import CONFIG_CHANNEL, audit


def create_gateway(
    workspaces: Iterable[Workspace],
    provider: str,
    name: str,
    settings: Mapping[str, Any],
    common_values: Mapping[str, Any] | None = None,
    *,
    actor: str,
) -> Gateway:
    """A new gateway, assigned to the workspaces.

    `settings` are the fields of the provider's manifest, secrets among them; `common_values` those of `common.FIELDS`,
    where the manifest gives the defaults. Raises Problem `not_found`, `provider_unfit`, `invalid_settings`, `invalid`
    or `name_taken`.
    """
    chosen = provider_of(provider)
    if chosen.manifest.unfit:
        raise Problem("provider_unfit", chosen.manifest.unfit)
    settled = settle(chosen, settings)
    manifest = chosen.manifest_for(restored(chosen, settled.settings, settled.secrets))
    values = common.from_manifest(manifest) | _common(common_values or {}, manifest)
    values["pattern"] = _pattern(values.get("pattern", Gateway.Pattern.BATCH), manifest)
    try:
        with transaction.atomic():
            gateway = Gateway.objects.create(
                name=_name(name), provider=provider, settings=settled.settings, settings_version=1, **values
            )
            gateway.workspaces.set(workspaces)
            _store_secrets(gateway, settled, {})
            SettingsVersion.objects.create(gateway=gateway, version=1, settings=settled.settings)
            changes.added(gateway, actor)
            audit(actor, "gateway.create", gateway, _owner(gateway), provider=provider)
            _notify(gateway.pk)
    except IntegrityError:
        raise _name_taken() from None
    return gateway


def update_gateway(
    gateway: Gateway,
    *,
    actor: str,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    common_values: Mapping[str, Any] | None = None,
    workspaces: Iterable[Workspace] | None = None,
) -> Gateway:
    """Change what is given. Settings that are not named stay; a secret that is None stays too, and "" clears it.

    Raises Problem `invalid_settings`, `invalid`, `name_taken` or `secret_unreadable`.
    """
    try:
        with transaction.atomic():
            locked = Gateway.objects.select_for_update().get(pk=gateway.pk)
            switches = changes.switches_of(locked)
            changed = _change_settings(locked, settings or {})
            values = _common(common_values or {}, _manifest(locked))
            if name is not None:
                values["name"] = _name(name)
            before = {field: getattr(locked, field) for field in (*values, "pattern")}
            for field, value in values.items():
                setattr(locked, field, value)
            locked.pattern = _pattern(locked.pattern, _manifest(locked))
            locked.save()
            changed |= differences(before, {field: getattr(locked, field) for field in before})
            changes.switched(locked, switches, actor)
            if workspaces is not None and _assign(locked, list(workspaces), actor):
                # Whoever reads the audit of one of them must not learn of the others.
                changed |= untold(["workspaces"])
            if changed:
                audit(actor, "gateway.update", locked, _owner(locked), changed=changed)
            _notify(locked.pk)
    except IntegrityError:
        raise _name_taken() from None
    return locked


def delete_gateway(
    gateway: Gateway, *, actor: str, is_confirmed: bool = False, heir: Gateway | None = None
) -> list[deletion.Effect]:
    """Delete it and let go of what refers to it; returns what that was. `heir` takes over what waits.

    Raises Problem `gateway_in_use` with the effects, unless there are none or they are confirmed, and
    `gateway_has_queue` or `gateway_busy` while messages would be lost.
    """
    with transaction.atomic():
        locked = Gateway.objects.select_for_update().get(pk=gateway.pk)
        effects = deletion.affected(locked)
        if effects and not is_confirmed:
            words = "; ".join(f"{effect.count} {effect.what} {effect.then}" for effect in effects)
            listed = [{"what": e.what, "count": e.count, "then": e.then} for e in effects]
            raise Problem("gateway_in_use", f"Affected: {words}.", more={"affected": listed})
        changes.deleted(locked, heir, actor)
        deletion.release(locked, heir)
        audit(actor, "gateway.delete", locked, _owner(locked), provider=locked.provider)
        _notify(locked.pk)
        locked.delete()
    return effects


def runtime(gateway: Gateway, version: int | None = None) -> base.Gateway:
    """The gateway as adapters take it: settings complete with their defaults, secrets in the clear.

    `version`: the settings as they were then, with the secrets of now. Raises Problem `secret_unreadable`.
    """
    provider = provider_of(gateway.provider)
    stored = gateway.settings
    if version is not None and version != gateway.settings_version:
        stored = SettingsVersion.objects.get(gateway=gateway, version=version).settings
    clear = {secret.name: secrets.decrypt(secret) for secret in gateway.secrets.all()}
    return base.Gateway(gateway.provider, restored(provider, stored, clear), gateway.name)


def unsaved(provider: str, settings: Mapping[str, Any], gateway: Gateway | None = None) -> base.Gateway:
    """A gateway as a form shows it, before it is saved; secrets that are not given come from `gateway`."""
    chosen = provider_of(provider)
    if gateway is not None and gateway.provider != provider:
        gateway = None
    settled = settle(chosen, _merged(gateway, chosen, settings) if gateway else settings)
    return base.Gateway(provider, restored(chosen, settled.settings, settled.secrets), gateway.name if gateway else "")


def shown_settings(gateway: Gateway) -> dict[str, Any]:
    """The provider's settings without secrets, complete with the defaults of fields that came later."""
    provider = provider_of(gateway.provider)
    complete = restored(provider, gateway.settings, {})
    return {one.name: complete[one.name] for one in provider.manifest.fields if not one.secret}


def secret_states(gateway: Gateway) -> dict[str, tuple[datetime | None, datetime | None]]:
    """For each secret of the manifest: when it was set (None: missing), and when its certificate runs out."""
    saved = {secret.name: (secret.set_at, secret.expires_at) for secret in gateway.secrets.all()}
    return {name: saved.get(name, (None, None)) for name in provider_of(gateway.provider).manifest.secret_names}


def certificate_expiries(gateway: Gateway) -> dict[str, datetime]:
    """When the certificates among the settings run out, secret ones included."""
    manifest = provider_of(gateway.provider).manifest
    pems = [one.name for one in manifest.fields if one.kind == "pem" and not one.secret]
    shown = {name: certificates.expiry(gateway.settings.get(name) or "") for name in pems}
    ends = shown | {secret.name: secret.expires_at for secret in gateway.secrets.all()}
    return {name: end for name, end in ends.items() if end is not None}


def callback_urls(gateway: Gateway) -> dict[str, str]:
    """The public addresses for the provider's callbacks by kind; empty while the installation has no public URL."""
    public = django_settings.CONFIG["PUBLIC_URL"]
    if not public:
        return {}
    manifest = _manifest(gateway)
    offered = {
        "receipt": "push" in manifest.receipts,
        "inbound": "push" in manifest.inbound_delivery and "sms" in manifest.inbound,
        "media": "push" in manifest.inbound_delivery and "mms" in manifest.inbound,
    }
    return {kind: f"{public}/cb/{kind}/{gateway.callback_token}" for kind, is_offered in offered.items() if is_offered}


def _assign(gateway: Gateway, workspaces: list[Workspace], actor: str) -> bool:
    """Whether these are others than before."""
    before = list(gateway.workspaces.all())
    gateway.workspaces.set(workspaces)
    changes.assigned(gateway, before, workspaces, actor)
    return {*before} != {*workspaces}


def _change_settings(gateway: Gateway, wanted: Mapping[str, Any]) -> Changes:
    """Apply them to the locked gateway; returns what differs afterwards."""
    if not wanted:
        return {}
    provider = provider_of(gateway.provider)
    before = {secret.name: secrets.decrypt(secret) for secret in gateway.secrets.all()}
    settled = settle(provider, _merged(gateway, provider, wanted))
    shown_before = restored(provider, gateway.settings, {})
    changed = differences(shown_before, settled.settings) | untold(_store_secrets(gateway, settled, before))
    if changed:
        gateway.settings = settled.settings
        gateway.settings_version += 1
        SettingsVersion.objects.create(gateway=gateway, version=gateway.settings_version, settings=settled.settings)
    return changed


def _merged(gateway: Gateway, provider: Provider, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is saved, with the changes on top; None keeps a secret.

    A saved secret never goes to another address than it was saved for: whoever moves a URL to another host enters the
    secrets again. Otherwise anyone who may change or check a gateway could have its secrets sent to themselves.
    """
    secret_names = provider.manifest.secret_names
    saved = dict(runtime(gateway).settings)
    given = {name: value for name, value in wanted.items() if value is not None or name not in secret_names}
    if _moves(provider, saved, given):
        kept = [one for one in provider.manifest.fields if one.secret and saved[one.name] and one.name not in given]
        words = "is needed again, because the address changes."
        faults = [Fault(f"settings.{one.name}", "secret_needed_again", f"{one.title} {words}") for one in kept]
        if faults:
            raise Problem("invalid_settings", faults=faults)
    return saved | given


def _moves(provider: Provider, saved: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """A URL goes to another scheme, host or port than the saved one."""
    urls = [one for one in provider.manifest.fields if one.kind == "url" and given.get(one.name)]
    return any(_origin(given[one.name]) != _origin(saved[one.name]) for one in urls)


def _origin(url: object) -> tuple[str, str]:
    scheme, _, rest = str(url or "").strip().partition("://")
    return scheme.lower(), re.split(r"[/?#\\]", rest, maxsplit=1)[0].lower()


def _store_secrets(gateway: Gateway, settled: Settled, before: Mapping[str, Any]) -> list[str]:
    """Write the secrets that differ and drop those that are gone; returns their names."""
    changed = [name for name, value in settled.secrets.items() if before.get(name) != value]
    for name in changed:
        GatewaySecret.objects.update_or_create(
            gateway=gateway,
            name=name,
            defaults={
                "token": secrets.encrypt(gateway.pk, name, settled.secrets[name]),
                "expires_at": settled.expiries.get(name),
            },
        )
    gone = [name for name in before if name not in settled.secrets]
    gateway.secrets.filter(name__in=gone).delete()
    return changed + gone


def _manifest(gateway: Gateway) -> Manifest:
    """The manifest under the gateway's settings. Capabilities never hang on a secret."""
    provider = provider_of(gateway.provider)
    return provider.manifest_for(restored(provider, gateway.settings, {}))


def _common(values: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    cleaned, faults = common.clean(values, manifest)
    if faults:
        raise Problem("invalid", faults=faults)
    return cleaned


def _pattern(wanted: str, manifest: Manifest) -> str:
    return wanted if manifest.batch else Gateway.Pattern.LOOP


def _name(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= 100 or not is_storable(name):
        raise Problem("invalid", faults=[Fault("name", "bad_length", "Write a name of 1 to 100 characters.")])
    return name


def _name_taken() -> Problem:
    fault = Fault("name", "taken", "There is a gateway of this name; case does not matter.")
    return Problem("name_taken", fault.detail, faults=[fault])


def _owner(gateway: Gateway) -> Workspace | None:
    """The workspace in whose audit the change is shown; a shared gateway's is the installation's."""
    owners = list(gateway.workspaces.all()[:2])
    return owners[0] if len(owners) == 1 else None


def _notify(gateway_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CONFIG_CHANNEL, str(gateway_id)])
