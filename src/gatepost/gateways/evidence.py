"""How gateways do, from evidence. Messages lie above gateways, so whoever counts them registers here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

PERIOD: Final = timedelta(hours=24)
_GOOD, _FAIR = 90, 60


@dataclass(frozen=True, slots=True)
class Evidence:
    """Messages of a period: all, those that arrived, and those that failed."""

    total: int = 0
    delivered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """What the evidence says in words; `tone` as the console's badges have it."""

    words: str
    tone: str
    detail: str


Counter = Callable[[int, Sequence[int], datetime], Mapping[int, Evidence]]
"""(workspace id, gateway ids, since) -> evidence by gateway id."""

_counters: Final[list[Counter]] = []


def register(counter: Counter) -> None:
    """Called once by the slice that knows what became of messages (from its AppConfig.ready)."""
    _counters.append(counter)


def health_of(workspace_id: int, gateway_ids: Sequence[int]) -> dict[int, Health]:
    """The health of each gateway over PERIOD, as seen by one workspace."""
    since = timezone.now() - PERIOD
    found: dict[int, Evidence] = {}
    for counter in _counters:
        found |= counter(workspace_id, gateway_ids, since)
    return {gateway_id: health(found.get(gateway_id, Evidence())) for gateway_id in gateway_ids}


def health(evidence: Evidence) -> Health:
    """Judged by the share that arrived of what is decided."""
    decided = evidence.delivered + evidence.failed
    if not evidence.total:
        return Health("No traffic", "calm", "nothing sent in the last 24 hours")
    if not decided:
        return Health("Not known yet", "calm", f"{evidence.total} sent in the last 24 hours, no report yet")
    share = 100 * evidence.delivered / decided
    words, tone = ("Good", "good") if share >= _GOOD else ("Fair", "warn") if share >= _FAIR else ("Poor", "bad")
    detail = f"{evidence.delivered} of {decided} arrived in the last 24 hours"
    return Health(f"{words}, {int(share)} %", tone, detail)
