"""How people sign in: accounts are made by administrators and owners, never by visitors."""

from functools import lru_cache

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from gatepost.problems import Problem


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-up is closed; whoever has chosen a password is back on their profile."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """What proves a second factor is encrypted in the database, with the keys of the providers' secrets."""

    def encrypt(self, text: str) -> str:
        return _fernet(settings.ENCRYPTION_KEYS).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _fernet(settings.ENCRYPTION_KEYS).decrypt(encrypted_text.encode()).decode()


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise Problem("no_encryption_key")
    return MultiFernet([Fernet(key) for key in keys])
