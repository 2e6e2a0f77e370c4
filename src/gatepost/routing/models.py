"""Rules that choose gateways, where conversations take place, and what happened to routes."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from gatepost.gateways.models import Gateway
from gatepost.workspaces.models import Workspace


class RouteRuleManager(models.Manager["RouteRule"]):
    """Finds rules in the order in which they are asked."""

    def of(self, workspace: Workspace | None) -> models.QuerySet["RouteRule"]:
        """The rules of a workspace, or (None) those of the installation, the first one first."""
        return (
            self.filter(workspace=workspace)
            .prefetch_related("targets__gateway", "workspaces")
            .order_by("position", "id")
        )

    def asked_for(self, workspace_id: int) -> models.QuerySet["RouteRule"]:
        """Every enabled rule that a message of the workspace meets: its own, then those of the installation."""
        is_met = Q(workspace_id=workspace_id) | Q(workspace=None)
        found = self.filter(is_met, is_enabled=True).prefetch_related("targets", "workspaces")
        return found.order_by(F("workspace_id").asc(nulls_last=True), "position", "id")


class RouteRule(models.Model):
    """Which messages go through which gateways. Without a workspace it is the installation's, for `workspaces` or all.

    What is empty does not restrict. `only_these`: no rule or default after it is asked.
    """

    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="route_rules"
    )
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    is_enabled = models.BooleanField(default=True)
    only_these = models.BooleanField(default=False)
    prefixes = ArrayField(models.CharField(max_length=15), default=list, blank=True)
    countries = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    senders = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    purposes = ArrayField(models.CharField(max_length=10), default=list, blank=True)
    campaigns = ArrayField(models.BigIntegerField(), default=list, blank=True)
    workspaces = models.ManyToManyField(Workspace, related_name="+", db_table="route_rule_workspace", blank=True)
    weekdays = ArrayField(models.SmallIntegerField(), default=list, blank=True)
    starts = models.TimeField(null=True, blank=True)
    ends = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=60, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[RouteRuleManager] = RouteRuleManager()

    class Meta:
        db_table = "route_rule"
        ordering = ["position", "id"]
        indexes = [models.Index(fields=["workspace", "position"], name="route_rule_order")]

    def __str__(self) -> str:
        return self.name


class RouteTarget(models.Model):
    """A gateway that a rule leads to. Weight 0: used only when none of the others can."""

    rule = models.ForeignKey(RouteRule, on_delete=models.CASCADE, related_name="targets")
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="route_targets")
    weight = models.PositiveSmallIntegerField(default=1)

    class Meta:
        db_table = "route_target"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["rule", "gateway"], name="route_target_once")]

    def __str__(self) -> str:
        return f"{self.gateway} ({self.weight})"


class Conversation(models.Model):
    """The gateway through which a number wrote to a workspace last: a reply goes out by the same way."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    digits = models.CharField(max_length=30)
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, db_constraint=False)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "conversation"
        constraints = [models.UniqueConstraint(fields=["workspace", "digits"], name="conversation_once")]

    def __str__(self) -> str:
        return f"conversation {self.pk}"


class RoutingChange(models.Model):
    """Something that changed the way of messages, in words; kept for as long as retention says.

    Without a workspace every workspace of the gateway sees it; without a gateway, too, it is the installation's, for
    the workspaces of `seen_by` (None: all), and its administrators see all. `country`: where it holds, "" is
    everywhere.
    """

    class ChangeKind(models.TextChoices):
        RULE = "rule", "Rule changed"
        DEFAULT = "default", "Default changed"
        GATEWAY = "gateway", "Gateway changed"
        DOWN = "down", "Gateway down"
        TRIAL = "trial", "Gateway tried again"
        UP = "up", "Gateway back"
        CAUSE = "cause", "Health changed"
        MOVED = "moved", "Queue moved"

    at = models.DateTimeField(db_default=Now())
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.CASCADE, related_name="+")
    gateway = models.ForeignKey(Gateway, null=True, on_delete=models.CASCADE, related_name="+")
    seen_by = ArrayField(models.BigIntegerField(), null=True)
    country = models.CharField(max_length=2, blank=True, db_default="")
    kind = models.CharField(max_length=10, choices=ChangeKind.choices)
    words = models.TextField()
    actor = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        db_table = "routing_change"
        indexes = [
            models.Index(fields=["gateway", "-at"], name="routing_change_of_gateway"),
            models.Index(fields=["workspace", "-at"], name="routing_change_of_space"),
        ]

    def __str__(self) -> str:
        return self.words


class GatewayHealth(models.Model):
    """Where a gateway stands, and how it does: everywhere (country ""), and in each country that it was used for.

    `share`: of new messages that may try it while it is on trial. `score`: 0 to 100, none without evidence.
    """

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="health")
    country = models.CharField(max_length=2, blank=True, default="")
    standing = models.CharField(max_length=5, default="up")
    since = models.DateTimeField(null=True)
    switched_at = models.DateTimeField(null=True)
    cause = models.TextField(blank=True, default="")
    share = models.FloatField(default=0.0)
    score = models.PositiveSmallIntegerField(null=True)
    reasons = ArrayField(models.TextField(), default=list)
    measured_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "gateway_health"
        ordering = ["gateway_id", "country"]
        constraints = [models.UniqueConstraint(fields=["gateway", "country"], name="gateway_health_once")]

    def __str__(self) -> str:
        return f"{self.gateway}{f' in {self.country}' if self.country else ''}: {self.standing}"
