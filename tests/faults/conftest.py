"""FAULT_SEED=<n> repeats a schedule; each test says the seed it ran with."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.faults import arena as arenas
from tests.faults.arena import Arena
from tests.support.reporting import Say


@pytest.fixture
def seed(say: Say) -> int:
    chosen = int(os.environ.get("FAULT_SEED") or secrets.randbelow(1_000_000))
    say(f"FAULT_SEED={chosen}")
    return chosen


@pytest.fixture
def arena(tmp_path: Path, seed: int, django_db_blocker: Any) -> Iterator[Arena]:
    with django_db_blocker.unblock(), arenas.arena(tmp_path, seed) as running:
        yield running
