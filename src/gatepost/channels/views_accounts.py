"""Pages of e-mail accounts: adding, changing, trying, deleting; their list is that of the gateways."""

from typing import Any, Final

from django.contrib import messages as notices
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.channels import accounts, trials
from gatepost.channels.forms import AccountForm
from gatepost.channels.mailing import server_of
from gatepost.channels.models import EmailAccount
from gatepost.channels.trials import Trial
from gatepost.pages.access import PageRequest, page
from gatepost.problems import Problem
from gatepost.workspaces.permissions import Right

TITLES: Final = {"check": "Check", "test": "Test mail"}


@page("email/add/", "email-account-add", Right.GATEWAYS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PageRequest) -> HttpResponse:
    """A new account; saving leads to its page."""
    form = AccountForm(request.asker, data=request.POST if request.method == "POST" else None)
    if not form.is_posted:
        return _page(request, form)
    if form.is_valid():
        try:
            account = _save(request, form)
        except Problem as problem:
            form.show(problem)
        else:
            notices.success(request, f"{account} is saved. Check it, then send a test mail.")
            return redirect("email-account", workspace=request.asker.workspace.pk, account=account.pk)
    return _page(request, form, status=422)


@page("email/<int:account>/", "email-account", Right.GATEWAYS_READ, writes=Right.GATEWAYS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, account: int) -> HttpResponse:
    """Everything about an account; those who may not change it read it."""
    asker = request.asker
    row = accounts.find(asker.workspace, account)
    if request.method != "POST":
        return _page(request, AccountForm(asker, row))
    accounts.refuse_shared(row, asker)
    form = AccountForm(asker, row, data=request.POST)
    if form.is_valid():
        try:
            _save(request, form)
        except Problem as problem:
            form.show(problem)
        else:
            notices.success(request, "Saved.")
            if not accounts.own(asker.workspace).filter(pk=row.pk).exists():
                return redirect("gateways", workspace=asker.workspace.pk)
            return redirect("email-account", workspace=asker.workspace.pk, account=row.pk)
    return _page(request, form, status=422)


@page("email/add/try/<slug:trial>/", "email-account-add-try", Right.GATEWAYS_WRITE)
@require_POST
def try_new(request: PageRequest, trial: str) -> HttpResponse:
    """Check or send a test with what the form says, before there is an account."""
    request.asker.require(Right.GATEWAYS_TEST)
    return _try(request, AccountForm(request.asker, data=request.POST), trial)


@page("email/<int:account>/try/<slug:trial>/", "email-account-try", Right.GATEWAYS_TEST)
@require_POST
def try_saved(request: PageRequest, account: int, trial: str) -> HttpResponse:
    """The same: with what was typed by those who may change it, else with what is saved."""
    row = accounts.find(request.asker.workspace, account)
    data = request.POST if accounts.may_change(request.asker, row) and "name" in request.POST else None
    return _try(request, AccountForm(request.asker, row, data=data), trial)


@page("email/<int:account>/default/", "email-account-default", Right.WORKSPACE_WRITE)
@require_POST
def make_default(request: PageRequest, account: int) -> HttpResponse:
    """From now on it takes what names no account."""
    asker = request.asker
    row = accounts.find(asker.workspace, account)
    accounts.make_default(asker.workspace, row, actor=asker.actor)
    notices.success(request, f"{row} is the default e-mail account now.")
    return redirect("gateways", workspace=asker.workspace.pk)


@page("email/<int:account>/delete/", "email-account-delete", Right.GATEWAYS_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: PageRequest, account: int) -> HttpResponse:
    """What deleting affects, and the button that does it."""
    asker = request.asker
    row = accounts.find(asker.workspace, account)
    accounts.refuse_shared(row, asker)
    if request.method == "POST":
        accounts.delete_account(row, actor=asker.actor, is_confirmed=True)
        notices.success(request, f"{row} is deleted.")
        return redirect("gateways", workspace=asker.workspace.pk)
    return render(request, "channels/account_delete.html", {"account": row, "waiting": accounts.waiting_for(row)})


def _save(request: PageRequest, form: AccountForm) -> EmailAccount:
    asker, name = request.asker, form.general.cleaned_data["name"]
    with transaction.atomic():
        if form.account is None:
            owners = form.workspaces or [asker.workspace]
            account = accounts.create_account(owners, name, form.values, actor=asker.actor)
        else:
            account = accounts.update_account(
                form.account, actor=asker.actor, name=name, settings=form.values, workspaces=form.workspaces
            )
        _set_default(request, form, account)
    return account


def _set_default(request: PageRequest, form: AccountForm, account: EmailAccount) -> None:
    workspace, wanted = request.asker.workspace, form.general.cleaned_data.get("is_default")
    is_own = accounts.own(workspace).filter(pk=account.pk).exists()
    is_default = accounts.chosen_default(workspace.pk) == account.pk
    if wanted is not None and (wanted and is_own) != is_default:
        accounts.make_default(workspace, account if wanted and is_own else None, actor=request.asker.actor)


def _try(request: PageRequest, form: AccountForm, trial: str) -> HttpResponse:
    if trial not in TITLES:
        raise Http404
    if form.is_posted and not form.is_valid():
        said = {"words": "Nothing was tried, because the form is not complete.", "faults": form.faults}
        return _panel(request, form, trial, said, status=422)
    try:
        if form.is_posted:
            server, account = form.server(), form.unsaved()
        else:
            assert form.account is not None
            server, account = server_of(form.account), form.account
        if trial == "check":
            result = trials.check(server, account.from_address)
        else:
            result = trials.send_test(server, account, request.POST.get("trial_to", ""))
    except Problem as problem:
        said = {"words": problem.detail, "advice": problem.remedy}
        return _panel(request, form, trial, said, status=problem.status)
    return _panel(request, form, trial, {"result": result, **_of_trial(result)})


def _of_trial(result: Trial) -> dict[str, Any]:
    return {"is_ok": result.is_ok, "words": result.words, "code": result.code, "advice": result.advice}


def _panel(
    request: PageRequest, form: AccountForm, trial: str, said: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The panel alone for htmx, which keeps what was typed in the page; else the page with the panel on it."""
    panel = {"is_ok": False, "title": TITLES[trial], **said}
    if request.headers.get("HX-Request"):
        return render(request, "channels/account_panel.html", {"panel": panel})
    return _page(request, form, panel=panel, status=status)


def _page(
    request: PageRequest, form: AccountForm, *, panel: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    asker, account = request.asker, form.account
    of = {"workspace": asker.workspace.pk} | ({"account": account.pk} if account else {})
    name = "email-account" if account else "email-account-add"
    shown = {
        "form": form,
        "account": account,
        "panel": panel,
        "may_change": account is None or accounts.may_change(asker, account),
        "may_test": asker.has(Right.GATEWAYS_TEST),
        "is_shared": account is not None and accounts.is_shared(account),
        "is_default": account is not None and accounts.default_of(asker.workspace.pk) == account.pk,
        "save_url": reverse(name, kwargs=of),
        "check_url": reverse(f"{name}-try", kwargs=of | {"trial": "check"}),
        "test_url": reverse(f"{name}-try", kwargs=of | {"trial": "test"}),
        "waiting": accounts.mail_counts(asker.workspace.pk, [account.pk]).get(account.pk, 0) if account else 0,
    }
    return render(request, "channels/account.html", shown, status=status)
