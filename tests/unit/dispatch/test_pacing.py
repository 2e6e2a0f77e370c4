"""At most so many in any second, and nearly all of them."""

from collections import deque
from collections.abc import Callable
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.dispatch.pacing import Pacer, TooFast

RATES = st.one_of(st.integers(1, 300), st.floats(1.0, 300.0))


def worst_second(written: list[tuple[float, int]]) -> int:
    """The most units in any half-open second; it is enough to look at those that end with a write."""
    worst = units_now = 0
    second: deque[tuple[float, int]] = deque()
    for at, units in written:
        while second and second[0][0] <= at - 1.0:
            units_now -= second.popleft()[1]
        second.append((at, units))
        units_now += units
        worst = max(worst, units_now)
    return worst


def drive(pacer: Pacer, seconds: float, step_s: Callable[[], float], units: int = 1) -> list[tuple[float, int]]:
    """What is written by somebody who takes every permit and writes at once, looking up every `step_s()`."""
    written = []
    now = 0.0
    while now < seconds:
        while pacer.permit(now, units):
            pacer.written(now, units)
            written.append((now, units))
        now += step_s()
    return written


@given(RATES, st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 3)), max_size=120))
def test_the_gate_at_the_socket_never_lets_more_through_than_the_rate(rate, writes):
    pacer = Pacer(rate)
    now = 0.0
    written = []
    for pause_s, units in writes:
        now += pause_s
        try:
            pacer.written(now, units)
        except TooFast:
            continue
        written.append((now, units))
    largest = max((units for _, units in written), default=0)
    assert worst_second(written) <= max(rate, largest)


@given(st.integers(1, 200), st.lists(st.floats(0.005, 0.2), min_size=1, max_size=8))
def test_permits_alone_keep_the_rate_however_irregularly_they_are_asked_for(rate, pauses_s):
    pauses = cycle(pauses_s)
    written = drive(Pacer(rate), 2.0, lambda: next(pauses))
    assert worst_second(written) <= rate


@pytest.mark.parametrize("rate", [1, 5, 49, 100, 200])
@pytest.mark.parametrize("step_s", [0.001, 0.013])
def test_nearly_all_of_the_rate_is_used(rate, step_s):
    written = drive(Pacer(rate), 10.0, lambda: min(step_s, 0.3 / rate))
    assert len(written) >= 0.95 * rate * 10.0
    assert worst_second(written) <= rate


@pytest.mark.parametrize("rate", [5, 40, 150])
def test_a_loop_that_now_and_then_wakes_late_still_uses_nearly_all_of_it(rate):
    pauses = cycle([0.004] * 200 + [0.25])
    written = drive(Pacer(rate), 20.0, lambda: next(pauses))
    assert len(written) >= 0.9 * rate * 20.0
    assert worst_second(written) <= rate


@pytest.mark.parametrize("units", [2, 7, 25])
def test_a_request_counts_as_much_as_it_holds(units):
    written = drive(Pacer(50), 10.0, lambda: 0.002, units)
    assert worst_second(written) <= 50
    assert sum(count for _, count in written) >= 0.9 * 50 * 10.0


def test_a_rate_below_one_is_kept_over_several_seconds():
    written = drive(Pacer(0.25), 41.0, lambda: 0.05)
    assert 9 <= len(written) <= 10


def test_a_new_owner_writes_nothing_before_its_time():
    for rate in (None, 10.0):
        pacer = Pacer(rate, not_before=5.0)
        assert not pacer.permit(4.99)
        assert pacer.wait_s(4.0) == pytest.approx(1.0)
        assert pacer.permit(5.0)


def test_a_pause_holds_back_every_permit_and_is_never_shortened_by_a_shorter_one():
    pacer = Pacer(None)
    pacer.pause(10.0)
    pacer.pause(3.0)
    assert not pacer.permit(9.9)
    assert pacer.wait_s(8.0) == pytest.approx(2.0)
    assert pacer.permit(10.0)


def test_without_a_rate_nothing_waits():
    pacer = Pacer(None)
    for _ in range(1000):
        assert pacer.permit(0.0)
        pacer.written(0.0)


@given(st.integers(2, 100), st.integers(1, 50))
def test_a_lowered_rate_counts_what_was_written_before(high, low):
    pacer = Pacer(high)
    for _ in range(high):
        pacer.written(0.5)
    pacer.change_rate(min(low, high - 1))
    with pytest.raises(TooFast):
        pacer.written(1.0)
    pacer.written(1.5)


def test_what_was_turned_away_is_not_counted():
    pacer = Pacer(1)
    pacer.written(0.0)
    for _ in range(3):
        with pytest.raises(TooFast):
            pacer.written(0.9)
    pacer.written(1.0)


def test_at_a_high_rate_what_is_due_within_a_turn_of_the_loop_leaves_together():
    pacer = Pacer(100_000)
    together = 0
    while pacer.permit(10.0):
        together += 1
    assert 400 <= together <= 1000
    assert len(drive(Pacer(10_000), 3.0, lambda: 0.002)) == pytest.approx(3 * 10_000 / 1.03, rel=0.02)


def test_nothing_leaves_before_the_time_at_which_a_new_owner_may_begin():
    pacer = Pacer(100_000, not_before=5.0)
    assert not pacer.permit(4.999)
    assert pacer.permit(5.0)


def test_a_provider_that_asks_for_less_gets_half_and_then_slowly_more_but_never_more_than_the_limit():
    pacer = Pacer(40)
    written = drive(pacer, 5.0, lambda: 0.005)
    pacer.slow_down(5.0, pause_s=2.0)
    assert pacer.wait_s(5.0) == pytest.approx(2.0)
    assert pacer.slowed_to == pytest.approx(20, abs=1)
    later = []
    now = 7.0
    while now < 40.0:
        while pacer.permit(now):
            pacer.written(now)
            later.append((now, 1))
        now += 0.005
    assert worst_second(later[:20]) <= 22
    assert pacer.slowed_to is None
    assert worst_second([*written, *later]) <= 40
    assert len([1 for at, _ in later if at > 30.0]) >= 0.95 * 40 * 10


def test_several_answers_at_once_halve_the_pace_once():
    pacer = Pacer(40)
    drive(pacer, 2.0, lambda: 0.005)
    for at in (2.0, 2.1, 2.2):
        pacer.slow_down(at, pause_s=0.1)
    assert pacer.slowed_to == pytest.approx(20, abs=1)
    pacer.slow_down(3.5, pause_s=0.1)
    assert pacer.slowed_to < 10


def test_without_a_limit_a_slowed_gateway_becomes_free_again():
    pacer = Pacer(None)
    for n in range(200):
        pacer.written(n / 200)
    pacer.slow_down(1.0, pause_s=1.0)
    assert pacer.slowed_to == pytest.approx(100, abs=1)
    pacer.wait_s(100.0)
    assert pacer.slowed_to is None


def test_in_a_pause_nothing_is_written_though_it_had_a_permit():
    pacer = Pacer(None)
    assert pacer.permit(0.0)
    pacer.pause(1.0)
    with pytest.raises(TooFast):
        pacer.written(0.5)
    pacer.resume()
    pacer.written(0.6)


def test_resuming_does_not_shorten_the_time_of_the_owner_before():
    pacer = Pacer(None, not_before=5.0)
    pacer.pause(9.0)
    pacer.resume()
    assert not pacer.permit(4.9)
    assert pacer.permit(5.0)
