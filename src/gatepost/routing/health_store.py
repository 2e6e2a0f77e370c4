"""Where gateways stand, as it is kept: read when messages are accepted, written by who drives the gateway."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from gatepost.gateways.countries import country_name
from gatepost.gateways.evidence import Health
from gatepost.gateways.models import BalanceReading, Gateway
from gatepost.routing.changes import last_installation_default
from gatepost.routing.health import Standing, State, Verdict
from gatepost.routing.models import GatewayHealth, RoutingChange
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import CONFIG_CHANNEL

KEPT: Final = timedelta(days=90)
"""How long changes of routing are kept."""

FRESH: Final = timedelta(minutes=10)
"""What was measured longer ago says nothing of now."""

FRESH_BALANCE: Final = timedelta(days=2)

ChangeKind = RoutingChange.ChangeKind
_CHANGES: Final[Mapping[Standing, tuple[str, str]]] = {
    Standing.DOWN: (ChangeKind.DOWN, "{gateway} is down{place}: {cause}. New messages go elsewhere where they can."),
    Standing.TRIAL: (ChangeKind.TRIAL, "{gateway} is tried again{place} by a few new messages."),
    Standing.UP: (ChangeKind.UP, "{gateway} is back{place}: new messages go there again."),
}


@dataclass(frozen=True, slots=True)
class Outage:
    """Why a gateway is down, by country ("" is everywhere), and the shares of messages that try it nevertheless."""

    down: Mapping[str, str] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


def outages(gateway_ids: Iterable[int]) -> dict[int, Outage]:
    """Those of the gateways that are down or on trial."""
    found: dict[int, Outage] = {}
    for row in GatewayHealth.objects.filter(gateway_id__in=list(gateway_ids)).exclude(standing=Standing.UP):
        known = found.get(row.gateway_id, Outage())
        down = {**known.down, row.country: row.cause or "it does not work"}
        share = {row.country: row.share} if row.standing == Standing.TRIAL else {}
        found[row.gateway_id] = Outage(down, {**known.shares, **share})
    return found


def states_of(gateway_id: int) -> dict[str, State]:
    """Where the gateway stands, by country ("" is everywhere); where nothing is known it is up."""
    return {
        row.country: State(Standing(row.standing), row.since, row.switched_at, row.cause, row.share)
        for row in GatewayHealth.objects.filter(gateway_id=gateway_id)
    }


def keep_state(gateway_id: int, state: State, country: str = "") -> None:
    """Write down where it stands from now on (in a country), why, and tell whoever accepts messages."""
    with transaction.atomic():
        gateway = Gateway.objects.filter(pk=gateway_id).first()
        if gateway is None:
            return
        values = {name: getattr(state, name) for name in ("standing", "since", "switched_at", "cause", "share")}
        GatewayHealth.objects.update_or_create(gateway=gateway, country=country, defaults=values)
        kind, words = _CHANGES[state.standing]
        place = f" for {country_name(country)}" if country else ""
        note(gateway, kind, words.format(gateway=gateway, place=place, cause=state.cause))
        with connection.cursor() as cursor:
            cursor.execute("select pg_notify(%s, 'routes')", [CONFIG_CHANNEL])


def keep_verdicts(gateway_id: int, verdicts: Mapping[str, Verdict], now: datetime) -> None:
    """Write down the scores by country; a change of the reasons everywhere is kept as a change of routing."""
    with transaction.atomic():
        gateway = Gateway.objects.filter(pk=gateway_id).first()
        if gateway is None:
            return
        before = {row.country: row for row in GatewayHealth.objects.filter(gateway=gateway)}
        for country, verdict in verdicts.items():
            values = {"score": verdict.score, "reasons": list(verdict.reasons), "measured_at": now}
            GatewayHealth.objects.update_or_create(gateway=gateway, country=country, defaults=values)
        known = before.get("")
        everywhere = verdicts.get("")
        if everywhere is not None and _has_turned(known.score if known else None, everywhere.score):
            words = " ".join(everywhere.reasons) or "Everything is in order."
            note(gateway, ChangeKind.CAUSE, f"Health of {gateway}: {everywhere.score}. {words}")


def _has_turned(before: int | None, after: int | None) -> bool:
    """Whether it went from one of good, fair and poor to another."""
    return after is not None and tone_of(after) != (tone_of(before) if before is not None else "good")


def tone_of(score: int | None) -> str:
    """As the console's badges have it."""
    if score is None:
        return "calm"
    return "good" if score >= 90 else "warn" if score >= 60 else "bad"


def note(gateway: Gateway, kind: str, words: str, *, workspace: Workspace | None = None, actor: str = "") -> None:
    """Keep a change of routing that concerns a gateway; with a workspace, of its messages alone."""
    RoutingChange.objects.create(gateway=gateway, workspace=workspace, kind=kind, words=words, actor=actor[:200])


def changes_of(gateway: Gateway, workspace: Workspace) -> QuerySet[RoutingChange]:
    """What happened to the ways through a gateway that the workspace may know of, the newest first."""
    known = Q(workspace=None) | Q(workspace=workspace)
    return RoutingChange.objects.filter(known, gateway=gateway).order_by("-at", "-pk")


def shown(gateway_ids: Sequence[int]) -> dict[int, Health]:
    """How the gateways do, as far as that was measured lately or keeps messages from them."""
    rows = list(GatewayHealth.objects.filter(gateway_id__in=gateway_ids))
    judged = {row.gateway_id: _shown(row) for row in rows if not row.country and says_something(row)}
    out = {row.gateway_id for row in rows if not row.country and row.standing != Standing.UP}
    for row in rows:
        if row.country and row.standing == Standing.DOWN and row.gateway_id not in out:
            judged[row.gateway_id] = Health(f"Down for {country_name(row.country)}", "warn", row.cause)
    return judged


def says_something(row: GatewayHealth) -> bool:
    """Whether it keeps messages away, or was measured lately."""
    return row.standing != Standing.UP or (is_fresh(row) and row.score is not None)


def _shown(row: GatewayHealth) -> Health:
    if row.standing == Standing.DOWN:
        return Health("Down", "bad", row.cause)
    if row.standing == Standing.TRIAL:
        return Health("On trial", "warn", "a few new messages try whether it works again")
    tone = tone_of(row.score)
    word = {"good": "Good", "warn": "Fair"}.get(tone, "Poor")
    return Health(f"{word}, {row.score}", tone, " ".join(row.reasons) or "everything is in order")


def is_fresh(row: GatewayHealth) -> bool:
    """Whether its score still says something."""
    return row.measured_at is not None and row.measured_at > timezone.now() - FRESH


def last_balance(gateway_id: int) -> float | None:
    """What the account held, where that was asked lately."""
    since = timezone.now() - FRESH_BALANCE
    row = BalanceReading.objects.filter(gateway_id=gateway_id, at__gt=since).order_by("-at").first()
    return float(row.amount) if row else None


def forget_old() -> int:
    """Delete changes beyond their time, but for the one that says what holds of the installation; how many."""
    old = RoutingChange.objects.filter(at__lt=timezone.now() - KEPT)
    if (holds := last_installation_default()) is not None:
        old = old.exclude(pk=holds.pk)
    return old.delete()[0]
