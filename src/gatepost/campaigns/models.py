"""Campaigns and their recipients. Expansion writes `campaign_recipient` by COPY (store.py); its foreign keys are not
checked by the database, and that to the contact is none at all: what was sent outlives the contact."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from gatepost.audience.models import Kind as ContactKind
from gatepost.audience.models import Segment
from gatepost.gateways.models import Gateway
from gatepost.texts.models import Missing
from gatepost.workspaces.models import ApiKey, User, Workspace


class Campaign(models.Model):
    """One mass sending, from its first draft to its result.

    `send_at`: what the clock shows when it is sent, kept as if that were UTC; the clock is that of `time_zone`, or for
    `local` that of each recipient, and of `time_zone` for those without one. `starts_at`: when expansion begins, after
    the undo window. `cursor`: the last contact that was expanded, committed with its recipients. `version` grows with
    each save. `planned`: how many people were meant when it was sent. `tallies`: messages by channel and state, as they
    were at `tallied_at`; `rate`: messages a second at that time. The filter of a segment that is gone is nobody's, so
    the number stays when the segment goes.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        UNDO = "undo", "Undo window"
        SCHEDULED = "scheduled", "Scheduled"
        EXPANDING = "expanding", "Preparing"
        SENDING = "sending", "Sending"
        PAUSED = "paused", "Paused"
        SENT = "sent", "Sent"
        CANCELLED = "cancelled", "Cancelled"

    class SendTo(models.TextChoices):
        SMS = "sms", "SMS"
        EMAIL = "email", "E-mail"
        PORTAL = "portal", "Customer portal"
        PORTAL_EMAIL = "portal_email", "Portal & e-mail"

    class Schedule(models.TextChoices):
        NOW = "now", "Now"
        AT = "at", "At a time"
        LOCAL = "local", "At the recipient's local time"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="campaigns", db_index=False)
    name = models.CharField(max_length=150, blank=True, default="")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.DRAFT)
    version = models.IntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=200, blank=True, default="")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+")
    peer = models.CharField(max_length=45, null=True, help_text="The client's address, where a key sends it.")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    send_to = models.CharField(max_length=12, choices=SendTo.choices, default=SendTo.SMS)
    to_billing = models.BooleanField(default=False)
    recipient_kind = models.CharField(max_length=8, choices=ContactKind.choices, default=ContactKind.CUSTOMER)
    filter = models.JSONField(default=dict, blank=True)
    segment = models.ForeignKey(
        Segment, null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )
    again_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )

    subject = models.CharField(max_length=300, blank=True, default="")
    text = models.TextField(blank=True, default="")
    template_id = models.BigIntegerField(null=True)
    template_version = models.IntegerField(null=True)
    missing = models.CharField(max_length=7, choices=Missing.choices, default=Missing.REFUSE)
    default = models.CharField(max_length=200, blank=True, default="")
    attachments = ArrayField(models.BigIntegerField(), default=list, blank=True)
    document_kinds = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    document_from = models.DateField(null=True)
    document_until = models.DateField(null=True)
    only_with_documents = models.BooleanField(default=False)

    gateway = models.CharField(max_length=100, blank=True, default="")
    sender = models.CharField(max_length=20, blank=True, default="")
    priority = models.CharField(max_length=6, default="bulk")
    tag = models.CharField(max_length=40, blank=True, default="")
    shorten = models.BooleanField(default=False)
    schedule = models.CharField(max_length=5, choices=Schedule.choices, default=Schedule.NOW)
    send_at = models.DateTimeField(null=True)
    time_zone = models.CharField(max_length=40, blank=True, default="")

    starts_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    expanded_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    paused_from = models.CharField(max_length=9, blank=True, default="")
    planned = models.IntegerField(default=0)
    cursor = models.BigIntegerField(default=0)
    taken = models.IntegerField(default=0)
    excluded = models.JSONField(default=dict)
    tallies = models.JSONField(default=dict)
    tallied_at = models.DateTimeField(null=True)
    rate = models.FloatField(default=0)
    has_errors = models.BooleanField(default=False)
    digest = models.CharField(max_length=32, blank=True, default="")
    trouble = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        db_table = "campaign"
        indexes = [
            models.Index(fields=["workspace", "-id"], name="campaign_history"),
            models.Index(
                "workspace", Coalesce("started_at", "created_at").desc(), F("id").desc(), name="campaign_by_time"
            ),
            models.Index(fields=["workspace", "digest", "-started_at"], name="campaign_by_content"),
        ]

    def __str__(self) -> str:
        return self.name or f"Campaign {self.pk}"

    @property
    def title(self) -> str:
        """What people know it by: its name, else what it says. The audit keeps no texts, so its string has none."""
        subject = "" if self.send_to == self.SendTo.SMS else self.subject
        return self.name or subject or " ".join(self.text.split()) or f"Campaign {self.pk}"

    @property
    def channels(self) -> tuple[str, ...]:
        """By which channels it goes."""
        return ("portal", "email") if self.send_to == self.SendTo.PORTAL_EMAIL else (self.send_to,)

    @property
    def is_draft(self) -> bool:
        """Whether it can be changed."""
        return self.status == self.Status.DRAFT

    @property
    def is_running(self) -> bool:
        """Whether messages of it may be made or leave."""
        return self.status in (self.Status.EXPANDING, self.Status.SENDING, self.Status.PAUSED)


class Recipient(models.Model):
    """What became of one contact in one campaign, by one channel: a message (`item_id`), or the reason why not."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="recipients", db_index=False, db_constraint=False
    )
    channel = models.CharField(max_length=6)
    contact_id = models.BigIntegerField()
    address = models.CharField(max_length=254, blank=True, default="", db_collation="C")
    item_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=20, blank=True, default="")
    words = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        db_table = "campaign_recipient"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "channel", "contact_id"], name="campaign_recipient_once"),
            models.UniqueConstraint(
                fields=["campaign", "channel", "address"], name="campaign_address_once", condition=Q(reason="")
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "reason", "id"], name="campaign_recipient_list"),
            models.Index(fields=["item_id"], name="campaign_recipient_of", condition=Q(item_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"recipient {self.contact_id} of campaign {self.campaign_id}"


class Plan(models.Model):
    """What sending the campaign would do, worked out for one version of it by a job. planning.py reads `result`."""

    class State(models.TextChoices):
        RUNNING = "running", "Being worked out"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    campaign = models.OneToOneField(Campaign, primary_key=True, on_delete=models.CASCADE, related_name="plan")
    version = models.IntegerField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    done = models.IntegerField(default=0)
    total = models.IntegerField(default=0)
    result = models.JSONField(default=dict)
    trouble = models.CharField(max_length=300, blank=True, default="")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "campaign_plan"

    def __str__(self) -> str:
        return f"plan of campaign {self.campaign_id}"


class Price(models.Model):
    """What a segment to numbers of this prefix costs by the gateway; without a gateway, by every one that has no price
    of its own for it. The longest prefix counts; an empty one is everywhere."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="prices", db_index=False)
    gateway = models.ForeignKey(Gateway, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    prefix = models.CharField(max_length=15, blank=True, default="")
    amount = models.DecimalField(max_digits=12, decimal_places=6)
    currency = models.CharField(max_length=3)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "campaign_price"
        ordering = ["prefix", "gateway_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "gateway", "prefix"], name="campaign_price_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} to {self.prefix or 'anywhere'}"
