"""Messages from handsets."""

from django.db import models
from django.db.models.functions import Now

from gatepost.gateways.models import Gateway
from gatepost.workspaces.models import Workspace


class InboundMessage(models.Model):
    """A message that came in. `dedupe_key` makes a repeated callback harmless."""

    class Kind(models.TextChoices):
        SMS = "sms", "SMS"
        MMS = "mms", "MMS"

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="inbound_messages")
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.SET_NULL)
    kind = models.CharField(max_length=3, choices=Kind.choices, default=Kind.SMS)
    sender = models.CharField(max_length=30)
    recipient = models.CharField(max_length=30, blank=True)
    text = models.TextField(blank=True)
    dedupe_key = models.CharField(max_length=220)
    answers_message_id = models.BigIntegerField(null=True)
    provider_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "inbound_message"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["gateway", "dedupe_key"], name="inbound_message_once")]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="inbound_message_list"),
            models.Index(fields=["workspace", "sender", "-id"], name="inbound_message_by_sender"),
        ]

    def __str__(self) -> str:
        return f"inbound {self.pk}"


class InboundMedia(models.Model):
    """A picture or file of an MMS: its bytes, or where the provider keeps it."""

    message = models.ForeignKey(InboundMessage, on_delete=models.CASCADE, related_name="media")
    content_type = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=200, blank=True)
    url = models.TextField(blank=True)
    body = models.BinaryField()

    class Meta:
        db_table = "inbound_media"

    def __str__(self) -> str:
        return f"media of {self.message_id}"


class InboundPart(models.Model):
    """A part of a long message whose other parts have not come yet."""

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE)
    sender = models.CharField(max_length=30)
    reference = models.CharField(max_length=100)
    number = models.SmallIntegerField()
    count = models.SmallIntegerField()
    text = models.TextField()
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "inbound_part"
        constraints = [
            models.UniqueConstraint(fields=["gateway", "sender", "reference", "number"], name="inbound_part_once")
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.count}"
