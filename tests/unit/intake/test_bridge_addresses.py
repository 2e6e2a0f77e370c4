"""Behind a trusted proxy Django sees the client's address, which its limits count by."""

import io
from typing import Any

import pytest
from django.conf import settings

from gatepost.intake.bridge import environ


def seen(client: str, forwarded: str) -> str:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/accounts/login/",
        "client": (client, 4000),
        "headers": [(b"x-forwarded-for", forwarded.encode())] if forwarded else [],
    }
    return str(environ(scope, io.BytesIO(), 0)["REMOTE_ADDR"])


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("203.0.113.5", "", "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
    ],
)
def test_only_a_trusted_proxy_is_believed(
    monkeypatch: pytest.MonkeyPatch, client: str, forwarded: str, expected: str
) -> None:
    monkeypatch.setitem(settings.CONFIG, "TRUSTED_PROXIES", ("10.0.0.0/8",))
    assert seen(client, forwarded) == expected
