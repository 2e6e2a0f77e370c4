"""The live preview of a described gateway: the exact request that the form would make for a sample message."""

from django.http import Http404, HttpResponse
from django.shortcuts import render

from gatepost.gateways.forms import GatewayForm
from gatepost.pages.access import PageRequest
from gatepost.problems import Problem
from gatepost.providers.kit.http_template.escape import Unrenderable
from gatepost.transport.traces import decode


def preview_of(request: PageRequest, form: GatewayForm) -> HttpResponse:
    """The request as it would leave, secrets masked; or what keeps it from being made."""
    made = form.provider.preview
    if made is None:
        raise Http404
    problem, asked = "", None
    if not form.own.is_valid():
        problem = "; ".join(words for _, words in form.faults)
    else:
        try:
            asked = made(form.unsaved().settings)
        except Problem as found:
            problem = found.detail
        except Unrenderable as found:
            problem = found.words
    shown = {"asked": asked, "body": decode(asked.body) if asked else "", "problem": problem}
    return render(request, "gateways/preview.html", shown)
