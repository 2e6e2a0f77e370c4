"""The form of a template."""

from collections.abc import Iterable
from typing import Any

from django import forms

from gatepost.audience.vocabulary import Vocabulary
from gatepost.texts.language import LONGEST_TEXT
from gatepost.texts.models import Channel, Missing, Template
from gatepost.texts.preview import Wanted
from gatepost.texts.services import LONGEST_CATEGORY, LONGEST_DEFAULT, LONGEST_NAME, LONGEST_SUBJECT, Draft
from gatepost.texts.values import Placeholder, placeholders

WITH_SUBJECT = f"{Channel.EMAIL.value}|{Channel.PORTAL.value}"


class TemplateForm(forms.Form):
    """One template as a person writes it; what does not fit is said by the service.

    `version`: the one that was opened, so that what somebody else saved since then is not lost.
    """

    channel = forms.ChoiceField(label="Channel", choices=Channel.choices)
    name = forms.CharField(label="Name", max_length=LONGEST_NAME, required=False)
    category = forms.CharField(
        label="Category", max_length=LONGEST_CATEGORY, required=False, help_text="Such as Billing; to find it again."
    )
    subject = forms.CharField(label="Subject", max_length=LONGEST_SUBJECT, required=False)
    body = forms.CharField(label="Text", max_length=LONGEST_TEXT, required=False, strip=False)
    missing = forms.ChoiceField(label="Where a value is missing", choices=Missing.choices)
    default = forms.CharField(label="Write instead", max_length=LONGEST_DEFAULT, required=False)
    version = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, row: Template | None = None, **more: Any) -> None:
        if row is not None:
            saved = {name: getattr(row, name) for name in self.base_fields}
            more["initial"] = saved | more.get("initial", {})
        super().__init__(*args, **more)
        if row is not None:
            self.fields["channel"].disabled = True
            self.fields["channel"].widget = forms.HiddenInput()
        widgets: dict[str, dict[str, Any]] = {
            "name": {"autocomplete": "off", "aria-required": "true"},
            "category": {"autocomplete": "off", "list": "categories"},
            "subject": {"autocomplete": "off", "dir": "auto", "data-when": "channel", "data-when-values": WITH_SUBJECT},
            "default": {"autocomplete": "off", "data-when": "missing", "data-when-values": Missing.DEFAULT.value},
        }
        for name, attributes in widgets.items():
            self.fields[name].widget.attrs |= attributes
        self.fields["body"].widget = forms.Textarea(attrs={"rows": 8, "aria-required": "true", "dir": "auto"})

    def draft(self) -> Draft:
        """What was written; the form must be valid."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        return Draft(**said | {"body": said["body"].replace("\r\n", "\n")})

    def wanted(self) -> Wanted:
        """What can be previewed of it so far."""
        said = {name: str(self[name].value() or "") for name in ("channel", "subject", "body", "missing", "default")}
        channel = said["channel"] if said["channel"] in Channel.values else Channel.SMS.value
        return Wanted(**said | {"channel": channel, "body": said["body"].replace("\r\n", "\n")})


def offered(vocabulary: Vocabulary) -> Iterable[tuple[str, Placeholder]]:
    """What a text may ask for, as it is written, without second names."""
    return [(f"{{{{ {one.name} }}}}", one) for one in placeholders(vocabulary).values() if not one.is_alias]
