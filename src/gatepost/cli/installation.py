"""The installation on this machine: its settings, its database, its keys; for commands that work without the API."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatepost import config
from gatepost.cli.options import chosen_data_dir
from gatepost.cli.terminal import Exit, Refusal
from gatepost.processes.postgres import running_dsn

KEY_FILES = {"SECRET_KEY": "secret-key", "ENCRYPTION_KEYS": "encryption-key"}


@dataclass(frozen=True, slots=True)
class Installation:
    """Its data folder, its settings, and the URL of its database (password included)."""

    data_dir: Path
    settings: dict[str, Any]
    dsn: str

    def __repr__(self) -> str:
        return f"Installation({str(self.data_dir)!r})"


def find(data_dir: Path | None = None, *, needs_keys: bool = True) -> Installation:
    """The installation of that data folder, with GATEPOST_DATABASE_URL or the embedded database that `gatepost up`
    keeps running. Raises Refusal where there is no database, or no keys although they are needed."""
    path = chosen_data_dir(data_dir)
    settings = config.load()
    dsn = settings["DATABASE_URL"] or running_dsn(path)
    if not dsn:
        raise Refusal(
            f"No database runs for the data folder {path}.",
            "Start Gatepost with `gatepost up`, or set GATEPOST_DATABASE_URL.",
            code=Exit.UNREACHABLE,
        )
    missing = missing_keys(path, settings)
    if needs_keys and missing:
        raise Refusal(
            f"{' and '.join(missing)} are not set, and {path / 'keys'} holds none.",
            "Use the data folder of the installation (--data-dir), or set them; `gatepost up` makes keys by itself.",
        )
    os.environ["GATEPOST_DATABASE_URL"] = dsn
    return Installation(path, settings, dsn)


def open_django(installation: Installation) -> None:
    """Set Django up for the installation; from here on its services can be called. Raises Refusal where the database
    does not answer."""
    import django
    import psycopg

    os.environ["GATEPOST_DATABASE_URL"] = installation.dsn
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gatepost.settings")
    with needs_database():
        psycopg.connect(installation.dsn, connect_timeout=10).close()
    django.setup()


@contextmanager
def needs_database() -> Iterator[None]:
    """Raises Refusal where what is done inside the block fails because the database does not answer."""
    import psycopg

    try:
        yield
    except Exception as error:
        # Django's errors have the driver's as their cause.
        away = next((one for one in (error, error.__cause__) if isinstance(one, psycopg.OperationalError)), None)
        if away is None:
            raise
        raise Refusal(
            f"The database does not answer: {str(away).strip().splitlines()[0]}",
            "Start it, or correct GATEPOST_DATABASE_URL.",
            code=Exit.UNREACHABLE,
        ) from None


def missing_keys(data_dir: Path, settings: dict[str, Any]) -> list[str]:
    """The variables of the keys that neither the environment nor the data folder has."""
    return [
        f"GATEPOST_{name}"
        for name, file in KEY_FILES.items()
        if not settings[name] and not (data_dir / "keys" / file).exists()
    ]
