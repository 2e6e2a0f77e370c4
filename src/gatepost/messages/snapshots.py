"""The snapshot of a workspace that accepting works on, read by the ORM (in a thread, or by the console)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Final

from django.conf import settings
from django.db import connection

from gatepost.gateways.models import Gateway, SenderId
from gatepost.gateways.settings import restored
from gatepost.links import services as links
from gatepost.messages.accept import numbers_of
from gatepost.messages.wishes import GatewayFacts, Snapshot, Wish
from gatepost.providers.registry import provider
from gatepost.routing import loading
from gatepost.routing.health_store import Outage, outages
from gatepost.workspaces.models import Workspace

IN_ORDER: Final = Outage()
# One array for all of them, which may be thousands: a parameter for each would take longer than the search.
SUPPRESSED: Final = (
    "select digits from suppression where digits = any(%s) and (workspace_id is null or workspace_id = %s)"
)


def load(workspace_id: int) -> Snapshot:
    """Everything but the suppressed numbers, which depend on the messages at hand. Raises Workspace.DoesNotExist."""
    workspace = Workspace.objects.get(pk=workspace_id)
    gateways = Gateway.objects.filter(workspaces=workspace, is_active=True).prefetch_related("secrets")
    out = outages(gateway.pk for gateway in gateways)
    approved = SenderId.objects.filter(workspace=workspace, status=SenderId.Status.APPROVED)
    known = {gateway.pk: facts(gateway, _open_settings(gateway), out.get(gateway.pk, IN_ORDER)) for gateway in gateways}
    return Snapshot(
        workspace_id=workspace_id,
        now=datetime.now(UTC),
        is_sending=workspace.sending_enabled and settings.CONFIG["SENDING_ENABLED"],
        default_country=workspace.default_country or settings.CONFIG["DEFAULT_COUNTRY"],
        default_gateway_id=workspace.default_gateway_id,
        default_sender=next((row.sender for row in approved if row.is_default), ""),
        installation_sender=settings.CONFIG["DEFAULT_SENDER"],
        senders=frozenset((row.sender, row.gateway_id) for row in approved),
        gateways=known,
        rules=loading.rules_for(workspace_id),
        installation_gateway_id=_installation_gateway_id(gateways),
        absent=dict.fromkeys(_inactive(workspace), "it is inactive"),
        link_base=links.base_url(workspace) if any(gateway.shortens for gateway in known.values()) else "",
    )


def load_for(workspace_id: int, wishes: Sequence[Wish], kind: str = "single") -> Snapshot:
    """Everything that these messages of that kind need."""
    snapshot = load(workspace_id)
    digits = [number for number in numbers_of(wishes, snapshot.default_country) if number]
    snapshot = with_suppressed(snapshot, digits)
    return with_conversations(snapshot, digits) if kind == "reply" else snapshot


def with_suppressed(snapshot: Snapshot, digits: list[str]) -> Snapshot:
    """The snapshot for messages to these numbers, now."""
    with connection.cursor() as cursor:
        cursor.execute(SUPPRESSED, [digits, snapshot.workspace_id])
        suppressed = frozenset(row[0] for row in cursor.fetchall())
    return replace(snapshot, now=datetime.now(UTC), suppressed=suppressed)


def with_conversations(snapshot: Snapshot, digits: list[str]) -> Snapshot:
    """The snapshot for replies to these numbers."""
    return replace(snapshot, conversations=loading.conversations(snapshot.workspace_id, digits))


def _installation_gateway_id(gateways: Iterable[Gateway]) -> int | None:
    """The installation's default among these: by its name, else by its number."""
    wanted = settings.CONFIG["DEFAULT_GATEWAY"].casefold()
    by_name = [gateway.pk for gateway in gateways if gateway.name.casefold() == wanted]
    by_id = [gateway.pk for gateway in gateways if str(gateway.pk) == wanted]
    return next(iter([*by_name, *by_id]), None)


def _inactive(workspace: Workspace) -> list[int]:
    return list(Gateway.objects.filter(workspaces=workspace, is_active=False).values_list("pk", flat=True))


def _open_settings(gateway: Gateway) -> Mapping[str, Any]:
    """Without the secrets, on which nothing hangs here: one that cannot be read must not stop the other gateways."""
    return restored(provider(gateway.provider), gateway.settings, {})


def facts(gateway: Gateway, account_settings: Mapping[str, Any], outage: Outage = IN_ORDER) -> GatewayFacts:
    """What accepting needs of a gateway, saved or not; `account_settings` are those that its adapter gets."""
    manifest = provider(gateway.provider).manifest_for(account_settings)
    limits = [gateway.max_segments, manifest.max_segments]
    is_batched = manifest.batch is not None and gateway.pattern == Gateway.Pattern.BATCH
    return GatewayFacts(
        id=gateway.pk,
        name=gateway.name,
        is_sending=gateway.sending_enabled,
        sender=gateway.sender,
        sender_rule=manifest.sender,
        verified_senders=frozenset(gateway.verified_senders) if gateway.only_verified_senders else None,
        verified_phones=frozenset(gateway.verified_phones) if gateway.only_verified_phones else None,
        send_networks=tuple(ip_network(text, strict=False) for text in gateway.send_ips),
        max_segments=min((limit for limit in limits if limit), default=None),
        days_to_expire=gateway.days_to_expire,
        grouped_by=manifest.batch.same if is_batched and manifest.batch else None,
        is_draining=gateway.is_draining,
        named_fails_over=gateway.named_fails_over,
        down=outage.down,
        shares=outage.shares,
        shortens=gateway.shorten_links and not links.shortens_itself(gateway.provider, account_settings),
    )
