"""A gateway as the engine drives it: its account, its limits, how its outcomes are treated; at one settings version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gatepost.dispatch.accounts import Shared, shared_by
from gatepost.dispatch.decide import Conduct
from gatepost.dispatch.grouping import Grouping
from gatepost.dispatch.store import Asking
from gatepost.gateways import common, services
from gatepost.gateways.models import Gateway
from gatepost.providers import base
from gatepost.providers.manifest import Attribute, Manifest
from gatepost.providers.registry import Provider, provider
from gatepost.providers.wire import Link

DEADLINE_S = 30.0
CLOCKS_DIFFER_S = 5.0
UNREADABLE = "It cannot be driven: "
"""How the reason begins why nobody drives a gateway."""


@dataclass(frozen=True, slots=True)
class Driven:
    """Everything a runner needs to know of its gateway. `rate` in units of `grouping` per second, None for no limit.
    `paused_why`, `slowed_to`: as it was last told."""

    id: int
    name: str
    provider: Provider
    manifest: Manifest
    account: base.Gateway
    version: int
    link: Link
    rate: float | None
    parallel: int
    grouping: Grouping
    conduct: Conduct
    receipt_url: str
    inbound_url: str
    asking: Asking
    is_debugged: bool
    changed_at: datetime
    may_send: bool
    paused_why: str
    slowed_to: float | None
    shared: Shared | None

    @property
    def leader_id(self) -> int:
        """The gateway without whose lease this one is not driven: mostly itself."""
        return self.shared.leader_id if self.shared else self.id

    @property
    def refuses_everything(self) -> str:
        """Why the provider did so when the gateway was last driven; empty where it did not."""
        return "" if self.paused_why.startswith(UNREADABLE) else self.paused_why


def load(gateway_id: int, provider_limits: Mapping[str, float]) -> Driven | None:
    """The gateway as it is now; None where it is gone. Uses Django's connection, so it runs in a thread."""
    row = Gateway.objects.prefetch_related("secrets").filter(pk=gateway_id).first()
    if row is None:
        return None
    source = provider(row.provider)
    account = services.runtime(row)
    manifest = source.manifest_for(account.settings)
    urls = services.callback_urls(row)
    rate = rate_of(row, manifest, provider_limits)
    conduct = _conduct(row, source, manifest, account)
    return Driven(
        id=row.pk,
        name=row.name,
        provider=source,
        manifest=manifest,
        account=account,
        version=row.settings_version,
        link=Link(verify_tls=row.verify_tls, total_timeout_s=DEADLINE_S),
        rate=rate,
        parallel=row.parallel or manifest.pace.parallel,
        grouping=_grouping(row, manifest, account, rate),
        conduct=conduct,
        receipt_url=urls.get("receipt", ""),
        inbound_url=urls.get("inbound", ""),
        asking=Asking(
            _first_query_s(row, source, manifest, has_receipt_url=bool(urls.get("receipt"))),
            conduct.deadline_s,
            manifest.poll_until_s,
        ),
        is_debugged=row.debug,
        changed_at=row.updated_at,
        may_send=row.is_active and row.sending_enabled,
        paused_why=row.paused_reason,
        slowed_to=row.slowed_to,
        shared=shared_by(row, account.settings, manifest, provider_limits.get(row.provider)),
    )


def rate_of(row: Gateway, manifest: Manifest, limits: Mapping[str, float]) -> float | None:
    """What a gateway may send per second, of what its provider counts: its own rate, else the manifest's; an account's
    limit and the installation's cap both. None where nothing limits it."""
    pace = manifest.pace
    caps = [limits.get(row.provider), pace.requests_per_second if pace.shared_by else None]
    rates = [row.requests_per_second or pace.requests_per_second, *caps]
    return min((rate for rate in rates if rate), default=None)


def _grouping(row: Gateway, manifest: Manifest, account: base.Gateway, rate: float | None) -> Grouping:
    batch = manifest.batch
    counts = manifest.pace.counts
    paced = common.rates_by_sender(row.sender_rates)
    by_sender: tuple[Attribute, ...] = ("sender",) if paced else ()
    if batch is None or row.pattern == Gateway.Pattern.LOOP:
        return Grouping(same=by_sender, counts=counts, paced=paced)
    wanted = account.get(batch.limit_setting) if batch.limit_setting else None
    limit = min(batch.limit, int(wanted)) if wanted else batch.limit
    same = tuple(dict.fromkeys((*batch.same, *by_sender)))
    return Grouping(limit, same, batch.unique_number, batch.max_segments, counts, paced).within(rate)


def _conduct(row: Gateway, source: Provider, manifest: Manifest, account: base.Gateway) -> Conduct:
    dedupe = manifest.dedupe
    is_protected = dedupe is not None and dedupe.protects(account.settings)
    return Conduct(
        fallback_sender=row.fallback_sender,
        is_protected=is_protected,
        window_s=dedupe.window_s if dedupe else None,
        repeats_request=dedupe is not None and dedupe.scope == "request",
        prefers_duplicate=row.prefers_duplicate,
        can_find=source.find is not None,
        deadline_s=DEADLINE_S + CLOCKS_DIFFER_S,
        reports=bool(manifest.receipts),
    )


def _first_query_s(row: Gateway, source: Provider, manifest: Manifest, *, has_receipt_url: bool) -> float | None:
    """When a state is asked for first: after *await delivery*, or soon where nothing can be pushed to us."""
    if source.query is None or "query" not in manifest.receipts:
        return None
    if row.await_delivery_s:
        return float(row.await_delivery_s)
    is_pushed = "push" in manifest.receipts and has_receipt_url
    return None if is_pushed else float(manifest.await_delivery_s or 30)
