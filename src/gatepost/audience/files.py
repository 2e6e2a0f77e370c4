"""Files of the slice on disk: documents and uploaded tables, in a folder that no web server serves, for our user only.

A file's name is made here and tells nothing; what people called it is kept in the database.
"""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from django.conf import settings

from gatepost.problems import Fault, Problem

CHUNK: Final = 256 * 1024


def keep(folder: str, workspace_id: int, content: Iterable[bytes], *, limit: int) -> tuple[str, int]:
    """Write it as it comes: the path below the folder of files, and the size in bytes. On disk when it returns.

    Raises Problem `body_too_large` beyond `limit` bytes, and `file_empty`; then nothing is left.
    """
    path = f"{folder}/{workspace_id}/{secrets.token_hex(16)}"
    whole = settings.FILES_DIR / path
    whole.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    size = 0
    try:
        with open(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for chunk in content:
                size += len(chunk)
                if size > limit:
                    raise Problem("body_too_large", f"The file is larger than {limit // 1024 // 1024} MiB.")
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if size == 0:
            raise Problem("file_unfit", faults=[Fault("file", "file_empty", "The file is empty.")])
    except BaseException:
        whole.unlink(missing_ok=True)
        raise
    return path, size


def read(path: str) -> IO[bytes]:
    """The file, opened. Raises Problem `not_found` where it is gone."""
    try:
        return whole(path).open("rb")
    except FileNotFoundError:
        raise Problem("not_found", "The file is not there any more.") from None


def whole(path: str) -> Path:
    """Where the file is."""
    found: Path = settings.FILES_DIR / path
    return found


def forget(paths: Iterable[str]) -> None:
    """Delete these, where they are still there."""
    for path in paths:
        whole(path).unlink(missing_ok=True)
