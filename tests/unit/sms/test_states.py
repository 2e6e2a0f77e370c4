"""The states of a message and the moves between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.sms.states import FINAL, MOVES, REPORTED, WORDS, State, Word, after_receipt, is_final, may_move

OPEN = [state for state in State if state not in FINAL]
STATES = st.sampled_from(State)

EXPECTED = {
    State.QUEUED: REPORTED | {State.SUBMITTING, State.SUBMITTED, State.CANCELLED},
    State.SUBMITTING: REPORTED | {State.QUEUED, State.SUBMITTED, State.UNKNOWN, State.CANCELLED},
    State.SUBMITTED: REPORTED,
    State.UNKNOWN: REPORTED | {State.QUEUED, State.SUBMITTED},
}


@pytest.mark.parametrize("old", State)
@pytest.mark.parametrize("new", State)
def test_every_move_is_allowed_or_not_as_the_table_says(old, new):
    assert may_move(old, new) is (new in EXPECTED.get(old, set()))


def test_every_state_has_its_moves_and_one_word():
    assert set(MOVES) == set(State) == set(WORDS)
    assert {WORDS[state] for state in State} == set(Word)


def test_final_is_what_no_move_leaves():
    assert {state for state in State if not MOVES[state]} == FINAL == {state for state in State if is_final(state)}
    assert State.UNKNOWN not in FINAL


@given(STATES, STATES)
def test_a_receipt_never_leaves_a_final_state_and_never_steps_back(current, reported):
    after = after_receipt(current, reported)
    assert after is current or may_move(current, after)
    if current in FINAL:
        assert after is current
    assert after not in (State.QUEUED, State.SUBMITTING) or after is current


@pytest.mark.parametrize("reported", [State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.CANCELLED])
def test_what_a_provider_cannot_know_of_moves_nothing(reported):
    assert {after_receipt(state, reported) is state for state in State} == {True}


@given(
    st.sampled_from(OPEN),
    st.sampled_from(sorted(REPORTED)),
    st.lists(st.sampled_from(OPEN), max_size=6),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_receipts_with_one_final_among_them_end_in_it_in_any_order_and_any_number(start, final, others, times, random):
    receipts = [*others, *others, *[final] * times]
    random.shuffle(receipts)
    state = start
    for reported in receipts:
        state = after_receipt(state, reported)
    assert state is final
