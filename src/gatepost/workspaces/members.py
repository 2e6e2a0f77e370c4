"""The people of a workspace: who is in it, in which role, and how they get in."""

from datetime import timedelta
from typing import Final

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F

from gatepost.problems import Fault, Problem
from gatepost.workspaces.models import Membership, Role, SignInLink, User, Workspace
from gatepost.workspaces.services import audit, create_sign_in_link, create_user

HANDED_OVER: Final = timedelta(hours=24)
"""How long a link holds that one person gives to another."""


def add_person(workspace: Workspace, email: str, role: str, *, actor: str) -> tuple[Membership, str | None]:
    """Put a person into the workspace. Who has no account gets one, and the token of a sign-in link comes with it.

    Who has an account signs in as ever: links that were handed out elsewhere end, so that they do not open this
    workspace too. Raises Problem `invalid` or `already_member`.
    """
    _check_role(role)
    address = email.strip().lower()
    with transaction.atomic():
        user = User.objects.filter(email=address).first()
        is_new = user is None
        if user is None:
            user = create_user(address, actor=actor)
        else:
            SignInLink.objects.filter(user=user, used_at__isnull=True).delete()
        try:
            with transaction.atomic():
                membership = Membership.objects.create(workspace=workspace, user=user, role=role)
        except IntegrityError:
            fault = Fault("email", "taken", f"{user} is in the workspace already.")
            raise Problem("already_member", faults=[fault]) from None
        audit(actor, "member.add", user, workspace, role=role)
        return membership, create_sign_in_link(user, HANDED_OVER) if is_new else None


def set_role(membership: Membership, role: str, *, actor: str) -> Membership:
    """Give a member another role. Raises Problem `invalid`, or `last_owner` where no other owner would be left."""
    _check_role(role)
    with transaction.atomic():
        locked = _locked(membership)
        if locked.role != role:
            if role != Role.OWNER:
                _keep_an_owner(locked)
            locked.role = role
            locked.save(update_fields=["role"])
            audit(actor, "member.set", locked.user, locked.workspace, role=role)
    return locked


def remove_member(membership: Membership, *, actor: str) -> None:
    """Take a member out of the workspace; the account stays. Raises Problem `last_owner`."""
    with transaction.atomic():
        locked = _locked(membership)
        _keep_an_owner(locked)
        audit(actor, "member.remove", locked.user, locked.workspace)
        locked.delete()


def may_let_in_anew(workspace: Workspace, user: User) -> bool:
    """Whether owners of this workspace may: only for who is nowhere else and no administrator, since the link could
    open no more than the workspace that is theirs already."""
    is_elsewhere = Membership.objects.filter(user=user).exclude(workspace=workspace).exists()
    return user.is_active and not user.is_superuser and not is_elsewhere


def let_in_anew(user: User, workspace: Workspace | None = None, *, actor: str) -> str:
    """Forget the password and the second factor, end every session, and give the token of a sign-in link.

    With `workspace`: its owner asks. Raises Problem `forbidden` where that owner may not.
    """
    if workspace is not None and not may_let_in_anew(workspace, user):
        words = f"{user} is in other workspaces too, administers the installation, or was switched off."
        raise Problem("forbidden", words, remedy="Ask the installation administrator.")
    with transaction.atomic():
        Authenticator.objects.filter(user=user).delete()
        SignInLink.objects.filter(user=user, used_at__isnull=True).delete()
        user.set_unusable_password()
        user.save(update_fields=["password"])
        audit(actor, "user.let-in-anew", user, workspace)
        return create_sign_in_link(user, HANDED_OVER)


def end_sessions(user: User, *, actor: str) -> None:
    """Sign the user out everywhere, at once."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(sessions_ended=F("sessions_ended") + 1)
        audit(actor, "user.end-sessions", user)
    user.refresh_from_db(fields=["sessions_ended"])


def update_person(user: User, *, actor: str, name: str, email: str, is_active: bool, is_administrator: bool) -> User:
    """What an administrator may change of an account. Raises Problem `invalid`, `name_taken`, `last_administrator`."""
    address = _address(email)
    with transaction.atomic():
        administrators = list(User.objects.select_for_update().filter(is_superuser=True, is_active=True))
        if administrators == [user] and not (is_active and is_administrator):
            raise Problem("last_administrator")
        wanted = {
            "name": name.strip()[:100],
            "email": address,
            "is_active": is_active,
            "is_superuser": is_administrator,
        }
        changed = sorted(field for field, value in wanted.items() if getattr(user, field) != value)
        try:
            with transaction.atomic():
                User.objects.filter(pk=user.pk).update(**wanted)
        except IntegrityError:
            taken = Fault("email", "taken", "There is a user with this e-mail address.")
            raise Problem("name_taken", taken.detail, faults=[taken]) from None
        if changed:
            audit(actor, "user.update", user, changed=changed)
    user.refresh_from_db()
    return user


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Problem("invalid", faults=[Fault("email", "bad_email", "Write a full e-mail address.")]) from None
    return address


def _check_role(role: str) -> None:
    if role not in Role.values:
        raise Problem("invalid", faults=[Fault("role", "bad_choice", f"Choose one of {', '.join(Role.values)}.")])


def _locked(membership: Membership) -> Membership:
    """The membership as it is now, while nobody else changes who is in the workspace."""
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    found = Membership.objects.select_related("user", "workspace").filter(pk=membership.pk).first()
    if found is None:
        raise Problem("not_found", "They are no longer in the workspace.")
    return found


def _keep_an_owner(leaving: Membership) -> None:
    others = Membership.objects.filter(workspace=leaving.workspace, role=Role.OWNER, user__is_active=True)
    if leaving.role == Role.OWNER and not others.exclude(pk=leaving.pk).exists():
        raise Problem("last_owner")
