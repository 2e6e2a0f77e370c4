"""TLS contexts from links, built once per distinct link."""

import hashlib
import os
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gatepost.providers.wire import Identity, Link

LIMIT = 512


class BadTls(ValueError):
    """The link's certificates cannot be used; the words never quote them."""


class TlsContexts:
    """Contexts by what they are made of. Loading the system's authorities takes milliseconds, so they are kept."""

    def __init__(self) -> None:
        self._contexts: dict[bytes, ssl.SSLContext] = {}

    def context_for(self, link: Link) -> ssl.SSLContext:
        """The context of that link; raises BadTls."""
        key = _key(link)
        context = self._contexts.get(key)
        if context is None:
            if len(self._contexts) >= LIMIT:
                del self._contexts[next(iter(self._contexts))]
            context = self._contexts[key] = _build(link)
        return context


def _key(link: Link) -> bytes:
    identity = link.identity
    if link.verify_tls and not link.ca_pem and identity is None:
        return b""
    parts = (identity.certificate_pem, identity.key_pem, identity.key_password) if identity else ()
    return hashlib.sha256(repr((link.verify_tls, link.ca_pem, parts)).encode()).digest()


def _build(link: Link) -> ssl.SSLContext:
    """A private CA replaces the public authorities: who names one means that one."""
    try:
        context = ssl.create_default_context(cadata=link.ca_pem or None)
    except (ssl.SSLError, ValueError):
        raise BadTls("the private CA is not a PEM certificate") from None
    if not link.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(("http/1.1",))
    if link.identity is not None:
        _present(link.identity, context)
    return context


def _present(identity: Identity, context: ssl.SSLContext) -> None:
    """Load the client certificate. OpenSSL takes it only from a file, so the key goes into a nameless one, encrypted
    with a passphrase that exists for this call only."""
    passphrase = secrets.token_hex(32)
    key_pem = _encrypted_key(identity, passphrase)
    with _nameless_file(identity.certificate_pem.strip().encode() + b"\n" + key_pem) as path:
        try:
            context.load_cert_chain(path, password=passphrase)
        except ssl.SSLError:
            raise BadTls("the client certificate cannot be read or does not belong to its private key") from None


def _encrypted_key(identity: Identity, passphrase: str) -> bytes:
    pem, password = identity.key_pem.encode(), identity.key_password.encode() or None
    if b"ENCRYPTED" not in pem:
        password = None
    try:
        key = load_pem_private_key(pem, password)
    except TypeError:
        raise BadTls("the private key of the client certificate needs a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadTls("the private key of the client certificate cannot be read; is its password right?") from None
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))


@contextmanager
def _nameless_file(content: bytes) -> Iterator[str]:
    """A path to a file that lives in memory, or, where the system has no such thing, has already lost its name."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    else:
        descriptor, name = tempfile.mkstemp()
        os.unlink(name)
    with os.fdopen(descriptor, "w+b") as file:
        file.write(content)
        file.flush()
        file.seek(0)
        yield f"/dev/fd/{descriptor}"
