"""What every test runs in: an installation of its own, a real PostgreSQL when it asks for the database, and no network
beyond this machine."""

import contextlib
import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest
import structlog
from django.contrib.auth.hashers import Argon2PasswordHasher
from tests.support import environment

if "PYTEST_XDIST_WORKER" in os.environ:
    # It has inherited the variables from the process that started it.
    django.setup()
else:
    environment.set_up()

# The same algorithm, at a price that makes guessing cheap: here hundreds of passwords are kept and tried.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1

# A busy machine is no fault of the code: the time that an example takes says nothing. And a change is judged by what it
# does, not by which examples it meets: they are the same each time, unless somebody goes looking for new ones.
patient: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("new examples", derandomize=False, **patient)
hypothesis.settings.register_profile("the same examples", derandomize=True, database=None, **patient)
hypothesis.settings.load_profile("the same examples")

# Tracebacks as the processes print them: with the values of all variables one of them takes seconds.
*first_steps, _ = structlog.get_config()["processors"]
plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*first_steps, plain])

pytest_plugins = ["tests.support.database", "tests.support.acme", "tests.support.reporting"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the browser to the end: once Playwright has started in a process, no test of its own loop can run there."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    from tests.support.django_database import own_database

    with contextlib.ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(own_database())
        yield


@pytest.fixture(scope="session", autouse=True)
def _only_this_machine() -> Iterator[None]:
    """Refuse to connect to anything but loopback and local sockets."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


@pytest.fixture
def data_dir() -> Path:
    """The data folder of the installation that the tests run in."""
    return Path(os.environ["GATEPOST_DATA_DIR"])


def _guarded(method: Any) -> Any:
    def call(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if self.family != socket.AF_UNIX and not _is_loopback(str(address[0])):
            raise RuntimeError(f"a test tried to reach {address[0]}")
        return method(self, *arguments)

    return call


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
