"""What a provider says of a request with messages of several workspaces tells none of them of another's."""

import json
from datetime import UTC, datetime

import pytest

from gatepost.dispatch.store import Due
from gatepost.dispatch.strangers import kept_apart
from gatepost.sms.outcomes import Refusal, accepted, not_sent, refused, unknown
from gatepost.transport.driver import ADAPTER_FAULT

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NORTH, SOUTH = 1, 2
TEXT = "Müller, your code is 4711"


def due(workspace_id: int, to: str, text: str = "hello there") -> Due:
    return Due(1, workspace_id, 0, 1, NOW, NOW, 0, 0, 0, None, None, to, "Acme", text, "gsm7", 1, None, "single", False)


OURS, THEIRS = due(NORTH, "48600100200"), due(SOUTH, "48600300400", TEXT)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("invalid number 48600100200", "invalid number 48600100200"),
        ("invalid number 600100200", "invalid number 600100200"),
        ("invalid numbers 48600100200,48600300400", "invalid numbers 48600100200,4860•••••400"),
        (f"refused: {TEXT} to you", "refused: …"),
        (f"refused: {TEXT[:15]}", "refused: …"),
        (f"refused: {json.dumps(TEXT)}", 'refused: "…'),
        ("refused: hello there", "refused: hello there"),
        ("", ""),
    ],
)
def test_a_workspace_reads_of_its_own_messages_only(words: str, told: str):
    outcomes = [refused(Refusal.PERMANENT, 7, words), not_sent(words, retry_after_s=1.0)]
    first, _ = kept_apart([OURS, THEIRS], outcomes)
    assert first == refused(Refusal.PERMANENT, 7, told)
    [second, _] = kept_apart([OURS, THEIRS], outcomes[::-1])
    assert second == not_sent(told, retry_after_s=1.0)


def test_each_reads_its_own():
    words = f"48600100200 hello there, 48600300400 {TEXT}"
    first, second, third = kept_apart([OURS, THEIRS, OURS], [refused(Refusal.PERMANENT, 7, words)] * 3)
    assert first == third
    assert first.words == "48600100200 hello there, 4860•••••400 …"
    assert second.words == "4860•••••200 …"


def test_our_own_causes_stay_because_it_is_decided_by_them():
    outcomes = [not_sent(ADAPTER_FAULT), unknown("no answer in time")]
    items = [due(NORTH, "48600100200", "answer in time"), due(SOUTH, "48600300400", "adapter fault")]
    assert kept_apart(items, outcomes) == outcomes


def test_a_request_of_one_workspace_is_told_as_it_is():
    outcomes = [refused(Refusal.PERMANENT, 7, "48600300400 is not 48600100200"), accepted("id")]
    assert kept_apart([OURS, due(NORTH, "48600300400")], outcomes) == outcomes
