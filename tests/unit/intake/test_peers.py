"""Whose address counts behind reverse proxies."""

import pytest
from django.conf import settings

from gatepost.intake.peers import client_address


def caller(monkeypatch, client, *forwarded, trusted=("10.0.0.0/8", "fd00::/8")):
    monkeypatch.setitem(settings.CONFIG, "TRUSTED_PROXIES", list(trusted))
    headers = [(b"host", b"gp.example"), *((b"x-forwarded-for", line.encode("latin-1")) for line in forwarded)]
    return client_address({"client": client and (client, 1234), "headers": headers})


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["192.0.2.66, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["192.0.2.66", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9", "10.0.0.2, 10.0.0.3"], "203.0.113.9"),
        ("10.0.0.1", ["nonsense"], ""),
        ("10.0.0.1", ["192.0.2.66, nonsense"], ""),
        ("10.0.0.1", ["203.0.113.9:443"], ""),
        ("fd00::1", ["2001:DB8::9"], "2001:db8::9"),
        ("::ffff:198.51.100.7", [], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [" , ,203.0.113.9, "], "203.0.113.9"),
        ("testclient", ["203.0.113.9"], ""),
        (None, [], ""),
    ],
)
def test_it_is_the_last_one_that_no_trusted_proxy_stands_at(monkeypatch, client, forwarded, expected):
    assert caller(monkeypatch, client, *forwarded) == expected


def test_without_trusted_proxies_nobody_is_believed(monkeypatch):
    assert caller(monkeypatch, "10.0.0.1", "203.0.113.9", trusted=()) == "10.0.0.1"
