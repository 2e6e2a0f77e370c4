"""The database crashes under load, and nothing is lost or sent twice."""

from pathlib import Path
from typing import Any

import pytest
from tests.faults.recoveries import BUSY, MAX_RECONNECT_P50_S, after_crashes
from tests.faults.schedule import quiet
from tests.faults.siege import siege
from tests.support.reporting import Say

pytestmark = pytest.mark.faults

CRASHES = 3


def test_a_database_that_crashes_every_five_seconds_loses_and_repeats_nothing(
    tmp_path: Path, seed: int, say: Say, django_db_blocker: Any
):
    with django_db_blocker.unblock(), siege(tmp_path, quiet(seed), 3, lambda line: None) as one:
        one.run(lambda: one.run_crashes(CRASHES, workers=2))
        verdict = one.arena.verdict()
        names = {pk: gateway.name for pk, gateway in one.arena.gateways.items()}
        flowing = after_crashes(one.database.outages, names, one.arena.requests())
    away_s = [round(outage.up_at - outage.down_at, 1) for outage in one.database.outages]
    say(f"{verdict}; away for {away_s} s, then {flowing}")
    assert not verdict.faults
    assert not one.arena.ledger.contradictions
    assert len(away_s) == CRASHES
    assert not flowing.never
    assert flowing.p50_s <= BUSY * MAX_RECONNECT_P50_S
