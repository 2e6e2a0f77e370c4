"""The clock of this host may do what it likes."""

from datetime import UTC, datetime, timedelta

from gatepost.messages import clock
from gatepost.messages.clock import DatabaseClock

DATABASE_NOW = datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC)


class Jumped(datetime):
    """A clock that is ten days ahead."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=10)


def test_it_is_the_databases_time_however_wrong_this_hosts_is(monkeypatch):
    monkeypatch.setattr(clock, "datetime", Jumped)
    ours = DatabaseClock()
    ours.note(DATABASE_NOW)
    assert timedelta(0) <= ours.now() - DATABASE_NOW < timedelta(seconds=5)


def test_between_two_looks_it_goes_on_with_the_monotonic_clock(monkeypatch):
    passed = 0.0
    monkeypatch.setattr(clock.time, "monotonic", lambda: passed)
    ours = DatabaseClock()
    ours.note(DATABASE_NOW)
    passed = 90.0
    assert ours.now() == DATABASE_NOW + timedelta(seconds=90)
    ours.note(DATABASE_NOW + timedelta(seconds=60))
    assert ours.now() == DATABASE_NOW + timedelta(seconds=60)


def test_after_a_jump_of_the_database_it_is_not_steady_for_a_while(monkeypatch):
    passed = 0.0
    monkeypatch.setattr(clock.time, "monotonic", lambda: passed)
    ours = DatabaseClock()
    ours.note(DATABASE_NOW)
    ours.note(DATABASE_NOW + timedelta(seconds=20))
    assert ours.is_steady
    for jump in (timedelta(days=10), timedelta(days=-10)):
        ours.note(ours.now() + jump)
        assert not ours.is_steady
        passed += clock.STEADY_AFTER_S
        assert ours.is_steady


def test_before_the_first_look_it_is_this_hosts():
    assert abs(DatabaseClock().now() - datetime.now(UTC)) < timedelta(seconds=5)
