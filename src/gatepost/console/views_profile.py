"""Pages: one's own account."""

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.console.forms import NameForm
from gatepost.pages.access import PageRequest, own_page
from gatepost.workspaces.members import end_sessions
from gatepost.workspaces.models import Membership, User


@own_page("profile/", "profile")
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: PageRequest) -> HttpResponse:
    """Name, password, second factor, sessions; POST changes the name."""
    user = _user(request)
    form = NameForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        User.objects.filter(pk=user.pk).update(name=form.cleaned_data["name"])
        messages.success(request, "Your name is saved.")
        return redirect("profile")
    factors = list(Authenticator.objects.filter(user=user))
    codes = next((each.wrap() for each in factors if each.type == Authenticator.Type.RECOVERY_CODES), None)
    shown = {
        "form": form,
        "has_app": any(each.type == Authenticator.Type.TOTP for each in factors),
        "keys": sum(each.type == Authenticator.Type.WEBAUTHN for each in factors),
        "codes_left": len(codes.get_unused_codes()) if codes else None,
        "memberships": Membership.objects.filter(user=user).select_related("workspace").order_by("workspace__name"),
    }
    return render(request, "console/profile.html", shown, status=422 if form.errors else 200)


@own_page("profile/end-sessions/", "profile-end-sessions")
@require_POST
def end_other_sessions(request: PageRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    user = _user(request)
    end_sessions(user, actor=user.actor)
    update_session_auth_hash(request, user)
    messages.success(request, "Every other browser is signed out.")
    return redirect("profile")


def _user(request: PageRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
