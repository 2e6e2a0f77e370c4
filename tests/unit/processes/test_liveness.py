"""A database whose host vanished is not waited for."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from gatepost.processes.liveness import SILENCE, lively


@pytest.mark.parametrize("dsn", ["postgresql://me:p%40ss@db.example:5433/gatepost?sslmode=require", "host=/run/gp"])
def test_everything_else_stays_as_it_was(dsn: str):
    parts = conninfo_to_dict(lively(dsn))
    assert parts == conninfo_to_dict(dsn) | SILENCE


def test_what_the_operator_set_stands():
    assert conninfo_to_dict(lively("postgresql://db.example/gp?tcp_user_timeout=99"))["tcp_user_timeout"] == "99"


def test_the_driver_knows_every_limit():
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    assert SILENCE.keys() <= known
