"""Ids and the references made of them."""

import itertools
import threading

from hypothesis import given
from hypothesis import strategies as st

from gatepost.sms import ids
from gatepost.sms.ids import GENERATIONS, NODES, IdSource, from_ref, time_of, to_ref

IDS = st.integers(0, (1 << 63) - 1)


def clock_of(monkeypatch, *times):
    left = list(times)
    monkeypatch.setattr(ids.time, "time", lambda: left.pop(0) if len(left) > 1 else left[0])


@given(IDS, st.integers(0, GENERATIONS - 1))
def test_a_reference_gives_back_its_message_and_generation(message_id, generation):
    ref = to_ref(message_id, generation)
    assert from_ref(ref) == (message_id, generation)
    assert len(ref) == 13
    assert ref.isascii()
    assert ref.isalnum()
    assert ref == ref.lower()


@given(IDS, IDS, st.integers(0, GENERATIONS - 1))
def test_references_of_one_generation_sort_as_their_ids_do(one, other, generation):
    assert (to_ref(one, generation) < to_ref(other, generation)) == (one < other)


def test_the_last_generation_is_kept_when_there_is_none_after_it():
    assert from_ref(to_ref(5, GENERATIONS + 3)) == (5, GENERATIONS - 1)


@given(st.text(max_size=16))
def test_no_text_breaks_the_reading_of_a_reference(text):
    found = from_ref(text)
    assert found is None or to_ref(*found) == text.lower()


def test_what_is_no_reference_is_none():
    for text in ("", "0" * 12, "0" * 14, "-000000000001", "0_00000000001", " 00000000001 ", "١" * 13, "z" * 13):
        assert from_ref(text) is None


def test_a_reference_is_known_in_capitals_too():
    ref = to_ref(123456789012345678, 2)
    assert from_ref(ref.upper()) == from_ref(ref)


def test_ids_grow_however_many_are_taken_at_once():
    source = IdSource(3)
    taken = source.take(5000) + source.take() + source.take(5000)
    assert all(earlier < later for earlier, later in itertools.pairwise(taken))


def test_ids_grow_whatever_the_clock_does(monkeypatch):
    clock_of(monkeypatch, 2e9, 2e9, 2e9 - 3, 2e9 - 86_400, 2e9 - 86_400, 2e9 + 1)
    source = IdSource(3)
    taken = [source.take()[0] for _ in range(7)]
    assert taken == sorted(set(taken))


def test_ids_of_two_nodes_never_meet_though_made_at_the_same_moment(monkeypatch):
    clock_of(monkeypatch, 2e9)
    made = [IdSource(node).take(2000) for node in (0, 1, NODES - 1)]
    assert len({message_id for taken in made for message_id in taken}) == 6000


def test_a_node_number_beyond_the_last_begins_anew(monkeypatch):
    clock_of(monkeypatch, 2e9)
    assert IdSource(NODES + 5).take() == IdSource(5).take()


def test_an_id_tells_when_it_was_made(monkeypatch):
    clock_of(monkeypatch, 1_800_000_000.123)
    assert abs(time_of(IdSource(9).take()[0]) - 1_800_000_000.123) < 0.002


def test_threads_share_a_source_without_meeting():
    source = IdSource(1)
    taken: list[int] = []
    threads = [threading.Thread(target=lambda: taken.extend(source.take(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 2000
