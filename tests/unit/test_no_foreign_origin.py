"""Nothing that a browser loads comes from anywhere but here."""

import re
from pathlib import Path

import pytest

import gatepost

SOURCE = Path(gatepost.__file__).parent
FILES = sorted(
    path
    for pattern in ("**/templates/**/*.html", "**/static/**/*.css", "**/static/**/*.js", "**/static/**/*.svg")
    for path in SOURCE.glob(pattern)
    if "vendor" not in path.parts
)
LOADED = re.compile(
    r"""(?:src|href|action|srcset|poster)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import|"""
    r"""(?:fetch|import|WebSocket|EventSource)\(\s*["'`](?:https?:|wss?:)?//""",
    re.IGNORECASE,
)
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=[\"']|javascript:|\beval\(|new Function\(", re.IGNORECASE)


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_loads_from_elsewhere_or_runs_inline(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not LOADED.findall(text)
    assert not INLINE.findall(text)


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js">',
        "<img src=//cdn.example/x.png>",
        "a { background: url(https://cdn.example/x.png) }",
        '@import "x.css"',
        "fetch('https://cdn.example')",
    ],
)
def test_what_comes_from_elsewhere_is_seen(text: str) -> None:
    assert LOADED.search(text)
