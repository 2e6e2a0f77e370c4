"""Pages that add and change a gateway, and try what the form says before or after it is saved."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.gateways import access, saved_trials, services
from gatepost.gateways.balance import run_balance
from gatepost.gateways.check import run_check
from gatepost.gateways.edit_page import show_form, show_panel
from gatepost.gateways.forms import GatewayForm
from gatepost.gateways.models import Gateway
from gatepost.gateways.panels import Panel
from gatepost.gateways.preview import preview_of
from gatepost.gateways.settings import provider_of
from gatepost.gateways.trials import TrialResult
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.providers import base
from gatepost.providers.fields import FieldError
from gatepost.workspaces.permissions import Right
from gatepost.workspaces.services import update_workspace

MAX_PRESET: Final = 100_000
_SAVED: Final[Mapping[str, Callable[[Gateway], TrialResult]]] = {
    "check": saved_trials.check_saved,
    "balance": saved_trials.balance_of_saved,
}
_UNSAVED: Final[Mapping[str, Callable[[base.Gateway, bool], TrialResult]]] = {
    "check": lambda gateway, verify_tls: run_check(gateway, verify_tls=verify_tls),
    "balance": lambda gateway, verify_tls: run_balance(gateway, verify_tls=verify_tls),
}
_TITLES: Final = {"check": "Check", "balance": "Balance"}


@page("gateways/add/<slug:provider>/", "gateway-add", Right.GATEWAYS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PageRequest, provider: str) -> HttpResponse:
    """The provider's form, empty or from a preset; saving leads to the gateway's page."""
    asker = request.asker
    manifest = _fit(provider)
    if request.method != "POST":
        wanted = request.GET.get("preset", "")
        preset = next((one for one in manifest.presets if one.slug == wanted), None)
        form = GatewayForm(asker, provider, settings=preset.settings if preset else None)
        return show_form(request, form, preset=preset)
    form = GatewayForm(asker, provider, data=request.POST)
    if form.is_valid():
        try:
            gateway = _create(request, form)
        except Problem as problem:
            form.show(problem)
        else:
            messages.success(request, f"{gateway} is saved. Check it, then send a test SMS.")
            return redirect("gateway", workspace=asker.workspace.pk, gateway=gateway.pk)
    return show_form(request, form, status=422)


@page("gateways/<int:gateway>/", "gateway", Right.GATEWAYS_READ, writes=Right.GATEWAYS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, gateway: int) -> HttpResponse:
    """Everything about a gateway; those who may not change it read it."""
    asker = request.asker
    row = access.find(asker, gateway)
    if request.method != "POST":
        return show_form(request, GatewayForm(asker, row.provider, row))
    access.refuse_shared(row, asker)
    form = GatewayForm(asker, row.provider, row, data=request.POST)
    if form.is_valid():
        try:
            _update(request, form, row)
        except Problem as problem:
            form.show(problem)
        else:
            messages.success(request, "Saved.")
            if not access.own(asker).filter(pk=row.pk).exists():
                return redirect("gateways", workspace=asker.workspace.pk)
            return redirect("gateway", workspace=asker.workspace.pk, gateway=row.pk)
    return show_form(request, form, status=422)


@page("gateways/add/<slug:provider>/import/", "gateway-import", Right.GATEWAYS_WRITE)
@require_POST
def import_preset(request: PageRequest, provider: str) -> HttpResponse:
    """The form filled from a preset that was exported elsewhere."""
    read = provider_of(provider).import_preset
    if _fit(provider) and read is None:
        raise Http404
    assert read is not None
    sent = request.FILES.get("file")
    problem, settings = "", None
    try:
        raw = sent.read(MAX_PRESET + 1) if sent else b""
        if not raw or len(raw) > MAX_PRESET:
            problem = "Choose a preset file that was exported from a gateway."
        else:
            settings = read(json.loads(raw))
    except (ValueError, RecursionError) as fault:
        problem = fault.words if isinstance(fault, FieldError) else "The file is not JSON."
    if problem:
        messages.error(request, problem)
        return show_form(request, GatewayForm(request.asker, provider), status=422)
    messages.success(request, "The form is filled from the preset. Add your credentials and save.")
    return show_form(request, GatewayForm(request.asker, provider, settings=settings))


@page("gateways/<int:gateway>/preset/", "gateway-preset", Right.GATEWAYS_READ)
@require_safe
def export_preset(request: PageRequest, gateway: int) -> HttpResponse:
    """The set-up as a file to share, without secrets and account names."""
    row = access.find(request.asker, gateway)
    write = provider_of(row.provider).export_preset
    if write is None:
        raise Http404
    text = json.dumps(write(services.shown_settings(row)), indent=2, ensure_ascii=False)
    answer = HttpResponse(text, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(row.name) or "preset"}.json"'
    return answer


@page("gateways/add/<slug:provider>/try/<slug:trial>/", "gateway-add-try", Right.GATEWAYS_WRITE)
@require_POST
def try_new(request: PageRequest, provider: str, trial: str) -> HttpResponse:
    """Check or ask the balance with what the form says, before there is a gateway."""
    request.asker.require(Right.GATEWAYS_TEST)
    _fit(provider)
    return _try(request, GatewayForm(request.asker, provider, data=request.POST), trial)


@page("gateways/<int:gateway>/try/<slug:trial>/", "gateway-try", Right.GATEWAYS_TEST)
@require_POST
def try_saved(request: PageRequest, gateway: int, trial: str) -> HttpResponse:
    """Check or ask the balance: with what was typed where that differs from what is saved."""
    row = access.find(request.asker, gateway)
    data = request.POST if access.may_change(request.asker, row) and "name" in request.POST else None
    return _try(request, GatewayForm(request.asker, row.provider, row, data=data), trial)


@page("gateways/add/<slug:provider>/preview/", "gateway-add-preview", Right.GATEWAYS_WRITE)
@require_POST
def preview_new(request: PageRequest, provider: str) -> HttpResponse:
    """The exact request that the form would make."""
    return preview_of(request, GatewayForm(request.asker, provider, data=request.POST))


@page("gateways/<int:gateway>/preview/", "gateway-preview", Right.GATEWAYS_WRITE)
@require_POST
def preview_saved(request: PageRequest, gateway: int) -> HttpResponse:
    """The same, with the secrets that are saved."""
    row = access.find(request.asker, gateway)
    access.refuse_shared(row, request.asker)
    return preview_of(request, GatewayForm(request.asker, row.provider, row, data=request.POST))


def _try(request: PageRequest, form: GatewayForm, trial: str) -> HttpResponse:
    if trial not in _TITLES:
        raise Http404
    title = _TITLES[trial]
    if form.is_posted and not form.is_valid():
        return show_panel(request, form, Panel.of_faults(title, form.faults), status=422)
    try:
        if form.gateway is not None and not (form.is_posted and form.is_changed()):
            result, note = _SAVED[trial](form.gateway), "With the settings as they are saved."
        else:
            verify_tls = bool(form.common_values["verify_tls"])
            result, note = _UNSAVED[trial](form.unsaved(), verify_tls), "With what is typed; it is not saved yet."
    except Problem as problem:
        return show_panel(request, form, Panel.of_problem(title, problem), status=problem.status)
    return show_panel(request, form, Panel.of_result(title, result, note))


def _create(request: PageRequest, form: GatewayForm) -> Gateway:
    asker = request.asker
    with transaction.atomic():
        gateway = services.create_gateway(
            form.workspaces or [asker.workspace],
            form.manifest.slug,
            form.general.cleaned_data["name"],
            {name: value for name, value in form.settings.items() if value is not None},
            form.common_values,
            actor=asker.actor,
        )
        _set_default(request, form, gateway)
    return gateway


def _update(request: PageRequest, form: GatewayForm, gateway: Gateway) -> None:
    with transaction.atomic():
        services.update_gateway(
            gateway,
            actor=request.asker.actor,
            name=form.general.cleaned_data["name"],
            settings=form.settings,
            common_values=form.common_values,
            workspaces=form.workspaces,
        )
        _set_default(request, form, gateway)


def _set_default(request: PageRequest, form: GatewayForm, gateway: Gateway) -> None:
    """Make it the workspace's default, or no longer; a gateway that the workspace has lost cannot be."""
    workspace, wanted = request.asker.workspace, form.general.cleaned_data.get("is_default")
    is_own = workspace.gateways.filter(pk=gateway.pk).exists()
    is_default = workspace.default_gateway_id == gateway.pk
    if wanted is not None and (wanted and is_own) != is_default:
        default = gateway if wanted and is_own else None
        update_workspace(workspace, default_gateway=default, actor=request.asker.actor)


def _fit(provider: str) -> Any:
    """The manifest of a provider that can be served. Raises Problem `not_found` or `provider_unfit`."""
    manifest = provider_of(provider).manifest
    if manifest.unfit:
        raise Problem("provider_unfit", manifest.unfit)
    return manifest
