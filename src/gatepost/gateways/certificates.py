"""Certificates and keys that operators paste: read when saved, so that a bad one never waits for the first message.

Fields that begin with the same word belong together: `client_cert_pem` with `client_key_pem`, and the password of an
encrypted key is the secret `<field>_password` (also without `_pem`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from django.utils import timezone

from gatepost.providers.fields import Field, FieldError

_KEY_BLOCK: Final = re.compile(r"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----\n.+?-----END \1-----", re.DOTALL)


def faults(fields: Iterable[Field], values: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with the PEM fields as a whole: unreadable, expired, or a key that is not the certificate's."""
    found = []
    for _, group in groupby(_pem_fields(fields, values), key=_family):
        try:
            _check(list(group), values)
        except FieldError as fault:
            found.append(fault)
    return found


def expiry(text: str) -> datetime | None:
    """When the first certificate of the text runs out; None where it holds none."""
    try:
        certificates = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        return None
    return certificates[0].not_valid_after_utc if certificates else None


def _family(field: Field) -> str:
    return field.name.partition("_")[0]


def _pem_fields(fields: Iterable[Field], values: Mapping[str, Any]) -> Iterator[Field]:
    filled = (field for field in fields if field.kind == "pem" and values.get(field.name))
    yield from sorted(filled, key=lambda field: field.name)


def _check(family: list[Field], values: Mapping[str, Any]) -> None:
    certificates: list[tuple[Field, x509.Certificate]] = []
    keys: list[tuple[Field, PrivateKeyTypes]] = []
    for field in family:
        text = values[field.name]
        certificates += [(field, certificate) for certificate in _certificates(field, text)]
        keys += [(field, key) for key in _keys(field, text, values)]
    if not certificates and not keys:
        raise FieldError(family[0].name, "no_certificate", f"{family[0].title}: there is no certificate in it.")
    for field, certificate in certificates[:1]:
        _refuse_out_of_date(field, certificate)
    if not keys and any(field.secret and _needs_key(field) for field in family):
        raise FieldError(family[0].name, "no_private_key", f"{family[0].title}: paste the private key as well.")
    for field, key in keys:
        if not certificates:
            raise FieldError(field.name, "no_certificate", f"{field.title}: paste the certificate of the key as well.")
        if _public(certificates[0][1]) != _public(key):
            raise FieldError(
                field.name, "key_mismatch", f"{field.title}: the private key does not belong to the certificate."
            )


def _needs_key(field: Field) -> bool:
    return "cert" not in field.name


def _certificates(field: Field, text: str) -> list[x509.Certificate]:
    if "-----BEGIN CERTIFICATE-----" not in text:
        return []
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise FieldError(field.name, "bad_certificate", f"{field.title}: the certificate cannot be read.") from None


def _keys(field: Field, text: str, values: Mapping[str, Any]) -> list[PrivateKeyTypes]:
    password = values.get(f"{field.name}_password") or values.get(f"{field.name.removesuffix('_pem')}_password")
    return [_key(field, block.group().encode(), password or None) for block in _KEY_BLOCK.finditer(text)]


def _key(field: Field, block: bytes, password: str | None) -> PrivateKeyTypes:
    is_encrypted = b"ENCRYPTED" in block
    if is_encrypted and password is None:
        raise FieldError(field.name, "key_encrypted", f"{field.title}: the private key needs its password.")
    try:
        return serialization.load_pem_private_key(block, password.encode() if is_encrypted and password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        words = "the password does not open the private key." if is_encrypted else "the private key cannot be read."
        raise FieldError(field.name, "bad_key", f"{field.title}: {words}") from None


def _refuse_out_of_date(field: Field, certificate: x509.Certificate) -> None:
    now = timezone.now()
    if certificate.not_valid_after_utc <= now:
        day = certificate.not_valid_after_utc.date().isoformat()
        raise FieldError(field.name, "certificate_expired", f"{field.title}: the certificate ran out on {day}.")
    if certificate.not_valid_before_utc > now:
        day = certificate.not_valid_before_utc.date().isoformat()
        raise FieldError(field.name, "certificate_early", f"{field.title}: the certificate is valid from {day} on.")


def _public(owner: x509.Certificate | PrivateKeyTypes) -> bytes:
    return owner.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
