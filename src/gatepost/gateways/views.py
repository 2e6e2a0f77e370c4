"""Pages of gateways: the table, deleting, the default. The other pages are in the modules that are imported here."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.gateways import access, deletion, services, views_catalogue, views_edit, views_log, views_senders
from gatepost.gateways.listing import others, rows
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.rest.storable import as_id
from gatepost.workspaces.permissions import Right
from gatepost.workspaces.services import update_workspace

__all__ = ["views_catalogue", "views_edit", "views_log", "views_senders"]


@page("gateways/", "gateways", Right.GATEWAYS_READ)
@require_safe
def show_gateways(request: PageRequest) -> HttpResponse:
    """The gateways of the workspace, accounts of other kinds beside them, and how they do."""
    found = others(request.asker)
    shown = {"rows": rows(request.asker), "others": [row for one in found for row in one.rows], "adders": found}
    return render(request, "gateways/list.html", shown)


@page("gateways/<int:gateway>/default/", "gateway-default", Right.WORKSPACE_WRITE)
@require_POST
def make_default(request: PageRequest, gateway: int) -> HttpResponse:
    """From now on it takes what names no gateway."""
    asker = request.asker
    chosen = access.find(asker, gateway)
    update_workspace(asker.workspace, default_gateway=chosen, actor=asker.actor)
    messages.success(request, f"{chosen} is the default gateway now.")
    return redirect("gateways", workspace=asker.workspace.pk)


@page("gateways/<int:gateway>/delete/", "gateway-delete", Right.GATEWAYS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: PageRequest, gateway: int) -> HttpResponse:
    """What deleting affects, and the button that does it."""
    asker = request.asker
    row = access.find(asker, gateway)
    access.refuse_shared(row, asker)
    problem = None
    if request.method == "POST":
        chosen = request.POST.get("heir", "")
        try:
            heir = access.find(asker, as_id(chosen) or 0) if chosen else None
            services.delete_gateway(row, actor=asker.actor, is_confirmed=True, heir=heir)
        except Problem as found:
            problem = found
        else:
            messages.success(request, f"{row} is deleted.")
            return redirect("gateways", workspace=asker.workspace.pk)
    effects = deletion.affected(row)
    shown = {
        "gateway": row,
        "effects": effects,
        "needs_heir": any(effect.needs_heir for effect in effects),
        "heirs": [heir for heir in deletion.heirs(row) if asker.workspace in heir.workspaces.all()],
        "problem": problem,
    }
    return render(request, "gateways/delete.html", shown, status=problem.status if problem else 200)
