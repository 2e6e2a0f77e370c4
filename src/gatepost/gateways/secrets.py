"""Provider secrets at rest: encrypted with a key that is outside the database, and bound to their row.

What is encrypted names its gateway and field, so that a ciphertext copied into another row is refused.
"""

import json
from functools import lru_cache
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

from gatepost.gateways.models import GatewaySecret
from gatepost.problems import Problem

_ROTATE_AT_ONCE: Final = 200


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise Problem("no_encryption_key")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise Problem("no_encryption_key", "An encryption key is not 32 bytes in URL-safe base64.") from None


def encrypt(gateway_id: int, name: str, value: Any) -> bytes:
    """The stored form of one secret. Raises Problem `no_encryption_key`."""
    plain = json.dumps([gateway_id, name, value]).encode()
    return _fernet(settings.ENCRYPTION_KEYS).encrypt(plain)


def decrypt(secret: GatewaySecret) -> Any:
    """The value in the clear. Raises Problem `secret_unreadable` where no key fits or the row is not its own."""
    try:
        plain = _fernet(settings.ENCRYPTION_KEYS).decrypt(bytes(secret.token))
    except InvalidToken:
        raise Problem("secret_unreadable", f"No encryption key opens the secret {secret.name}.") from None
    gateway_id, name, value = json.loads(plain)
    if (gateway_id, name) != (secret.gateway_id, secret.name):
        raise Problem("secret_unreadable", f"The secret {secret.name} was copied from elsewhere.")
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
            return rotated
        rotated += len(secrets)
        last = secrets[-1].pk
