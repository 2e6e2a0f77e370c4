"""What a worker asks of the system before it starts."""

import resource
from collections.abc import Iterator

import pytest

from gatepost.cli import serve


@pytest.fixture
def few_files() -> Iterator[int]:
    """As a system starts processes; gives the most that we may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_worker_may_open_as_many_connections_as_the_system_lets_it(few_files: int) -> None:
    serve._allow_many_connections()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == few_files
    assert soft == (serve.FILES if hard == resource.RLIM_INFINITY else min(serve.FILES, hard))
