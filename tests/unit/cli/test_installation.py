"""A database that goes away while a command starts is told in words."""

import django.db
import psycopg
import pytest

from gatepost.cli.installation import needs_database
from gatepost.cli.terminal import Refusal

AWAY = psycopg.OperationalError("connection failed: Connection reset by peer\n\tIs the server running?")


def test_it_is_named_with_the_first_line_of_the_reason():
    words = r"^The database does not answer: connection failed: Connection reset by peer$"
    with pytest.raises(Refusal, match=words), needs_database():
        raise AWAY


def test_it_is_known_behind_djangos_errors():
    with pytest.raises(Refusal), needs_database():
        raise django.db.OperationalError from AWAY


@pytest.mark.parametrize("fault", [Refusal("The database misses 2 migrations.", "Migrate."), ValueError("x")])
def test_anything_else_stays_what_it_is(fault: Exception):
    with pytest.raises(type(fault)) as raised, needs_database():
        raise fault
    assert raised.value is fault
