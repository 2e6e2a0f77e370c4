import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.processes import Embedded
from tests.support.scratch import scratch_folder

from gatepost.processes import cluster, server_files
from gatepost.processes.postgres import EmbeddedPostgres


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike tmp_path, and whose path is short."""
    path = scratch_folder("gp-")
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def shared_root(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for /var/lib/gatepost."""
    path = folder / "shared"
    for module in (cluster, server_files):
        monkeypatch.setattr(module, "SHARED_ROOT", path)
    return path


@pytest.fixture(scope="session")
def made_before() -> Iterator[Path]:
    """A data folder whose cluster exists: copying it is much faster than initdb."""
    path = scratch_folder("gp-")
    path.chmod(0o755)
    with EmbeddedPostgres(path / "data"):
        pass
    yield path / "data"
    shutil.rmtree(path)


@pytest.fixture
def embedded(folder: Path, shared_root: Path, made_before: Path) -> Iterator[Embedded]:
    """Makes servers that are stopped at the end of the test.

    By default for the same data folder, which has a cluster already unless `is_new` is said the first time.
    """
    made: list[EmbeddedPostgres] = []
    usual = folder / "data"

    def make(data_dir: Path = usual, *, is_new: bool = False, **options: Any) -> EmbeddedPostgres:
        if data_dir == usual and not is_new and not usual.exists():
            subprocess.run(["cp", "-a", "--reflink=auto", made_before, usual], check=True, timeout=60)
        made.append(EmbeddedPostgres(data_dir, **options))
        return made[-1]

    yield make
    for postgres in made:
        postgres.stop("immediate")


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: needs root, to start PostgreSQL as another user and to look at it as a second one")
