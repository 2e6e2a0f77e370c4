"""What follows from an outcome."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.dispatch import decide as deciding
from gatepost.dispatch.decide import MAX_FAULTS, MAX_RESENDS, Attempt, Conduct, Decision, backoff_s, decide
from gatepost.sms.ids import GENERATIONS
from gatepost.sms.outcomes import (
    POLICIES,
    Kind,
    Outcome,
    Refusal,
    accepted,
    not_sent,
    refused,
    throttled,
    unknown,
)
from gatepost.sms.states import State, is_final
from gatepost.transport import driver

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SPENT = [refusal for refusal, policy in POLICIES.items() if not policy.retries and not policy.tries_fallback_sender]
RETRIED = [refusal for refusal, policy in POLICIES.items() if policy.retries]


def attempt(**changes) -> Attempt:
    values = {
        "message_id": 7,
        "attempts": 1,
        "generation": 0,
        "sender": "Acme",
        "expires_at": NOW + timedelta(days=3),
        "intent_at": NOW - timedelta(seconds=1),
        "accepted_at": NOW - timedelta(seconds=5),
    }
    return Attempt(**(values | changes))


def decided(outcome: Outcome, conduct: Conduct | None = None, **changes) -> Decision:
    return decide(attempt(**changes), outcome, conduct or Conduct(), NOW, uniform=lambda low, high: high)


OUTCOMES = st.one_of(
    st.builds(accepted, st.text(max_size=3)),
    st.builds(refused, st.sampled_from(Refusal), st.text(max_size=3), st.text(max_size=3)),
    st.builds(throttled, st.none() | st.floats(0, 1e6)),
    st.builds(not_sent, st.sampled_from(["connect", deciding.ADAPTER_FAULT]), is_alone=st.booleans()),
    st.builds(unknown, st.just("timeout")),
)
CONDUCTS = st.builds(
    Conduct,
    fallback_sender=st.sampled_from(["", "Acme", "Other"]),
    is_protected=st.booleans(),
    window_s=st.none() | st.integers(0, 10**6),
    repeats_request=st.booleans(),
    prefers_duplicate=st.booleans(),
    can_find=st.booleans(),
    reports=st.booleans(),
)
ATTEMPTS = st.builds(
    attempt,
    attempts=st.integers(1, 20),
    generation=st.integers(0, GENERATIONS - 1),
    sender=st.sampled_from(["", "Acme", "Other"]),
    expires_at=st.timedeltas(timedelta(days=-1), timedelta(days=9)).map(lambda delta: NOW + delta),
    intent_at=st.timedeltas(timedelta(), timedelta(days=3)).map(lambda delta: NOW - delta),
    accepted_at=st.timedeltas(timedelta(days=3), timedelta(days=4)).map(lambda delta: NOW - delta),
    is_resend=st.booleans(),
)


class TestWhatTheProviderTook:
    def test_is_submitted(self):
        assert decided(accepted("id")) == Decision(State.SUBMITTED)

    def test_is_unconfirmed_at_once_where_no_report_will_ever_come(self):
        assert decided(accepted("id"), Conduct(reports=False)) == Decision(State.UNCONFIRMED)

    def test_is_as_far_as_the_provider_says(self):
        assert decided(accepted("id", state=State.DELIVERED), Conduct(reports=False)).state is State.DELIVERED

    def test_of_a_repetition_ends_the_doubt(self):
        assert decided(accepted(), is_resend=True).state is State.SUBMITTED


class TestRefusals:
    @pytest.mark.parametrize("refusal", SPENT)
    @pytest.mark.parametrize("conduct", [Conduct(), Conduct(prefers_duplicate=True, is_protected=True)])
    def test_that_repeating_cannot_help_are_final(self, refusal, conduct):
        decision = decided(refused(refusal, 9, "no"), conduct)
        assert (decision.state, decision.requeue) == (POLICIES[refusal].final, None)
        assert decision.detail == {"class": refusal.value, "code": "9", "words": "no"}

    @pytest.mark.parametrize("refusal", RETRIED)
    def test_that_may_pass_are_tried_again_under_a_new_reference(self, refusal):
        requeue = decided(refused(refusal)).requeue
        assert (requeue.generation, requeue.sender, requeue.repeats) == (1, None, False)
        assert requeue.due_at == NOW + timedelta(seconds=2)

    def test_of_the_sender_try_the_fallback_at_once(self):
        decision = decided(refused(Refusal.BAD_SENDER), Conduct(fallback_sender="Other"))
        assert decision.state is None
        assert (decision.requeue.sender, decision.requeue.due_at, decision.requeue.generation) == ("Other", NOW, 1)
        assert decision.event == "fallback sender"

    def test_of_the_fallback_sender_are_final(self):
        decision = decided(refused(Refusal.BAD_SENDER), Conduct(fallback_sender="Other"), sender="Other")
        assert (decision.state, decision.requeue) == (State.REJECTED, None)

    @pytest.mark.parametrize("refusal", set(Refusal) - {Refusal.BAD_SENDER})
    def test_of_anything_else_never_try_the_fallback(self, refusal):
        decision = decided(refused(refusal), Conduct(fallback_sender="Other"))
        assert decision.requeue is None or decision.requeue.sender is None

    def test_that_would_be_repeated_after_the_expiry_expire(self):
        decision = decided(refused(Refusal.TEMPORARY), expires_at=NOW + timedelta(seconds=2))
        assert (decision.state, decision.requeue) == (State.EXPIRED, None)


class TestWhatWasNotSent:
    def test_keeps_its_reference(self):
        assert decided(not_sent("connect"), generation=3).requeue.generation == 3

    def test_keeps_its_reference_at_a_limit_of_the_gateway_but_not_at_one_of_the_recipient(self):
        assert decided(throttled(5.0), generation=3).requeue.generation == 3
        assert decided(throttled(5.0, is_recipient_only=True), generation=3).requeue.generation == 4

    def test_waits_exactly_as_long_as_the_provider_says(self):
        assert decided(throttled(17.5)).requeue.due_at == NOW + timedelta(seconds=17.5)

    def test_goes_alone_where_the_request_was_refused_as_a_whole(self):
        assert decided(not_sent("mixed", is_alone=True)).requeue.is_alone

    def test_goes_alone_after_a_fault_of_the_adapter_so_that_others_are_not_taken_down(self):
        assert decided(not_sent(deciding.ADAPTER_FAULT)).requeue.is_alone
        assert not decided(not_sent("connect")).requeue.is_alone

    def test_is_set_aside_after_three_faults_of_the_adapter(self):
        kept = [decided(not_sent(deciding.ADAPTER_FAULT), attempts=n).state for n in range(1, MAX_FAULTS)]
        assert kept == [None] * (MAX_FAULTS - 1)
        decision = decided(not_sent(deciding.ADAPTER_FAULT), attempts=MAX_FAULTS)
        assert (decision.state, decision.event) == (State.REJECTED, "set aside")

    def test_is_called_an_adapter_fault_by_the_driver_in_the_same_words(self):
        assert deciding.ADAPTER_FAULT == driver.ADAPTER_FAULT


class TestTheUnknown:
    def test_stays_unknown(self):
        assert decided(unknown("timeout")) == Decision(State.UNKNOWN, event="unknown", detail={"cause": "timeout"})

    def test_is_asked_for_once_the_old_request_cannot_arrive_any_more(self):
        decision = decided(unknown("timeout"), Conduct(can_find=True, deadline_s=30))
        assert decision.requeue is None
        assert decision.find_at == NOW + timedelta(seconds=29)

    def test_is_repeated_alone_where_the_provider_knows_our_reference(self):
        decision = decided(unknown("timeout"), Conduct(is_protected=True, deadline_s=30), generation=2)
        assert decision.state is State.UNKNOWN
        assert decision.requeue.due_at == NOW + timedelta(seconds=31)
        assert (decision.requeue.is_alone, decision.requeue.repeats, decision.requeue.generation) == (True, False, 2)

    def test_is_repeated_as_the_same_request_where_the_provider_knows_requests(self):
        requeue = decided(unknown("timeout"), Conduct(is_protected=True, repeats_request=True)).requeue
        assert (requeue.is_alone, requeue.repeats) == (False, True)

    def test_is_repeated_where_the_operator_prefers_a_duplicate(self):
        decision = decided(unknown("timeout"), Conduct(prefers_duplicate=True))
        assert decision.requeue.is_alone
        assert "prefers" in decision.detail["why"]

    @pytest.mark.parametrize("window_s", [10, 31])
    def test_is_not_repeated_once_the_provider_has_forgotten(self, window_s):
        conduct = Conduct(is_protected=True, window_s=window_s, deadline_s=30)
        assert decided(unknown("timeout"), conduct).requeue is None

    def test_is_repeated_within_an_hour_where_the_provider_does_not_say_how_long_it_remembers(self):
        conduct = Conduct(is_protected=True, window_s=None)
        assert decided(unknown("timeout"), conduct).requeue is not None
        assert decided(unknown("timeout"), conduct, intent_at=NOW - timedelta(hours=1)).requeue is None

    def test_counts_what_the_provider_remembers_from_the_first_attempt_however_often_it_is_repeated(self):
        conduct = Conduct(is_protected=True, window_s=600)
        long_ago = {"accepted_at": NOW - timedelta(seconds=600), "is_resend": True}
        assert decided(unknown("timeout"), conduct, **long_ago).requeue is None
        assert decided(not_sent("connect"), conduct, **long_ago).requeue is None
        lately = {"accepted_at": NOW - timedelta(seconds=300), "is_resend": True}
        assert decided(unknown("timeout"), conduct, **lately).requeue is not None
        assert decided(not_sent("connect"), conduct, **lately).requeue is not None

    def test_is_not_repeated_for_ever(self):
        conduct = Conduct(prefers_duplicate=True)
        assert decided(unknown("timeout"), conduct, attempts=MAX_RESENDS).requeue is not None
        assert decided(unknown("timeout"), conduct, attempts=MAX_RESENDS + 1).requeue is None


class TestARepetition:
    @pytest.mark.parametrize("refusal", Refusal)
    def test_that_is_refused_says_nothing_of_the_attempt_before_it(self, refusal):
        assert decided(refused(refusal), Conduct(fallback_sender="Other"), is_resend=True).state is State.UNKNOWN

    def test_that_was_not_sent_is_tried_again_as_it_was(self):
        requeue = decided(not_sent("connect"), is_resend=True).requeue
        assert (requeue.repeats, requeue.generation, requeue.sender) == (True, 0, None)

    def test_that_was_refused_for_good_is_not_tried_again(self):
        assert decided(refused(Refusal.BAD_RECIPIENT), is_resend=True).requeue is None


@given(ATTEMPTS, CONDUCTS, st.floats(0, 1))
def test_an_unknown_outcome_is_never_repeated_without_protection_or_preference(attempt, conduct, share):
    decision = decide(attempt, unknown("timeout"), conduct, NOW, uniform=lambda low, high: low + share * (high - low))
    assert decision.state is State.UNKNOWN
    if decision.requeue is not None:
        assert conduct.is_protected or conduct.prefers_duplicate
        assert decision.requeue.generation == attempt.generation
        assert decision.requeue.due_at >= attempt.intent_at + timedelta(seconds=conduct.deadline_s)
        if not conduct.prefers_duplicate and conduct.window_s is not None:
            first = attempt.accepted_at if attempt.is_resend else attempt.intent_at
            assert decision.requeue.due_at < first + timedelta(seconds=conduct.window_s)


@given(ATTEMPTS, OUTCOMES, CONDUCTS)
def test_whatever_happens_nothing_goes_back_to_the_queue_beyond_its_expiry(attempt, outcome, conduct):
    decision = decide(attempt, outcome, conduct, NOW)
    requeue = decision.requeue
    if requeue is not None and requeue.sender is None:
        assert requeue.due_at < attempt.expires_at
    if requeue is not None:
        assert decision.state in (None, State.UNKNOWN)
        assert requeue.generation - attempt.generation in (0, 1)
        assert requeue.generation < GENERATIONS
    else:
        assert decision.state is State.UNKNOWN or decision.state is State.SUBMITTED or is_final(decision.state)


@given(ATTEMPTS, OUTCOMES, CONDUCTS)
def test_nothing_but_an_acceptance_ends_the_doubt_of_a_repetition(attempt, outcome, conduct):
    decision = decide(attempt, outcome, conduct, NOW)
    if attempt.is_resend and outcome.kind is not Kind.ACCEPTED:
        assert decision.state is State.UNKNOWN


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_wait_before_a_retry_is_fully_jittered_and_bounded(attempts, share):
    wait_s = backoff_s(attempts, uniform=lambda low, high: low + share * (high - low))
    limit_s = min(900.0, 2.0 * 2.0 ** min(attempts - 1, 20))
    assert 0.0 <= wait_s <= limit_s
    assert wait_s == pytest.approx(share * limit_s)


@pytest.mark.parametrize("conduct", [Conduct(is_protected=True), Conduct(prefers_duplicate=True)])
def test_a_message_whose_worker_is_lost_each_time_is_repeated_no_more_after_three_tries(conduct):
    assert decided(unknown(deciding.WORKER_LOST), conduct, attempts=MAX_FAULTS - 1).requeue is not None
    assert decided(unknown(deciding.WORKER_LOST), conduct, attempts=MAX_FAULTS).requeue is None
    assert decided(unknown("timeout"), conduct, attempts=MAX_FAULTS).requeue is not None
