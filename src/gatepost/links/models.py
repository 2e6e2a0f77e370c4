"""Short links. They are written by COPY, and counted on by the front (store.py)."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gatepost.workspaces.models import Workspace


class LinkSettings(models.Model):
    """Under which address the workspace's short links are: such as https://go.acme.example."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, primary_key=True, related_name="link_settings"
    )
    base_url = models.CharField(max_length=60)

    class Meta:
        db_table = "link_settings"

    def __str__(self) -> str:
        return self.base_url


class Link(models.Model):
    """An address that a campaign leads to. Nothing but http and https is ever kept, or redirected to."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="links")
    campaign_id = models.BigIntegerField()
    url = models.CharField(max_length=2000, db_collation="C")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "link"
        constraints = [
            models.UniqueConstraint(fields=["campaign_id", "url"], name="link_once"),
            models.CheckConstraint(condition=Q(url__regex="^https?://"), name="link_is_of_the_web"),
        ]

    def __str__(self) -> str:
        return self.url


class ShortLink(models.Model):
    """One recipient's code for a link. `contact_id` 0: of a test message, which no figure counts."""

    code = models.CharField(max_length=9, primary_key=True, db_collation="C")
    link = models.ForeignKey(Link, on_delete=models.CASCADE, related_name="codes")
    contact_id = models.BigIntegerField()
    clicks = models.IntegerField(default=0)
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "short_link"

    def __str__(self) -> str:
        return self.code


class MessageLink(models.Model):
    """A short link in a message that belongs to no campaign. It is stored with its message (messages/store.py)."""

    code = models.CharField(max_length=9, primary_key=True, db_collation="C")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    message_id = models.BigIntegerField()
    url = models.CharField(max_length=2000, db_collation="C")
    clicks = models.IntegerField(db_default=0)
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "message_link"
        indexes = [models.Index(fields=["message_id"], name="message_link_of")]
        constraints = [models.CheckConstraint(condition=Q(url__regex="^https?://"), name="message_link_is_of_the_web")]

    def __str__(self) -> str:
        return self.url
