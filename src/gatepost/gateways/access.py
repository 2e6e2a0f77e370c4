"""Which gateways a caller sees, and which of them they may change."""

from django.db.models import QuerySet

from gatepost.gateways.models import Gateway
from gatepost.problems import Problem
from gatepost.workspaces.access import Caller
from gatepost.workspaces.permissions import Right


def own(asker: Caller) -> QuerySet[Gateway]:
    """The gateways assigned to the workspace."""
    return Gateway.objects.filter(workspaces=asker.workspace).prefetch_related("secrets", "workspaces")


def find(asker: Caller, gateway_id: int) -> Gateway:
    """One of them; raises Problem `not_found`."""
    gateway = own(asker).filter(pk=gateway_id).first()
    if gateway is None:
        raise Problem("not_found", "The workspace has no such gateway.")
    return gateway


def is_shared(gateway: Gateway) -> bool:
    return len(gateway.workspaces.all()) > 1


def may_change(asker: Caller, gateway: Gateway) -> bool:
    """One tenant must not change, or send elsewhere with unsaved settings, what others rely on."""
    return asker.has(Right.GATEWAYS_WRITE) and (asker.is_administrator or not is_shared(gateway))


def refuse_shared(gateway: Gateway, asker: Caller) -> None:
    """Raises Problem `gateway_shared` for a gateway of several workspaces, unless the administrator asks."""
    if is_shared(gateway) and not asker.is_administrator:
        raise Problem("gateway_shared")
