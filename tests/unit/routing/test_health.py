"""How a gateway is judged, and when it is taken out and comes back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.routing import health
from gatepost.routing.health import Evidence, Reports, Standing, State, Try, judge, next_standing, outage_of

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def tries(*failures: str, every_s: float = 1.0) -> list[Try]:
    """Newest first."""
    return [Try(ago(n * every_s), failure, "refused" if failure else "", 0.1) for n, failure in enumerate(failures)]


class TestJudging:
    def test_without_evidence_there_is_no_score(self):
        assert judge(Evidence(), NOW) == health.Verdict(None)
        assert judge(Evidence(tries(""), reports=Reports()), NOW).score == 100

    def test_what_is_long_ago_says_nothing(self):
        assert judge(Evidence([Try(ago(301), "not_sent")]), NOW).score is None

    @pytest.mark.parametrize(
        ("evidence", "words"),
        [
            (Evidence(tries("not_sent", *[""] * 9)), "1 of 10 requests: the provider is not reached."),
            (Evidence(tries(*["throttled"] * 5, *[""] * 5)), "5 of 10 requests: the provider asks for a slower pace."),
            (Evidence([replace(each, latency_s=4.0) for each in tries("", "")]), "Requests take 4.0 s."),
            (Evidence(reports=Reports(20, 20, 10, 5.0)), "Only 10 of 20 reported messages arrived."),
            (Evidence(reports=Reports(20, 4, 4, 5.0)), "Only 4 of 20 messages were reported."),
            (Evidence(reports=Reports(20, 20, 20, 900.0)), "Reports take 15 minutes."),
            (Evidence(balance=0.0), "The account is empty."),
        ],
    )
    def test_each_loss_has_its_words(self, evidence, words):
        verdict = judge(evidence, NOW)
        assert verdict.reasons == (words,)
        assert 0 <= verdict.score < 100
        assert not verdict.outage

    def test_the_worst_reason_comes_first_and_an_outage_ends_it(self):
        verdict = judge(Evidence(tries("auth", "auth", "auth", "", ""), balance=-1.0), NOW)
        assert verdict.outage == "the credentials are refused (refused)"
        assert verdict.reasons[0] == "It is out: the credentials are refused (refused)."
        assert verdict.score == 0

    def test_reports_that_nobody_promised_are_not_missed(self):
        assert judge(Evidence(reports=Reports(20, 0, 0), reports_expected=False), NOW).score == 100

    @given(
        st.lists(st.sampled_from(["", *health.WORDS]), max_size=60),
        st.integers(0, 50),
        st.integers(0, 50),
        st.floats(-5, 5),
    )
    def test_a_score_stays_within_bounds_and_less_than_full_has_a_reason(self, failures, reported, arrived, balance):
        reports = Reports(50, reported, min(arrived, reported), 1.0)
        verdict = judge(Evidence(tries(*failures), reports=reports, balance=balance), NOW)
        assert verdict.score is not None
        assert 0 <= verdict.score <= 100
        assert verdict.score == 100 or verdict.reasons


class TestOutages:
    @pytest.mark.parametrize(
        ("failures", "is_out"),
        [
            (["not_sent"] * 3, True),
            (["auth", "not_sent", "no_credit"], True),
            (["not_sent"] * 2, False),
            (["not_sent", "not_sent", "", "not_sent"], False),
            (["unknown"] * 3, False),
            (["unknown"] * 6 + [""] * 4, True),
            (["unknown"] * 5 + [""] * 5, False),
            (["throttled"] * 20, False),
            (["temporary"] * 12, True),
        ],
    )
    def test_by_what_requests_met(self, failures, is_out):
        assert bool(outage_of(Evidence(), tries(*failures))) is is_out

    @pytest.mark.parametrize(
        ("silent_s", "open_requests", "latency_s", "is_out"),
        [
            (5.0, 3, 0.1, True),
            (5.0, 2, 0.1, False),
            (3.0, 9, 0.1, False),
            (3.1, 3, 0.1, True),
            (5.0, 9, 2.0, False),
            (7.0, 9, 2.0, True),
        ],
    )
    def test_by_silence_against_what_is_usual(self, silent_s, open_requests, latency_s, is_out):
        usual = [replace(each, latency_s=latency_s) for each in tries("", "")]
        assert bool(outage_of(Evidence(silent_s=silent_s, open_requests=open_requests), usual)) is is_out


class TestOneCountry:
    """A provider may refuse one country alone."""

    @staticmethod
    def to(country: str, *failures: str) -> list[Try]:
        return [replace(each, country=country) for each in tries(*failures)]

    @pytest.mark.parametrize(
        ("own", "others", "is_out"),
        [
            (["permanent"] * 10, [""] * 3, True),
            (["permanent"] * 6 + [""] * 4, [""] * 3, True),
            (["permanent"] * 5 + [""] * 5, [""] * 9, False),
            (["permanent"] * 9, [""] * 9, False),
            (["permanent"] * 10, [""] * 2, False),
            (["permanent"] * 10, ["permanent"] * 6 + [""] * 4, False),
            (["not_sent"] * 20, [""] * 9, False),
            (["unknown"] * 20, [""] * 9, False),
            (["throttled"] * 20, [""] * 9, False),
        ],
    )
    def test_is_out_by_what_is_refused_there_while_it_works_elsewhere(self, own, others, is_out):
        assert bool(health.outage_in(self.to("DE", *own), self.to("PL", *others))) is is_out

    @given(st.integers(0, 20))
    def test_does_not_take_the_whole_gateway_with_it(self, well):
        refused, fine = self.to("DE", *["permanent"] * 15), self.to("PL", *[""] * well)
        both = sorted([*refused, *fine], key=lambda each: each.at, reverse=True)
        is_out = bool(outage_of(Evidence(), both))
        assert not is_out or sum(not each.failure for each in both[:20]) < health.PROVEN_BY

    def test_what_fails_everywhere_is_of_the_gateway(self):
        both = [*self.to("DE", *["temporary"] * 10), *self.to("PL", *["temporary"] * 8, "", "")]
        assert outage_of(Evidence(), both)
        assert not health.outage_in(both[:10], both[10:])

    def test_comes_back_through_a_trial_and_not_more_often_than_once_a_minute(self):
        bad, fine = self.to("DE", *["permanent"] * 10), self.to("PL", *[""] * 9)
        down = health.next_standing_in(State(), bad, fine, NOW)
        assert (down.standing, down.cause[:27]) == (Standing.DOWN, "10 of 10 requests there fai")
        assert health.next_standing_in(down, bad, fine, NOW) == down
        later = NOW + timedelta(seconds=health.TRIAL_AFTER_S)
        trial = health.next_standing_in(down, bad, fine, later)
        assert (trial.standing, trial.switched_at) == (Standing.TRIAL, NOW)
        after = later + timedelta(seconds=5)
        again = [replace(each, at=later + timedelta(seconds=n + 1)) for n, each in enumerate(self.to("DE", "", "", ""))]
        assert health.next_standing_in(trial, again[::-1], fine, after) == trial
        minute = NOW + timedelta(seconds=health.SWITCH_S)
        assert health.next_standing_in(trial, again[::-1], fine, minute).standing is Standing.UP
        refused = [replace(again[0], failure="permanent")]
        assert health.next_standing_in(trial, refused, fine, after).standing is Standing.DOWN


class TestStanding:
    BAD = Evidence(tries("not_sent", "not_sent", "not_sent", every_s=0.1))
    GOOD = Evidence(tries("", "", "", every_s=0.1))

    def test_an_outage_takes_it_out_at_once_and_says_why(self):
        state = next_standing(State(), self.BAD, NOW)
        assert (state.standing, state.since) == (Standing.DOWN, NOW)
        assert state.cause == "the provider is not reached (refused)"
        assert next_standing(State(), self.GOOD, NOW) == State()

    def test_it_comes_back_through_a_trial(self):
        down = State(Standing.DOWN, ago(14), ago(14), "away")
        assert next_standing(down, self.BAD, NOW) == down
        down = replace(down, since=ago(61), switched_at=ago(61))
        assert next_standing(down, Evidence(), NOW, can_try=False) == down
        trial = next_standing(down, Evidence(), NOW)
        assert (trial.standing, trial.share, trial.switched_at) == (Standing.TRIAL, 1.0, ago(61))
        trial = replace(trial, since=ago(5))
        assert next_standing(trial, Evidence(tries("", "")), NOW) == trial
        assert next_standing(trial, self.GOOD, NOW) == State(Standing.UP, NOW, NOW)

    def test_one_failure_ends_the_trial(self):
        trial = State(Standing.TRIAL, ago(5), ago(100), "away", 1.0)
        down = next_standing(trial, Evidence(tries("unknown", "", "")), NOW)
        assert (down.standing, down.since, down.switched_at) == (Standing.DOWN, NOW, ago(100))

    def test_what_happened_before_says_nothing_of_the_trial_or_of_the_return(self):
        trial = State(Standing.TRIAL, ago(0.05), ago(100), "away", 1.0)
        assert next_standing(trial, self.BAD, NOW).standing is Standing.DOWN
        later = Evidence([replace(each, at=ago(10)) for each in self.BAD.tries])
        assert next_standing(trial, later, NOW) == trial
        back = State(Standing.UP, ago(5), ago(5))
        assert next_standing(back, later, NOW) == back

    def test_at_most_one_switch_a_minute(self):
        back = State(Standing.UP, ago(59), ago(59))
        assert next_standing(back, self.BAD, NOW) == back
        assert next_standing(replace(back, switched_at=ago(60)), self.BAD, NOW).standing is Standing.DOWN
        trial = State(Standing.TRIAL, ago(30), ago(59), "away", 1.0)
        assert next_standing(trial, self.GOOD, NOW) == trial
        assert next_standing(replace(trial, switched_at=ago(60)), self.GOOD, NOW).standing is Standing.UP

    def test_about_one_message_a_second_tries(self):
        assert health.share_of(tries("", ""), NOW) == 1.0
        assert health.share_of(tries(*[""] * 100, every_s=0.01), NOW) == pytest.approx(0.02, abs=0.01)
        assert health.share_of(tries(*[""] * 20, every_s=10.0), NOW) == 1.0
