"""Pages: who is in the workspace, in which role."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.console.forms import PersonForm
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import show_problem
from gatepost.problems import Problem
from gatepost.workspaces import members
from gatepost.workspaces.models import Membership, Role, User
from gatepost.workspaces.permissions import ROLES, WORDS, Right


@page("people/", "people", Right.PEOPLE_READ, writes=Right.PEOPLE_WRITE)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def people(request: PageRequest) -> HttpResponse:
    """The members and what each role may do; POST adds a person."""
    form = PersonForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _show(request, form)
    asker = request.asker
    try:
        membership, token = members.add_person(
            asker.workspace, form.cleaned_data["email"], form.cleaned_data["role"], actor=asker.actor
        )
    except Problem as problem:
        show_problem(form, problem)
        return _show(request, form)
    if token is not None:
        return _show(request, PersonForm(), membership.user, token)
    messages.success(request, f"{membership.user} is in the workspace now and signs in as ever.")
    return redirect("people", workspace=asker.workspace.pk)


@page("people/<int:person>/role/", "person-role", Right.PEOPLE_WRITE)
@require_POST
def change_role(request: PageRequest, person: int) -> HttpResponse:
    """Give a member another role."""
    membership = _member(request, person)
    try:
        changed = members.set_role(membership, request.POST.get("role", ""), actor=request.asker.actor)
    except Problem as problem:
        return _refused(request, problem)
    messages.success(request, f"{changed.user} is {changed.get_role_display().lower()} now.")
    return redirect("index" if changed.user == request.user else _people(request))


@page("people/<int:person>/remove/", "person-remove", Right.PEOPLE_WRITE)
@require_POST
def remove(request: PageRequest, person: int) -> HttpResponse:
    """Take a member out of the workspace."""
    membership = _member(request, person)
    try:
        members.remove_member(membership, actor=request.asker.actor)
    except Problem as problem:
        return _refused(request, problem)
    messages.success(request, f"{membership.user} is no longer in {membership.workspace}.")
    return redirect("index" if membership.user == request.user else _people(request))


@page("people/<int:person>/let-in/", "person-let-in", Right.PEOPLE_WRITE)
@never_cache
@require_POST
def let_in_anew(request: PageRequest, person: int) -> HttpResponse:
    """A new one-time link for a member who cannot get in."""
    user = _member(request, person).user
    try:
        token = members.let_in_anew(user, request.asker.workspace, actor=request.asker.actor)
    except Problem as problem:
        return _refused(request, problem)
    return _show(request, PersonForm(), user, token)


def _show(request: PageRequest, form: PersonForm, invited: User | None = None, token: str = "") -> HttpResponse:
    found = Membership.objects.filter(workspace=request.asker.workspace).select_related("user").order_by("user__email")
    shown = {
        "form": form,
        "members": [(each, members.may_let_in_anew(request.asker.workspace, each.user)) for each in found],
        "may_write": request.asker.has(Right.PEOPLE_WRITE),
        "roles": Role.choices,
        "rights": [
            (words, [(role.label, right in rights) for role, rights in ROLES.items()]) for right, words in WORDS.items()
        ],
        "invited": invited,
        "link": request.build_absolute_uri(reverse("sign-in-link", args=[token])) if token else "",
    }
    return render(request, "console/people.html", shown, status=422 if form.errors else 200)


def _member(request: PageRequest, person: int) -> Membership:
    found = Membership.objects.select_related("user", "workspace").filter(
        workspace=request.asker.workspace, user_id=person
    )
    membership = found.first()
    if membership is None:
        raise Problem("not_found", "There is no such person in the workspace.")
    return membership


def _refused(request: PageRequest, problem: Problem) -> HttpResponse:
    messages.error(request, f"{problem.detail} {problem.remedy}")
    return redirect(_people(request))


def _people(request: PageRequest) -> str:
    return reverse("people", kwargs={"workspace": request.asker.workspace.pk})
