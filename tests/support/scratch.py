"""Where the tests put throw-away clusters."""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 * 1024**3


def scratch_folder(prefix: str) -> Path:
    """A new folder that only this user can enter."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=scratch_parent()))


def scratch_parent() -> Path:
    """In memory where there is plenty: a cluster is a thousand files, and making them takes the time."""
    has_memory = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES
    return _MEMORY if has_memory else Path(tempfile.gettempdir())
