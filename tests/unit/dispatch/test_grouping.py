"""Which messages share a request."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.dispatch.grouping import Grouping, LaneBuffer
from gatepost.dispatch.store import Due

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def due(message_id: int, **changes) -> Due:
    values = {
        "message_id": message_id,
        "workspace_id": 1,
        "campaign_id": 0,
        "lane": 1,
        "accepted_at": NOW,
        "expires_at": NOW,
        "group_key": 0,
        "attempts": 0,
        "generation": 0,
        "resend_of": None,
        "sender_override": None,
        "to": f"4860000{message_id:04d}",
        "sender": "Acme",
        "text": "hello",
        "encoding": "gsm7",
        "segments": 1,
        "validity_s": None,
        "kind": "single",
        "is_unknown": False,
    }
    return Due(**(values | changes))


def groups(items: list[Due], grouping: Grouping) -> list[list[Due]]:
    buffer = LaneBuffer()
    buffer.add((1, 0), items, grouping)
    taken = []
    while group := buffer.take(grouping):
        taken.append(group)
    assert len(buffer) == 0
    return taken


def ids(grouped: list[list[Due]]) -> list[list[int]]:
    return [[item.message_id for item in group] for group in grouped]


ITEMS = st.lists(
    st.builds(
        due,
        st.integers(1, 10_000),
        to=st.sampled_from(["481", "482", "483"]),
        sender=st.sampled_from(["Acme", "Other"]),
        sender_override=st.sampled_from([None, "Fallback"]),
        text=st.sampled_from(["a", "b"]),
        encoding=st.sampled_from(["gsm7", "ucs2"]),
        validity_s=st.sampled_from([None, 60]),
        segments=st.integers(1, 8),
        group_key=st.integers(0, 2),
        is_unknown=st.booleans(),
    ),
    unique_by=lambda item: item.message_id,
    max_size=60,
)
GROUPINGS = st.builds(
    Grouping,
    limit=st.integers(1, 7),
    same=st.sets(st.sampled_from(["sender", "text", "encoding", "validity"])).map(tuple),
    unique_number=st.booleans(),
    max_segments=st.none() | st.integers(1, 10),
)


@given(ITEMS, GROUPINGS)
def test_nothing_is_lost_or_doubled_and_every_request_keeps_every_rule(items, grouping):
    grouped = groups(items, grouping)
    assert sorted(n for group in ids(grouped) for n in group) == sorted(item.message_id for item in items)
    for group in grouped:
        assert len(group) <= grouping.limit
        assert len({(item.group_key, item.is_unknown) for item in group}) == 1
        if grouping.unique_number:
            assert len({item.to for item in group}) == len(group)
        if grouping.max_segments is not None:
            assert len(group) == 1 or sum(item.segments for item in group) <= grouping.max_segments
        if "sender" in grouping.same:
            assert len({item.sender_override or item.sender for item in group}) == 1
        if "text" in grouping.same:
            assert len({item.text for item in group}) == 1
        if "encoding" in grouping.same:
            assert len({item.encoding for item in group}) == 1
        if "validity" in grouping.same:
            assert len({item.validity_s for item in group}) == 1


@given(ITEMS, GROUPINGS)
def test_messages_to_one_number_leave_in_the_order_in_which_they_came(items, grouping):
    order = {item.message_id: n for n, item in enumerate(items)}
    alike: dict[tuple, list[int]] = {}
    for group in groups(items, grouping):
        for item in group:
            sender = item.sender_override or item.sender
            key = (item.to, item.group_key, item.is_unknown, sender, item.text, item.encoding, item.validity_s)
            alike.setdefault(key, []).append(order[item.message_id])
    assert all(positions == sorted(positions) for positions in alike.values())


def test_a_text_never_shares_a_request_with_another_though_both_were_accepted_under_one_key():
    items = [due(1, text="yours"), due(2, text="mine"), due(3, text="yours")]
    assert ids(groups(items, Grouping(100, ("text",)))) == [[1, 3], [2]]


def test_a_fallback_sender_does_not_share_a_request_with_the_first_one():
    items = [due(1), due(2, sender_override="Other"), due(3)]
    assert ids(groups(items, Grouping(100, ("sender",)))) == [[1, 3], [2]]


def test_a_message_that_is_to_go_alone_goes_alone():
    items = [due(1), due(2, group_key=2), due(3)]
    assert ids(groups(items, Grouping(100))) == [[1, 3], [2]]


def test_what_may_be_a_repetition_keeps_to_itself():
    items = [due(1), due(2, is_unknown=True), due(3)]
    assert ids(groups(items, Grouping(100))) == [[1, 3], [2]]


def test_kinds_take_turns_so_that_one_campaign_does_not_hold_up_another():
    items = [due(n, text="campaign") for n in range(10)] + [due(99, text="other")]
    assert ids(groups(items, Grouping(3, ("text",))))[:2] == [[0, 1, 2], [99]]


def test_what_is_known_is_not_taken_in_again():
    buffer = LaneBuffer()
    buffer.add((1, 0), [due(1), due(2)], Grouping(5))
    buffer.add((1, 0), [due(2), due(3)], Grouping(5))
    assert len(buffer) == buffer.count((1, 0)) == 3
    assert ids([buffer.take(Grouping(5))]) == [[1, 2, 3]]


def test_a_cleared_buffer_forgets_what_it_knew():
    buffer = LaneBuffer()
    buffer.add((1, 0), [due(1)], Grouping())
    buffer.clear()
    assert (len(buffer), buffer.take(Grouping())) == (0, [])
    buffer.add((1, 0), [due(1)], Grouping())
    assert ids([buffer.take(Grouping())]) == [[1]]


@pytest.mark.parametrize("limit", [1, 3])
def test_a_message_longer_than_a_request_holds_still_goes(limit):
    assert ids(groups([due(1, segments=9), due(2)], Grouping(limit, max_segments=4))) == [[1], [2]]


def test_a_workspace_does_not_wait_for_the_thousands_of_another_and_no_request_mixes_them():
    buffer = LaneBuffer()
    buffer.add((1, 7), [due(n, workspace_id=1, campaign_id=7) for n in range(100)], Grouping(10))
    buffer.add((1, 8), [due(n, workspace_id=1, campaign_id=8) for n in range(100, 130)], Grouping(10))
    buffer.add((2, 0), [due(n, workspace_id=2) for n in range(200, 220)], Grouping(10))
    order = []
    while group := buffer.take(Grouping(10)):
        assert len({(item.workspace_id, item.campaign_id) for item in group}) == 1
        order.append((group[0].workspace_id, group[0].campaign_id))
    assert order[:4].count((2, 0)) == 2
    assert order[:8].count((1, 8)) == 3


def test_who_fills_whole_requests_gets_fewer_of_them_where_messages_are_counted():
    by_messages = Grouping(10, ("text",), counts="messages")
    buffer = LaneBuffer()
    buffer.add((1, 0), [due(n, workspace_id=1) for n in range(100)], by_messages)
    buffer.add((2, 0), [due(100 + n, workspace_id=2, text=str(n)) for n in range(50)], by_messages)
    had = Counter()
    while had[2] < 50:
        group = buffer.take(by_messages)
        had[group[0].workspace_id] += len(group)
    assert had[1] <= 60
