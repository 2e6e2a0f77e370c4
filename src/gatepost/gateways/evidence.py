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


Scorer = Callable[[Sequence[int]], Mapping[int, Health]]
"""Gateway ids -> the health of those whose last minutes were judged."""

_scorers: Final[list[Scorer]] = []


def register_scorer(scorer: Scorer) -> None:
    """Called once by the slice that judges gateways; what it says goes before what a day's messages say."""
    _scorers.append(scorer)


def health_of(workspace_id: int, gateway_ids: Sequence[int]) -> dict[int, Health]:
    """The health of each gateway: of the last minutes where that is known, else over PERIOD in one workspace."""
    since = timezone.now() - PERIOD
    found: dict[int, Evidence] = {}
    for counter in _counters:
        found |= counter(workspace_id, gateway_ids, since)
    judged: dict[int, Health] = {}
    for scorer in _scorers:
        judged |= scorer(gateway_ids)
    return {each: judged.get(each) or health(found.get(each, Evidence())) for each in gateway_ids}


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
