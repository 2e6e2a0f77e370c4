"""What people do to their own sign-in, in the audit."""

from typing import Any

from allauth.account.signals import password_changed, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.dispatch import receiver

from gatepost.workspaces.models import User
from gatepost.workspaces.services import audit


@receiver([password_changed, password_set])
def note_password(user: User, **_: Any) -> None:
    audit(user.actor, "user.password", user)


@receiver(authenticator_added)
def note_new_factor(user: User, authenticator: Any, **_: Any) -> None:
    audit(user.actor, "user.factor-add", user, kind=authenticator.type)


@receiver(authenticator_removed)
def note_lost_factor(user: User, authenticator: Any, **_: Any) -> None:
    audit(user.actor, "user.factor-remove", user, kind=authenticator.type)
