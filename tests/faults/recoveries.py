"""How long it took until messages flowed again after a kill or a crash. Pure: it reads evidence."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.checker import Request
from tests.faults.database import Outage
from tests.faults.evidence import percentile
from tests.faults.nemesis import Strike

MAX_P50_S = 5.0
MAX_P99_S = 10.0
MAX_RECONNECT_P50_S = 3.0
BUSY = 2.0
"""Tests that run beside others allow so many times what is promised. The long run judges by what is promised."""


@dataclass(slots=True)
class Recoveries:
    """Seconds from a kill until the provider next got a request through each gateway that the worker drove.

    `superseded`: another kill came before it. `disturbed`: meanwhile the database or the network was away, too.
    `never`: gateways that no request came through any more.
    """

    seconds: list[float] = field(default_factory=list)
    superseded: int = 0
    disturbed: int = 0
    never: list[str] = field(default_factory=list)

    @property
    def p50_s(self) -> float:
        return percentile(self.seconds, 0.5) if self.seconds else 0.0

    @property
    def p99_s(self) -> float:
        return percentile(self.seconds, 0.99) if self.seconds else 0.0

    @property
    def is_quick(self) -> bool:
        """What we promise."""
        return not self.never and self.p50_s <= MAX_P50_S and self.p99_s <= MAX_P99_S

    @property
    def is_back_quickly(self) -> bool:
        """What we promise after a crash of the database."""
        return not self.never and self.p50_s <= MAX_RECONNECT_P50_S

    def __str__(self) -> str:
        longest = max(self.seconds, default=0.0)
        return (
            f"recovery p50 {self.p50_s:.1f} s, p99 {self.p99_s:.1f} s, longest {longest:.1f} s "
            f"over {len(self.seconds)} takeovers"
        )


def after_kills(
    strikes: Iterable[Strike],
    names: Mapping[int, str],
    requests: Iterable[Request],
    disturbances: Sequence[tuple[float, float]] = (),
) -> Recoveries:
    """Of every gateway that a killed worker drove; `names`: what the provider's log calls the gateways."""
    recoveries = Recoveries()
    times = _times(requests)
    struck: dict[int, list[Strike]] = {}
    for strike in sorted(strikes, key=lambda one: one.at):
        for gateway_id in strike.driven:
            struck.setdefault(gateway_id, []).append(strike)
    for gateway_id, blows in struck.items():
        for blow, following in zip(blows, [*blows[1:], None], strict=True):
            # What was written to the socket before the process was gone counts for the old owner.
            first = _first_after(times.get(names[gateway_id], []), blow.gone_at)
            if following is not None and (first is None or first > following.at):
                recoveries.superseded += 1
            elif first is None:
                recoveries.never.append(names[gateway_id])
            elif any(begin <= first and blow.at <= end for begin, end in disturbances):
                recoveries.disturbed += 1
            else:
                recoveries.seconds.append(first - blow.at)
    return recoveries


def after_crashes(
    outages: Iterable[Outage],
    names: Mapping[int, str],
    requests: Iterable[Request],
    strikes: Sequence[Strike] = (),
    disturbances: Sequence[tuple[float, float]] = (),
) -> Recoveries:
    """From the moment at which the database answered again until each gateway's next request."""
    recoveries = Recoveries()
    times = _times(requests)
    for outage in outages:
        for gateway_id, name in names.items():
            first = _first_after(times.get(name, []), outage.up_at)
            if first is None:
                recoveries.never.append(name)
                continue
            # A gateway whose worker dies about that time waits for its lease, which is another matter.
            begin, end = outage.down_at - MAX_P50_S, first
            if any(begin <= one.at <= end and gateway_id in one.driven for one in strikes):
                recoveries.superseded += 1
            elif any(one <= end and begin <= two for one, two in disturbances if one != outage.down_at):
                recoveries.disturbed += 1
            else:
                recoveries.seconds.append(first - outage.up_at)
    return recoveries


def _times(requests: Iterable[Request]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    for request in requests:
        times.setdefault(request.gateway, []).append(request.at)
    return {name: sorted(ats) for name, ats in times.items()}


def _first_after(times: Sequence[float], moment: float) -> float | None:
    n = bisect_right(times, moment)
    return times[n] if n < len(times) else None
