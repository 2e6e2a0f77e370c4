"""Where the tests put throw-away clusters."""

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 * 1024**3


def scratch_folder(prefix: str) -> Path:
    """A new folder, in memory where there is plenty: a cluster is a thousand files, and making them takes the time."""
    has_memory = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES
    return Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if has_memory else None))
