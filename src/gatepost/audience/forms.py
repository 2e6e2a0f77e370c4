"""The forms of contacts: which are shown, one contact, a document."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from gatepost.audience.models import Billing, Category, CustomField, Document, Kind, Segment, Service, Status
from gatepost.audience.values import FIELDS, TITLES
from gatepost.audience.vocabulary import Vocabulary

FIRST: Final = ("q", "segment", "kind", "status")
"""The filters that are always in sight."""
_CHOICES: Final = {"kind": Kind, "status": Status, "category": Category, "billing": Billing}
_SEVERAL: Final = ("phones", "plans", "lists", "tags")
_HELP: Final = {
    "phones": "One per line, the first is written to.",
    "plans": "One per line; a new name makes a new plan.",
    "lists": "One per line.",
    "tags": "One per line.",
    "external_id": "How your other systems call them.",
    "language": "Two letters, such as pl.",
    "time_zone": "Such as Europe/Warsaw.",
}


class ContactsForm(forms.Form):
    """Which contacts are shown; every field is optional."""

    q = forms.CharField(label="Search", max_length=200, required=False)
    segment = forms.ChoiceField(label="Segment", required=False)
    kind = forms.ChoiceField(label="Kind", required=False)
    status = forms.ChoiceField(label="Status", required=False)
    category = forms.ChoiceField(label="Category", required=False)
    billing = forms.ChoiceField(label="Type of billing", required=False)
    location = forms.ChoiceField(label="Location", required=False)
    partner = forms.ChoiceField(label="Partner", required=False)
    plans = forms.ChoiceField(label="Tariff plan", required=False)
    services = forms.ChoiceField(label="Service", required=False)
    lists = forms.ChoiceField(label="List", required=False)
    tags = forms.ChoiceField(label="Tag", required=False)

    def __init__(self, vocabulary: Vocabulary, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        segments = Segment.objects.filter(workspace_id=vocabulary.workspace_id).values_list("pk", "name")
        self._choices("segment", [(str(pk), name) for pk, name in segments])
        for name, enum in (*_CHOICES.items(), ("services", Service)):
            self._choices(name, [(str(value), str(label)) for value, label in enum.choices])
        for name in ("location", "partner", "plans", "lists", "tags"):
            entries = sorted(vocabulary.shown(name).items(), key=lambda entry: entry[1].casefold())
            self._choices(name, [(str(pk), written) for pk, written in entries])
        self.fields["q"].widget = forms.TextInput(
            attrs={"type": "search", "maxlength": 200, "placeholder": "Name, login, e-mail, number"}
        )

    def filter(self) -> dict[str, Any]:
        """What was chosen as a filter in JSON; a field that does not fit does not restrict."""
        self.is_valid()
        said = self.cleaned_data
        ops = {"plans": "any", "services": "any", "lists": "any", "tags": "any"}
        numbers = ("location", "partner", "plans", "lists", "tags")
        conditions = [
            {"field": name, "op": ops.get(name, "is"), "value": int(value) if name in numbers else value}
            for name, value in said.items()
            if value and name not in ("q", "segment")
        ]
        return {"all": conditions} if conditions else {}

    @property
    def is_asking(self) -> bool:
        """Whether anybody is to be left out."""
        return any(value not in (None, "") for value in self.cleaned_data.values())

    @property
    def more(self) -> list[forms.BoundField]:
        """The filters that are folded away until one of them is wanted."""
        return [field for field in self if field.name not in FIRST]

    @property
    def is_asking_more(self) -> bool:
        """Whether one of those leaves anybody out."""
        return any(self.cleaned_data.get(field.name) for field in self.more)

    def _choices(self, name: str, choices: list[tuple[str, str]], of_all: str = "All") -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", of_all), *choices]


class ContactForm(forms.Form):
    """One contact; what does not fit is said by the service."""

    def __init__(self, vocabulary: Vocabulary, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for name in FIELDS:
            self.fields[name] = _field(name)
        for key, one in vocabulary.custom.items():
            self.fields[f"custom.{key}"] = _custom_field(one)
        for name in ("location", "partner", "time_zone"):
            self.fields[name].widget.attrs["list"] = f"known-{name}"

    def said(self) -> dict[str, Any]:
        """What was written, by field."""
        return dict(self.cleaned_data)


class DocumentForm(forms.Form):
    """A financial document and its file."""

    kind = forms.ChoiceField(label="Kind", choices=Document.Kind.choices)
    number = forms.CharField(label="Number", max_length=60)
    date = forms.CharField(label="Date", widget=forms.TextInput(attrs={"type": "date"}))
    amount = forms.CharField(label="Amount", max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    currency = forms.CharField(label="Currency", max_length=3, required=False, help_text="Such as EUR.")
    file = forms.FileField(label="File", help_text="PDF, PNG or JPEG of at most 10 MiB.", allow_empty_file=True)


def initial_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """The contact as the form shows it."""
    return {name: "\n".join(value) if name in _SEVERAL else value for name, value in said.items()}


def _field(name: str) -> forms.Field:
    title, help_text = TITLES[name], _HELP.get(name, "")
    if name in _CHOICES:
        choices = [(str(value), str(label)) for value, label in _CHOICES[name].choices]
        blank = [("", "None")] if name == "billing" else []
        return forms.ChoiceField(label=title, choices=blank + choices, required=False)
    if name == "services":
        widget = forms.CheckboxSelectMultiple
        return forms.MultipleChoiceField(label=title, choices=Service.choices, required=False, widget=widget)
    if name in _SEVERAL:
        area = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
        return forms.CharField(label=title, required=False, help_text=help_text, widget=area)
    return forms.CharField(label=title, required=False, help_text=help_text, max_length=300)


def _custom_field(one: CustomField) -> forms.Field:
    if one.type == CustomField.Type.FLAG:
        flags = [("", "Not said"), ("yes", "Yes"), ("no", "No")]
        return forms.ChoiceField(label=one.label, choices=flags, required=False)
    if one.type == CustomField.Type.CHOICE:
        choices = [("", "None"), *((choice, choice) for choice in one.choices)]
        return forms.ChoiceField(label=one.label, choices=choices, required=False)
    kinds = {CustomField.Type.DATE: {"type": "date"}, CustomField.Type.NUMBER: {"inputmode": "decimal"}}
    widget = forms.TextInput(attrs=kinds.get(CustomField.Type(one.type), {}))
    return forms.CharField(label=one.label, required=False, widget=widget, max_length=1000)
