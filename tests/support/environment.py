"""An installation of the process's own, chosen before the settings are read, and Django set up in it."""

import os
import sys
import tempfile

import django
from cryptography.fernet import Fernet


def set_up() -> None:
    """Raises RuntimeError where the settings are read already."""
    if "gatepost.settings" in sys.modules:
        raise RuntimeError("The settings were loaded before the tests could choose them: unset DJANGO_SETTINGS_MODULE.")
    for name in [name for name in os.environ if name.startswith("GATEPOST_")]:
        del os.environ[name]
    data = tempfile.TemporaryDirectory(prefix="gatepost-test-data-")
    _kept.append(data)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "gatepost.settings",
        "GATEPOST_DATA_DIR": data.name,
        "GATEPOST_SECRET_KEY": "test-secret-key-of-at-least-32-characters",
        "GATEPOST_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        # Nothing listens there: a test that forgot to ask for the database fails at once.
        "GATEPOST_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "GATEPOST_PUBLIC_URL": "https://gp.example",
    }
    # A hundred processes are started here, and half of what a start takes is compiling.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    django.setup()


_kept: list[tempfile.TemporaryDirectory[str]] = []
"""Removed when the process ends."""
