"""Which rules a caller sees, which of them they may change, and of which changes they may know.

A workspace sees its own rules, and of the installation's those that its messages meet, with those of their gateways
that it has itself. Only administrators of the installation change the latter, and see all of them. Whoever sees a rule
sees what happened to it.
"""

from typing import Literal

from django.db.models import Q, QuerySet

from gatepost.gateways import access as gateways
from gatepost.gateways.models import Gateway
from gatepost.problems import Problem
from gatepost.routing.models import RouteRule, RouteTarget, RoutingChange
from gatepost.workspaces.access import Caller
from gatepost.workspaces.models import Workspace

Scope = Literal["workspace", "installation"]


def own(asker: Caller) -> QuerySet[RouteRule]:
    """The workspace's rules in their order."""
    return RouteRule.objects.of(asker.workspace)


def of_installation(asker: Caller) -> QuerySet[RouteRule]:
    """The installation's rules in their order."""
    every = RouteRule.objects.of(None)
    if asker.is_administrator:
        return every
    met = Q(workspaces=None) | Q(workspaces=asker.workspace)
    return every.filter(met, is_enabled=True).distinct()


def find(asker: Caller, rule_id: int) -> RouteRule:
    """One that the caller sees; raises Problem `not_found`."""
    found = own(asker).filter(pk=rule_id).first() or of_installation(asker).filter(pk=rule_id).first()
    if found is None:
        raise Problem("not_found", "The workspace has no such rule.")
    return found


def find_changeable(asker: Caller, rule_id: int) -> RouteRule:
    """One that the caller may change; raises Problem `not_found` or `forbidden`."""
    found = find(asker, rule_id)
    scope(asker, "workspace" if found.workspace_id else "installation")
    return found


def scope(asker: Caller, wanted: Scope) -> Workspace | None:
    """The workspace, or None for the installation. Raises Problem `forbidden` for who may not change its rules."""
    if wanted == "workspace":
        return asker.workspace
    if not asker.is_administrator:
        raise Problem("forbidden", "Administrators of the installation alone change its rules.", remedy="Ask one.")
    return None


def changes(asker: Caller) -> QuerySet[RoutingChange]:
    """What happened to the ways of the workspace's messages, the newest first."""
    own = Q(workspace=asker.workspace)
    through = Q(workspace=None, gateway__in=Gateway.objects.filter(workspaces=asker.workspace))
    everywhere = Q(workspace=None, gateway=None)
    if not asker.is_administrator:
        everywhere &= Q(seen_by=None) | Q(seen_by__contains=[asker.workspace.pk])
    return RoutingChange.objects.filter(own | through | everywhere).order_by("-at", "-pk")


def targets_of(asker: Caller, rule: RouteRule) -> list[RouteTarget]:
    """Its gateways as far as the caller knows them."""
    if rule.workspace_id or asker.is_administrator:
        return list(rule.targets.all())
    known = set(gateways.own(asker).values_list("pk", flat=True))
    return [target for target in rule.targets.all() if target.gateway_id in known]
