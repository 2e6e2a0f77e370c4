"""The commands that are printed work where they are copied to: the same folder, another terminal."""

import stat
import sys
from pathlib import Path

import pytest

from gatepost.cli import itself


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an environment in it, which is where the shell stands."""
    program = tmp_path / ".venv/bin/gatepost"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sys, "argv", [".venv/bin/gatepost", "up"])
    return tmp_path


def test_it_is_named_by_the_path_under_which_it_was_started(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert itself.line("send", "--text", "Hello you") == ".venv/bin/gatepost send --text 'Hello you'"
    monkeypatch.chdir(here / ".venv/bin")
    monkeypatch.setattr(sys, "argv", ["gatepost"])
    assert itself.line("doctor") == "./gatepost doctor"
    monkeypatch.setattr(sys, "argv", [str(here / ".venv/bin/gatepost")])
    monkeypatch.chdir("/usr")
    assert itself.line("doctor") == f"{here}/.venv/bin/gatepost doctor"


def test_it_is_named_shortly_only_where_the_shell_finds_this_one(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(here / ".venv/bin"))
    assert itself.line("doctor") == "gatepost doctor"
    other = here / "other/gatepost"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    assert itself.line("doctor") == ".venv/bin/gatepost doctor"


def test_a_module_is_run_by_its_python(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(here / "src/gatepost/__main__.py")])
    monkeypatch.setattr(sys, "executable", str(here / ".venv/bin/python"))
    assert itself.line("doctor") == ".venv/bin/python -m gatepost doctor"


def test_the_data_folder_is_named_where_it_is_another_one(here: Path) -> None:
    assert itself.line("doctor", data_dir=here / "var") == ".venv/bin/gatepost doctor"
    assert itself.line("doctor", data_dir=Path("/srv/my data")) == ".venv/bin/gatepost doctor --data-dir '/srv/my data'"
