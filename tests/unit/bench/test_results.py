"""What is computed from samples, and how results of several runs come together."""

from pathlib import Path

import pytest
from tests.bench import results
from tests.bench.results import Result, Results, Spread, percentile, spread


def test_a_spread_is_the_median_with_both_ends() -> None:
    assert spread([30.0, 10.0, 20.0]) == Spread(20.0, 10.0, 30.0, 3)
    assert spread([4.0, 1.0]) == Spread(2.5, 1.0, 4.0, 2)


def test_without_samples_there_is_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="no sample"):
        spread([])
    with pytest.raises(ValueError, match="no value"):
        percentile([], 99)


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (50, 50), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_a_percentile_of_few_values_is_the_worst_of_them() -> None:
    assert percentile([5.0, 9.0, 1.0], 99) == 9.0


def test_the_first_reason_of_a_failure_stays() -> None:
    result = Result("F1")
    result.fail("Kannel", "it did not start")
    result.fail("Kannel", "something that follows from it")
    assert result.failures == {"Kannel": "it did not start"}


def test_a_later_run_replaces_its_cases_and_keeps_the_others() -> None:
    known = Results(
        {"F1": Result("F1", {"Gatepost": [1.0]}, measured="monday"), "F7": Result("F7", measured="monday")},
        {"monday": {"machine": "old"}},
    )
    newer = Results({"F1": Result("F1", {"Gatepost": [2.0]}, measured="tuesday")}, {"tuesday": {"machine": "new"}})
    known.take_in(newer)
    assert known.by_case["F1"].samples == {"Gatepost": [2.0]}
    assert known.environments.keys() == {"monday", "tuesday"}
    known.take_in(Results({"F7": Result("F7", measured="tuesday")}, {"tuesday": {"machine": "new"}}))
    assert known.environments.keys() == {"tuesday"}


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.json"
    assert results.load(path) == Results()
    found = Result("F1", measured="monday")
    found.add("Gatepost", 12.5, {"processor": "web 1.0 s"})
    found.fail("Kannel", "not installed")
    kept = Results({"F1": found}, {"monday": {"machine": "zażółć"}})
    results.store(path, kept)
    assert results.load(path) == kept
