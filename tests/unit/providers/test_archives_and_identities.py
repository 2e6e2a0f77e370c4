"""ZIP archives from outside, and certificates pasted in one piece."""

import io
import zipfile

import pytest
from tests.support.certificates import certificate, new_key, private_key

from gatepost.providers.base import MalformedAnswer
from gatepost.providers.kit.archives import unzip_one
from gatepost.providers.kit.identities import identity_of
from gatepost.providers.wire import Link
from gatepost.transport.tls import TlsContexts


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_the_only_file_is_read() -> None:
    assert unzip_one(zipped(a=b"text")) == b"text"


ODD = {
    "nothing": b"",
    "a beginning": b"PK\x03\x04",
    "no file": zipped(),
    "two files": zipped(a=b"1", b=b"2"),
    "cut off": zipped(a=b"text")[:-30],
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_what_is_no_archive_of_one_file_is_odd(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        unzip_one(body)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zipped(a=b"\x00" * 5_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(MalformedAnswer, match="too large"):
        unzip_one(bomb, max_bytes=1_000_000)


def test_a_spoilt_file_is_odd() -> None:
    body = bytearray(zipped(a=b"text" * 100))
    body[35] ^= 0xFF
    with pytest.raises(MalformedAnswer):
        unzip_one(bytes(body))


@pytest.mark.parametrize("password", ["", "opensesame"])
def test_a_pem_with_chain_and_key_makes_a_usable_identity(password: str) -> None:
    key = new_key()
    own, chain = certificate(key), certificate(new_key())
    identity = identity_of(private_key(key, password) + own + chain, password)
    assert identity is not None
    assert identity.certificate_pem == own + chain
    assert "CERTIFICATE" not in identity.key_pem
    TlsContexts().context_for(Link(identity=identity))


@pytest.mark.parametrize("missing", ["certificate", "key", "both"])
def test_half_an_identity_is_none(missing: str) -> None:
    key = new_key()
    pem = {"certificate": private_key(key), "key": certificate(key), "both": None}[missing]
    assert identity_of(pem) is None
