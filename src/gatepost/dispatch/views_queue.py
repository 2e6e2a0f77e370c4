"""Page: moving what waits for a gateway to the next ones of its route."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from gatepost.dispatch import services
from gatepost.gateways import access
from gatepost.pages.access import PageRequest, page
from gatepost.rest.storable import as_id
from gatepost.workspaces.permissions import Right


@page("gateways/<int:gateway>/move-queue/", "gateway-move-queue", Right.GATEWAYS_WRITE)
@require_POST
def move_queue(request: PageRequest, gateway: int) -> HttpResponse:
    """What of the workspace (of one campaign) waits there takes its other way."""
    asker = request.asker
    row = access.find(asker, gateway)
    written = request.POST.get("campaign", "").strip()
    campaign_id = as_id(written)
    if written and campaign_id is None:
        messages.error(request, "Nothing moved: write the number of a campaign, or leave the field empty.")
    elif count := services.move_queue(row, asker.workspace, actor=asker.actor, campaign_id=campaign_id):
        messages.success(request, f"{count} message{'s' if count > 1 else ''} moved.")
    else:
        messages.info(request, "Nothing moved: nothing waits there that has another way.")
    return redirect("gateway-health", workspace=asker.workspace.pk, gateway=row.pk)
