"""Django's test database: a clone of one that was migrated once per session, so that a worker has its own in 50 ms."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connections
from tests.support.database import clone_database, drop_database, template_database

from gatepost import settings


def migrated_template() -> str:
    """The template with every table; `clone_database` makes databases of it for tests without Django."""
    return template_database("migrated", _migrate)


@contextmanager
def own_database() -> Iterator[str]:
    """Point Django at a database of its own, and drop it afterwards; gives its URL."""
    before = settings.CONFIG["DATABASE_URL"]
    dsn = clone_database(migrated_template())
    _connect_to(dsn)
    try:
        yield dsn
    finally:
        connections.close_all()
        drop_database(dsn)
        _connect_to(before)


@contextmanager
def at_database(dsn: str) -> Iterator[str]:
    """Point Django at an empty database and migrate it; gives its URL."""
    before = settings.CONFIG["DATABASE_URL"]
    _migrate(dsn)
    try:
        yield dsn
    finally:
        connections.close_all()
        _connect_to(before)


def _migrate(dsn: str) -> None:
    _connect_to(dsn)
    call_command("migrate", verbosity=0)
    connections.close_all()


def _connect_to(dsn: str) -> None:
    connection = connections["default"]
    connection.close()
    connection.settings_dict.update(settings._database(dsn))
    settings.CONFIG["DATABASE_URL"] = dsn
