"""Nobody gets more than a fair share, however much they queue and however they come and go."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gatepost.dispatch.turns import KEPT, Turns


def serve(turns: Turns[str], costs: dict[str, float], times: int) -> Counter[str]:
    had: Counter[str] = Counter()
    for _ in range(times):
        key = turns.next
        had[key] += costs[key]
        turns.served(key, costs[key], waits_on=True)
    return had


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 100), min_size=2), st.integers(1, 500))
def test_those_who_wait_have_had_the_same_give_or_take_one_request(costs, times):
    turns: Turns[str] = Turns()
    for key in costs:
        turns.enter(key)
    had = serve(turns, costs, times)
    assert max(had[key] for key in costs) - min(had[key] for key in costs) <= 2 * max(costs.values())


def test_who_was_away_does_not_catch_up():
    turns: Turns[str] = Turns()
    turns.enter("a")
    serve(turns, {"a": 1}, 1000)
    turns.enter("b")
    assert serve(turns, {"a": 1, "b": 1}, 100)["a"] >= 49


def test_who_comes_and_goes_gets_no_more_than_who_stays():
    turns: Turns[str] = Turns()
    turns.enter("stays")
    turns.enter("comes and goes")
    had: Counter[str] = Counter()
    for _ in range(100):
        key = turns.next
        had[key] += 1
        turns.served(key, 1, waits_on=key == "stays")
        if key != "stays":
            turns.enter(key)
    assert abs(had["stays"] - had["comes and goes"]) <= 2


def test_who_leaves_is_forgotten_once_the_others_have_had_as_much():
    turns: Turns[int] = Turns()
    turns.enter(-1)
    for one in range(3000):
        turns.served(turns.next, 1, waits_on=True)
        turns.enter(one)
        while turns.next != one:
            turns.served(turns.next, 1, waits_on=True)
        turns.served(turns.next, 1, waits_on=False)
    assert len(turns._had) <= KEPT
