"""Forms: rendered the same way everywhere, and made from a provider's manifest where a provider decides the fields."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib import messages as notices
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest

from gatepost.problems import Problem
from gatepost.providers.fields import Field


class SecretTextarea(forms.Textarea):
    """What was typed into it never comes back to the page, and no draft of it is kept."""

    def format_value(self, value: Any) -> str | None:
        return None


class Renderer(TemplatesSetting):
    """Every field with its label, help, error and confidence, tied together for screen readers."""

    field_template_name = "pages/field.html"


def say_saved(request: HttpRequest, words: str, draft: str) -> None:
    """Say it on the next page, where the browser forgets the draft that it kept of this page's form (`data-draft`)."""
    notices.success(request, words, extra_tags=f"draft:{request.path}:{draft}")


def show_problem(form: forms.Form, problem: Problem, prefix: str = "") -> None:
    """Put the faults of a problem beside their fields, and what has no field on top."""
    shown = False
    for fault in problem.faults:
        name = fault.field.removeprefix(prefix)
        if name in form.fields:
            form.add_error(name, fault.detail)
            shown = True
        elif fault.field in form.fields:
            form.add_error(fault.field, fault.detail)
            shown = True
    if not shown:
        form.add_error(None, f"{problem.detail} {problem.remedy}")


def manifest_fields(fields: Iterable[Field], set_secrets: Iterable[str] = ()) -> dict[str, forms.Field]:
    """Form fields of a provider's settings. `set_secrets`: those that are saved already and may stay as they are."""
    kept = frozenset(set_secrets)
    return {field.name: _form_field(field, is_set=field.name in kept) for field in fields}


def groups(form: forms.Form, fields: Iterable[Field]) -> list[tuple[str, list[forms.BoundField]]]:
    """The bound fields of a manifest under the headings of its groups, in order."""
    found: dict[str, list[forms.BoundField]] = {}
    for field in fields:
        found.setdefault(field.group, []).append(form[field.name])
    return list(found.items())


def initial_text(field: Field, value: Any) -> Any:
    """A stored value as its form field shows it."""
    if field.kind == "lines":
        return "\n".join(value or ())
    if field.kind == "json":
        import json

        return json.dumps(value, indent=2, ensure_ascii=False) if value not in (None, "") else ""
    return value


def _form_field(field: Field, *, is_set: bool) -> forms.Field:
    made: forms.Field = _WIDGETS.get(field.kind, _plain)(field)
    made.label = field.title
    made.help_text = field.help
    made.required = False
    attributes = made.widget.attrs
    if field.required and not (field.secret and is_set):
        attributes["aria-required"] = "true"
    if field.secret and is_set:
        attributes["placeholder"] = "saved: leave empty to keep it"
    if field.when is not None:
        name, wanted = field.when
        values = wanted if isinstance(wanted, tuple) else (wanted,)
        attributes["data-when"] = name
        attributes["data-when-values"] = "|".join(_flag_text(value) for value in values)
    if field.confidence == "unverified":
        attributes["data-unverified"] = "true"
    return made


def _flag_text(value: object) -> str:
    return {True: "on", False: ""}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _plain(field: Field) -> forms.Field:
    kind = {"number": "number", "url": "url"}.get(field.kind, "text")
    attributes: dict[str, Any] = {"autocomplete": "off", "spellcheck": "false"}
    if field.kind == "number":
        attributes |= {k: v for k, v in (("min", field.min), ("max", field.max)) if v is not None}
    widget = forms.TextInput(attrs=attributes)
    widget.input_type = kind
    return forms.CharField(widget=widget, initial=field.default, strip=False)


def _secret(field: Field) -> forms.Field:
    attributes = {"autocomplete": "new-password", "spellcheck": "false"}
    return forms.CharField(widget=forms.PasswordInput(attrs=attributes), strip=False)


def _pem(field: Field) -> forms.Field:
    attributes = {"rows": 6, "spellcheck": "false", "class": "mono", "autocomplete": "off"}
    if field.secret:
        return forms.CharField(widget=SecretTextarea(attrs=attributes | {"data-secret": "true"}), strip=False)
    return forms.CharField(widget=forms.Textarea(attrs=attributes), strip=False)


def _area(field: Field) -> forms.Field:
    rows = {"lines": 3, "long_text": 4}.get(field.kind, 6)
    attributes = {"rows": rows, "spellcheck": "false", "class": "mono"}
    return forms.CharField(
        widget=forms.Textarea(attrs=attributes), initial=initial_text(field, field.default), strip=False
    )


def _choice(field: Field) -> forms.Field:
    return forms.ChoiceField(choices=field.choices, initial=field.default)


def _flag(field: Field) -> forms.Field:
    return forms.BooleanField(initial=field.default)


_WIDGETS: Mapping[str, Any] = {
    "secret": _secret,
    "pem": _pem,
    "long_text": _area,
    "lines": _area,
    "json": _area,
    "choice": _choice,
    "flag": _flag,
}
