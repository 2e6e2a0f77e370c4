"""How large an adapter may be, and what counts: docs/decisions/0007-size-of-an-adapter.md."""

import ast
import statistics
from pathlib import Path

import pytest
from tests.providers.evidence import ROOT

from gatepost.providers.registry import all_providers

MEDIAN_LINES_OF_CODE = 110
LINES_OF_A_FILE = 300


def sources(slug: str) -> list[Path]:
    package = ROOT / "src/gatepost/providers" / slug
    return sorted(package.glob("*.py")) if package.is_dir() else [package.with_suffix(".py")]


def lines_of_code(path: Path) -> int:
    """Those of functions and classes, without blank ones, comments and docstrings: what is declared is data."""
    text = path.read_text(encoding="utf-8")
    written = text.splitlines()
    tree = ast.parse(text)
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    docs = {
        line
        for block in blocks
        if ast.get_docstring(block)
        for line in range(block.body[0].lineno, (block.body[0].end_lineno or 0) + 1)
    }
    inside = {
        line
        for block in tree.body
        if isinstance(block, ast.FunctionDef | ast.ClassDef)
        for line in range(block.lineno, (block.end_lineno or 0) + 1)
    }
    return sum(bool(written[n - 1].strip()) and not written[n - 1].strip().startswith("#") for n in inside - docs)


def test_adapters_stay_small() -> None:
    code = {slug: sum(lines_of_code(path) for path in sources(slug)) for slug in all_providers()}
    assert statistics.median(code.values()) <= MEDIAN_LINES_OF_CODE, sorted(code.items(), key=lambda item: item[1])


@pytest.mark.parametrize("slug", sorted(all_providers()))
def test_a_long_adapter_is_a_package_with_tables(slug: str) -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in sources(slug)}
    assert max(lengths.values()) <= LINES_OF_A_FILE
    assert sum(lengths.values()) <= LINES_OF_A_FILE or "tables.py" in lengths
