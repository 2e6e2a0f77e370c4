"""Page: how a gateway does and why, and what happened to the ways through it."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gatepost.gateways import access
from gatepost.gateways.countries import country_name
from gatepost.pages.access import PageRequest, page
from gatepost.routing import health_store
from gatepost.routing.models import GatewayHealth
from gatepost.workspaces.permissions import Right

CHANGES = 50
STANDINGS = {
    "up": ("good", "Up", "New messages go there."),
    "trial": ("warn", "On trial", "A few new messages try whether it works again."),
    "down": ("bad", "Down", "New messages go elsewhere where their route has another gateway."),
}


@page("gateways/<int:gateway>/health/", "gateway-health", Right.GATEWAYS_READ)
@require_safe
def show_health(request: PageRequest, gateway: int) -> HttpResponse:
    """Where it stands, its score with the reasons, each country, and a timeline of causes."""
    row = access.find(request.asker, gateway)
    found = list(GatewayHealth.objects.filter(gateway=row))
    everywhere = next((each for each in found if not each.country), None)
    context: dict[str, Any] = {
        "gateway": row,
        "health": everywhere,
        "is_fresh": everywhere is not None and health_store.is_fresh(everywhere),
        "tone": health_store.tone_of(everywhere.score if everywhere else None),
        "standing": STANDINGS[everywhere.standing if everywhere else "up"],
        "countries": [
            (country_name(each.country), each, health_store.tone_of(each.score), STANDINGS[each.standing])
            for each in found
            if each.country and health_store.says_something(each)
        ],
        "changes": health_store.changes_of(row, request.asker.workspace)[:CHANGES],
        "may_move": access.may_change(request.asker, row),
    }
    return render(request, "routing/health.html", context)
