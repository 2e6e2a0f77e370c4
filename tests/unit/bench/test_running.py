"""The sides take turns, and a fault costs its own row only."""

from typing import Any, cast

import pytest
from tests.bench.catalogue import BY_NAME
from tests.bench.measuring import Bench, Measure, Sample
from tests.bench.results import Results
from tests.bench.running import OUT_OF_TIME, Run
from tests.bench.sides import Side

BENCH = cast(Bench, None)
F1, F2, F9 = BY_NAME["F1"], BY_NAME["F2"], BY_NAME["F9"]


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


OURS, PEER = cast(list[Side], [Named("Gatepost"), Named("Kannel")])


def run_of(measure: Measure, *, whole_s: float = 60.0) -> Run:
    return Run(BENCH, dict.fromkeys(("F1", "F2", "F9"), measure), rounds=3, whole_s=whole_s, tell=lambda line: None)


def outcome(results: Results, case: str) -> tuple[dict[str, list[float]], dict[str, str]]:
    return results.by_case[case].samples, results.by_case[case].failures


def test_the_sides_take_turns() -> None:
    asked: list[str] = []

    def measure(bench: Bench, side: Side) -> list[Sample]:
        asked.append(side.name)
        return [Sample(float(len(asked)))]

    run = run_of(measure)
    run.measure(F1, [PEER, OURS])
    assert asked == ["Kannel", "Gatepost"] * 3
    assert outcome(run.results, "F1") == ({"Kannel": [1.0, 3.0, 5.0], "Gatepost": [2.0, 4.0, 6.0]}, {})


@pytest.mark.parametrize(
    "fault", [RuntimeError("no\n  such thing"), KeyError("x"), OSError(2, "gone"), AssertionError()]
)
def test_who_fails_is_not_asked_again_and_the_others_are(fault: Exception) -> None:
    asked: list[str] = []

    def measure(bench: Bench, side: Side) -> list[Sample]:
        asked.append(side.name)
        if side is OURS:
            raise fault
        return [Sample(1.0)]

    run = run_of(measure)
    run.measure(F1, [PEER, OURS])
    run.measure(F2, [PEER])
    samples, failures = outcome(run.results, "F1")
    assert (samples, failures.keys()) == ({"Kannel": [1.0] * 3}, {"Gatepost"})
    assert "\n" not in failures["Gatepost"]
    assert failures["Gatepost"] != ""
    assert asked.count("Gatepost") == 1
    assert outcome(run.results, "F2") == ({"Kannel": [1.0] * 3}, {})


def test_a_case_that_gives_all_its_samples_is_asked_once() -> None:
    run = run_of(lambda bench, side: [Sample(1.0), Sample(2.0)])
    run.measure(F9, [OURS])
    assert outcome(run.results, "F9") == ({"Gatepost": [1.0, 2.0]}, {})


def test_when_the_time_is_over_what_was_measured_stays(monkeypatch: Any) -> None:
    run = run_of(lambda bench, side: [Sample(1.0)], whole_s=60.0)
    now = [0.0]
    monkeypatch.setattr("tests.bench.running.time.monotonic", lambda: now[0])
    monkeypatch.setattr(run, "_until", 10.0)

    def measure(bench: Bench, side: Side) -> list[Sample]:
        now[0] += 6.0
        return [Sample(1.0)]

    monkeypatch.setattr(run, "_measures", {"F1": measure, "F2": measure})
    run.measure(F1, [PEER, OURS])
    run.measure(F2, [OURS])
    assert outcome(run.results, "F1") == ({"Kannel": [1.0], "Gatepost": [1.0]}, {})
    assert run.results.by_case["F1"].remarks == [OUT_OF_TIME]
    assert outcome(run.results, "F2") == ({}, {"Gatepost": "no time was left for it"})
