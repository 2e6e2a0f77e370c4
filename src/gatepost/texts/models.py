"""Templates: texts that are kept under a name, with every version that was saved."""

from django.db import models
from django.db.models.functions import Now

from gatepost.workspaces.models import User, Workspace


class Channel(models.TextChoices):
    """How a text travels."""

    SMS = "sms", "SMS"
    EMAIL = "email", "E-mail"
    PORTAL = "portal", "Customer portal"


class Missing(models.TextChoices):
    """What becomes of a recipient without a value that the text shows."""

    REFUSE = "refuse", "Do not send to anybody until it is filled in"
    DEFAULT = "default", "Write something else in its place"
    SKIP = "skip", "Leave the recipient out"


class Template(models.Model):
    """A text and its subject as they are now; `version` counts how often it was saved. `default`: what stands in the
    place of a missing value where `missing` says so."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="templates")
    channel = models.CharField(max_length=6, choices=Channel.choices)
    category = models.CharField(max_length=60, blank=True, default="")
    name = models.CharField(max_length=100)
    subject = models.CharField(max_length=300, blank=True, default="")
    body = models.TextField()
    missing = models.CharField(max_length=7, choices=Missing.choices, default=Missing.REFUSE)
    default = models.CharField(max_length=200, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "template"
        ordering = ["channel", "category", "name", "id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "channel", "name"], name="template_once")]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """A template as it was saved at a time, and by whom. Never changed."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    category = models.CharField(max_length=60, blank=True, default="")
    name = models.CharField(max_length=100)
    subject = models.CharField(max_length=300, blank=True, default="")
    body = models.TextField()
    missing = models.CharField(max_length=7, choices=Missing.choices)
    default = models.CharField(max_length=200, blank=True, default="")
    saved_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    actor = models.CharField(max_length=200)
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "template_version"
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["template", "version"], name="template_version_once")]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"
