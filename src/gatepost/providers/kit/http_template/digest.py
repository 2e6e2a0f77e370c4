"""HTTP Digest (RFC 7616): reading a challenge and answering it. MD5 and SHA-256, with and without -sess, qop=auth."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gatepost.providers.kit.signatures import hash_hex
from gatepost.providers.wire import Request, Response

ALGORITHMS = {"sha-256": "sha256", "sha-256-sess": "sha256", "md5": "md5", "md5-sess": "md5"}
_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_FIRST_COUNT = "00000001"


@dataclass(frozen=True, slots=True)
class Challenge:
    realm: str
    nonce: str
    algorithm: str
    opaque: str
    has_qop: bool


def challenge_in(response: Response) -> str:
    """The strongest Digest challenge that we can answer, as it stands in the header; "" where there is none."""
    found = {}
    for name, value in response.headers:
        if name.lower() == "www-authenticate":
            for part in re.split(r"(?i)(?:^|,)\s*(?=digest\s)", value):
                if re.match(r"(?i)digest\s", part) and (challenge := read(part)):
                    found[challenge.algorithm.lower()] = part.strip()
    return next((found[algorithm] for algorithm in ALGORITHMS if algorithm in found), "")


def read(text: str) -> Challenge | None:
    """The parameters of a challenge; None where we cannot answer it (another algorithm, only auth-int, no nonce)."""
    values = {m[1].lower(): _unquoted(m[2]) if m[2] is not None else m[3] for m in _PARAMETER.finditer(text)}
    algorithm = values.get("algorithm", "MD5")
    qops = [qop.strip().lower() for qop in values.get("qop", "").split(",") if qop.strip()]
    if "nonce" not in values or algorithm.lower() not in ALGORITHMS or (qops and "auth" not in qops):
        return None
    return Challenge(values.get("realm", ""), values["nonce"], algorithm, values.get("opaque", ""), bool(qops))


def authorization(request: Request, challenge: Challenge, login: str, password: str, client_nonce: str) -> str:
    """The Authorization value for this request. The count is always 1: a server that wants it to rise answers
    that the nonce is stale, and a new one is fetched."""
    uri = _target(request.url)
    hashing = ALGORITHMS[challenge.algorithm.lower()]

    def digest(*parts: str) -> str:
        return hash_hex(":".join(parts).encode(), hashing)

    secret = digest(login, challenge.realm, password)
    if challenge.algorithm.lower().endswith("-sess"):
        secret = digest(secret, challenge.nonce, client_nonce)
    asked = digest(request.method, uri)
    if challenge.has_qop:
        answer = digest(secret, challenge.nonce, _FIRST_COUNT, client_nonce, "auth", asked)
    else:
        answer = digest(secret, challenge.nonce, asked)
    quoted = {
        "username": login,
        "realm": challenge.realm,
        "nonce": challenge.nonce,
        "uri": uri,
        "response": answer,
        **({"opaque": challenge.opaque} if challenge.opaque else {}),
        **({"cnonce": client_nonce} if challenge.has_qop else {}),
    }
    plain = {"algorithm": challenge.algorithm, **({"qop": "auth", "nc": _FIRST_COUNT} if challenge.has_qop else {})}
    return "Digest " + ", ".join([*_pairs(quoted, '"'), *_pairs(plain, "")])


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _pairs(values: Mapping[str, str], mark: str) -> Iterable[str]:
    return (f"{name}={mark}{_quoted(value)}{mark}" for name, value in values.items())


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)
