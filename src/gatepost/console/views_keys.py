"""Pages: the API keys of the workspace."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.console.forms import KeyForm
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import show_problem
from gatepost.pages.zones import zone_of
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.workspaces.keys import make_key
from gatepost.workspaces.models import ApiKey
from gatepost.workspaces.permissions import Right, Scope
from gatepost.workspaces.services import revoke_api_key


@page("keys/", "keys", Right.KEYS_READ, writes=Right.KEYS_WRITE)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: PageRequest) -> HttpResponse:
    """The keys, also those that have ended; POST makes one and shows its token this once."""
    form = KeyForm(request.asker, zone_of(request), request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _show(request, form)
    try:
        key, token = make_key(request.asker, form.cleaned_data["name"], form.cleaned_data["scopes"], form.expires_at)
    except Problem as problem:
        show_problem(form, problem)
        return _show(request, form)
    return _show(request, KeyForm(request.asker, zone_of(request)), key, token)


@page("keys/<int:key>/revoke/", "key-revoke", Right.KEYS_WRITE)
@require_POST
def revoke(request: PageRequest, key: int) -> HttpResponse:
    """End a key at once."""
    found = ApiKey.objects.filter(workspace=request.asker.workspace, pk=key).first()
    if found is None:
        raise Problem("not_found", "There is no such key.")
    revoke_api_key(found, actor=request.asker.actor)
    messages.success(request, f"The key {found.name} is revoked: programs that use it are refused from now on.")
    return redirect("keys", workspace=request.asker.workspace.pk)


def _show(request: PageRequest, form: KeyForm, made: ApiKey | None = None, token: str = "") -> HttpResponse:
    cursor = request.GET.get("cursor", "")[:100]
    own = ApiKey.objects.filter(workspace=request.asker.workspace).select_related("created_by")
    shown = page_of(own, PageQuery(cursor=cursor))
    base = settings.CONFIG["PUBLIC_URL"] or request.build_absolute_uri("/").rstrip("/")
    context = {
        "form": form,
        "keys": [(key, _state(key)) for key in shown.items],
        "next_cursor": shown.next_cursor,
        "may_write": request.asker.has(Right.KEYS_WRITE),
        "made": made,
        "token": token,
        "can_send": made is not None and Scope.MESSAGES_SEND in made.scopes,
        "base": base,
    }
    return render(request, "console/keys.html", context, status=422 if form.errors else 200)


def _state(key: ApiKey) -> tuple[str, str]:
    """A word for whether it holds, and its tone."""
    if key.revoked_at:
        return "Revoked", "bad"
    if key.expires_at and key.expires_at <= timezone.now():
        return "Expired", "warn"
    return "Holds", "good"
