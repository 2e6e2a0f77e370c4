"""What a provider's answers do to the pace of a gateway: shorter and longer pauses, probes, and a slower pace."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from gatepost.dispatch import brakes
from gatepost.dispatch.brakes import PAUSE_AFTER, PROBE_EVERY_S, Brakes
from gatepost.dispatch.pacing import Pacer
from gatepost.routing.health import BREAK_AFTER
from gatepost.sms.outcomes import Outcome, Refusal, accepted, not_sent, refused, throttled
from gatepost.transport.driver import SubmitResult

NOW = 100.0


def answered(*outcomes: Outcome) -> SubmitResult:
    return SubmitResult({f"m{n}": one for n, one in enumerate(outcomes)}, [], is_sent=True, latency_ms=1.0)


TAKEN = answered(accepted("id"))
UNREACHED = SubmitResult({"a": not_sent("connection failed")}, [], is_sent=False, latency_ms=0.0)
EVERYTHING_REFUSED = (Refusal.AUTH, Refusal.NO_CREDIT, Refusal.CONFIG)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The clock stands still, unless it is set."""
    at = [NOW]
    monkeypatch.setattr(brakes, "time", SimpleNamespace(monotonic=lambda: at[0]))

    def set_to(now: float) -> None:
        at[0] = now

    return set_to


class TestAGatewayThatIsNotReached:
    @staticmethod
    def pauses_s(monkeypatch: pytest.MonkeyPatch, results: list[SubmitResult]) -> list[float]:
        """How long it pauses after each of them."""
        monkeypatch.setattr(brakes, "backoff_s", lambda attempts: 2.0**attempts)
        found = []
        for n in range(len(results)):
            pacer = Pacer(None)
            one = Brakes(pacer)
            for result in results[: n + 1]:
                pacer.resume()
                one.learn(result)
            found.append(pacer.wait_s(NOW))
        return found

    def test_pauses_stay_short_until_there_is_evidence_of_an_outage_and_never_get_long(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        found = self.pauses_s(monkeypatch, [UNREACHED] * (BREAK_AFTER + 3))
        assert found[: BREAK_AFTER - 1] == pytest.approx([brakes.SHORT_UNREACHABLE_S] * (BREAK_AFTER - 1))
        assert found[BREAK_AFTER - 1 :] == pytest.approx([2.0, 2.0, 2.0, 2.0])
        assert self.pauses_s(monkeypatch, [*[UNREACHED] * 5, TAKEN])[-1] == 0.0
        again = self.pauses_s(monkeypatch, [*[UNREACHED] * 5, TAKEN, UNREACHED])[-1]
        assert again == pytest.approx(brakes.SHORT_UNREACHABLE_S)

    def test_holds_up_no_other_of_its_account(self):
        account = Pacer(100.0)
        Brakes(Pacer(None), account=account).learn(UNREACHED)
        assert account.wait_s(NOW) == 0.0


class TestASlowerPace:
    @pytest.mark.parametrize(("retry_after_s", "waits_s"), [(60.0, 60.0), (None, brakes.SLOWER_S)])
    def test_nothing_leaves_for_as_long_as_the_provider_says(self, retry_after_s, waits_s):
        pacer = Pacer(10.0)
        Brakes(pacer).learn(answered(throttled(retry_after_s)))
        assert pacer.wait_s(NOW) == pytest.approx(waits_s)
        assert not pacer.permit(NOW + waits_s - 0.01)
        assert pacer.permit(NOW + waits_s + 0.01)

    def test_the_longest_of_several_counts(self):
        pacer = Pacer(10.0)
        Brakes(pacer).learn(answered(accepted("id"), throttled(5.0), throttled(60.0), throttled()))
        assert pacer.wait_s(NOW) == pytest.approx(60.0)

    def test_half_of_what_was_written_lately_is_the_pace_afterwards(self):
        pacer = Pacer(20.0)
        for _ in range(10):
            pacer.written(NOW)
        Brakes(pacer).learn(answered(throttled(1.0)))
        assert pacer.slowed_to == pytest.approx(5.0)

    def test_the_others_of_its_account_wait_too(self):
        own, account = Pacer(10.0), Pacer(20.0)
        Brakes(own, account=account).learn(answered(throttled(60.0)))
        assert account.wait_s(NOW) == pytest.approx(60.0)
        assert account.slowed_to is not None
        assert account.slowed_to < 20.0

    def test_one_recipient_alone_slows_nobody(self):
        own, account = Pacer(10.0), Pacer(20.0)
        Brakes(own, account=account).learn(answered(throttled(60.0, is_recipient_only=True)))
        assert own.wait_s(NOW) == account.wait_s(NOW) == 0.0
        assert own.slowed_to is account.slowed_to is None

    def test_new_settings_of_a_gateway_do_not_end_the_pause_of_its_account(self):
        own, account = Pacer(10.0), Pacer(20.0)
        one = Brakes(own, account=account)
        one.learn(answered(throttled(60.0)))
        one.release()
        assert own.wait_s(NOW) == 0.0
        assert account.wait_s(NOW) == pytest.approx(60.0)


class TestAProviderThatRefusesEverything:
    @pytest.mark.parametrize("refusal", EVERYTHING_REFUSED)
    def test_is_paused_after_exactly_so_many_and_probed_now_and_then(self, refusal):
        one = Brakes(Pacer(None))
        for _ in range(PAUSE_AFTER - 1):
            one.learn(answered(refused(refusal)))
        assert not one.is_probing
        assert (one.why, one.wait_s(NOW)) == ("", 0.0)
        one.learn(answered(refused(refusal)))
        assert one.is_probing
        assert one.why.startswith("The provider refuses everything: ")
        assert one.wait_s(NOW) == PROBE_EVERY_S
        assert one.wait_s(NOW + PROBE_EVERY_S) == 0.0

    @pytest.mark.parametrize("refusal", [one for one in Refusal if one not in EVERYTHING_REFUSED])
    def test_what_concerns_one_message_pauses_nothing(self, refusal):
        one = Brakes(Pacer(None))
        for _ in range(3 * PAUSE_AFTER):
            one.learn(answered(refused(refusal)))
        assert not one.is_probing

    def test_each_probe_that_fails_puts_off_the_next(self, clock: Callable[[float], None]):
        one = Brakes(Pacer(None), "It refused everything before, too")
        assert one.is_probing
        assert one.wait_s(NOW) == 0.0
        clock(NOW + 7.0)
        one.learn(answered(refused(Refusal.AUTH)))
        assert one.wait_s(NOW + 7.0) == PROBE_EVERY_S

    @pytest.mark.parametrize("answer", [TAKEN, answered(accepted("id"), refused(Refusal.BAD_RECIPIENT))])
    def test_one_message_that_is_taken_ends_it_and_the_count(self, answer):
        one = Brakes(Pacer(None), "It refused everything before")
        one.learn(answer)
        assert not one.is_probing
        assert (one.why, one.wait_s(NOW)) == ("", 0.0)
        for _ in range(PAUSE_AFTER - 1):
            one.learn(answered(refused(Refusal.AUTH)))
        assert not one.is_probing

    def test_new_settings_are_tried_at_once(self):
        one = Brakes(Pacer(None))
        for _ in range(PAUSE_AFTER):
            one.learn(answered(refused(Refusal.AUTH)))
        one.release()
        assert one.wait_s(NOW) == 0.0
        assert one.is_probing

    def test_the_reason_has_the_code_and_what_to_do_and_nothing_that_may_quote_a_message(self):
        one = Brakes(Pacer(None))
        for _ in range(PAUSE_AFTER):
            one.learn(answered(refused(Refusal.AUTH, 403, "forbidden: +48600100200, your code is 4711")))
        assert one.why == (
            "The provider refuses everything: the credentials are refused (403). "
            "Replace the gateway's credentials, then press Check."
        )
