"""A scaffolded provider works at once, and the quality scale names exactly what is still missing."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.providers.evidence import counted
from tests.providers.exchange_files import load
from tests.providers.hostile.families import FAMILIES, faults_of
from tests.providers.hostile.subject import Subject
from tests.providers.runner import run
from tests.providers.test_hostile import LEAST
from tests.providers.test_meta import HEADINGS

import gatepost.providers
from gatepost.cli.scaffold import ScaffoldError, new_provider
from gatepost.providers import registry
from gatepost.providers.quality import Grade, quality
from gatepost.providers.registry import Provider

SLUG = "scaffolded_example"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    package = tmp_path / "src" / "gatepost" / "providers"
    package.mkdir(parents=True)
    (package / "registry.py").touch()
    return tmp_path


@pytest.fixture
def scaffolded(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """The new provider, discovered like any other."""
    new_provider(SLUG, "Scaffolded & Sons", root)
    package = root / "src" / "gatepost" / "providers"
    monkeypatch.setattr(gatepost.providers, "__path__", [*gatepost.providers.__path__, str(package)])
    importlib.invalidate_caches()
    registry.all_providers.cache_clear()
    yield registry.provider(SLUG)
    registry.all_providers.cache_clear()
    del sys.modules[f"gatepost.providers.{SLUG}"]
    vars(gatepost.providers).pop(SLUG, None)


def test_runs_its_exchange(scaffolded: Provider, root: Path) -> None:
    [exchange] = load(root / "tests" / "providers" / SLUG)
    run(exchange, scaffolded)


def test_survives_the_generated_cases(scaffolded: Provider, root: Path) -> None:
    subject = Subject(scaffolded, list(load(root / "tests" / "providers" / SLUG)))
    faults = [fault for family in FAMILIES.values() for fault in faults_of(family, subject)]
    assert not faults
    assert sum(1 for family in FAMILIES.values() for _ in family(subject)) >= LEAST


def test_is_bronze_and_told_what_silver_wants(scaffolded: Provider, root: Path) -> None:
    evidence = counted(root / "tests" / "providers", root / "docs" / "providers" / "quirks")[SLUG]
    found = quality(scaffolded, evidence)
    assert found.grade is Grade.BRONZE
    assert found.missing == ("receipts", "inbound messages", "12 exchanges")


def test_writes_three_parts_and_nothing_else(root: Path) -> None:
    written = new_provider(SLUG, "Scaffolded & Sons", root)
    files = {path for path in root.rglob("*") if path.is_file() and path.name != "registry.py"}
    assert set(written) == files
    assert {str(path.relative_to(root)) for path in files} == {
        f"src/gatepost/providers/{SLUG}.py",
        f"tests/providers/{SLUG}/send.yaml",
        f"docs/providers/quirks/{SLUG}.md",
    }
    page = (root / "docs" / "providers" / "quirks" / f"{SLUG}.md").read_text("utf-8")
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("label", ["Scaffolded & Sons", "Łączność 3S (Żabka)", "it's"])
def test_what_it_writes_needs_no_formatting(root: Path, label: str) -> None:
    [module, *_] = new_provider(SLUG, label, root)
    for command in (["format", "--check"], ["check", "--select", "E,F,W,I,UP,RUF", "--ignore", "RUF001,RUF002"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "120", str(module)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "slug", ["", "A", "a", "3s", "a-b", "../x", "a b", "class", "kit", "registry", "x" * 50, "a.b"]
)
def test_refuses_what_cannot_be_a_module(root: Path, slug: str) -> None:
    with pytest.raises(ScaffoldError, match="cannot be a provider's name"):
        new_provider(slug, "Label", root)


@pytest.mark.parametrize("label", ["", "  ", "a\nb", 'a"b', "a\\b"])
def test_refuses_a_label_that_would_break_the_files(root: Path, label: str) -> None:
    with pytest.raises(ScaffoldError, match="one line of text"):
        new_provider(SLUG, label, root)


def test_never_overwrites(root: Path) -> None:
    page = root / "docs" / "providers" / "quirks" / f"{SLUG}.md"
    page.parent.mkdir(parents=True)
    page.write_text("mine", "utf-8")
    with pytest.raises(ScaffoldError, match="exists already"):
        new_provider(SLUG, "Label", root)
    assert page.read_text("utf-8") == "mine"
    assert not (root / "src" / "gatepost" / "providers" / f"{SLUG}.py").exists()


def test_refuses_a_folder_that_is_not_the_project(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match="not the project's folder"):
        new_provider(SLUG, "Label", tmp_path)
