"""Tenants, the people in them, and the keys of their programs."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils.crypto import salted_hmac


class Role(models.TextChoices):
    """What a member may do; each role's rights stand in permissions.py."""

    OWNER = "owner", "Owner"
    OPERATOR = "operator", "Operator"
    SENDER = "sender", "Sender"
    AGENT = "agent", "Agent"
    VIEWER = "viewer", "Viewer"


class Workspace(models.Model):
    """A tenant: everything that belongs to one carries its workspace, and no query crosses workspaces."""

    name = models.CharField(max_length=100, unique=True)
    sending_enabled = models.BooleanField(default=True, help_text="Off: accepted messages wait as held.")
    default_gateway = models.ForeignKey(
        "gateways.Gateway", null=True, blank=True, on_delete=models.SET_NULL, related_name="default_of"
    )
    default_country = models.CharField(max_length=2, blank=True, help_text="Country of numbers written without one.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "workspace"

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes users; the e-mail address is the login."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `is_superuser` is the installation administrator."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    sessions_ended = models.PositiveIntegerField(default=0, help_text="How often all sessions were ended.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "user_account"

    def __str__(self) -> str:
        return self.email

    @property
    def is_staff(self) -> bool:
        return self.is_superuser

    @property
    def actor(self) -> str:
        """How the audit names them."""
        return f"user {self.email}"

    def get_session_auth_hash(self) -> str:
        """What every session carries: it ends when the password changes or the sessions are ended."""
        own = f"{self.password}:{self.sessions_ended}"
        return salted_hmac("gatepost.session", own, algorithm="sha256").hexdigest()


class Membership(models.Model):
    """A user in a workspace, with one role."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "membership"
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of {self.workspace}"


class ApiKey(models.Model):
    """A program's key: only its hash is kept. `prefix` is shown so that people can tell keys apart."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    hash = models.BinaryField(unique=True)
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "api_key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class AuditEntry(models.Model):
    """Who changed what, append-only. `actor` is kept as text: it outlives the user or key."""

    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=50)
    subject = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_entry"
        indexes = [models.Index(fields=["workspace", "-at"], name="audit_by_workspace")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"


class SignInLink(models.Model):
    """A sign-in that the terminal printed. The row is what makes it single use: redeeming sets `used_at` once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    hash = models.BinaryField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "sign_in_link"

    def __str__(self) -> str:
        return f"Sign-in of {self.user}"
