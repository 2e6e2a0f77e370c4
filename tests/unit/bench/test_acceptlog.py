"""The proof that no message was lost and none doubled."""

import struct
from pathlib import Path

import pytest
from tests.bench import acceptlog
from tests.bench.acceptlog import AcceptLog, Unproven


def log_of(*ids: int) -> AcceptLog:
    return AcceptLog(list(range(100, 100 + len(ids))), list(ids))


def test_each_message_once_is_proof_in_whatever_order() -> None:
    acceptlog.prove(log_of(2, 0, 1), range(3))


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (log_of(0, 2), "1 lost (1)"),
        (log_of(0, 1, 2, 1), "1 doubled (1)"),
        (log_of(0, 1, 2, 9), "1 never sent (9)"),
        (log_of(0, 0, 7), "2 lost (1, 2), 1 doubled (0), 1 never sent (7)"),
        (log_of(), "3 lost (0, 1, 2)"),
    ],
)
def test_what_is_wrong_is_named(log: AcceptLog, words: str) -> None:
    with pytest.raises(Unproven) as raised:
        acceptlog.prove(log, range(3))
    assert str(raised.value) == words


def test_many_faults_are_counted_and_few_named() -> None:
    with pytest.raises(Unproven, match=r"^1000 lost \(0, 1, 2, 3, 4, \.\.\.\)$"):
        acceptlog.prove(log_of(), range(1000))


def test_as_many_as_were_sent_is_no_proof() -> None:
    with pytest.raises(Unproven):
        acceptlog.prove(log_of(0, 1, 1), range(3))


def test_the_file_is_read_as_the_provider_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "accepted.log"
    path.write_bytes(struct.pack("=QQQQ", 500, 7, 400, 3) + b"half an entry"[:9])
    log = acceptlog.read(path)
    assert (list(log.times_ns), list(log.ids), log.last_ns) == ([500, 400], [7, 3], 500)


def test_the_first_time_of_an_id_counts() -> None:
    assert AcceptLog([10, 20, 30], [1, 2, 1]).time_of() == {1: 10, 2: 20}
