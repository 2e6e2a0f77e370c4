"""How long a recovery took is read from the provider's log."""

from tests.faults.checker import Request
from tests.faults.database import Outage
from tests.faults.nemesis import Strike
from tests.faults.recoveries import after_crashes, after_kills

NAMES = {1: "a", 2: "b"}


def requests(**ats: list[float]) -> list[Request]:
    return [Request(at, name, (), "answer", True) for name, all_of_it in ats.items() for at in all_of_it]


def kill(at: float, *gateway_ids: int) -> Strike:
    return Strike(at, at + 0.5, gateway_ids, {}, is_kill=True)


def test_it_counts_from_the_kill_to_the_next_request_of_each_gateway_that_the_worker_drove():
    recoveries = after_kills([kill(10.0, 1, 2)], NAMES, requests(a=[9.0, 10.2, 14.0, 15.0], b=[10.7]))
    assert sorted(recoveries.seconds) == [0.6999999999999993, 4.0]
    assert recoveries.never == []


def test_a_gateway_without_another_request_never_recovered():
    assert after_kills([kill(10.0, 1)], NAMES, requests(a=[9.0, 10.4])).never == ["a"]


def test_what_the_next_kill_met_first_is_not_measured_but_counted():
    recoveries = after_kills([kill(10.0, 1), kill(13.0, 1)], NAMES, requests(a=[18.0]))
    assert (recoveries.seconds, recoveries.superseded, recoveries.never) == ([5.0], 1, [])


def test_what_an_outage_delayed_is_not_measured_but_counted():
    recoveries = after_kills([kill(10.0, 1)], NAMES, requests(a=[18.0]), disturbances=[(12.0, 13.0)])
    assert (recoveries.seconds, recoveries.disturbed) == ([], 1)
    assert after_kills([kill(10.0, 1)], NAMES, requests(a=[18.0]), disturbances=[(5.0, 6.0)]).seconds == [8.0]


def test_after_a_crash_it_counts_from_the_first_answer_of_the_database():
    recoveries = after_crashes([Outage(10.0, 12.0)], NAMES, requests(a=[11.0, 12.5], b=[13.0]))
    assert sorted(recoveries.seconds) == [0.5, 1.0]
    beside_a_kill = after_crashes([Outage(10.0, 12.0)], NAMES, requests(a=[12.5], b=[13.0]), [kill(11.0, 1)])
    assert (beside_a_kill.seconds, beside_a_kill.superseded) == ([1.0], 1)


def test_quick_after_a_crash_is_what_is_promised():
    def back(**ats: list[float]) -> bool:
        return after_crashes([Outage(10.0, 12.0)], NAMES, requests(**ats)).is_back_quickly

    assert back(a=[14.9], b=[13.0])
    assert not back(a=[15.1], b=[15.2])
    assert not back(a=[], b=[13.0])
    assert after_crashes([], NAMES, requests(a=[])).is_back_quickly


def test_quick_is_what_is_promised():
    recoveries = after_kills([kill(10.0, 1)], NAMES, requests(a=[14.9]))
    assert recoveries.is_quick
    assert not after_kills([kill(10.0, 1)], NAMES, requests(a=[15.1])).is_quick
    assert not after_kills([kill(10.0, 1)], NAMES, requests(a=[])).is_quick
