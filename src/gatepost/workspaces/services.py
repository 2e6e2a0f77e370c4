"""Tenants, their people and their keys: the use cases. Each leaves its trace in the audit."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from gatepost.problems import Fault, Problem
from gatepost.sms.dialling import dialling_prefixes
from gatepost.workspaces import ways
from gatepost.workspaces.models import ApiKey, AuditEntry, Membership, Role, SignInLink, User, Workspace
from gatepost.workspaces.permissions import SCOPES

CONFIG_CHANNEL: Final = "gatepost_config"
"""NOTIFY channel of the database: what changed, so that caches read it anew. The id of a gateway that was made, changed
or deleted; `workspace <id>` for what belongs to a workspace."""

KEYS_CHANNEL: Final = "gatepost_keys"
"""NOTIFY channel of the database: the hash, in hex, of a key that no longer holds."""

SIGN_IN_LIFETIME: Final = timedelta(minutes=15)
"""How long a link holds that goes to nobody but who asked for it."""

TOKEN: Final = re.compile(r"gp_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
_PREFIX_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_USED_EVERY: Final = timedelta(minutes=1)
_SIGN_IN_SALT: Final = "gatepost.sign-in"


def audit(actor: str, action: str, subject: object, workspace: Workspace | None = None, **detail: Any) -> AuditEntry:
    """Write down who did what. `detail` names what changed and never holds a secret."""
    return AuditEntry.objects.create(
        workspace=workspace, actor=actor[:200], action=action, subject=str(subject)[:200], detail=detail
    )


def create_workspace(name: str, *, default_country: str = "", actor: str) -> Workspace:
    """A new tenant. Raises Problem `invalid` or `name_taken`."""
    values = {"name": _name(name, 100), "default_country": _country(default_country)}
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(**values)
            audit(actor, "workspace.create", workspace, workspace)
    except IntegrityError:
        raise Problem("name_taken", "There is a workspace of this name.", faults=[_taken()]) from None
    return workspace


def update_workspace(workspace: Workspace, *, actor: str, **changes: Any) -> Workspace:
    """Change `name`, `default_country`, `sending_enabled` or `default_gateway` (one of the workspace's, or None)."""
    if "name" in changes:
        changes["name"] = _name(changes["name"], 100)
    if "default_country" in changes:
        changes["default_country"] = _country(changes["default_country"])
    try:
        with transaction.atomic():
            default_id = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk).default_gateway_id
            for field, value in changes.items():
                setattr(workspace, field, value)
            workspace.save(update_fields=list(changes))
            if workspace.default_gateway_id != default_id:
                _tell_default(workspace, actor)
            audit(actor, "workspace.update", workspace, workspace, changed=sorted(changes))
            notify_changed(workspace)
    except IntegrityError:
        raise Problem("name_taken", "There is a workspace of this name.", faults=[_taken()]) from None
    return workspace


def _tell_default(workspace: Workspace, actor: str) -> None:
    gateway = workspace.default_gateway
    words = (
        f"{gateway} is the default gateway of the workspace." if gateway else "The workspace has no default gateway."
    )
    ways.changed("default", words, actor=actor, workspace=workspace, gateway_id=workspace.default_gateway_id)


def notify_changed(workspace: Workspace) -> None:
    """Tell caches, once the transaction commits, that the workspace or what belongs to it has changed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CONFIG_CHANNEL, f"workspace {workspace.pk}"])


def create_user(
    email: str, password: str | None = None, *, name: str = "", is_administrator: bool = False, actor: str
) -> User:
    """A new person; without a password they sign in by a link only. Raises Problem `invalid` or `name_taken`."""
    try:
        validate_email(email)
    except ValidationError:
        raise Problem("invalid", faults=[Fault("email", "bad_email", "Write a full e-mail address.")]) from None
    if password is not None:
        try:
            validate_password(password)
        except ValidationError as error:
            raise Problem("invalid", faults=[Fault("password", "bad_password", " ".join(error.messages))]) from None
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, name=name.strip()[:100], is_superuser=is_administrator)
            audit(actor, "user.create", user)
    except IntegrityError:
        taken = Fault("email", "taken", "There is a user with this e-mail address.")
        raise Problem("name_taken", taken.detail, faults=[taken]) from None
    return user


def add_member(workspace: Workspace, user: User, role: str, *, actor: str) -> Membership:
    """Make the user a member, or change the role of a member."""
    if role not in Role.values:
        raise Problem("invalid", faults=[Fault("role", "bad_choice", f"Choose one of {', '.join(Role.values)}.")])
    with transaction.atomic():
        membership, _ = Membership.objects.update_or_create(workspace=workspace, user=user, defaults={"role": role})
        audit(actor, "member.set", user, workspace, role=role)
    return membership


def hash_token(token: str) -> bytes:
    """What is stored of a key. A fast hash is right: the key has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()


def create_api_key(
    workspace: Workspace,
    name: str,
    scopes: list[str],
    expires_at: datetime | None = None,
    created_by: User | None = None,
    *,
    actor: str = "",
) -> tuple[ApiKey, str]:
    """A new key and its token, `gp_<8>_<43 characters>`, which is shown this once. Raises Problem `invalid`."""
    faults = [Fault("scopes", "bad_choice", f"There is no scope {scope!r}.") for scope in scopes if scope not in SCOPES]
    if not scopes:
        faults.append(Fault("scopes", "required", f"Choose at least one of {', '.join(SCOPES)}."))
    if expires_at is not None and expires_at <= timezone.now():
        faults.append(Fault("expires_at", "in_the_past", "The expiry lies in the past."))
    if faults:
        raise Problem("invalid", faults=faults)
    prefix = "gp_" + "".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(8))
    token = f"{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        key = ApiKey.objects.create(
            workspace=workspace,
            name=_name(name, 100),
            prefix=prefix,
            hash=hash_token(token),
            scopes=sorted(set(scopes)),
            expires_at=expires_at,
            created_by=created_by,
        )
        audit(actor or _named(created_by), "key.create", key, workspace, scopes=key.scopes)
    return key, token


def revoke_api_key(key: ApiKey, *, actor: str) -> ApiKey:
    """End a key at once; a key that has ended stays as it is. Caches of keys hear of it on KEYS_CHANNEL."""
    with transaction.atomic():
        locked = ApiKey.objects.select_for_update().get(pk=key.pk)
        if locked.revoked_at is None:
            locked.revoked_at = timezone.now()
            locked.save(update_fields=["revoked_at"])
            audit(actor, "key.revoke", locked, locked.workspace)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [KEYS_CHANNEL, bytes(locked.hash).hex()])
    return locked


def authenticate_key(token: str) -> ApiKey | None:
    """The key of that token with its workspace, None where there is none that still holds."""
    if not TOKEN.fullmatch(token):
        return None
    now = timezone.now()
    key = (
        ApiKey.objects.select_related("workspace")
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), hash=hash_token(token), revoked_at__isnull=True)
        .first()
    )
    if key is not None and (key.last_used_at is None or now - key.last_used_at > _USED_EVERY):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key


def create_sign_in_link(user: User, lifetime: timedelta = SIGN_IN_LIFETIME) -> str:
    """A token that signs the user in once within its lifetime; only its hash is stored."""
    token = signing.Signer(salt=_SIGN_IN_SALT).sign(secrets.token_urlsafe(32))
    SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()
    SignInLink.objects.create(user=user, hash=hash_token(token), expires_at=timezone.now() + lifetime)
    return token


def redeem_sign_in_link(token: str) -> User | None:
    """The user of the link, once: of several who try at the same time, one gets it."""
    try:
        signing.Signer(salt=_SIGN_IN_SALT).unsign(token)
    except signing.BadSignature:
        return None
    now = timezone.now()
    link = SignInLink.objects.filter(hash=hash_token(token))
    # Only columns of the row itself: a join would become a sub-query, which PostgreSQL does not look at again after
    # waiting for the other one who redeems the link.
    if not link.filter(used_at__isnull=True, expires_at__gt=now).update(used_at=now):
        return None
    user = link.select_related("user").get().user
    return user if user.is_active else None


def _name(text: str, limit: int) -> str:
    name = text.strip()
    if not 1 <= len(name) <= limit:
        raise Problem("invalid", faults=[Fault("name", "bad_length", f"Write a name of 1 to {limit} characters.")])
    return name


def _named(user: User | None) -> str:
    return f"user {user.email}" if user else "installation"


def _taken() -> Fault:
    return Fault("name", "taken", "The name is taken.")


def _country(code: str) -> str:
    country = code.strip().upper()
    if country and not dialling_prefixes(country):
        fault = Fault("default_country", "bad_country", "Write a two-letter country code such as PL.")
        raise Problem("invalid", faults=[fault])
    return country
