"""Callbacks that came while the database was away: one file each, on disk before the provider is answered."""

import base64
import json
import os
import secrets
import time
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path

from gatepost.providers.wire import RawCallback

MAX_FILES = 50_000
MIN_FREE_BYTES = 256 * 1024 * 1024


class SpoolFull(Exception):
    """There is no room for another callback; the provider is asked to come again."""


class Spool:
    """A folder of callbacks, replayed in the order in which they came."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, token: str, raw: RawCallback) -> None:
        """On disk (fsync of file and folder) when this returns. Raises SpoolFull."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < MIN_FREE_BYTES or len(os.listdir(self._folder)) >= MAX_FILES:
            raise SpoolFull
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        draft = self._folder / f"{name}.part"
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                json.dump({"token": token, "raw": _to_json(raw)}, file)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self._folder / f"{name}.json")
            _sync_folder(self._folder)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise SpoolFull from error

    def waiting(self) -> list[Path]:
        """What waits, oldest first; call `done` once one is stored."""
        return sorted(self._folder.glob("*.json"))

    def read(self, path: Path) -> tuple[str, RawCallback]:
        """Token and callback. Raises FileNotFoundError where another process has replayed it, ValueError for a file
        that makes no sense."""
        content = json.loads(path.read_text("utf-8"))
        try:
            return content["token"], _from_json(content["raw"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a spooled callback: {type(error).__name__}") from None

    def done(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Keep it for a person to look at, out of the way."""
        path.rename(path.with_suffix(".odd"))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _to_json(raw: RawCallback) -> dict[str, object]:
    values = asdict(raw)
    values["body"] = base64.b64encode(raw.body).decode()
    values["received_at"] = raw.received_at.isoformat()
    return values


def _from_json(values: dict[str, object]) -> RawCallback:
    known = {field.name for field in fields(RawCallback)}
    kept = {name: value for name, value in values.items() if name in known}
    kept["body"] = base64.b64decode(str(values["body"]))
    kept["received_at"] = datetime.fromisoformat(str(values["received_at"]))
    kept["headers"] = tuple((name, value) for name, value in values["headers"])  # type: ignore[attr-defined]
    return RawCallback(**kept)  # type: ignore[arg-type]
