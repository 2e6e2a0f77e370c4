"""The engine's own tables: who drives a gateway, what is due, and what is on its way across the line."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Coalesce, Now

from gatepost.gateways.models import Gateway


class Worker(models.Model):
    """A living worker process; `seen_at` is its heartbeat."""

    id = models.CharField(primary_key=True, max_length=80)
    host = models.CharField(max_length=200)
    pid = models.IntegerField()
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "worker"

    def __str__(self) -> str:
        return self.id


class GatewayLease(models.Model):
    """Who drives a gateway. Taken with `fence + 1`, only when expired or released; the owner before it is fenced off.

    `not_before`: the first moment at which a new owner may send, so that two owners never exceed the rate together.
    """

    gateway = models.OneToOneField(Gateway, primary_key=True, on_delete=models.CASCADE, db_constraint=False)
    worker_id = models.CharField(max_length=80, null=True)
    fence = models.BigIntegerField(db_default=0)
    expires_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "gateway_lease"

    def __str__(self) -> str:
        return f"lease of {self.gateway_id}"


class Outbox(models.Model):
    """The queue: a message that is to be submitted. Gone as soon as its intent is committed.

    `group_key`: messages with the same key may share a request. `held`: why it waits, if it does. `resend_of`: the
    submission that is to be repeated unchanged. `sender`: overrides the message's (fallback sender).
    """

    message_id = models.BigIntegerField(primary_key=True)
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    workspace_id = models.BigIntegerField()
    campaign_id = models.BigIntegerField(null=True)
    lane = models.SmallIntegerField()
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    group_key = models.BigIntegerField(db_default=0)
    attempts = models.SmallIntegerField(db_default=0)
    generation = models.SmallIntegerField(db_default=0)
    resend_of = models.BigIntegerField(null=True)
    sender = models.CharField(max_length=20, null=True)
    held = models.CharField(max_length=40, null=True)

    class Meta:
        db_table = "outbox"
        indexes = [
            models.Index(
                "gateway",
                "lane",
                "workspace_id",
                Coalesce("campaign_id", models.Value(0)),
                "due_at",
                "message_id",
                name="outbox_by_share",
                condition=models.Q(held__isnull=True),
            ),
            models.Index(
                fields=["gateway", "held", "workspace_id"],
                name="outbox_held",
                condition=models.Q(held__isnull=False),
            ),
            models.Index(fields=["gateway", "expires_at"], name="outbox_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"outbox {self.message_id}"


class Submission(models.Model):
    """One request to a provider: committed before its bytes leave, closed when its outcome is recorded.

    `generations` and `senders` stand beside `message_ids` where one of them differs from the plain first attempt.
    """

    id = models.BigIntegerField(primary_key=True)
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    fence = models.BigIntegerField()
    message_ids = ArrayField(models.BigIntegerField())
    generations = ArrayField(models.SmallIntegerField(), null=True)
    senders = ArrayField(models.CharField(max_length=20), null=True)
    serial = models.IntegerField()
    settings_version = models.IntegerField()
    is_resend = models.BooleanField(db_default=False)
    intent_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)
    cause = models.TextField(null=True)
    status = models.SmallIntegerField(null=True)
    latency_ms = models.IntegerField(null=True)

    class Meta:
        db_table = "submission"
        indexes = [
            models.Index(fields=["gateway"], name="submission_open", condition=models.Q(done_at__isnull=True)),
            models.Index(fields=["gateway", "serial"], name="submission_by_serial"),
        ]

    def __str__(self) -> str:
        return f"submission {self.pk}"


class Exchange(models.Model):
    """A request and its answer, redacted; kept for what is not plainly accepted, and for the first few per hour."""

    submission_id = models.BigIntegerField(null=True)
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, db_constraint=False)
    at = models.DateTimeField(db_default=Now())
    trace = models.JSONField()

    class Meta:
        db_table = "exchange"
        indexes = [models.Index(fields=["submission_id"], name="exchange_of")]

    def __str__(self) -> str:
        return f"exchange {self.pk}"


class StatusQuery(models.Model):
    """A submitted message whose state is to be asked for at `due_at`, until `until`."""

    message_id = models.BigIntegerField(primary_key=True)
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    due_at = models.DateTimeField()
    until = models.DateTimeField()
    asked = models.SmallIntegerField(db_default=0)

    class Meta:
        db_table = "status_query"
        indexes = [
            models.Index(fields=["gateway", "due_at"], name="status_query_due"),
            models.Index(fields=["gateway", "until"], name="status_query_end"),
        ]

    def __str__(self) -> str:
        return f"status query of {self.message_id}"


class FeedCursor(models.Model):
    """Where a polled feed of a gateway stands, and when to ask again."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, db_constraint=False)
    feed = models.CharField(max_length=40)
    cursor = models.TextField(blank=True)
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "feed_cursor"
        constraints = [models.UniqueConstraint(fields=["gateway", "feed"], name="feed_cursor_once")]

    def __str__(self) -> str:
        return f"{self.feed} of {self.gateway_id}"


class StoppedCampaign(models.Model):
    """A campaign that is paused or cancelled: what of it comes back into the queue is held (campaign_queue.py)."""

    campaign_id = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "stopped_campaign"

    def __str__(self) -> str:
        return f"stopped campaign {self.campaign_id}"
