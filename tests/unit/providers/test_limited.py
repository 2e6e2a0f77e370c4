"""Patterns of operators: what is plain runs without a clock, what could run for ever does not."""

import time

import pytest

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.http_template import limited
from gatepost.providers.kit.http_template.limited import _is_humble, search

PLAIN = (r"^OK", r"^OK (\d+)", r"^22\|", "id=([0-9a-f]+)", r"^(\w+);(\d+)", r"\[(.*)\]", r"^Error: .", r"(\d+)$")
DANGEROUS = (
    *(
        r"(a+)+$",
        r"(a|a)*b",
        r"(\w+)*x",
        r"^(.*)*$",
        "(?:a+)+",
        r"(a)\1",
        "x{1,9}",
        "a?a?a?",
        r".*.*.*",
        r"\d+\d+",
        "a|b",
    ),
    *(r"(?i)ok", r"(?=a)", r"a+?", "a++", "[a[b]]", r"\bOK", "(a?)?", "((a+))", "^.*,.*,.*,"),
)


@pytest.mark.parametrize("pattern", PLAIN)
def test_a_plain_pattern_needs_no_clock(pattern: str) -> None:
    assert _is_humble(pattern)


@pytest.mark.parametrize("pattern", DANGEROUS)
def test_whatever_could_take_long_or_is_not_understood_runs_against_the_clock(pattern: str) -> None:
    assert not _is_humble(pattern)


@pytest.mark.parametrize("pattern", PLAIN)
@pytest.mark.parametrize("text", ["a" * 1000, "0" * 1000, "[" * 1000, "id=" * 333, "a;" * 500, "OK " + "1" * 900])
def test_a_plain_pattern_ends_soon_on_the_worst_texts(pattern: str, text: str) -> None:
    started = time.process_time()
    search(pattern, text)
    assert time.process_time() - started < limited.TIMEOUT_S


def test_a_pattern_without_end_is_given_up() -> None:
    with pytest.raises(MalformedAnswer):
        search(r"^(a|aa)+$", "a" * 900 + "b")
