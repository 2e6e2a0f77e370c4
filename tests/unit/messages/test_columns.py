"""What is written as an array is what PostgreSQL reads."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.database import clone_database, drop_database

from gatepost.messages.columns import moments, plain, texts, transposed

TEXTS = st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=8)
NUMBERS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=8)
AMOUNTS = st.lists(
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=6, max_value=10**7), max_size=8
)
MOMENTS = st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), max_size=8)


@pytest.fixture(scope="module")
def connection():
    dsn = clone_database()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection
    drop_database(dsn)


def read(connection, literal, kind):
    return connection.execute(f"select %s::{kind}[]".encode(), [literal]).fetchone()[0]


def expected(values):
    return None if values.count(None) == len(values) else values


@settings(max_examples=50)
@given(TEXTS)
def test_texts(connection, values):
    assert read(connection, texts(values), "text") == expected(values)


@settings(max_examples=30)
@given(NUMBERS)
def test_numbers(connection, values):
    assert read(connection, plain(values), "bigint") == expected(values)


@settings(max_examples=30)
@given(AMOUNTS)
def test_amounts(connection, values):
    assert read(connection, plain(values), "numeric") == expected(values)


@settings(max_examples=30)
@given(MOMENTS)
def test_moments(connection, values):
    assert read(connection, moments(values), "timestamptz") == expected(values)


@pytest.mark.parametrize("text", ["NULL", "null", "None", "", "a,b", "{}", '"', "\\", '\\"', " "])
def test_texts_that_look_like_something_else(connection, text):
    assert read(connection, texts([text, None]), "text") == [text, None]


def test_booleans(connection):
    assert read(connection, plain([True, None, False]), "bool") == [True, None, False]


def test_a_column_without_values_is_filled_up_with_null(connection):
    statement = "select * from unnest(%s::int[], %s::text[], %s::numeric[]) as t(a, b, c)"
    rows = connection.execute(statement, [plain([1, 2]), texts([None, None]), plain([Decimal("1E+2"), None])])
    assert rows.fetchall() == [(1, None, Decimal(100)), (2, None, None)]


def test_rows_become_columns_and_no_rows_empty_ones():
    assert transposed([(1, "a"), (2, "b")], 2) == [(1, 2), ("a", "b")]
    assert transposed([], 2) == [(), ()]


def test_a_moment_keeps_its_microseconds(connection):
    at = datetime(2026, 11, 20, 12, 0, 0, 1, UTC) + timedelta(microseconds=1)
    assert read(connection, moments([at]), "timestamptz") == [at]
