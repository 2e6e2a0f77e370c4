"""A provider that wants certificate and key in one piece: checked when saved, shown to the other side in every call."""

from datetime import UTC, datetime

import pytest
from tests.support.certificates import certificate, new_key, private_key

from gatepost.gateways import certificates
from gatepost.providers.base import Batch, Context, Gateway, Message, Send
from gatepost.providers.fields import clean
from gatepost.providers.registry import provider
from gatepost.transport.tls import TlsContexts

PROVIDER = provider("multiinfo")
FIELDS = PROVIDER.manifest.fields
KEY = new_key()
SETTINGS = {"login": "jan", "password": "s3cret", "service_id": "24138"}


def cleaned(pem: str, password: str = "") -> dict[str, object]:
    values, faults = clean(FIELDS, {**SETTINGS, "client_pem": pem, "client_pem_password": password})
    assert faults == []
    return values


@pytest.mark.parametrize(
    ("pem", "password", "code"),
    [
        (certificate(KEY) + private_key(KEY), "", None),
        (private_key(KEY, "opensesame") + certificate(KEY) + certificate(new_key()), "opensesame", None),
        (certificate(KEY), "", "no_private_key"),
        (private_key(KEY), "", "no_certificate"),
        (certificate(KEY) + private_key(new_key()), "", "key_mismatch"),
        (certificate(KEY, days=-1) + private_key(KEY), "", "certificate_expired"),
        (certificate(KEY) + private_key(KEY, "opensesame"), "", "key_encrypted"),
        (certificate(KEY) + private_key(KEY, "opensesame"), "wrong", "bad_key"),
    ],
    ids=["good", "encrypted", "no key", "no certificate", "foreign key", "expired", "no password", "wrong password"],
)
def test_a_bad_certificate_is_found_when_it_is_saved(pem: str, password: str, code: str | None) -> None:
    found = certificates.faults(FIELDS, cleaned(pem, password))
    assert [fault.code for fault in found] == ([code] if code else [])


def test_the_end_of_the_certificate_is_known() -> None:
    assert certificates.expiry(certificate(KEY) + private_key(KEY)) is not None


def test_every_request_shows_the_certificate() -> None:
    gateway = Gateway("multiinfo", cleaned(certificate(KEY) + private_key(KEY, "opensesame"), "opensesame"))
    now = datetime.now(UTC)
    flow = PROVIDER.submit(Batch((Message(ref="a1", to="48601135134", text="test"),)), gateway, Context(now=now))
    step = next(flow)
    assert isinstance(step, Send)
    assert step.request.url.startswith("https://api1.multiinfo.plus.pl/Api61/")
    assert step.request.link is not None
    assert step.request.link.identity is not None
    TlsContexts().context_for(step.request.link)
