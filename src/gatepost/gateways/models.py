"""Configured accounts at providers. Secrets are encrypted, bound to their row, and never shown by a form or the API."""

import secrets

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower

from gatepost.workspaces.models import Workspace


def new_token() -> str:
    return secrets.token_urlsafe(24)


class Gateway(models.Model):
    """An account at a provider. `settings` are the manifest's non-secret fields; the rest is common to all gateways.

    `settings_version` grows with every change: a submission names the version it was built with.
    """

    class Pattern(models.TextChoices):
        BATCH = "batch", "Batch"
        LOOP = "loop", "Loop (one request each)"

    name = models.CharField(max_length=100)
    provider = models.CharField(max_length=40)
    description = models.TextField(blank=True)
    sign_up_url = models.URLField(blank=True)
    workspaces = models.ManyToManyField(Workspace, related_name="gateways", db_table="gateway_workspace")
    settings = models.JSONField(default=dict)
    settings_version = models.PositiveIntegerField(default=1)

    is_active = models.BooleanField(default=True)
    is_draining = models.BooleanField(default=False, help_text="Takes no new messages and finishes its queue.")
    sending_enabled = models.BooleanField(default=True)
    sender = models.CharField(max_length=20, blank=True)
    fallback_sender = models.CharField(max_length=20, blank=True)
    pattern = models.CharField(max_length=5, choices=Pattern.choices, default=Pattern.BATCH)
    requests_per_second = models.FloatField(null=True, blank=True)
    sender_rates = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    parallel = models.PositiveSmallIntegerField(null=True, blank=True)
    max_segments = models.PositiveSmallIntegerField(null=True, blank=True)
    await_delivery_s = models.PositiveIntegerField(default=0)
    days_to_expire = models.PositiveSmallIntegerField(default=3)
    verify_tls = models.BooleanField(default=True)
    debug = models.BooleanField(default=False)
    shorten_links = models.BooleanField(default=False)
    prefers_duplicate = models.BooleanField(
        default=False, help_text="Send again after an unknown outcome, at the risk of a duplicate."
    )
    named_fails_over = models.BooleanField(
        default=False, help_text="Messages that name this gateway may go through another one, too."
    )
    only_verified_senders = models.BooleanField(default=False)
    verified_senders = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    only_verified_phones = models.BooleanField(default=False)
    verified_phones = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    send_ips = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    callback_ips = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    callback_token = models.CharField(max_length=64, unique=True, default=new_token)
    fixed_callbacks = models.BooleanField(default=False)
    inbound_number = models.CharField(max_length=20, blank=True)
    prefixes_to_remove = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    inbound_active = models.BooleanField(default=True)
    paused_reason = models.TextField(blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    slowed_to = models.FloatField(null=True, blank=True, help_text="Per second, while the provider asks for less.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "gateway"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(Lower("name"), name="gateway_name_once")]

    def __str__(self) -> str:
        return self.name


class GatewaySecret(models.Model):
    """One encrypted secret; `token` holds its gateway and name, so that it is worthless in another row."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=50)
    token = models.BinaryField()
    set_at = models.DateTimeField(auto_now=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the certificate runs out.")

    class Meta:
        db_table = "gateway_secret"
        constraints = [models.UniqueConstraint(fields=["gateway", "name"], name="gateway_secret_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.gateway}"


class BalanceReading(models.Model):
    """What the provider said of the account at a moment. `words`: its own, where it has some."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="balances")
    at = models.DateTimeField(auto_now_add=True)
    amount = models.DecimalField(max_digits=20, decimal_places=6)
    unit = models.CharField(max_length=40, blank=True)
    words = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "gateway_balance"
        indexes = [models.Index(fields=["gateway", "-at"], name="gateway_balance_last")]

    def __str__(self) -> str:
        return self.words or f"{self.amount.normalize():f} {self.unit}".strip()


class SettingsVersion(models.Model):
    """The non-secret settings as they were, so that a past request can be rendered again."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    settings = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "gateway_settings_version"
        constraints = [models.UniqueConstraint(fields=["gateway", "version"], name="settings_version_once")]

    def __str__(self) -> str:
        return f"{self.gateway} v{self.version}"


class SenderId(models.Model):
    """A sender ID of a workspace, approved by the installation administrator for one gateway or all."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "Requested"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="sender_ids")
    gateway = models.ForeignKey(Gateway, null=True, blank=True, on_delete=models.CASCADE, related_name="sender_ids")
    sender = models.CharField(max_length=20)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.REQUESTED)
    is_default = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "sender_id"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "gateway", "sender"], name="sender_id_once", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(is_default=True), name="sender_id_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.sender
