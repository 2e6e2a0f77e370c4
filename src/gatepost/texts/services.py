"""Templates: what is checked when one is saved, its versions, and who changed what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from gatepost.audience.models import CustomField
from gatepost.audience.vocabulary import Vocabulary, load
from gatepost.problems import Fault, Problem
from gatepost.rest.storable import is_storable
from gatepost.texts.language import Text, TextFault, compile_text
from gatepost.texts.models import Channel, Missing, Template, TemplateVersion
from gatepost.texts.values import placeholders
from gatepost.workspaces.models import User, Workspace
from gatepost.workspaces.services import audit

MOST_TEMPLATES: Final = 1000
LONGEST_NAME: Final = 100
LONGEST_CATEGORY: Final = 60
LONGEST_SUBJECT: Final = 300
LONGEST_DEFAULT: Final = 200
SAMPLES: Final[Mapping[str, Any]] = {
    CustomField.Type.NUMBER: 1,
    CustomField.Type.DATE: "2026-01-31",
    CustomField.Type.FLAG: True,
}
"""What a text is tried with when it is saved; every other value is the text "1", which is a number as well."""
LISTS: Final = frozenset({"plans", "plan", "services", "lists", "tags", "phones"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A template as somebody wrote it. `subject` belongs to e-mail and the portal."""

    channel: str
    name: str
    body: str
    subject: str = ""
    category: str = ""
    missing: str = Missing.REFUSE.value
    default: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """The texts of a message, ready to be rendered."""

    subject: Text
    body: Text

    @property
    def fields(self) -> frozenset[str]:
        """The values that either may ask for."""
        return self.subject.fields | self.body.fields


def own(workspace: Workspace) -> QuerySet[Template]:
    """The templates of the workspace."""
    return Template.objects.filter(workspace=workspace)


def find(workspace: Workspace, template_id: int) -> Template:
    """One of them. Raises Problem `not_found`."""
    row = own(workspace).filter(pk=template_id).select_related("workspace").first()
    if row is None:
        raise Problem("not_found", "The workspace has no such template.")
    return row


def search(workspace: Workspace, channel: str = "", category: str = "", wanted: str = "") -> QuerySet[Template]:
    """Those of the channel and category whose name or text contains the words, by category and name."""
    found = own(workspace)
    if channel:
        found = found.filter(channel=channel)
    if category:
        found = found.filter(category=category)
    if words := " ".join(wanted.replace("\x00", "").split()):
        found = found.filter(Q(name__icontains=words) | Q(body__icontains=words) | Q(subject__icontains=words))
    return found.order_by("category", "name", "pk")


def categories(workspace: Workspace) -> list[str]:
    """Those in use, by name."""
    used = own(workspace).exclude(category="").order_by("category").values_list("category", flat=True)
    return list(dict.fromkeys(used))


def check(vocabulary: Vocabulary, channel: str, subject: str, body: str) -> Written:
    """The texts of a message, compiled and tried. Raises Problem `invalid` with faults of `subject` and `body`."""
    known = placeholders(vocabulary)
    faults: list[Fault] = []
    texts: dict[str, Text] = {}
    for about, source in (("subject", subject if channel != Channel.SMS else ""), ("body", body)):
        try:
            texts[about] = compile_text(source.replace("\r\n", "\n"), known, about=about)
            texts[about].render(_sample(vocabulary, texts[about]))
        except Problem as problem:
            faults += problem.faults
        except TextFault as fault:
            faults.append(Fault(about, "cannot_render", fault.words))
    if not body.strip():
        faults.append(Fault("body", "required", "Write the text."))
    if channel == Channel.EMAIL and not subject.strip():
        faults.append(Fault("subject", "required", "Write the subject of the e-mail."))
    if faults:
        raise Problem("invalid", faults=faults)
    return Written(texts["subject"], texts["body"])


def save(
    workspace: Workspace,
    draft: Draft,
    *,
    row: Template | None = None,
    version: int | None = None,
    actor: str,
    user: User | None = None,
) -> Template:
    """Make a template, or with `row` a new version of it; one that says the same is none.

    `version`: the one that was changed; another one since then is refused. Raises Problem `invalid`, `name_taken`,
    `template_changed` or `not_found`.
    """
    draft = _tidied(draft)
    check(load(workspace), draft.channel, draft.subject, draft.body)
    try:
        with transaction.atomic():
            if row is None:
                return _created(workspace, draft, actor=actor, user=user)
            return _changed(row, draft, version, actor=actor, user=user)
    except IntegrityError:
        fault = Fault("name", "taken", "There is a template of this name for this channel.")
        raise Problem("name_taken", faults=[fault]) from None


def restore(row: Template, version: int, *, actor: str, user: User | None = None) -> Template:
    """Make a former version the newest one. Raises Problem `not_found`, and what `save` raises."""
    former = row.versions.filter(version=version).first()
    if former is None:
        raise Problem("not_found", "The template has no such version.")
    return save(row.workspace, draft_of(former, row.channel), row=row, actor=actor, user=user)


def delete(row: Template, *, actor: str) -> None:
    """Delete it with its versions; what was sent with it stays as it was sent."""
    with transaction.atomic():
        audit(actor, "template.delete", row, row.workspace, channel=row.channel)
        row.delete()


def draft_of(said: Template | TemplateVersion, channel: str) -> Draft:
    """What is said by it."""
    return Draft(channel, said.name, said.body, said.subject, said.category, said.missing, said.default)


def _created(workspace: Workspace, draft: Draft, *, actor: str, user: User | None) -> Template:
    if own(workspace).count() >= MOST_TEMPLATES:
        raise Problem("invalid", f"At most {MOST_TEMPLATES} templates.", remedy="Delete one that is not needed.")
    row = Template.objects.create(workspace=workspace, channel=draft.channel, **_columns(draft))
    _keep(row, actor=actor, user=user)
    audit(actor, "template.add", row, workspace, channel=row.channel)
    return find(workspace, row.pk)


def _changed(row: Template, draft: Draft, version: int | None, *, actor: str, user: User | None) -> Template:
    locked = Template.objects.select_for_update().filter(pk=row.pk).first()
    if locked is None:
        raise Problem("not_found", "The template was deleted.")
    if version is not None and version != locked.version:
        raise Problem("template_changed", f"Version {locked.version} was saved since you opened version {version}.")
    if draft_of(locked, locked.channel) != replace(draft, channel=locked.channel):
        for column, value in _columns(draft).items():
            setattr(locked, column, value)
        locked.version += 1
        locked.saved_at = Now()
        locked.save()
        _keep(locked, actor=actor, user=user)
        audit(actor, "template.change", locked, row.workspace, version=locked.version)
    return find(row.workspace, row.pk)


def _keep(row: Template, *, actor: str, user: User | None) -> None:
    said = _columns(draft_of(row, row.channel))
    TemplateVersion.objects.create(template=row, version=row.version, saved_by=user, actor=actor[:200], **said)


def _columns(draft: Draft) -> dict[str, str]:
    return {
        "category": draft.category,
        "name": draft.name,
        "subject": draft.subject,
        "body": draft.body,
        "missing": draft.missing,
        "default": draft.default,
    }


def _tidied(draft: Draft) -> Draft:
    """The draft as it is kept. Raises Problem `invalid`."""
    faults = []
    limits = {
        "name": LONGEST_NAME,
        "category": LONGEST_CATEGORY,
        "subject": LONGEST_SUBJECT,
        "default": LONGEST_DEFAULT,
    }
    lines = {name: " ".join(str(getattr(draft, name)).split()) for name in limits}
    for name, limit in limits.items():
        if len(lines[name]) > limit:
            faults.append(Fault(name, "too_long", f"At most {limit} characters."))
        if not is_storable(lines[name]):
            faults.append(Fault(name, "bad_text", "The text holds a NUL or half a character. Remove it."))
    if not lines["name"]:
        faults.append(Fault("name", "required", "Write a name."))
    if draft.channel not in Channel.values:
        faults.append(Fault("channel", "bad_choice", f"Choose one of {', '.join(Channel.values)}."))
    if draft.missing not in Missing.values:
        faults.append(Fault("missing", "bad_choice", f"Choose one of {', '.join(Missing.values)}."))
    if draft.missing == Missing.DEFAULT and not lines["default"]:
        faults.append(Fault("default", "required", "Write what is to stand there."))
    if faults:
        raise Problem("invalid", faults=faults)
    if draft.channel == Channel.SMS:
        lines["subject"] = ""
    if draft.missing != Missing.DEFAULT:
        lines["default"] = ""
    return replace(draft, **lines, body=draft.body.replace("\r\n", "\n"))


def _sample(vocabulary: Vocabulary, text: Text) -> dict[str, Any]:
    """A value for everything that the text asks for, of the field's type."""
    sample: dict[str, Any] = {}
    for name in text.fields:
        custom = vocabulary.custom.get(name.removeprefix("custom."))
        sample[name] = ["1"] if name in LISTS else SAMPLES.get(custom.type if custom else "", "1")
    return sample
