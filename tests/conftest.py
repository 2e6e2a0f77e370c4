"""What every test runs in: an installation of its own, a real PostgreSQL when it asks for the database, and no network
beyond this machine."""

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest
from cryptography.fernet import Fernet
from django.conf import settings

if "PYTEST_XDIST_WORKER" not in os.environ:
    # A worker inherits these from the process that started it.
    if "gatepost.settings" in sys.modules:
        pytest.exit("The settings were loaded before the tests could choose them: unset DJANGO_SETTINGS_MODULE.", 2)
    for _name in [name for name in os.environ if name.startswith("GATEPOST_")]:
        del os.environ[_name]
    _data_dir = tempfile.TemporaryDirectory(prefix="gatepost-test-data-")
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "gatepost.settings",
        "GATEPOST_DATA_DIR": _data_dir.name,
        "GATEPOST_SECRET_KEY": "test-secret-key-of-at-least-32-characters",
        "GATEPOST_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        # Nothing listens there: a test that forgot to ask for the database fails at once.
        "GATEPOST_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "GATEPOST_PUBLIC_URL": "https://gp.example",
    }
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        # A hundred processes are started here, and half of what a start takes is compiling.
        _bytecode = tempfile.TemporaryDirectory(prefix="gatepost-test-bytecode-")
        os.environ["PYTHONPYCACHEPREFIX"] = _bytecode.name

# Here the variables above are read; conftests of folders import models, so Django is set up before them.
assert settings.configured or settings.INSTALLED_APPS
django.setup()

# A busy machine is no fault of the code: the time that an example takes says nothing.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

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
