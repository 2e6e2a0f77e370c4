"""The page of one gateway, new or saved: the form, what can be tried with it, and what surrounds it."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from gatepost.gateways import access, listing, services
from gatepost.gateways.balance import last_readings
from gatepost.gateways.evidence import health_of
from gatepost.gateways.forms import GatewayForm
from gatepost.gateways.panels import Panel
from gatepost.pages.access import PageRequest
from gatepost.providers.manifest import Preset
from gatepost.workspaces.permissions import Right

CALLBACKS = {
    "receipt": "Delivery receipts",
    "inbound": "Incoming SMS",
    "media": "Incoming MMS",
}


def show_form(
    request: PageRequest,
    form: GatewayForm,
    *,
    preset: Preset | None = None,
    panel: Panel | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page."""
    shown = {
        "form": form,
        "preset": preset,
        "panel": panel,
        "urls": _urls(request, form),
        "may_change": form.gateway is None or access.may_change(request.asker, form.gateway),
        "may_test": request.asker.has(Right.GATEWAYS_TEST),
        "can_check": form.provider.check is not None or form.provider.balance is not None,
        "can_tell_balance": form.provider.balance is not None,
        "monogram": listing.monogram(form.manifest.label),
        "has_public_url": bool(settings.CONFIG["PUBLIC_URL"]),
    }
    template = "gateways/edit.html" if form.gateway else "gateways/add.html"
    return render(request, template, shown | _of_saved(request, form), status=status)


def show_panel(request: PageRequest, form: GatewayForm, panel: Panel, *, status: int = 200) -> HttpResponse:
    """The panel alone for htmx, which keeps what was typed in the page; else the page with the panel on it."""
    if request.headers.get("HX-Request"):
        return render(request, "gateways/panel.html", {"panel": panel})
    return show_form(request, form, panel=panel, status=status)


def _of_saved(request: PageRequest, form: GatewayForm) -> dict[str, Any]:
    gateway = form.gateway
    if gateway is None:
        return {}
    may_change = access.may_change(request.asker, gateway)
    urls = services.callback_urls(gateway) if may_change else {}
    return {
        "gateway": gateway,
        "identifier": listing.identifier_of(gateway),
        "statuses": list(listing.statuses(gateway)),
        "secrets": listing.secrets_of(gateway),
        "health": health_of(request.asker.workspace.pk, [gateway.pk])[gateway.pk],
        "balance": last_readings([gateway.pk]).get(gateway.pk),
        "is_shared": access.is_shared(gateway),
        "is_default": request.asker.workspace.default_gateway_id == gateway.pk,
        "callbacks": [(CALLBACKS[kind], url) for kind, url in urls.items()],
        "takes_callbacks": "push" in (*form.manifest.receipts, *form.manifest.inbound_delivery),
    }


def _urls(request: PageRequest, form: GatewayForm) -> dict[str, str]:
    """Where each button of the page goes."""
    of = {"workspace": request.asker.workspace.pk}
    base = "gateway-add" if form.gateway is None else "gateway"
    own = {"provider": form.manifest.slug} if form.gateway is None else {"gateway": form.gateway.pk}
    found = {
        "save": reverse(base, kwargs=of | own),
        "check": reverse(f"{base}-try", kwargs=of | own | {"trial": "check"}),
        "balance": reverse(f"{base}-try", kwargs=of | own | {"trial": "balance"}),
        "test": reverse(f"{base}-test", kwargs=of | own),
        "provider": reverse("provider", kwargs=of | {"provider": form.manifest.slug}),
    }
    if form.provider.preview is not None:
        found["preview"] = reverse(f"{base}-preview", kwargs=of | own)
    if form.gateway is None and form.provider.import_preset is not None:
        found["import"] = reverse("gateway-import", kwargs=of | own)
    if form.gateway is not None and form.provider.export_preset is not None:
        found["export"] = reverse("gateway-preset", kwargs=of | own)
    return found
