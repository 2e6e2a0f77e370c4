"""What the database could not keep is found however deep it hides."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.rest.storable import LARGEST, as_id, is_storable

CLEAN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "b"]), inner),
)


@given(CLEAN)
def test_what_postgresql_keeps_is_let_through(value: Any) -> None:
    assert is_storable(value)
    json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("bad", ["\x00", "a\x00b", "\ud800", "\udfff!", float("nan"), float("inf")])
@pytest.mark.parametrize("around", [lambda x: x, lambda x: [[x]], lambda x: {"a": ({"b": x},)}, lambda x: {x: 1}])
def test_what_it_does_not_is_refused(bad: Any, around: Any) -> None:
    assert not is_storable(around(bad))


def test_depth_costs_no_stack() -> None:
    value: Any = "\x00"
    for _ in range(100_000):
        value = [value]
    assert not is_storable(value)


@pytest.mark.parametrize("written", ["1", "0007", "999999999999999999", str(LARGEST)])
def test_the_number_of_a_row_is_read(written: str) -> None:
    assert as_id(written) == int(written)


@pytest.mark.parametrize("written", ["", "0", "-1", "+1", "1.0", " 1", "1_0", "٣", "²", str(LARGEST + 1), "9" * 5000])
def test_what_no_row_can_have_is_no_number(written: str) -> None:
    assert as_id(written) is None
