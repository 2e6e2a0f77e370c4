"""What the buttons of the compose page do to a draft that has just been saved."""

from collections.abc import Callable, Mapping
from typing import Final

from django.db.models import QuerySet

from gatepost.campaigns import planning, services
from gatepost.campaigns.models import Campaign
from gatepost.channels import attachments
from gatepost.channels.models import Attachment
from gatepost.pages.access import PageRequest
from gatepost.problems import Fault, Problem
from gatepost.rest.storable import as_id
from gatepost.texts import services as texts
from gatepost.texts.models import Template
from gatepost.workspaces.models import Workspace


def templates_for(workspace: Workspace, send_to: str) -> QuerySet[Template]:
    """The templates that fit where it is sent; those of the portal also go with e-mail to both."""
    return texts.search(workspace, _channel(send_to))


def attachments_of(row: Campaign) -> list[Attachment]:
    """Its attachments that are still there, in order."""
    known = {one.pk: one for one in Attachment.objects.filter(workspace=row.workspace, pk__in=row.attachments)}
    return [known[pk] for pk in row.attachments if pk in known]


def _check(request: PageRequest, row: Campaign, _: str) -> str:
    """Say what is missing while the form is there to write it in; then have the plan worked out."""
    if found := services.faults(row):
        raise Problem("invalid", faults=found)
    planning.ask(row)
    return ""


def _use_template(request: PageRequest, row: Campaign, _: str) -> str:
    number = as_id(request.POST.get("template_choice", ""))
    if number is None:
        raise Problem("invalid", faults=[Fault("template_choice", "required", "Choose a template first.")])
    template = texts.find(row.workspace, number)
    said = {
        "subject": template.subject,
        "text": template.body,
        "missing": template.missing,
        "default": template.default,
        "template_id": template.pk,
        "template_version": template.version,
    }
    services.save(row, said, actor=request.asker.actor)
    return f"The text is that of {template}."


def _save_template(request: PageRequest, row: Campaign, _: str) -> str:
    draft = texts.Draft(
        _channel(row.send_to),
        request.POST.get("template_name", ""),
        row.text,
        row.subject,
        request.POST.get("template_category", ""),
        row.missing,
        row.default,
    )
    made = texts.save(row.workspace, draft, actor=request.asker.actor, user=request.asker.user)
    services.save(row, {"template_id": made.pk, "template_version": made.version}, actor=request.asker.actor)
    return f"Saved as the template {made}."


def _attach(request: PageRequest, row: Campaign, _: str) -> str:
    """Attach each of the files that fits; of the others it is said why."""
    files = request.FILES.getlist("attachment")
    if not files:
        raise Problem("no_file", remedy="Choose a file first.")
    actor = request.asker.actor
    made: list[Attachment] = []
    refused: list[tuple[str, Problem]] = []
    for file in files:
        name, content_type = file.name or "file", file.content_type or ""
        try:
            made.append(attachments.add(row.workspace, name, content_type, file.chunks(), actor=actor))
        except Problem as problem:
            refused.append((name, problem))
    if made:
        _also_attached(row, made, actor)
    if refused:
        words = "; ".join(f"{name}: {problem.detail}" for name, problem in refused)
        raise Problem(refused[0][1].code, words, remedy="The others are attached." if made else "")
    return ""


def _also_attached(row: Campaign, made: list[Attachment], actor: str) -> None:
    try:
        services.save(row, {"attachments": [*row.attachments, *(one.pk for one in made)]}, actor=actor)
    except Problem:
        for one in made:
            attachments.forget(one)
        raise


def _drop(request: PageRequest, row: Campaign, what: str) -> str:
    left = [pk for pk in row.attachments if str(pk) != what]
    services.save(row, {"attachments": left}, actor=request.asker.actor)
    return ""


def _channel(send_to: str) -> str:
    return "portal" if send_to == Campaign.SendTo.PORTAL_EMAIL else send_to or "sms"


ACTS: Final[Mapping[str, Callable[[PageRequest, Campaign, str], str]]] = {
    "check": _check,
    "use-template": _use_template,
    "save-template": _save_template,
    "attach": _attach,
    "drop": _drop,
}
"""By the name of the button; each says what it has done, or nothing where that is seen."""
