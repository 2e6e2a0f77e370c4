"""Pasted certificates and keys are read when they are saved."""

from typing import Any

import pytest
from tests.support.certificates import certificate, new_key, private_key

from gatepost.gateways.certificates import expiry, faults
from gatepost.providers.fields import Pem, Secret

FIELDS = (
    Pem("ca_pem"),
    Pem("client_pem", secret=True),
    Secret("client_pem_password"),
    Pem("peer_cert_pem"),
    Pem("peer_key_pem", secret=True),
    Secret("peer_key_password"),
)
OURS, OTHER = new_key(), new_key()


def codes(**values: Any) -> list[tuple[str, str]]:
    return [(fault.field, fault.code) for fault in faults(FIELDS, values)]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"client_pem": certificate(OURS) + private_key(OURS)},
        {"client_pem": private_key(OURS) + certificate(OURS) + certificate(OTHER)},
        {"client_pem": certificate(OURS) + private_key(OURS, "sesame"), "client_pem_password": "sesame"},
        {"peer_cert_pem": certificate(OURS), "peer_key_pem": private_key(OURS)},
        {
            "peer_cert_pem": certificate(OURS),
            "peer_key_pem": private_key(OURS, "sesame"),
            "peer_key_password": "sesame",
        },
        {"ca_pem": certificate(OTHER)},
    ],
)
def test_what_belongs_together_is_taken(values: dict[str, str]) -> None:
    assert codes(**values) == []


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"client_pem": certificate(OURS, days=-1) + private_key(OURS)}, ("client_pem", "certificate_expired")),
        ({"client_pem": certificate(OURS, starts_in_days=1) + private_key(OURS)}, ("client_pem", "certificate_early")),
        ({"client_pem": certificate(OTHER) + private_key(OURS)}, ("client_pem", "key_mismatch")),
        ({"client_pem": certificate(OURS)}, ("client_pem", "no_private_key")),
        ({"client_pem": private_key(OURS)}, ("client_pem", "no_certificate")),
        ({"client_pem": certificate(OURS) + private_key(OURS, "sesame")}, ("client_pem", "key_encrypted")),
        (
            {"client_pem": certificate(OURS) + private_key(OURS, "sesame"), "client_pem_password": "wrong"},
            ("client_pem", "bad_key"),
        ),
        ({"peer_key_pem": private_key(OURS)}, ("peer_key_pem", "no_certificate")),
        ({"peer_cert_pem": certificate(OTHER), "peer_key_pem": private_key(OURS)}, ("peer_key_pem", "key_mismatch")),
        ({"ca_pem": certificate(OTHER, days=-1)}, ("ca_pem", "certificate_expired")),
        (
            {"ca_pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
            ("ca_pem", "bad_certificate"),
        ),
        ({"ca_pem": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}, ("ca_pem", "no_certificate")),
        (
            {"client_pem": certificate(OURS) + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"},
            ("client_pem", "bad_key"),
        ),
    ],
)
def test_what_does_not_is_named(values: dict[str, str], fault: tuple[str, str]) -> None:
    assert codes(**values) == [fault]


def test_no_fault_repeats_a_key() -> None:
    pem = certificate(OTHER) + private_key(OURS)
    secret_line = private_key(OURS).splitlines()[1]
    assert all(secret_line not in fault.words for fault in faults(FIELDS, {"client_pem": pem}))


def test_expiry_is_that_of_the_first_certificate() -> None:
    soon, late = certificate(OURS, days=10), certificate(OTHER, days=100)
    assert expiry(private_key(OURS) + soon + late) == expiry(soon)
    assert expiry(private_key(OURS)) is None
    assert expiry("nonsense") is None
