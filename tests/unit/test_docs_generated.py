"""The pages of the docs that are made from the code."""

from functools import cache
from pathlib import Path

import pytest

from gatepost import docs_generated


def test_a_page_that_was_changed_or_is_missing_is_stale_until_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs_generated, "made", cache(docs_generated.made))
    assert docs_generated.stale(tmp_path) == list(docs_generated.made())
    docs_generated.write(tmp_path)
    changed = next(iter(docs_generated.made()))
    (tmp_path / changed).write_text("something else")

    assert docs_generated.write(tmp_path) == [changed]
    assert docs_generated.stale(tmp_path) == []
