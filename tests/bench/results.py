"""Samples, what is computed from them, and how they are kept between runs."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """Several samples in short."""

    median: float
    low: float
    high: float
    count: int


def spread(samples: Sequence[float]) -> Spread:
    """Raises ValueError where there is no sample."""
    if not samples:
        raise ValueError("no sample")
    return Spread(statistics.median(samples), min(samples), max(samples), len(samples))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed. Raises ValueError where there is none."""
    if not values:
        raise ValueError("no value")
    ranked = sorted(values)
    position = max(0, -(-len(ranked) * percent // 100) - 1)
    return ranked[int(position)]


@dataclass(slots=True)
class Result:
    """What came of a case: samples of each side in order, why a side has none, and remarks for the page.

    `facts`: by side, lines about the last sample (processor time, latencies). `environment`: a key into the run's.
    """

    case: str
    samples: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    measured: str = ""

    def add(self, side: str, value: float, facts: dict[str, Any] | None = None) -> None:
        self.samples.setdefault(side, []).append(value)
        if facts:
            self.facts[side] = facts

    def fail(self, side: str, reason: str) -> None:
        """Keeps the first reason."""
        self.failures.setdefault(side, reason)


@dataclass(slots=True)
class Results:
    """All that is known, by case, with the environments they were measured in by date."""

    by_case: dict[str, Result] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def take_in(self, newer: "Results") -> None:
        """Cases that were measured again replace the old ones; environments that nothing refers to go."""
        self.by_case |= newer.by_case
        self.environments |= newer.environments
        used = {result.measured for result in self.by_case.values()}
        self.environments = {date: each for date, each in self.environments.items() if date in used}


def load(path: Path) -> Results:
    """What `store` kept; nothing where there is no file."""
    if not path.exists():
        return Results()
    document = json.loads(path.read_text("utf-8"))
    return Results(
        {name: Result(**result) for name, result in document["cases"].items()}, dict(document["environments"])
    )


def store(path: Path, results: Results) -> None:
    document = {
        "environments": results.environments,
        "cases": {name: asdict(result) for name, result in sorted(results.by_case.items())},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
