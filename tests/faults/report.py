"""docs/reliability-report.md: what a long run found, in its own words."""

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.checker import Verdict
from tests.faults.evidence import percentile
from tests.faults.neighbours import Neighbours
from tests.faults.recoveries import MAX_P50_S, MAX_P99_S, MAX_RECONNECT_P50_S, Recoveries

FAULTS_SHOWN = 50
ROOT = Path(__file__).parents[2]

HEAD = """# Reliability report

Written by `make faults`, which kills processes and crashes the database under load and then compares what the API
acknowledged, what the database says and what the provider accepted. What is promised, and the test that proves each
promise: [reliability.md](reliability.md).
"""


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the run did and found. `window`: the largest in-flight window of its gateways."""

    name: str
    kills: int
    web_kills: int
    other_blows: int
    harms: int
    acknowledged: int
    given_up: int
    verdict: Verdict
    window: int
    contradictions: Sequence[str]
    recoveries: Recoveries
    after_crashes: Recoveries
    outages_s: Sequence[float]

    @property
    def faults(self) -> list[str]:
        found = [*self.verdict.faults, *(f"contradiction: {one} got two ids" for one in self.contradictions)]
        found += [f"never recovered: {name}" for name in (*self.recoveries.never, *self.after_crashes.never)]
        if not self.recoveries.is_quick:
            found.append(f"slow recovery: {self.recoveries}")
        if not self.after_crashes.is_back_quickly:
            found.append(f"slow after crashes of the database: {self.after_crashes}")
        return [f"{self.name}: {fault}" for fault in found]


@dataclass(slots=True)
class Found:
    """All of a run. `unfinished`: parts that broke off."""

    parts: list[Part] = field(default_factory=list)
    neighbours: Neighbours | None = None
    unfinished: list[str] = field(default_factory=list)

    def compare(self, neighbours: Neighbours) -> None:
        self.neighbours = neighbours

    @property
    def faults(self) -> list[str]:
        beside = self.neighbours.faults if self.neighbours else []
        return [
            *(f"{name}: broke off" for name in self.unfinished),
            *(fault for part in self.parts for fault in part.faults),
            *beside,
        ]


def render(seed: int, found: Found, took_s: float) -> str:
    """The report as Markdown."""
    parts = found.parts
    verdicts = [part.verdict for part in parts]
    seconds = [one for part in parts for one in part.recoveries.seconds]
    reconnects = [one for part in parts for one in part.after_crashes.seconds]
    kills, crashes = sum(part.kills for part in parts), sum(len(part.outages_s) for part in parts)
    facts = [
        f"lost: {sum(len(one.lost) for one in verdicts)}",
        f"duplicates: {sum(len(one.duplicates) for one in verdicts)}",
        f"unknown: {sum(one.unknown for one in verdicts)}",
        f"unexpected: {sum(len(v.unexpected) + len(v.unexplained) + len(v.unheard) for v in verdicts)}",
        f"unknown by one kill: at most {max((one.most_unknown for one in verdicts), default=0)} (the in-flight "
        f"window holds {max((part.window for part in parts), default=0)})",
        f"{kills} kills",
        f"{crashes} database crashes",
        f"{sum(part.acknowledged for part in parts)} messages acknowledged",
        f"recovery p50: {_s(seconds, 0.5)} (promised: {MAX_P50_S:g} s)",
        f"recovery p99: {_s(seconds, 0.99)} (promised: {MAX_P99_S:g} s)",
        f"back after a database crash p50: {_s(reconnects, 0.5)} (promised: {MAX_RECONNECT_P50_S:g} s)",
        f"seed: {seed}",
        f"machine: {_machine()}",
        f"date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, in {took_s / 60:.0f} minutes",
        f"version: {_version()}",
    ]
    lines = [HEAD, "```", *facts, "```", ""]
    for part in parts:
        lines += [f"## {part.name}", "", *(f"- {line}" for line in _of(part)), ""]
    if found.neighbours:
        lines += ["## A slow provider beside a quick one", "", f"- {found.neighbours}", ""]
    lines += ["## Faults", "", *(f"- {fault}" for fault in found.faults[:FAULTS_SHOWN] or ["none"]), ""]
    return "\n".join(lines)


def _of(part: Part) -> list[str]:
    verdict = part.verdict
    lines = [
        f"{part.kills} kills, {part.web_kills} of them of the web process; {part.other_blows} workers frozen or "
        f"stopped in order; the network harmed {part.harms} times",
        f"{part.acknowledged} messages acknowledged, {verdict.accepted} accepted by the provider; {part.given_up} "
        "offered and never acknowledged",
        f"lost: {len(verdict.lost)}, duplicates: {len(verdict.duplicates)}, unexpected: {len(verdict.unexpected)}, "
        f"unexplained: {len(verdict.unexplained)}, unheard: {len(verdict.unheard)}",
        f"{verdict.unknown} messages still unknown at the end; one loss of a worker left at most "
        f"{verdict.most_unknown} in doubt",
        f"{part.recoveries}; {part.recoveries.superseded} more were met by the next kill first, and "
        f"{part.recoveries.disturbed} by an outage of database or network",
    ]
    if part.outages_s:
        lines.append(
            f"{len(part.outages_s)} database crashes; it was away for {_s(part.outages_s, 0.5)} on the median; "
            f"from its first answer until a gateway's next request {_s(part.after_crashes.seconds, 0.5)} on the "
            f"median, {_s(part.after_crashes.seconds, 0.99)} at p99"
        )
    return lines


def _s(values: Sequence[float], share: float) -> str:
    return f"{percentile(values, share):.1f} s" if values else "not measured"


def _machine() -> str:
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} x {model}, {memory_gib:.0f} GiB, {system}"


def _version() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"
