"""Client certificates that operators paste in one piece."""

import re

from gatepost.providers.wire import Identity

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n.+?\n-----END \1-----", re.DOTALL)


def identity_of(pem: str | None, password: str | None = None) -> Identity | None:
    """The certificates, chain included, and the private key of one PEM text; None where either is missing."""
    blocks = [(found.group(1), found.group()) for found in _BLOCK.finditer(pem or "")]
    certificates = [block for kind, block in blocks if kind == "CERTIFICATE"]
    keys = [block for kind, block in blocks if kind.endswith("PRIVATE KEY")]
    if not certificates or not keys:
        return None
    return Identity(certificate_pem="\n".join(certificates) + "\n", key_pem=keys[0] + "\n", key_password=password or "")
