"""Each sender ID keeps its own pace exactly, whatever the others send, and holds nobody else up."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.dispatch.test_grouping import due
from tests.unit.dispatch.test_pacing import worst_second

from gatepost.dispatch.grouping import Grouping, LaneBuffer
from gatepost.dispatch.pacing import TooFast
from gatepost.dispatch.sender_paces import SenderPaces
from gatepost.dispatch.store import Due

SENDERS = ["A", "B", "C"]
RATES = st.dictionaries(st.sampled_from(SENDERS), st.integers(1, 60).map(float), max_size=3)
COUNTS = st.sampled_from(["requests", "messages", "segments"])


def grouping(rates: dict[str, float], counts: str = "requests", limit: int = 1) -> Grouping:
    return Grouping(limit, ("sender",), counts=counts, paced=rates)


@given(
    RATES,
    COUNTS,
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(SENDERS), st.integers(1, 3)), max_size=150),
    st.lists(st.floats(0.001, 0.2), min_size=1, max_size=6),
)
def test_no_sender_exceeds_its_pace_in_any_second_and_nobody_waits_for_another(rates, counts, limit, asked, pauses_s):
    how = grouping(rates, counts, limit)
    paces = SenderPaces(rates, not_before=0.0)
    buffer = LaneBuffer()
    items = [due(n, sender=sender, segments=segments) for n, (sender, segments) in enumerate(asked)]
    buffer.add((1, 0), items, how)
    written: dict[str, list[tuple[float, int]]] = defaultdict(list)
    now = 0.0
    turn = 0
    turned_away: list[list[Due]] = []
    while (buffer or turned_away) and now < 60.0:
        coming, turned_away = turned_away, []
        while group := coming.pop(0) if coming else buffer.take(how, paces.waiting(now)):
            [sender] = {item.used_sender for item in group}
            paces.permit(now, group, how.units)
            try:
                paces.check(now, group, how.units)
            except TooFast:
                # A permit is for a request of the usual size; what is larger may be turned away at the socket.
                turned_away.append(group)
                continue
            paces.written(now, group, how.units)
            written[sender].append((now, how.units(group)))
        free = [item for item in items if item.sender not in rates]
        assert now > 0.0 or sum(len(one) for one in written.values()) or not free
        now += pauses_s[turn % len(pauses_s)]
        turn += 1
    for sender, rate in rates.items():
        largest = max((units for _, units in written[sender]), default=0)
        # One message that is larger than the pace by itself goes alone.
        assert worst_second(written[sender]) <= max(rate, largest if counts == "segments" else 0)
    for sender in set(SENDERS) - rates.keys():
        assert all(at == 0.0 for at, _ in written[sender])


def test_a_request_counts_for_each_sender_in_it():
    paces = SenderPaces({"A": 2.0, "B": 5.0}, not_before=0.0)
    mixed = [due(1, sender="A"), due(2, sender="A"), due(3, sender="B")]
    units = Grouping(counts="messages").units
    paces.written(1.0, mixed, units)
    with pytest.raises(TooFast):
        paces.check(1.5, [due(4, sender="A")], units)
    paces.check(1.5, [due(5, sender="B")], units)
    paces.check(1.5, [due(6, sender="free")], units)


def test_the_fallback_sender_is_the_one_that_counts():
    paces = SenderPaces({"Fallback": 1.0}, not_before=0.0)
    units = Grouping().units
    item = due(1, sender="A", sender_override="Fallback")
    paces.written(1.0, [item], units)
    with pytest.raises(TooFast):
        paces.check(1.5, [item], units)


def test_a_new_owner_and_a_new_pace_begin_when_nothing_unknown_can_be_within_the_second():
    paces = SenderPaces({"A": 5.0}, not_before=10.0)
    assert paces.waiting(9.9) == {"A"}
    assert paces.waiting(10.0) == frozenset()
    paces.written(10.0, [due(1, sender="A")], Grouping().units)
    paces.change_rates({"A": 1.0, "B": 5.0}, now=10.2)
    with pytest.raises(TooFast):
        paces.check(10.9, [due(2, sender="A")], Grouping().units)
    assert "B" in paces.waiting(11.1)
    assert "B" not in paces.waiting(11.2)
    paces.change_rates({}, now=11.3)
    assert not paces
