"""The codes that an authenticator app shows (RFC 6238), computed without the code under test."""

import hashlib
import hmac
import struct
import time
from base64 import b32decode

STEP_S = 30


def code_of(secret: str, *, steps_ahead: int = 0) -> str:
    """The six digits of now, or of a later step of 30 seconds: a server takes each code once."""
    counter = struct.pack(">Q", int(time.time() // STEP_S) + steps_ahead)
    digest = hmac.new(b32decode(secret), counter, hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"
