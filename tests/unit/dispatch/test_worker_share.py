"""How many gateways each worker drives."""

from hypothesis import given
from hypothesis import strategies as st

from gatepost.dispatch.worker import _share


@given(st.lists(st.integers(0, 8), min_size=1, max_size=8), st.integers(0, 40))
def test_moves_end_with_everybody_within_one_of_each_other(held, free):
    workers = {f"w{n}": count for n, count in enumerate(held)}
    gateways = sum(held) + free
    for _ in range(gateways + 1):
        for name in sorted(workers):
            share = _share(workers, name, gateways)
            taken = max(0, min(free, share - workers[name]))
            given_up = int(workers[name] > share)
            workers[name] += taken - given_up
            free -= taken - given_up
    assert free == 0
    assert max(workers.values()) - min(workers.values()) <= 1


def test_nobody_gives_up_one_where_everybody_has_a_fair_part():
    fair = {"a": 3, "b": 3, "c": 2, "d": 2, "e": 2}
    assert all(_share(fair, name, 12) == 3 for name in fair)
    assert _share({"a": 3, "b": 3, "c": 3, "d": 3, "e": 0}, "a", 12) == 2
    assert _share({"a": 3, "b": 3, "c": 3, "d": 3, "e": 0}, "e", 12) == 3
    assert _share({"a": 1, "b": 0, "c": 0}, "a", 1) == 1
