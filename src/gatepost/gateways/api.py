"""REST: the catalogue of providers, and the gateways of a workspace."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from gatepost.gateways import catalogue, deletion, services
from gatepost.gateways.access import find, own, refuse_shared
from gatepost.gateways.check import run_check
from gatepost.gateways.saved_trials import balance_of_saved, check_saved
from gatepost.gateways.schemas import (
    Affected,
    GatewayChanges,
    GatewayOut,
    NewGateway,
    ProviderOut,
    TrialOut,
    UnsavedGateway,
    shown,
)
from gatepost.gateways.settings import provider_of
from gatepost.gateways.trials import TrialResult
from gatepost.rest.bodies import Id
from gatepost.rest.paging import Page, PageOf, page
from gatepost.workspaces.access import caller, needs
from gatepost.workspaces.permissions import Right

router = Router(tags=["Gateways"])


@router.get("/providers", auth=needs(Right.GATEWAYS_READ), response=list[ProviderOut])
def list_providers(request: HttpRequest) -> list[dict[str, Any]]:
    """The catalogue: every provider, what it can do, and the fields of its settings."""
    return catalogue.entries()


@router.get("/providers/{slug:slug}", auth=needs(Right.GATEWAYS_READ), response=ProviderOut)
def read_provider(request: HttpRequest, slug: str) -> dict[str, Any]:
    """One provider of the catalogue."""
    return catalogue.entry(provider_of(slug))


@router.get("/gateways", auth=needs(Right.GATEWAYS_READ), response=PageOf[GatewayOut])
def list_gateways(request: HttpRequest, asked: Page) -> dict[str, Any]:
    """The gateways assigned to the workspace, newest first."""
    asker = caller(request)
    found = page(own(asker), asked)
    return {"items": [shown(row, asker) for row in found.items], "next_cursor": found.next_cursor}


@router.post("/gateways", auth=needs(Right.GATEWAYS_WRITE), response={201: GatewayOut})
def create_gateway(request: HttpRequest, new: NewGateway) -> Status[dict[str, Any]]:
    """Add an account at a provider; it is assigned to the workspace of the caller."""
    asker = caller(request)
    gateway = services.create_gateway(
        [asker.workspace], new.provider, new.name, new.settings, new.common_values(), actor=asker.actor
    )
    return Status(201, shown(gateway, asker))


@router.post("/gateways/check", auth=needs(Right.GATEWAYS_TEST), response=TrialOut)
def check_unsaved(request: HttpRequest, form: UnsavedGateway) -> TrialResult:
    """Check settings before they are saved: a harmless call to the provider, step by step, secrets masked."""
    asker = caller(request)
    saved = find(asker, form.gateway) if form.gateway is not None else None
    if saved is not None:
        refuse_shared(saved, asker)
    runtime = services.unsaved(form.provider, form.settings, saved)
    return run_check(runtime, verify_tls=form.verify_tls)


@router.get("/gateways/{int:gateway_id}", auth=needs(Right.GATEWAYS_READ), response=GatewayOut)
def read_gateway(request: HttpRequest, gateway_id: Id) -> dict[str, Any]:
    """One gateway. Of each secret it says when it was set, and never what it is."""
    asker = caller(request)
    return shown(find(asker, gateway_id), asker)


@router.patch("/gateways/{int:gateway_id}", auth=needs(Right.GATEWAYS_WRITE), response=GatewayOut)
def update_gateway(request: HttpRequest, gateway_id: Id, changes: GatewayChanges) -> dict[str, Any]:
    """Change what is named and leave the rest. Secrets can be replaced, and are never shown."""
    asker = caller(request)
    gateway = find(asker, gateway_id)
    refuse_shared(gateway, asker)
    services.update_gateway(
        gateway,
        actor=asker.actor,
        name=changes.name,
        settings=changes.settings,
        common_values=changes.common_values(),
    )
    return shown(find(asker, gateway_id), asker)


@router.get("/gateways/{int:gateway_id}/affected", auth=needs(Right.GATEWAYS_READ), response=Affected)
def read_affected(request: HttpRequest, gateway_id: Id) -> dict[str, Any]:
    """What deleting the gateway would affect."""
    return {"affected": deletion.affected(find(caller(request), gateway_id))}


@router.delete("/gateways/{int:gateway_id}", auth=needs(Right.GATEWAYS_WRITE), response=Affected)
def delete_gateway(
    request: HttpRequest, gateway_id: Id, confirm: bool = False, move_to: Id | None = None
) -> dict[str, Any]:
    """Delete a gateway. Where that affects other things, it is refused until `confirm` is true.

    Messages that wait for it go to the gateway that `move_to` names; without one they stop the deletion.
    """
    asker = caller(request)
    gateway = find(asker, gateway_id)
    refuse_shared(gateway, asker)
    heir = find(asker, move_to) if move_to is not None else None
    return {"affected": services.delete_gateway(gateway, actor=asker.actor, is_confirmed=confirm, heir=heir)}


@router.post("/gateways/{int:gateway_id}/check", auth=needs(Right.GATEWAYS_TEST), response=TrialOut)
def check_gateway(request: HttpRequest, gateway_id: Id) -> TrialResult:
    """Check the saved settings: a harmless call to the provider, step by step, secrets masked."""
    return check_saved(find(caller(request), gateway_id))


@router.post("/gateways/{int:gateway_id}/balance", auth=needs(Right.GATEWAYS_TEST), response=TrialOut)
def read_balance(request: HttpRequest, gateway_id: Id) -> TrialResult:
    """Ask the provider for the balance now."""
    return balance_of_saved(find(caller(request), gateway_id))
