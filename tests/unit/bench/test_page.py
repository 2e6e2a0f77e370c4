"""The table: one row per case, whatever came of it."""

import pytest
from tests.bench.catalogue import BY_NAME, CASES
from tests.bench.page import figure, page, row, table
from tests.bench.results import Result, Results


def result_of(name: str, ours: list[float], peer: list[float], measured: str = "monday") -> Result:
    samples = {"Gatepost": ours, BY_NAME[name].peer: peer}
    return Result(name, {side: values for side, values in samples.items() if values}, measured=measured)


def test_a_row_begins_with_its_id_and_holds_both_medians_and_the_ratio() -> None:
    made = row(BY_NAME["F1"], result_of("F1", [12_000, 15_000, 18_000], [10_000, 9_000, 11_000]))
    assert made == (
        "| F1 | one message per API request, one recipient per provider request "
        "| 15,000 messages/s (12,000 to 18,000, 3 x) | 10,000 messages/s (9,000 to 11,000, 3 x) "
        "| 1.50 x | ≥ 1.2 x | met |"
    )


@pytest.mark.parametrize(
    ("name", "ours", "peer", "ratio", "verdict"),
    [
        ("F1", 11_999, 10_000, "1.20 x", "missed"),
        ("F1", 12_000, 10_000, "1.20 x", "met"),
        ("F3", 79_000, 10_000, "7.90 x", "missed"),
        ("F11", 1.5, 3.0, "2.00 x", "met"),
        ("F11", 3.01, 3.0, "1.00 x", "missed"),
        ("F9", 300, 30, "0.10 x", "met"),
        ("F6", -2.0, 5.0, "", "met"),
        ("F6", 101.0, 5.0, "0.05 x", "missed"),
        ("F7", 9_000, 10_000, "0.90 x", "met"),
    ],
)
def test_the_goal_is_of_the_exact_figures_and_above_one_is_better(
    name: str, ours: float, peer: float, ratio: str, verdict: str
) -> None:
    cells = row(BY_NAME[name], result_of(name, [ours], [peer])).split(" | ")
    assert (cells[4], cells[-1]) == (ratio, f"{verdict} |")


def test_without_a_peer_a_goal_of_the_ratio_is_neither_met_nor_missed() -> None:
    result = result_of("F2", [50_000], [])
    result.fail("Kannel", "bearerbox not found")
    made = row(BY_NAME["F2"], result)
    assert "bearerbox not found" in made
    assert made.endswith("| no peer |")


def test_a_case_that_failed_keeps_its_row_with_the_reason() -> None:
    result = result_of("F2", [50_000], [13_000])
    result.fail("Gatepost", "3 lost (1, 2, 3)\n| and more")
    made = row(BY_NAME["F2"], result)
    assert "\n" not in made
    assert "| 3 lost (1, 2, 3) \\| and more | 13,000 messages/s |" in made
    assert made.endswith("| failed |")


def test_the_table_has_a_row_for_every_case_also_where_nothing_is_known() -> None:
    lines = table(Results()).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [f"| {case.name}" for case in CASES]
    assert all(line.endswith("| not measured |") for line in lines)


def test_the_page_says_where_each_case_was_measured_and_what_failed() -> None:
    first = result_of("F1", [1.0], [1.0])
    first.add("Gatepost", 2.0, {"processor": "worker 3.0 s"})
    first.add("Jasmin", 0.5)
    second = result_of("F7", [1.0], [1.0], measured="tuesday")
    second.fail("Gatepost, empty", "no time was left for it")
    text = page(Results({"F1": first, "F7": second}, {"monday": {"machine": "small"}, "tuesday": {"machine": "big"}}))
    assert "monday: F1\n\n- machine: small" in text
    assert "tuesday: F7\n\n- machine: big" in text
    assert "- Gatepost: processor worker 3.0 s" in text
    assert "- Jasmin: 0.50 messages/s" in text
    assert "- Gatepost, empty failed: no time was left for it" in text


def test_several_workers_are_drawn_as_a_curve() -> None:
    result = result_of("F10", [30_000.0], [10_000.0])
    assert "xychart" not in page(Results({"F10": result}))
    result.add("two workers", 19_000.0)
    text = page(Results({"F10": result}))
    assert 'x-axis "workers" [1, 2, 4]' in text
    assert "line [10000, 19000, 30000]" in text


def test_a_profile_is_shown_with_its_case() -> None:
    results = Results({"F2 at 50 ms": result_of("F2 at 50 ms", [1.0], [1.0])})
    text = page(results, ["profile-F2-at-50-ms-worker.txt", "profile-F3-worker.txt"])
    assert text.count("](benchmarks/profile-") == 1
    assert "- [Profile of the worker](benchmarks/profile-F2-at-50-ms-worker.txt)" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346 ms"), (99.94, "99.9 ms"), (1.234, "1.23 ms"), (-3.5, "-3.50 ms"), (0, "0.00 ms")],
)
def test_figures_have_the_digits_that_mean_something(value: float, text: str) -> None:
    assert figure(value, "ms") == text
