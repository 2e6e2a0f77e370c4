"""When a gateway that is not reached is tried again."""

from types import SimpleNamespace

import pytest

from gatepost.dispatch import brakes
from gatepost.dispatch.brakes import Brakes
from gatepost.dispatch.pacing import Pacer
from gatepost.routing.health import BREAK_AFTER
from gatepost.sms.outcomes import accepted, not_sent
from gatepost.transport.driver import SubmitResult


def pauses_s(monkeypatch: pytest.MonkeyPatch, results: list[SubmitResult]) -> list[float]:
    """How long the gateway pauses after each of them; the clock stands still."""
    monkeypatch.setattr(brakes, "time", SimpleNamespace(monotonic=lambda: 100.0))
    monkeypatch.setattr(brakes, "backoff_s", lambda attempts: 2.0**attempts)
    found = []
    for n in range(len(results)):
        pacer = Pacer(None)
        one = Brakes(pacer)
        for result in results[: n + 1]:
            pacer.resume()
            one.learn(result)
        found.append(pacer.wait_s(100.0))
    return found


def test_pauses_stay_short_until_there_is_evidence_of_an_outage_and_never_get_long(monkeypatch: pytest.MonkeyPatch):
    unreached = SubmitResult({"a": not_sent("connection failed")}, [], is_sent=False, latency_ms=0.0)
    taken = SubmitResult({"a": accepted("id")}, [], is_sent=True, latency_ms=1.0)
    found = pauses_s(monkeypatch, [unreached] * (BREAK_AFTER + 3))
    assert found[: BREAK_AFTER - 1] == pytest.approx([brakes.SHORT_UNREACHABLE_S] * (BREAK_AFTER - 1))
    assert found[BREAK_AFTER - 1 :] == pytest.approx([2.0, 2.0, 2.0, 2.0])
    assert pauses_s(monkeypatch, [*[unreached] * 5, taken])[-1] == 0.0
    assert pauses_s(monkeypatch, [*[unreached] * 5, taken, unreached])[-1] == pytest.approx(brakes.SHORT_UNREACHABLE_S)
