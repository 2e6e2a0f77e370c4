"""Messages and what is known about them. The hot path writes these tables with its own statements (store.py of this
folder and of dispatch/); foreign keys of hot tables are therefore not checked by the database."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from gatepost.gateways.models import Gateway
from gatepost.sms.states import State
from gatepost.workspaces.models import ApiKey, User, Workspace


class Kind(models.TextChoices):
    """The type column of the log."""

    SINGLE = "single", "Single"
    MASS = "mass", "Mass"
    TEST = "test", "Test"
    REPLY = "reply", "Reply"
    SYSTEM = "system", "System"


class Lane(models.IntegerChoices):
    """Bulk never delays a one-time code: lower lanes are served first."""

    CODE = 0, "One-time code"
    NORMAL = 1, "Normal"
    BULK = 2, "Bulk"


class Message(models.Model):
    """One SMS to one number. `submitting` is never stored: it is a queued message without an outbox row."""

    id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    gateway = models.ForeignKey(
        Gateway, null=True, on_delete=models.SET_NULL, db_constraint=False, db_index=False, related_name="messages"
    )
    kind = models.CharField(max_length=6, choices=Kind.choices, db_default=Kind.SINGLE)
    lane = models.SmallIntegerField(choices=Lane.choices, db_default=Lane.NORMAL)
    state = models.CharField(max_length=12, db_default=State.QUEUED.value)
    state_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    to_digits = models.CharField(max_length=20)
    sender = models.CharField(max_length=20, blank=True, db_default="")
    sender_reason = models.CharField(max_length=12, blank=True, db_default="")
    body = models.TextField()
    encoding = models.CharField(max_length=4)
    segments = models.SmallIntegerField()
    validity_s = models.IntegerField(null=True)
    client_ref = models.CharField(max_length=100, null=True)
    tag = models.CharField(max_length=40, null=True)
    route = models.CharField(max_length=28, blank=True, db_default="", help_text="What chose the gateway.")
    tried = ArrayField(models.BigIntegerField(), null=True, help_text="Gateways that had it before this one.")
    peer = models.CharField(max_length=45, null=True, help_text="The client's address, where a gateway lists some.")
    campaign_id = models.BigIntegerField(null=True)
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, db_constraint=False, db_index=False)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, db_constraint=False, db_index=False)
    attempts = models.SmallIntegerField(db_default=0)
    generation = models.SmallIntegerField(db_default=0)
    submission_id = models.BigIntegerField(null=True)
    submitted_at = models.DateTimeField(null=True)
    provider_ref = models.CharField(max_length=200, null=True)
    refusal = models.CharField(max_length=14, null=True)
    code = models.CharField(max_length=60, null=True)
    words = models.TextField(null=True)
    price = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    price_unit = models.CharField(max_length=20, null=True)
    left_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "message"
        indexes = [
            models.Index(fields=["workspace", "-id"], name="message_log"),
            models.Index(fields=["workspace", "to_digits", "-id"], name="message_by_number"),
            models.Index(
                fields=["gateway", "provider_ref"],
                name="message_by_provider_ref",
                condition=models.Q(provider_ref__isnull=False),
            ),
            models.Index(
                fields=["workspace", "client_ref"],
                name="message_by_client_ref",
                condition=models.Q(client_ref__isnull=False),
            ),
            models.Index(fields=["workspace", "-id"], name="message_one_off", condition=~models.Q(kind="mass")),
            models.Index(
                fields=["workspace", "-id"],
                name="message_in_trouble",
                condition=models.Q(state__in=["undelivered", "rejected", "blocked", "unknown", "expired"]),
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"


class MessagePart(models.Model):
    """A provider's id of one part, where a message has several."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    key = models.CharField(max_length=200)
    message_id = models.BigIntegerField()
    state = models.CharField(max_length=12, db_default=State.SUBMITTED.value)

    class Meta:
        db_table = "message_part"
        constraints = [models.UniqueConstraint(fields=["gateway", "key"], name="message_part_once")]
        indexes = [models.Index(fields=["message_id"], name="message_part_of")]

    def __str__(self) -> str:
        return f"part of {self.message_id}"


class MessageEvent(models.Model):
    """Whatever happened to a message besides the plain way from accepted to submitted; append-only."""

    message_id = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=20)
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "message_event"
        indexes = [models.Index(fields=["message_id"], name="message_event_of")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.message_id}"


class OrphanReceipt(models.Model):
    """A receipt that found no message yet: it may have overtaken our own record. One row per key it may be found by."""

    receipt_id = models.BigIntegerField()
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    key = models.CharField(max_length=220)
    receipt = models.JSONField()
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "orphan_receipt"
        indexes = [
            models.Index(fields=["gateway", "key"], name="orphan_by_key"),
            models.Index(fields=["receipt_id"], name="orphan_group"),
        ]

    def __str__(self) -> str:
        return f"receipt {self.receipt_id}"


class Suppression(models.Model):
    """A number that must not be sent to: in one workspace, or (without one) everywhere."""

    workspace = models.ForeignKey(Workspace, null=True, blank=True, on_delete=models.CASCADE)
    digits = models.CharField(max_length=20)
    reason = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=20, db_default="manual")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "suppression"
        constraints = [
            models.UniqueConstraint(fields=["digits", "workspace"], name="suppression_once", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"suppression {self.pk}"


class IdempotencyKey(models.Model):
    """The answer to a request that named a key, so that repeating the request changes nothing (idempotency.py)."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    key = models.CharField(max_length=200)
    body_hash = models.BinaryField()
    answer = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "idempotency_key"
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return f"idempotency key of {self.workspace_id}"
