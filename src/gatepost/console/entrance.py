"""The way in: to one's workspace, or through the one-time link that the terminal printed."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.pages.access import workspaces_of
from gatepost.workspaces.models import User
from gatepost.workspaces.services import redeem_sign_in_link

LAST_WORKSPACE = "workspace"


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """To the workspace that was open last, else to the first."""
    assert isinstance(request.user, User)
    found = {workspace.pk: workspace for workspace in workspaces_of(request.user)}
    if not found:
        return render(request, "console/no_workspace.html", status=403)
    last = request.session.get(LAST_WORKSPACE)
    return redirect("home", workspace=last if last in found else next(iter(found)))


@require_http_methods(["GET", "POST"])
def sign_in_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """A link works once. It asks for a press of a button, so that a preview of the link does not use it up."""
    if request.method == "GET":
        return render(request, "console/sign_in_link.html")
    user = redeem_sign_in_link(token)
    if user is None:
        messages.error(request, "This link was used before or is too old. Sign in, or ask the terminal for a new one.")
        return redirect("account_login")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("index")
