"""Bringing the database to the present schema, and knowing in a moment that nothing is to be done."""

import json
from importlib import metadata
from pathlib import Path
from typing import Final

import psycopg

import gatepost
from gatepost.processes.private_files import write_atomically

STAMP: Final = "schema.json"
_LOCK: Final = 0x6761_7465_706F_7374
"""Advisory lock: of several nodes that start together, one migrates and the others wait."""
_NEWEST: Final = "select max(applied)::text from django_migrations"


def is_current(dsn: str, data_dir: Path) -> bool:
    """Whether this very database was migrated by this very program before. False also where that is not sure."""
    try:
        found = json.loads((data_dir / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(found == {"program": _program(), "newest": _newest(dsn)})


def migrate(dsn: str, data_dir: Path) -> int:
    """Apply what is missing, in this process; returns how many migrations there were. Django must be set up."""
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s)", [_LOCK])
        try:
            count = missing()
            if count:
                call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("select pg_advisory_unlock(%s)", [_LOCK])
    stamp(dsn, data_dir)
    return count


def stamp(dsn: str, data_dir: Path) -> None:
    """Remember that this database has the schema of this program, for `is_current`."""
    write_atomically(data_dir / STAMP, json.dumps({"program": _program(), "newest": _newest(dsn)}) + "\n")


def missing() -> int:
    """How many migrations the database misses. Django must be set up."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _program() -> list[str]:
    """The migrations we bring, and the version of every distribution that may bring some."""
    own = Path(gatepost.__file__).parent.glob("*/migrations/[0-9]*.py")
    versions = [f"{name} {metadata.version(name)}" for name in ("django", "django-allauth", "procrastinate")]
    return sorted(f"{path.parent.parent.name}/{path.stem}" for path in own) + versions


def _newest(dsn: str) -> str | None:
    """When the newest migration was applied; as good as a name of the database. None before the first."""
    try:
        with psycopg.connect(dsn, connect_timeout=10) as connection:
            row = connection.execute(_NEWEST).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return str(row[0]) if row and row[0] else None
