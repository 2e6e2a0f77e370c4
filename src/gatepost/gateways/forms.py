"""The form of a gateway: the provider's own fields from its manifest, the common ones, and what the workspace adds."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from gatepost.gateways import common, services
from gatepost.gateways.models import Gateway
from gatepost.gateways.settings import provider_of
from gatepost.pages.forms import groups, initial_text, manifest_fields, show_problem
from gatepost.problems import Problem
from gatepost.providers import base
from gatepost.providers.fields import Field
from gatepost.providers.manifest import Manifest
from gatepost.workspaces.access import Caller
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.permissions import Right

OWN: Final = "settings"
COMMON: Final = "common"


class GatewayForm:
    """Everything that is asked about a gateway. Three Django forms, because providers choose their own field names.

    `data`: what was posted, None for a form that is shown first. `settings`: values to begin with (a preset).
    """

    def __init__(
        self,
        asker: Caller,
        provider: str,
        gateway: Gateway | None = None,
        *,
        data: QueryDict | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.asker = asker
        self.gateway = gateway
        self.provider = provider_of(provider)
        self.manifest: Manifest = self.provider.manifest
        self.is_posted = data is not None
        stored = dict(services.shown_settings(gateway)) if gateway else {}
        self._stored = stored | dict(settings or {})
        self.general = _general(asker, gateway, self.manifest, data)
        self.own = _own(self.manifest, gateway, self._stored, data)
        self.common = _common(self.manifest, gateway, data)

    @property
    def own_groups(self) -> list[dict[str, Any]]:
        """The provider's groups; the first are open, the others where they hold a fault or differ from the default."""
        by_name = {field.name: field for field in self.manifest.fields}
        found = groups(self.own, self.manifest.fields)
        return [_group(title, bound, by_name, self._stored, n < 2) for n, (title, bound) in enumerate(found)]

    @property
    def common_groups(self) -> list[dict[str, Any]]:
        """Those are open that hold a fault or differ from what a new gateway starts with."""
        stored = {name: getattr(self.gateway, name) for name in common.BY_NAME} if self.gateway else {}
        usual = common.from_manifest(self.manifest)
        own = {name: value for name, value in stored.items() if name not in usual or usual[name] != value}
        found = groups(self.common, [field for field in common.FIELDS if field.name in self.common.fields])
        return [_group(title, bound, common.BY_NAME, own, False) for title, bound in found]

    @property
    def settings(self) -> dict[str, Any]:
        """What was typed into the provider's fields; an empty secret keeps the saved one."""
        values = {field.name: self._typed(field) for field in self.manifest.fields}
        return values | dict.fromkeys(self.own.cleaned_data.get("forget", ()), "")

    @property
    def common_values(self) -> dict[str, Any]:
        return {name: self.common.cleaned_data.get(name) for name in self.common.fields}

    @property
    def workspaces(self) -> list[Workspace] | None:
        """Those that an administrator has chosen; None where that is not theirs to say."""
        chosen = self.general.cleaned_data.get("workspaces")
        return None if chosen is None else list(Workspace.objects.filter(pk__in=chosen))

    def is_valid(self) -> bool:
        """Every fault is put beside its field: of the forms, of the provider's settings and of the common ones."""
        parts = (self.general, self.own, self.common)
        if any(part.errors for part in parts):
            return False
        try:
            self.unsaved()
        except Problem as problem:
            self.show(problem)
        _, faults = common.clean(self.common_values, self.manifest)
        if faults:
            self.show(Problem("invalid", faults=faults))
        return not any(part.errors for part in parts)

    def unsaved(self) -> base.Gateway:
        """The gateway as the form shows it. Raises Problem `invalid_settings`."""
        return services.unsaved(self.manifest.slug, self.settings, self.gateway)

    def is_changed(self) -> bool:
        """Whether what was typed differs from what is saved; the form must be valid."""
        if self.gateway is None:
            return True
        cleaned, _ = common.clean(self.common_values, self.manifest)
        is_common = any(getattr(self.gateway, name) != value for name, value in cleaned.items())
        is_own = dict(self.unsaved().settings) != dict(services.runtime(self.gateway).settings)
        return is_common or is_own or self.general.cleaned_data["name"].strip() != self.gateway.name

    def show(self, problem: Problem) -> None:
        """Put each fault into the form that has its field; what belongs to none goes on top."""
        for form, prefix in ((self.own, f"{OWN}."), (self.common, ""), (self.general, "")):
            own = [fault for fault in problem.faults if fault.field.removeprefix(prefix) in form.fields]
            own = [fault for fault in own if fault.field.startswith(prefix)]
            if own:
                show_problem(form, Problem(problem.code, faults=own), prefix)
        known = {f"{OWN}.{name}" for name in self.own.fields} | {*self.common.fields, *self.general.fields}
        if not problem.faults or any(fault.field not in known for fault in problem.faults):
            self.general.add_error(None, f"{problem.detail} {problem.remedy}")

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Every fault with the title of its field, for places that do not show the fields."""
        return [
            (str(form.fields[name].label) if name in form.fields else "", " ".join(map(str, errors)))
            for form in (self.general, self.own, self.common)
            for name, errors in form.errors.items()
        ]

    def _typed(self, field: Field) -> Any:
        value = self.own.cleaned_data.get(field.name)
        is_kept = field.secret and self.gateway is not None and value in (None, "")
        return None if is_kept else value


def _general(asker: Caller, gateway: Gateway | None, manifest: Manifest, data: QueryDict | None) -> forms.Form:
    name = gateway.name if gateway else "" if data is not None else _free_name(manifest)
    fields: dict[str, forms.Field] = {
        "name": name_field(name, "Tells your gateways apart; programs may choose a gateway by it.")
    }
    if asker.is_administrator:
        chosen = [one.pk for one in gateway.workspaces.all()] if gateway else [asker.workspace.pk]
        fields["workspaces"] = workspaces_field(chosen, whose="messages")
    if asker.has(Right.WORKSPACE_WRITE):
        default_id = asker.workspace.default_gateway_id
        is_default = default_id == gateway.pk if gateway else default_id is None
        fields["is_default"] = forms.BooleanField(
            label=f"Default gateway of {asker.workspace.name}",
            initial=is_default,
            required=False,
            help_text="Takes the messages that name no gateway.",
        )
    return _made("General", fields)(data)


def _free_name(manifest: Manifest) -> str:
    """The provider's label, with a number where there is a gateway of that name."""
    taken = {name.lower() for name in Gateway.objects.values_list("name", flat=True)}
    names = [manifest.label, *(f"{manifest.label} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name.lower() not in taken)


def _own(
    manifest: Manifest, gateway: Gateway | None, stored: Mapping[str, Any], data: MultiValueDict[str, str] | None
) -> forms.Form:
    is_set = [name for name, (set_at, _) in services.secret_states(gateway).items() if set_at] if gateway else []
    fields = manifest_fields(manifest.fields, is_set)
    titles = {field.name: field for field in manifest.fields}
    optional = [(name, titles[name].title) for name in is_set if not titles[name].required]
    if optional:
        fields["forget"] = forms.MultipleChoiceField(
            label="Remove saved secrets",
            choices=optional,
            widget=forms.CheckboxSelectMultiple,
            required=False,
            help_text="A secret that is typed above replaces the saved one; here it can be taken away.",
        )
    initial = {
        field.name: initial_text(field, stored[field.name])
        for field in manifest.fields
        if not field.secret and stored.get(field.name) is not None
    }
    return _made("Own", fields)(data, prefix=OWN, initial=initial)


def _common(manifest: Manifest, gateway: Gateway | None, data: QueryDict | None) -> forms.Form:
    offered = [field for field in common.FIELDS if field.name != "pattern" or manifest.batch is not None]
    if gateway:
        stored = {field.name: getattr(gateway, field.name) for field in offered}
    else:
        stored = common.from_manifest(manifest)
    by_name = common.BY_NAME
    shown = {name: f"{value:g}" if isinstance(value, float) else value for name, value in stored.items()}
    initial = {name: initial_text(by_name[name], value) for name, value in shown.items() if value is not None}
    return _made("Common", manifest_fields(offered))(data, prefix=COMMON, initial=initial)


def _made(name: str, fields: dict[str, forms.Field]) -> type[forms.Form]:
    return type(f"{name}Form", (forms.Form,), dict(fields))


def _group(
    title: str,
    bound: list[forms.BoundField],
    by_name: Mapping[str, Field],
    stored: Mapping[str, Any],
    is_first: bool,
) -> dict[str, Any]:
    has_fault = any(field.errors for field in bound)
    differs = any(_differs(by_name[field.name], stored.get(field.name)) for field in bound)
    return {"title": title, "fields": bound, "is_open": is_first or has_fault or differs}


def _differs(field: Field, value: Any) -> bool:
    plain = tuple(value) if isinstance(value, list) else value
    return plain not in (None, "", ()) and plain != field.default


def name_field(initial: str, help_text: str) -> forms.CharField:
    """What an account is called."""
    return forms.CharField(
        max_length=100,
        initial=initial,
        help_text=help_text,
        error_messages={"required": "Write a name of 1 to 100 characters."},
    )


def workspaces_field(chosen: list[int], *, whose: str) -> forms.TypedMultipleChoiceField:
    """Whose account it is; `whose`: what the workspaces send through it."""
    return forms.TypedMultipleChoiceField(
        label="Assigned workspaces",
        choices=list(Workspace.objects.order_by("name").values_list("pk", "name")),
        coerce=int,
        initial=chosen,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one workspace."},
        help_text=f"Whose {whose} may go through it. With several, only an administrator may change it.",
    )
