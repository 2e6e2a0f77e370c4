"""Files and folders for one reader: created with their final mode and owner, never half written."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from gatepost.processes.errors import ProcessError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_TAIL_BYTES = 64 * 1024

Owner = tuple[int, int]
"""A user id and a group id."""


def make_private_folder(path: Path, *, owner: Owner | None = None) -> None:
    """Make `path` a folder that only `owner` (default: this user) can enter; an existing one is corrected.

    Raises ProcessError when something else is there or the folder belongs to another user, who could read or replace
    what is put into it.
    """
    uid = os.geteuid() if owner is None else owner[0]
    try:
        path.mkdir(mode=0o700)
        if owner is not None:
            os.chown(path, *owner)
    except FileExistsError:
        pass
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
        raise ProcessError(
            "not_our_folder",
            f"{path} is not a folder of user id {uid}.",
            "Start as the user who owns it, or give the folder to this user (chown -R), or choose another data folder.",
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


def write_atomically(path: Path, text: str, *, owner: Owner | None = None) -> None:
    """Replace the file in one step, mode 0600. A link planted at `path` is replaced, not followed."""
    draft = _write_draft(path, text, owner)
    draft.replace(path)
    _sync_folder(path.parent)


def create_once(path: Path, make: Callable[[], str]) -> str:
    """The text of the file; when there is none, `make()` fills it first. Two at once agree on one text."""
    if not os.path.lexists(path):
        draft = _write_draft(path, make(), None)
        try:
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    return read_secret(path)


def read_secret(path: Path) -> str:
    """The text of a secret file. Raises ProcessError when others can read it or when it is empty."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, encoding="utf-8") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
            raise ProcessError(
                "secret_readable",
                f"Other users can read {path}.",
                f"chmod 600 {path}; if they may have read it, renew it.",
            )
        text = file.read().strip()
    if not text:
        raise ProcessError("secret_empty", f"{path} is empty.", "Restore it from a backup.")
    return text


def last_lines(path: Path, count: int = 15) -> str:
    """The last lines of a log, "" when it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])


def _write_draft(path: Path, text: str, owner: Owner | None) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
