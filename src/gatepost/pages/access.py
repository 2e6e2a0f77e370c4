"""The one declaration of a page of the console: its address, the right it needs, its place in the navigation.

    @page("gateways/", "gateways", Right.GATEWAYS_READ)
    def list_gateways(request: PageRequest) -> HttpResponse: ...

Pages live below `/w/<workspace>/`. Who is not signed in is asked to; who is not a member finds nothing there; who lacks
the right is told so. `request.asker` is the caller, as in the API.

What belongs to a person or to the installation lies outside of workspaces and is declared with `own_page`. It is shown
with the navigation of the workspace that was open last; `request.asker` is None for who is in no workspace.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.http import url_has_allowed_host_and_scheme

from gatepost.problems import Problem
from gatepost.workspaces.access import Caller
from gatepost.workspaces.models import Membership, User, Workspace
from gatepost.workspaces.permissions import ADMINISTRATOR, Right, of_role


class PageRequest(HttpRequest):
    """A request to a page of the console."""

    asker: Caller


View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A declared page. `right` None: every member may see it. `writes`: the right that POST needs beyond reading."""

    address: str
    name: str
    right: Right | None
    writes: Right | None
    view: View


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A declared page outside of workspaces, for everybody who is signed in or for installation administrators."""

    address: str
    name: str
    is_for_administrators: bool
    view: View


LAST_WORKSPACE: Final = "workspace"
"""The session's note of the workspace that was open last."""

_ROUTES: Final[dict[str, PageRoute]] = {}
_OWN_PAGES: Final[dict[str, OwnPage]] = {}


def page(address: str, name: str, right: Right | None, *, writes: Right | None = None) -> Callable[[View], View]:
    """Declare a page below the workspace. Names are unique."""

    def declare(view: View) -> View:
        _refuse_twins(name)

        @wraps(view)
        def guarded(request: PageRequest, workspace: int, **parts: Any) -> HttpResponseBase:
            if not isinstance(request.user, User):
                return redirect_to_login(request.get_full_path())
            request.asker = _asker(request.user, workspace)
            try:
                if right is not None:
                    request.asker.require(right)
                if request.method not in ("GET", "HEAD") and writes is not None:
                    request.asker.require(writes)
                return view(request, **parts)
            except Problem as problem:
                return problem_page(request, problem)

        _ROUTES[name] = PageRoute(address, name, right, writes, guarded)
        return guarded

    return declare


def own_page(address: str, name: str, *, for_administrators: bool = False) -> Callable[[View], View]:
    """Declare a page outside of workspaces. Names are unique."""

    def declare(view: View) -> View:
        _refuse_twins(name)

        @wraps(view)
        def guarded(request: PageRequest, **parts: Any) -> HttpResponseBase:
            if not isinstance(request.user, User):
                return redirect_to_login(request.get_full_path())
            try:
                if for_administrators and not request.user.is_superuser:
                    raise Problem("forbidden", "This is for installation administrators.", remedy="Ask one of them.")
                return view(request, **parts)
            except Problem as problem:
                return problem_page(request, problem)

        _OWN_PAGES[name] = OwnPage(address, name, for_administrators, in_last_workspace(guarded))
        return guarded

    return declare


def in_last_workspace(view: View) -> View:
    """Show a page that lies outside of workspaces with the navigation of the one that was open last."""

    @wraps(view)
    def placed(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        request.asker = last_caller(request)  # type: ignore[attr-defined]
        return view(request, **parts)

    return placed


def last_caller(request: HttpRequest) -> Caller | None:
    """Who asks, in the workspace that was open last, else in the first; None for who has none or is not signed in."""
    if not isinstance(request.user, User):
        return None
    found = [workspace.pk for workspace in workspaces_of(request.user)]
    if not found:
        return None
    last = request.session.get(LAST_WORKSPACE)
    return _asker(request.user, last if last in found else found[0])


def routes() -> list[PageRoute]:
    """Every declared page of a workspace; the slices' views must have been imported."""
    return list(_ROUTES.values())


def own_pages() -> list[OwnPage]:
    """Every declared page outside of workspaces."""
    return list(_OWN_PAGES.values())


def urlpatterns() -> list[URLPattern]:
    inside = [path(f"w/<int:workspace>/{route.address}", route.view, name=route.name) for route in routes()]
    return [*inside, *(path(one.address, one.view, name=one.name) for one in own_pages())]


def problem_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A problem that no form shows: what happened and what to do."""
    if problem.code == "not_found":
        raise Http404
    return render(request, "pages/problem.html", {"problem": problem}, status=problem.status)


def workspaces_of(user: User) -> list[Workspace]:
    """The workspaces that the user may enter, by name."""
    every = Workspace.objects.all() if user.is_superuser else Workspace.objects.filter(memberships__user=user)
    return list(every.order_by("name"))


def path_of_ours(wanted: str, otherwise: str) -> str:
    """What a form says where to go next, if that is a path of this installation.

    Anything else could lead elsewhere, or is taken for the name of a page that there is not.
    """
    is_ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if is_ours else otherwise


def _refuse_twins(name: str) -> None:
    if name in _ROUTES or name in _OWN_PAGES:
        raise ValueError(f"two pages are named {name}")


def _asker(user: User, workspace_id: int) -> Caller:
    if user.is_superuser:
        workspace = Workspace.objects.filter(pk=workspace_id).first()
        if workspace is None:
            raise Http404
        return Caller(workspace, user.actor, ADMINISTRATOR, user=user)
    membership = Membership.objects.select_related("workspace").filter(user=user, workspace_id=workspace_id).first()
    if membership is None:
        raise Http404
    return Caller(membership.workspace, user.actor, of_role(membership.role), user=user)
