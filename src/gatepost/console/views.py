"""The dashboard and the search. The console's other pages are in the modules that are imported here."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from gatepost.console import views_administration, views_keys, views_people, views_profile, views_workspace
from gatepost.console.dashboard import figures
from gatepost.messages.log import Filters, search
from gatepost.messages.models import Message
from gatepost.pages.access import LAST_WORKSPACE, PageRequest, page
from gatepost.sms.ids import from_ref
from gatepost.workspaces.permissions import Right

__all__ = ["views_administration", "views_keys", "views_people", "views_profile", "views_workspace"]

RESULTS = 20


@page("", "home", None)
@require_safe
def home(request: PageRequest) -> HttpResponse:
    """The last day at a glance."""
    request.session[LAST_WORKSPACE] = request.asker.workspace.pk
    shown = figures(request.asker.workspace, timezone.now())
    return render(request, "console/home.html", {"figures": shown})


@page("search/", "search", Right.MESSAGES_READ)
@require_safe
def find(request: PageRequest) -> HttpResponse:
    """A message by id, number or client reference; a gateway by name."""
    wanted = request.GET.get("q", "").strip().replace("\x00", "")
    workspace = request.asker.workspace
    own = Message.objects.filter(workspace=workspace).select_related("gateway").order_by("-pk")
    parsed = from_ref(wanted.lower())
    if parsed and own.filter(pk=parsed[0]).exists():
        return redirect("message", workspace=workspace.pk, ref=wanted.lower())
    found = own.none()
    if wanted:
        found = search(own, Filters(client_ref=wanted))
        if sum(character.isdigit() for character in wanted) >= 3:
            found = found.union(search(own, Filters(to=wanted))).order_by("-id")
    gateways = workspace.gateways.filter(name__icontains=wanted) if wanted else workspace.gateways.none()
    return render(
        request,
        "console/search.html",
        {"wanted": wanted, "found": list(found[:RESULTS]), "gateways": gateways[:RESULTS]},
    )
