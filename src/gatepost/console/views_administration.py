"""Pages of installation administrators: every workspace, every account."""

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.console.forms import NewUserForm, NewWorkspaceForm, UserForm
from gatepost.pages.access import PageRequest, own_page
from gatepost.pages.forms import show_problem
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.workspaces import members, services
from gatepost.workspaces.models import User, Workspace


@own_page("workspaces/", "workspaces", for_administrators=True)
@require_http_methods(["GET", "HEAD", "POST"])
def workspaces(request: PageRequest) -> HttpResponse:
    """Every workspace; POST makes one."""
    form = NewWorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_workspace(
                form.cleaned_data["name"], default_country=form.cleaned_data["default_country"], actor=_actor(request)
            )
        except Problem as problem:
            show_problem(form, problem)
        else:
            messages.success(request, f"{made} is there. Put its people in next.")
            return redirect("people", workspace=made.pk)
    found = Workspace.objects.annotate(
        people=Count("memberships", distinct=True), gateway_count=Count("gateways", distinct=True)
    ).order_by("name")
    shown = {"form": form, "workspaces": found}
    return render(request, "console/workspaces.html", shown, status=422 if form.errors else 200)


@own_page("users/", "users", for_administrators=True)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def users(request: PageRequest) -> HttpResponse:
    """Every account; POST makes one and shows the link that lets it in."""
    form = NewUserForm(request.POST or None)
    invited, token = None, ""
    if request.method == "POST" and form.is_valid():
        try:
            invited = services.create_user(
                form.cleaned_data["email"], name=form.cleaned_data["name"], actor=_actor(request)
            )
        except Problem as problem:
            show_problem(form, problem)
        else:
            token = services.create_sign_in_link(invited, members.HANDED_OVER)
            form = NewUserForm()
    wanted = request.GET.get("q", "").strip().replace("\x00", "")
    found = User.objects.filter(email__icontains=wanted).prefetch_related("memberships__workspace")
    listed = page_of(found, PageQuery(cursor=request.GET.get("cursor", "")[:100]))
    shown = {
        "form": form,
        "users": listed.items,
        "next_cursor": listed.next_cursor,
        "wanted": wanted,
        "invited": invited,
        "link": _link(request, token),
    }
    return render(request, "console/users.html", shown, status=422 if form.errors else 200)


@own_page("users/<int:person>/", "user", for_administrators=True)
@require_http_methods(["GET", "HEAD", "POST"])
def user_detail(request: PageRequest, person: int) -> HttpResponse:
    """One account: who they are and whether they may sign in."""
    return _show_user(request, _person(person))


@own_page("users/<int:person>/let-in/", "user-let-in", for_administrators=True)
@never_cache
@require_POST
def let_user_in(request: PageRequest, person: int) -> HttpResponse:
    """A new one-time link for who cannot get in."""
    user = _person(person)
    if not user.is_active:
        raise Problem("forbidden", f"{user} may not sign in.", remedy="Switch the account on first.")
    token = members.let_in_anew(user, actor=_actor(request))
    return _render_user(request, user, UserForm(initial=_values(user)), token)


def _show_user(request: PageRequest, user: User) -> HttpResponse:
    form = UserForm(request.POST or None, initial=_values(user))
    if request.method == "POST" and form.is_valid():
        try:
            members.update_person(user, actor=_actor(request), **form.cleaned_data)
        except Problem as problem:
            show_problem(form, problem)
        else:
            messages.success(request, f"{user} is saved.")
            return redirect("user", person=user.pk)
    return _render_user(request, user, form)


def _render_user(request: PageRequest, user: User, form: UserForm, token: str = "") -> HttpResponse:
    shown = {
        "person": user,
        "form": form,
        "memberships": user.memberships.select_related("workspace").order_by("workspace__name"),
        "invited": user if token else None,
        "link": _link(request, token),
    }
    return render(request, "console/user.html", shown, status=422 if form.errors else 200)


def _values(user: User) -> dict[str, object]:
    return {
        "email": user.email,
        "name": user.name,
        "is_active": user.is_active,
        "is_administrator": user.is_superuser,
    }


def _person(person: int) -> User:
    user = User.objects.filter(pk=person).first()
    if user is None:
        raise Problem("not_found", "There is no such account.")
    return user


def _link(request: PageRequest, token: str) -> str:
    return request.build_absolute_uri(reverse("sign-in-link", args=[token])) if token else ""


def _actor(request: PageRequest) -> str:
    assert isinstance(request.user, User)
    return request.user.actor
