"""Each promise of docs/reliability.md names tests that exist; each seeded bug names one, too."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from tests.faults.selftest import read_bugs

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-Z]\d+) \|.*\| (.*) \|$", re.MULTILINE)
PROMISES = dict(ROW.findall((ROOT / "docs" / "reliability.md").read_text("utf-8")))
BUGS = {bug.name: bug.check for bug in read_bugs()}
REQUIRED = {
    *(f"D{n}" for n in range(1, 11)),
    *(f"P{n}" for n in range(1, 7)),
    *("S1", "S2", "S3", "W1", "W2"),
}
FEWEST_BUGS = 12


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the tests of a file, those of classes as Class::test."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    names: set[str] = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, FUNCTIONS)}
        elif isinstance(node, FUNCTIONS):
            names.add(node.name)
    return frozenset(names)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def exists(node: str) -> bool:
    path, _, name = node.partition("::")
    return name.partition("[")[0] in names_in(path)


def test_every_promise_is_in_the_table():
    assert REQUIRED - PROMISES.keys() == set()


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_names_tests_that_exist(promise: str):
    nodes = re.findall(r"`([^`]+)`", PROMISES[promise])
    assert nodes
    assert [node for node in nodes if not exists(node)] == []


def test_there_are_bugs_enough():
    assert len(BUGS) >= FEWEST_BUGS


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_names_a_test_that_exists(bug: str):
    assert exists(BUGS[bug])


def test_a_name_that_is_none_is_noticed():
    assert exists("tests/faults/test_promises.py::test_a_name_that_is_none_is_noticed")
    assert not exists("tests/faults/test_promises.py::test_nothing")
    assert not exists("tests/faults/test_nothing.py::test_nothing")
