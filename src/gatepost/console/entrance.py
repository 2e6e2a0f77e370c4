"""The way in: to one's workspace, through a one-time link, or by the advice for who cannot get in."""

from allauth.account.utils import perform_login
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.pages.access import last_caller
from gatepost.workspaces.models import User
from gatepost.workspaces.services import audit, redeem_sign_in_link


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """To the workspace that was open last, else to the first; an administrator of none makes one."""
    caller = last_caller(request)
    if caller is None and isinstance(request.user, User) and request.user.is_superuser:
        return redirect("workspaces")
    if caller is None:
        return render(request, "console/no_workspace.html", status=403)
    return redirect("home", workspace=caller.workspace.pk)


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """A link works once. It asks for a press of a button, so that a preview of the link does not use it up.

    It stands for the password: who has a second factor is asked for it, who has no password is led to choose one.
    """
    if request.method == "GET":
        return render(request, "console/sign_in_link.html")
    user = redeem_sign_in_link(token)
    if user is None:
        messages.error(request, "This link was used before or is too old. Sign in, or ask for a new one.")
        return redirect("account_login")
    audit(user.actor, "user.sign-in-by-link", user)
    response: HttpResponse = perform_login(request, user, redirect_url=_first_page(user))
    return response


@require_safe
def forgotten(request: HttpRequest) -> HttpResponse:
    """What to do without the password: there is no e-mail to send, so that people let each other in."""
    return render(request, "account/forgotten.html")


def _first_page(user: User) -> str:
    has_passkey = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists()
    return reverse("index" if user.has_usable_password() or has_passkey else "account_set_password")
