"""The page of the installation's workers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gatepost.dispatch.nodes import nodes
from gatepost.pages.access import own_page


@own_page("workers/", "workers", for_administrators=True)
@require_safe
def workers(request: HttpRequest) -> HttpResponse:
    """Who drives what; the table looks again by itself."""
    template = "dispatch/workers_table.html" if "HX-Request" in request.headers else "dispatch/workers.html"
    return render(request, template, {"nodes": nodes()})
