"""The one declaration of a page of the console: its address, the right it needs, its place in the navigation.

    @page("gateways/", "gateways", Right.GATEWAYS_READ)
    def list_gateways(request: PageRequest) -> HttpResponse: ...

Pages live below `/w/<workspace>/`. Who is not signed in is asked to; who is not a member finds nothing there; who lacks
the right is told so. `request.asker` is the caller, as in the API.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from gatepost.problems import Problem
from gatepost.workspaces.access import Caller
from gatepost.workspaces.models import Membership, User, Workspace
from gatepost.workspaces.permissions import ADMINISTRATOR, Right, of_role


class PageRequest(HttpRequest):
    """A request to a page of the console."""

    asker: Caller


View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A declared page. `right` None: every member may see it. `writes`: the right that POST needs beyond reading."""

    address: str
    name: str
    right: Right | None
    writes: Right | None
    view: View


_ROUTES: Final[dict[str, PageRoute]] = {}


def page(address: str, name: str, right: Right | None, *, writes: Right | None = None) -> Callable[[View], View]:
    """Declare a page below the workspace. Names are unique."""

    def declare(view: View) -> View:
        if name in _ROUTES:
            raise ValueError(f"two pages are named {name}")

        @wraps(view)
        def guarded(request: PageRequest, workspace: int, **parts: Any) -> HttpResponse:
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


def routes() -> list[PageRoute]:
    """Every declared page; the slices' views must have been imported."""
    return list(_ROUTES.values())


def urlpatterns() -> list[URLPattern]:
    return [path(f"w/<int:workspace>/{route.address}", route.view, name=route.name) for route in routes()]


def problem_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A problem that no form shows: what happened and what to do."""
    if problem.code == "not_found":
        raise Http404
    return render(request, "pages/problem.html", {"problem": problem}, status=problem.status)


def workspaces_of(user: User) -> list[Workspace]:
    """The workspaces that the user may enter, by name."""
    every = Workspace.objects.all() if user.is_superuser else Workspace.objects.filter(memberships__user=user)
    return list(every.order_by("name"))


def _asker(user: User, workspace_id: int) -> Caller:
    actor = f"user {user.email}"
    if user.is_superuser:
        workspace = Workspace.objects.filter(pk=workspace_id).first()
        if workspace is None:
            raise Http404
        return Caller(workspace, actor, ADMINISTRATOR, user=user)
    membership = Membership.objects.select_related("workspace").filter(user=user, workspace_id=workspace_id).first()
    if membership is None:
        raise Http404
    return Caller(membership.workspace, actor, of_role(membership.role), user=user)
