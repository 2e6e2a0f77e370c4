"""What the tests of a module share in the database: made once, within a transaction around all of them.

    @pytest.fixture(scope="module")
    def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
        with kept(django_db_blocker, make) as world:
            yield world

Each test works within a savepoint, so that what it changes in the database is undone before the next one; objects are
not, so hand out copies of them. For modules of which every test has `django_db` and none commits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import transaction

T = TypeVar("T")


@contextmanager
def kept(blocker: Any, make: Callable[[], T]) -> Iterator[T]:
    """`blocker`: the fixture `django_db_blocker`."""
    with blocker.unblock(), transaction.atomic():
        yield make()
        transaction.set_rollback(True)
