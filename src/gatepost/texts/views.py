"""Pages: the templates of the workspace, one of them with its live preview, its versions."""

from typing import Any

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.audience import contacts
from gatepost.audience.models import Contact
from gatepost.audience.vocabulary import Vocabulary, load
from gatepost.pages.access import PageRequest, page
from gatepost.pages.forms import say_saved, show_problem
from gatepost.problems import Problem
from gatepost.rest.storable import as_id
from gatepost.texts import services
from gatepost.texts.forms import TemplateForm, offered
from gatepost.texts.models import Channel, Template
from gatepost.texts.preview import Wanted, preview, random_contact, worst_case
from gatepost.workspaces.permissions import Right

LARGEST = 2**63 - 1
VERSIONS = 200


@page("templates/", "templates", Right.TEMPLATES_READ)
@require_safe
def show_templates(request: PageRequest) -> HttpResponse:
    """The templates by category and name."""
    workspace = request.asker.workspace
    channel, category, wanted = (request.GET.get(name, "").replace("\x00", "") for name in ("channel", "category", "q"))
    channel = channel if channel in Channel.values else ""
    context = {
        "rows": services.search(workspace, channel, category, wanted),
        "channels": [("", "All"), *Channel.choices],
        "channel": channel,
        "category": category,
        "categories": services.categories(workspace),
        "wanted": wanted,
        "is_new": not services.own(workspace).exists(),
        "may_write": request.asker.has(Right.TEMPLATES_WRITE),
    }
    return render(request, "texts/templates.html", context)


@page("templates/add/", "template-add", Right.TEMPLATES_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PageRequest) -> HttpResponse:
    """A new template."""
    initial = {name: request.GET[name] for name in ("channel", "category", "subject", "body") if name in request.GET}
    return _edit(request, TemplateForm(request.POST or None, initial=initial), None)


@page("templates/<int:template>/", "template", Right.TEMPLATES_READ, writes=Right.TEMPLATES_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, template: int) -> HttpResponse:
    """One template; saving it makes a new version."""
    row = _find(request, template)
    return _edit(request, TemplateForm(request.POST or None, row=row), row)


@page("templates/<int:template>/delete/", "template-delete", Right.TEMPLATES_WRITE)
@require_POST
def delete(request: PageRequest, template: int) -> HttpResponse:
    """Delete a template; its page asks first."""
    row = _find(request, template)
    services.delete(row, actor=request.asker.actor)
    notices.success(request, f"{row} was deleted. What was sent with it stays as it was sent.")
    return redirect("templates", workspace=request.asker.workspace.pk)


@page("templates/<int:template>/versions/", "template-versions", Right.TEMPLATES_READ, writes=Right.TEMPLATES_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def versions(request: PageRequest, template: int) -> HttpResponse:
    """Every version, newest first; POST makes one of them the newest."""
    row = _find(request, template)
    if request.method == "POST":
        asker = request.asker
        try:
            services.restore(row, as_id(request.POST.get("version", "")) or 0, actor=asker.actor, user=asker.user)
            notices.success(request, "Restored, as a new version.")
            return redirect("template", workspace=asker.workspace.pk, template=row.pk)
        except Problem as problem:
            notices.error(request, f"{problem.detail} {problem.remedy}")
    context = {
        "template": row,
        "rows": row.versions.select_related("saved_by")[:VERSIONS],
        "may_write": request.asker.has(Right.TEMPLATES_WRITE),
    }
    return render(request, "texts/versions.html", context)


@page("templates/preview/", "template-preview", Right.CONTACTS_READ)
@require_POST
def show_preview(request: PageRequest) -> HttpResponse:
    """What is being written becomes this for somebody, while it is being written."""
    vocabulary = load(request.asker.workspace)
    wanted = TemplateForm(request.POST).wanted()
    context = _previewed(request, vocabulary, wanted) | {"was_picked": "pick" in request.POST}
    return render(request, "texts/preview.html", context)


def _edit(request: PageRequest, form: TemplateForm, row: Template | None) -> HttpResponse:
    asker = request.asker
    status = 200
    if request.method == "POST" and "preview" not in request.POST:
        status = 422
        if form.is_valid():
            try:
                version = form.cleaned_data["version"]
                made = services.save(
                    asker.workspace, form.draft(), row=row, version=version, actor=asker.actor, user=asker.user
                )
            except Problem as problem:
                show_problem(form, problem)
                status = problem.status
            else:
                say_saved(request, f"{made} is saved: version {made.version}.", "template-new-0")
                return redirect("template", workspace=asker.workspace.pk, template=made.pk)
    vocabulary = load(asker.workspace)
    context = {
        "form": form,
        "template": row,
        "offered": offered(vocabulary),
        "categories": services.categories(asker.workspace),
        "may_write": asker.has(Right.TEMPLATES_WRITE),
        **_previewed(request, vocabulary, form.wanted()),
    }
    return render(request, "texts/template.html", context, status=status)


def _previewed(request: PageRequest, vocabulary: Vocabulary, wanted: Wanted) -> dict[str, Any]:
    trouble = ""
    contact = None
    try:
        contact = _for_whom(request, vocabulary, wanted)
    except Problem as problem:
        trouble = problem.detail
    is_empty = not wanted.body.strip() and not wanted.subject.strip()
    return {"preview": None if is_empty else preview(vocabulary, wanted, contact), "trouble": trouble}


def _for_whom(request: PageRequest, vocabulary: Vocabulary, wanted: Wanted) -> Contact | None:
    """Whoever was asked for: by a button, by words, or the one of before; else anybody. Raises Problem."""
    everybody = contacts.own(request.asker.workspace)
    pick, who = request.POST.get("pick", ""), request.POST.get("who", "").strip()
    if pick == "longest":
        return worst_case(vocabulary, wanted, everybody)
    if who and pick != "random":
        found = contacts.search(everybody, who[:200], vocabulary.default_country).order_by("pk").first()
        if found is None:
            raise Problem("not_found", "Nobody is found by these words.")
        return found
    before = None
    if pick != "random":
        before = everybody.filter(pk=as_id(request.POST.get("contact", "")) or 0).first()
    return before or random_contact(everybody)


def _find(request: PageRequest, template_id: int) -> Template:
    return services.find(request.asker.workspace, min(template_id, LARGEST))
