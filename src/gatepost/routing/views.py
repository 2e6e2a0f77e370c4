"""Pages: the rules of routing, the form of one, and what happened to the ways of messages. Where a message would go is
shown by messages/views_where.py."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.gateways import access as gateways
from gatepost.gateways.models import Gateway
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import say_saved, show_problem
from gatepost.pages.zones import zone_of
from gatepost.problems import Problem
from gatepost.rest.paging import PageQuery
from gatepost.rest.paging import page as page_of
from gatepost.rest.storable import as_id
from gatepost.routing import access, services
from gatepost.routing.forms import RuleForm
from gatepost.routing.loading import as_rule
from gatepost.routing.models import RouteRule
from gatepost.routing.rules import PURPOSES
from gatepost.routing.words import conditions_in_words, targets_in_words
from gatepost.workspaces.access import Caller
from gatepost.workspaces.permissions import Right

LAST_CHANGES = 12
PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A rule of the list, in words. `place`: from 1."""

    rule: RouteRule
    place: int
    is_last: bool
    conditions: list[str]
    targets: list[str]


@page("routing/", "routing", Right.ROUTES_READ)
@require_safe
def show_rules(request: PageRequest) -> HttpResponse:
    """The rules in their order, what comes after them, and the box that asks where a message would go."""
    asker = request.asker
    is_administrator = asker.is_administrator
    return render(
        request,
        "routing/list.html",
        _lists(asker)
        | {
            "default": asker.workspace.default_gateway,
            "installation_default": settings.CONFIG["DEFAULT_GATEWAY"],
            "has_gateways": gateways.own(asker).exists(),
            "may_change": asker.has(Right.ROUTES_WRITE),
            "is_administrator": is_administrator,
            "purposes": PURPOSES,
            "gateways": gateways.own(asker).order_by("name"),
            "changes": access.changes(asker)[:LAST_CHANGES],
        },
    )


@page("routing/changes/", "routing-changes", Right.ROUTES_READ)
@require_safe
def show_changes(request: PageRequest) -> HttpResponse:
    """Everything that happened to the ways of messages, newest first."""
    asked = PageQuery(cursor=request.GET.get("cursor", "")[:100], limit=PER_PAGE)
    found = page_of(access.changes(request.asker), asked)
    shown = {"changes": found.items, "next_cursor": found.next_cursor, "is_later": bool(asked.cursor)}
    return render(request, "routing/changes.html", shown)


@page("routing/add/", "route-add", Right.ROUTES_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def add_rule(request: PageRequest) -> HttpResponse:
    """The form of a new rule; `?scope=installation` makes one of the installation."""
    is_installation = request.GET.get("scope") == "installation"
    workspace = access.scope(request.asker, "installation" if is_installation else "workspace")
    form = _form(request, None, is_installation)
    if request.method == "POST" and form.is_valid():
        try:
            rule = services.create_rule(workspace, form.values(), actor=request.asker.actor)
        except Problem as problem:
            show_problem(form, problem)
        else:
            say_saved(request, f"The rule {rule} is in force, as the last one of its list.", "rule")
            return redirect("routing", workspace=request.asker.workspace.pk)
    return _page(request, form, None, is_installation)


@page("routing/<int:rule>/", "route", Right.ROUTES_READ, writes=Right.ROUTES_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def change_rule(request: PageRequest, rule: int) -> HttpResponse:
    """The form of one rule."""
    row = _rule(request, rule)
    is_installation = row.workspace_id is None
    form = _form(request, row, is_installation)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_rule(row, form.values(), actor=request.asker.actor)
        except Problem as problem:
            show_problem(form, problem)
        else:
            messages.success(request, f"The rule {form.cleaned_data['name']} is saved.")
            return redirect("routing", workspace=request.asker.workspace.pk)
    return _page(request, form, row, is_installation)


@page("routing/<int:rule>/delete/", "route-delete", Right.ROUTES_WRITE)
@require_POST
def delete_rule(request: PageRequest, rule: int) -> HttpResponse:
    """Take it away."""
    row = _rule(request, rule)
    services.delete_rule(row, actor=request.asker.actor)
    messages.success(request, f"The rule {row} is deleted.")
    return redirect("routing", workspace=request.asker.workspace.pk)


@page("routing/<int:rule>/switch/", "route-switch", Right.ROUTES_WRITE)
@require_POST
def switch_rule(request: PageRequest, rule: int) -> HttpResponse:
    """Switch it off or on."""
    row = _rule(request, rule)
    services.update_rule(row, {"is_enabled": not row.is_enabled}, actor=request.asker.actor)
    return _changed(request)


@page("routing/<int:rule>/move/", "route-move", Right.ROUTES_WRITE)
@require_POST
def move_rule(request: PageRequest, rule: int) -> HttpResponse:
    """One place up or down."""
    row = _rule(request, rule)
    services.move_rule(row, -1 if "up" in request.POST else 1, actor=request.asker.actor)
    order = list(RouteRule.objects.of(row.workspace).values_list("pk", flat=True))
    return _changed(request, f"{row.name} is rule {order.index(row.pk) + 1} of {len(order)} now.")


@page("routing/order/", "route-order", Right.ROUTES_WRITE)
@require_POST
def order_rules(request: PageRequest) -> HttpResponse:
    """The rules of one list in the order in which they were dropped."""
    asker = request.asker
    is_installation = request.POST.get("scope") == "installation"
    ids = [number for value in request.POST.getlist("rule") if (number := as_id(value))]
    try:
        workspace = access.scope(asker, "installation" if is_installation else "workspace")
        services.reorder_rules(workspace, ids, actor=asker.actor)
    except Problem as problem:
        if problem.code != "rules_changed":
            raise
        messages.error(request, f"{problem.detail} {problem.remedy}")
    return _changed(request)


def _changed(request: PageRequest, moved: str = "") -> HttpResponse:
    """The lists alone for htmx, with where the rule that was moved is now, else the page."""
    if request.headers.get("HX-Request"):
        shown = _lists(request.asker) | {
            "may_change": request.asker.has(Right.ROUTES_WRITE),
            "is_administrator": request.asker.is_administrator,
            "moved": moved,
        }
        return render(request, "routing/rules.html", shown)
    return redirect("routing", workspace=request.asker.workspace.pk)


def _lists(asker: Caller) -> dict[str, Any]:
    names = dict(gateways.own(asker).values_list("pk", "name"))
    if asker.is_administrator:
        names = dict(Gateway.objects.values_list("pk", "name"))
    return {
        "rules": _rows(asker, list(access.own(asker)), names),
        "installation_rules": _rows(asker, list(access.of_installation(asker)), names),
    }


def _rows(asker: Caller, rules: list[RouteRule], names: dict[int, str]) -> list[Row]:
    rows = []
    for place, rule in enumerate(rules, 1):
        applied = as_rule(rule)
        conditions = conditions_in_words(applied.conditions)
        rows.append(Row(rule, place, place == len(rules), conditions, targets_in_words(applied, names)))
    return rows


def _rule(request: PageRequest, rule_id: int) -> RouteRule:
    """Raises Problem `not_found`, or `forbidden` for who may only read it."""
    if request.asker.has(Right.ROUTES_WRITE):
        return access.find_changeable(request.asker, rule_id)
    return access.find(request.asker, rule_id)


def _form(request: PageRequest, rule: RouteRule | None, is_installation: bool) -> RuleForm:
    rows = Gateway.objects.all() if is_installation else gateways.own(request.asker)
    data = request.POST if request.method == "POST" else None
    zone = zone_of(request).key
    return RuleForm(list(rows.order_by("pk")), rule, zone, data, everywhere=is_installation)


def _page(request: PageRequest, form: RuleForm, rule: RouteRule | None, is_installation: bool) -> HttpResponse:
    shown = {
        "form": form,
        "rule": rule,
        "is_installation": is_installation,
        "may_change": request.asker.has(Right.ROUTES_WRITE),
    }
    return render(request, "routing/rule.html", shown, status=422 if form.errors else 200)
