"""The live preview of a described gateway: the exact request that the form would make for a sample message."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from gatepost.gateways import services
from gatepost.gateways.forms import OWN, GatewayForm
from gatepost.pages.access import PageRequest
from gatepost.problems import Problem
from gatepost.providers.kit.http_template.escape import Unrenderable
from gatepost.providers.wire import Request
from gatepost.transport.traces import decode

MOST_MISSING = 6


def preview_of(request: PageRequest, form: GatewayForm) -> HttpResponse:
    """The request as it would leave, secrets masked; or what keeps it from being made."""
    if form.provider.preview is None:
        raise Http404
    problem, asked, missing = "", None, list[str]()
    if not form.own.is_valid():
        problem = "; ".join(words for _, words in form.faults)
    else:
        try:
            asked = _asked(form, dict(form.settings), missing)
        except Problem as found:
            problem = found.detail
        except Unrenderable as found:
            problem = found.words
    shown = {"asked": asked, "body": decode(asked.body) if asked else "", "problem": problem, "missing": missing}
    return render(request, "gateways/preview.html", shown)


def _asked(form: GatewayForm, settings: dict[str, Any], missing: list[str]) -> Request:
    """The request; for credentials that are not typed yet, their names stand in it and in `missing`."""
    assert form.provider.preview is not None
    titles = {field.name: field.title for field in form.manifest.fields if field.group == "Credentials"}
    while True:
        try:
            account = services.unsaved(form.manifest.slug, settings, form.gateway)
        except Problem as problem:
            names = [fault.field.removeprefix(f"{OWN}.") for fault in problem.faults if fault.code == "required"]
            wanted = [name for name in names if name in titles and titles[name] not in missing]
            if not wanted or len(missing) > MOST_MISSING:
                raise
            settings |= {name: titles[name] for name in wanted}
            missing += [titles[name] for name in wanted]
        else:
            return form.provider.preview(account.settings)
