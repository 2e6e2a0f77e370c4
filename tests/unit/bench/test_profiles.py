"""Samples of stacks become a report."""

import json
from pathlib import Path

from tests.bench import profiles

SAMPLES = [
    (["/home/me/src/gatepost/dispatch/worker.py:10:run", "/usr/lib/python3.11/json/__init__.py:5:dumps"], 3),
    (["/home/me/src/gatepost/dispatch/worker.py:10:run"], 1),
    ([], 0),
]


def test_time_counts_for_the_function_itself_and_for_those_above_it() -> None:
    text = profiles.report(SAMPLES)
    own, below = text.split("in the function itself")[1].split("in it and below it")
    assert " 75.0%  json/__init__.py:5:dumps" in own
    assert " 25.0%  gatepost/dispatch/worker.py:10:run" in own
    assert "100.0%  gatepost/dispatch/worker.py:10:run" in below
    assert text.startswith("4 samples")


def test_a_function_that_calls_itself_counts_once() -> None:
    text = profiles.report([(["a.py:1:f", "a.py:1:f", "a.py:1:f"], 2)])
    assert "100.0%  a.py:1:f" in text.split("in it and below it")[1]


def test_processes_of_a_role_are_read_together_and_their_samples_removed(tmp_path: Path) -> None:
    for pid, count in ((17, 1), (18, 3)):
        (tmp_path / f"web-{pid}.json").write_text(json.dumps([[["a.py:1:f"], count]]))
    reports = profiles.collect(tmp_path)
    assert reports.keys() == {"web"}
    assert reports["web"].startswith("4 samples")
    assert not list(tmp_path.iterdir())


def test_without_a_folder_nothing_is_sampled(tmp_path: Path) -> None:
    with profiles.sampling(tmp_path / "none"):
        assert not (tmp_path / "none").exists()


def test_the_folders_of_this_machine_are_not_told() -> None:
    assert (
        profiles.shown("/home/me/.venv/lib/python3.11/site-packages/psycopg/waiting.py:1:wait")
        == "psycopg/waiting.py:1:wait"
    )
    assert profiles.shown("/root/bench.py:1:main") == "bench.py:1:main"
    assert profiles.shown("<string>:1:f") == "<string>:1:f"
