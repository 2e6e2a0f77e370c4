"""Pages: the address of short links."""

from django.conf import settings
from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from gatepost.links import services
from gatepost.links.models import LinkSettings
from gatepost.links.shortening import CODE_LENGTH, PATH
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.workspaces.permissions import Right


@page("links/", "links", Right.WORKSPACE_READ, writes=Right.WORKSPACE_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def link_settings(request: PageRequest) -> HttpResponse:
    """Where short links are, what one looks like, and who else shortens."""
    asker = request.asker
    own = LinkSettings.objects.filter(workspace=asker.workspace).first()
    said, problem = own.base_url if own else "", None
    if request.method == "POST":
        said = request.POST.get("base_url", "")
        try:
            services.set_base_url(asker.workspace, said, actor=asker.actor)
            notices.success(request, "Saved.")
            return redirect("links", workspace=asker.workspace.pk)
        except Problem as found:
            problem = found
    base = services.base_url(asker.workspace)
    shown = {
        "said": said,
        "problem": problem,
        "example": f"{base}{PATH}{'x' * CODE_LENGTH}" if base else "",
        "length": len(base) + len(PATH) + CODE_LENGTH,
        "installation": settings.CONFIG["PUBLIC_URL"],
        "shortening": services.shortening_gateway(asker.workspace),
        "may_write": asker.has(Right.WORKSPACE_WRITE),
    }
    return render(request, "links/settings.html", shown, status=problem.status if problem else 200)
