"""Signatures of callbacks and requests; every comparison takes constant time."""

import base64
import hashlib
import hmac
import re
from typing import Literal

from gatepost.providers.fields import Choice, Field

Encoding = Literal["hex", "base64"]

DEFAULT_PORTS = {"https": ":443", "http": ":80"}


def verify_signature(default: Literal["require", "log", "off"] = "require") -> Field:
    """The setting for providers that sign. `off` is the adapter's to obey (its `verify` says None), `log` the intake's:
    it lets a callback with a bad signature pass as one without any."""
    modes = (
        ("require", "Refuse what is not signed"),
        ("log", "Take it, with a warning in the log"),
        ("off", "Do not check"),
    )
    return Choice(
        "verify_signature",
        *modes,
        default=default,
        label="Signatures of callbacks",
        group="Callbacks",
        help="What to do with a callback whose signature is missing or wrong.",
    )


def equal(given: str | None, expected: str) -> bool:
    """Constant-time comparison; a missing or empty value never matches."""
    return bool(given) and bool(expected) and hmac.compare_digest((given or "").encode(), expected.encode())


def hmac_sign(key: str, data: bytes, algorithm: str = "sha256", encoding: Encoding = "hex") -> str:
    digest = hmac.new(key.encode(), data, algorithm).digest()
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def hash_hex(data: bytes, algorithm: str = "md5") -> str:
    """A plain hash where a provider's protocol asks for one; not for keeping passwords."""
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def with_and_without_port(url: str) -> list[bytes]:
    """A URL that was signed, with and without its port, the rest byte for byte: a proxy in between may change that."""
    found = re.match(r"(https?)(://[^/?#]*?)(:[0-9]+)?(?=[/?#]|$)", url)
    scheme, host, port, rest = (*found.groups(), url[found.end() :]) if found else (url, "", None, "")
    other = "" if port else DEFAULT_PORTS.get(scheme, "")
    return [each.encode("latin-1", "replace") for each in (url, f"{scheme}{host}{other}{rest}")]
