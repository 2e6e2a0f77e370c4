"""Each thing that the checker is to find, planted alone in evidence that is otherwise clean."""

from dataclasses import replace

from tests.faults.checker import WORKER_LOST, Evidence, Report, Request, Stored, judge
from tests.faults.evidence import percentile

from gatepost.sms.ids import to_ref

IDS = (11, 12, 13)
CLEAN = Evidence(
    offered=frozenset({"order-11", "order-12", "order-13"}),
    acknowledged={f"order-{n}": n for n in IDS},
    stored=tuple(Stored(n, f"order-{n}", "unconfirmed", gateway_id=1, fence=1) for n in IDS),
    requests=tuple(Request(float(n), "one", (to_ref(n),), "answer", is_accepted=True) for n in IDS),
    windows={1: 2},
)


def changed(n: int, **values: object) -> Evidence:
    """The clean evidence with one message stored differently."""
    return replace(CLEAN, stored=tuple(replace(m, **values) if m.id == n else m for m in CLEAN.stored))


def requested(*requests: Request) -> Evidence:
    return replace(CLEAN, requests=requests)


def faults(evidence: Evidence) -> list[str]:
    return judge(evidence).faults


def test_clean_evidence_has_no_faults():
    assert faults(CLEAN) == []


def test_an_acknowledged_message_that_is_not_stored_is_lost():
    evidence = replace(CLEAN, stored=CLEAN.stored[1:], requests=CLEAN.requests[1:])
    assert faults(evidence) == ["lost: order-11 was acknowledged and is not stored"]


def test_a_message_that_stays_in_the_queue_is_lost():
    evidence = replace(changed(11, state="queued"), requests=CLEAN.requests[1:])
    assert faults(evidence) == ["lost: order-11 never left the queue"]


def test_a_submitted_message_that_was_never_accepted_is_lost():
    refused = replace(CLEAN.requests[0], did="vanish", is_accepted=False)
    evidence = requested(refused, *CLEAN.requests[1:])
    assert faults(evidence) == ["lost: order-11 is unconfirmed and was never accepted"]


def test_a_message_that_is_accepted_twice_is_a_duplicate():
    evidence = requested(*CLEAN.requests, CLEAN.requests[0])
    assert faults(evidence) == ["duplicate: order-11 was accepted 2 times"]


def test_another_generation_is_the_same_message():
    again = replace(CLEAN.requests[0], refs=(to_ref(11, 1),))
    assert faults(requested(*CLEAN.requests, again)) == ["duplicate: order-11 was accepted 2 times"]


def test_an_order_that_is_stored_twice_is_a_duplicate():
    twice = replace(CLEAN.stored[0], id=14)
    accepted = replace(CLEAN.requests[0], refs=(to_ref(14),))
    evidence = replace(CLEAN, stored=(*CLEAN.stored, twice), requests=(*CLEAN.requests, accepted))
    assert faults(evidence) == ["duplicate: order-11 is stored 2 times"]


def test_what_nobody_ordered_is_unexpected():
    unknown_ref = replace(CLEAN.requests[0], refs=("zzz",))
    assert faults(requested(*CLEAN.requests, unknown_ref)) == [
        "unexpected: references ('zzz',) name no messages, or one twice"
    ]
    never_stored = replace(CLEAN.requests[0], refs=(to_ref(99),))
    assert faults(requested(*CLEAN.requests, never_stored)) == ["unexpected: 99 was accepted and is not stored"]
    assert faults(replace(CLEAN, offered=CLEAN.offered - {"order-12"})) == ["unexpected: order-12 was never ordered"]


def test_a_state_that_nothing_explains_is_unexpected():
    assert faults(changed(12, state="rejected")) == ["unexpected: order-12 ended as rejected"]


def test_unknown_needs_a_lost_worker_or_a_doubtful_answer():
    assert faults(changed(12, state="unknown", cause="connection lost")) == [
        "unexplained: order-12, cause 'connection lost'"
    ]
    assert faults(changed(12, state="unknown", cause=WORKER_LOST)) == []
    doubtful = replace(CLEAN.requests[1], did="drop")
    in_doubt = replace(changed(12, state="unknown", cause="connection lost"), requests=(*CLEAN.requests[::2], doubtful))
    assert faults(in_doubt) == []
    without_cause = replace(in_doubt, stored=changed(12, state="unknown").stored)
    assert faults(without_cause) == ["unexplained: order-12, cause None"]


def test_one_loss_of_a_worker_leaves_no_more_unknown_than_the_window():
    lost = tuple(replace(message, state="unknown", cause=WORKER_LOST, fence=2) for message in CLEAN.stored)
    assert faults(replace(CLEAN, stored=lost)) == ["too many unknown: gateway 1: 3 messages, taken over with fence 2"]
    two_losses = (replace(lost[0], fence=3), *lost[1:])
    assert faults(replace(CLEAN, stored=two_losses)) == []


def test_a_rejection_needs_a_provider_that_rejected_and_took_nothing():
    rejected = replace(CLEAN.requests[1], did="reject", is_accepted=False)
    evidence = replace(changed(12, state="rejected"), requests=(*CLEAN.requests[::2], rejected))
    assert faults(evidence) == []
    assert faults(replace(evidence, requests=(*evidence.requests, CLEAN.requests[1]))) == [
        "unexpected: order-12 ended as rejected"
    ]


def test_doubt_is_explained_by_a_disturbed_network_at_that_time():
    unknown = replace(
        changed(12, state="unknown", cause="connection lost", span=(20.0, 21.0)), disturbances=((10.0, 19.0),)
    )
    assert faults(unknown) == ["unexplained: order-12, cause 'connection lost'"]
    assert faults(replace(unknown, disturbances=((10.0, 19.0), (20.5, 30.0)))) == []


def test_what_a_report_has_resolved_still_counts_for_the_window():
    lost = tuple(replace(message, state="delivered", cause=WORKER_LOST, fence=2) for message in CLEAN.stored)
    reports = tuple(Report(to_ref(n), "DELIVRD", is_heard=True) for n in IDS)
    assert faults(replace(CLEAN, stored=lost, reports=reports)) == [
        "too many unknown: gateway 1: 3 messages, taken over with fence 2"
    ]


def test_a_report_that_was_heard_takes_effect():
    heard = replace(CLEAN, reports=(Report(to_ref(12), "DELIVRD", is_heard=True),))
    assert faults(heard) == ["unheard: order-12 was reported delivered and is unconfirmed"]
    assert faults(replace(changed(12, state="delivered"), reports=heard.reports)) == []
    not_heard = replace(CLEAN, reports=(Report(to_ref(12), "DELIVRD", is_heard=False),))
    assert faults(not_heard) == []


def test_delivered_is_what_was_reported():
    assert faults(changed(12, state="delivered")) == ["unexpected: order-12 is delivered, which nobody reported"]


def test_an_inbound_message_is_stored_once_where_it_was_heard():
    assert faults(replace(CLEAN, said={"a": True, "b": False})) == ["unheard: inbound message a is stored 0 times"]
    assert faults(replace(CLEAN, said={"a": True, "b": False}, heard={"a": 1})) == []
    assert faults(replace(CLEAN, said={"a": False}, heard={"a": 2})) == ["unheard: inbound message a is stored 2 times"]
    assert faults(replace(CLEAN, heard={"c": 1})) == ["unexpected: inbound message c was never sent"]


def test_nothing_else_ever_reaches_the_provider():
    assert faults(replace(CLEAN, foreign=("GET /latest",))) == ["unexpected: GET /latest reached the provider"]


def test_a_percentile_is_one_of_the_values():
    assert [percentile([4.0, 1.0, 3.0, 2.0], share) for share in (0.0, 0.5, 0.75, 0.99)] == [1.0, 2.0, 3.0, 4.0]
    assert percentile([7.0], 0.99) == 7.0
