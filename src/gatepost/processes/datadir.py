"""The data folder: everything of this installation that is not in the program."""

import fcntl
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from cryptography.fernet import Fernet

from gatepost.processes.account import server_account
from gatepost.processes.errors import ProcessError
from gatepost.processes.private_files import create_once, make_private_folder


@dataclass(frozen=True, slots=True)
class DataDir:
    """A data folder that exists: `logs/`, `keys/` and, with embedded PostgreSQL, its cluster."""

    path: Path

    @classmethod
    def create(cls, path: Path, *, embedded_postgres: bool = True) -> "DataDir":
        """Make the folder (0700) and its subfolders. The mode of a folder that is already there is left alone.

        As root with `embedded_postgres` a new folder gets mode 0710 and the group of PostgreSQL's own user, who may
        walk through it to its cluster and see nothing else.
        """
        path = path.expanduser().resolve()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _make_top(path, embedded_postgres)
            data = cls(path)
            for folder in (data.logs, data.keys):
                make_private_folder(folder)
        except OSError as error:
            raise ProcessError(
                "data_dir_unusable",
                f"The data folder {path} cannot be used: {error.strerror or error} ({error.filename}).",
                "Choose a folder this user can write (GATEPOST_DATA_DIR), or start as the user who owns it.",
            ) from None
        return data

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    def secret_key(self) -> str:
        """The key that signs sessions and links: random, created once, never overwritten."""
        return create_once(self.keys / "secret-key", lambda: secrets.token_urlsafe(50))

    def encryption_key(self) -> str:
        """The Fernet key of the secrets stored in the database: created once, never overwritten.

        Without it the stored credentials of the gateways cannot be read again: it belongs into the backup.
        """
        return create_once(self.keys / "encryption-key", lambda: Fernet.generate_key().decode())

    def password(self, name: str) -> str:
        """A random password kept under `name` in the keys folder, created once."""
        return create_once(self.keys / name, lambda: secrets.token_urlsafe(32))

    def lock(self) -> "FileLock":
        """Claim the folder for one supervisor. Raises ProcessError naming the process that has it."""
        return FileLock.claim(self.path / "lock", f"the data folder {self.path}")


class FileLock:
    """A lock the kernel gives back when its holder dies, so that a leftover file never blocks a start."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def claim(cls, path: Path, what: str) -> "FileLock":
        """Raises ProcessError with the code `in_use` that names the process holding `what`."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise ProcessError(
                "in_use",
                f"Process {holder} is already using {what}.",
                f"Stop it first (kill {holder}), or choose another data folder with GATEPOST_DATA_DIR.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _make_top(path: Path, embedded_postgres: bool) -> None:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    if embedded_postgres and os.geteuid() == 0:
        os.chown(path, 0, server_account().gid)
        path.chmod(0o710)
