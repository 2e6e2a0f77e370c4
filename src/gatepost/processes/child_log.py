"""The log file of one child: whole lines, private, bounded."""

import os
from collections.abc import Callable
from pathlib import Path

_LIMIT_BYTES = 10 * 1024 * 1024
_OLDER_FILES = 3
_LONGEST_LINE_BYTES = 64 * 1024


class ChildLog:
    """Appends what a child prints to `path` (0600) and keeps three older files of at most 10 MiB each.

    A full disk never stops the supervisor: the lines are dropped and `on_loss` hears about it once.
    """

    def __init__(self, path: Path, on_loss: Callable[[str], None], *, limit_bytes: int = _LIMIT_BYTES) -> None:
        self.path = path
        self._on_loss = on_loss
        self._limit_bytes = limit_bytes
        self._pending = b""
        self._is_losing = False

    def write(self, chunk: bytes) -> None:
        """Take output as it comes; an unfinished line waits for its end."""
        self._pending += chunk
        end = self._pending.rfind(b"\n") + 1
        if end == 0 and len(self._pending) > _LONGEST_LINE_BYTES:
            end = len(self._pending)
        if end:
            self._append(self._pending[:end])
            self._pending = self._pending[end:]

    def finish(self) -> None:
        """The child closed its output: what is left is the last line."""
        if self._pending:
            self._append(self._pending + b"\n")
            self._pending = b""

    def _append(self, lines: bytes) -> None:
        try:
            if self.path.exists() and self.path.stat().st_size + len(lines) > self._limit_bytes:
                self._rotate()
            descriptor = os.open(
                self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            with open(descriptor, "wb", buffering=0) as file:
                file.write(lines)
            self._is_losing = False
        except OSError as error:
            if not self._is_losing:
                self._on_loss(f"Lines for {self.path} are lost: {error.strerror}")
            self._is_losing = True

    def _rotate(self) -> None:
        for number in range(_OLDER_FILES - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
