"""A seed is a schedule."""

from itertools import islice

from tests.faults.schedule import draw


def test_one_seed_gives_one_schedule_and_another_seed_another():
    assert draw(7, 100, 4, 5) == draw(7, 100, 4, 5)
    assert draw(7, 100, 4, 5) != draw(8, 100, 4, 5)
    harms = [list(islice(draw(seed, 100, 4, 5).harms(), 20)) for seed in (7, 7, 8)]
    assert harms[0] == harms[1] != harms[2]


def test_it_has_exactly_as_many_kills_and_crashes_as_asked_for():
    for kills, crashes, places in [(500, 20, 5), (20, 1, 3), (1, 0, 4), (0, 0, 1)]:
        schedule = draw(3, kills, crashes, places)
        assert (schedule.kills, len(schedule.crashes)) == (kills, crashes)
        of_workers = kills - len(schedule.web_kills)
        assert all(1 <= moment <= of_workers for moment in (*schedule.crashes, *schedule.web_kills))
        assert len(set(schedule.crashes)) == crashes


def test_a_long_one_has_every_kind_of_blow():
    kinds = {blow.kind for place in draw(3, 500, 20, 5).blows for blow in place}
    assert kinds == {"kill", "freeze", "stop"}
