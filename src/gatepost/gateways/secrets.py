"""Provider secrets at rest: encrypted with a key that is outside the database, and bound to their row.

What is encrypted names its gateway and field, so that a ciphertext copied into another row is refused.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

from gatepost.gateways.models import GatewaySecret
from gatepost.problems import Problem

_ROTATE_AT_ONCE: Final = 200
_OTHERS: Final[list[Callable[[], int]]] = []


def register_rotation(rotate: Callable[[], int]) -> None:
    """Have `rotate_all` call this, too: a slice above keeps secrets of its own. It returns how many it rotated."""
    _OTHERS.append(rotate)


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise Problem("no_encryption_key")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise Problem("no_encryption_key", "An encryption key is not 32 bytes in URL-safe base64.") from None


def encrypt(owner_id: int, name: str, value: Any) -> bytes:
    """The stored form of one secret. Raises Problem `no_encryption_key`."""
    plain = json.dumps([owner_id, name, value]).encode()
    return _fernet(settings.ENCRYPTION_KEYS).encrypt(plain)


def decrypt(secret: GatewaySecret) -> Any:
    """The value in the clear. Raises Problem `secret_unreadable` where no key fits or the row is not its own."""
    return open_token(bytes(secret.token), secret.gateway_id, secret.name)


def open_token(token: bytes, owner_id: int, name: str) -> Any:
    """What `encrypt` made of the value of that owner and name. Raises Problem `secret_unreadable`."""
    try:
        plain = _fernet(settings.ENCRYPTION_KEYS).decrypt(token)
    except InvalidToken:
        raise Problem("secret_unreadable", f"No encryption key opens the secret {name}.") from None
    sealed_for, sealed_name, value = json.loads(plain)
    if (sealed_for, sealed_name) != (owner_id, name):
        raise Problem("secret_unreadable", f"The secret {name} was copied from elsewhere.")
    return value


def rotate_all() -> int:
    """Encrypt every secret again with the newest key; returns how many. Old keys may be dropped after it.

    Each is read and checked first: an unreadable one raises Problem `secret_unreadable`, and those before it stay
    rotated.
    """
    rotated = 0
    last = 0
    while True:
        with transaction.atomic():
            rows = GatewaySecret.objects.select_for_update().filter(pk__gt=last).order_by("pk")[:_ROTATE_AT_ONCE]
            secrets = list(rows)
            for secret in secrets:
                token = encrypt(secret.gateway_id, secret.name, decrypt(secret))
                GatewaySecret.objects.filter(pk=secret.pk).update(token=token)
        if not secrets:
            return rotated + sum(rotate() for rotate in _OTHERS)
        rotated += len(secrets)
        last = secrets[-1].pk
