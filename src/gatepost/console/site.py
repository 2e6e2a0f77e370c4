"""The console's addresses: the pages that the slices declare, and the few that lie outside a workspace."""

from importlib import import_module
from typing import Final

from django.urls import URLPattern, URLResolver, include, path

from gatepost.console import entrance
from gatepost.pages.access import urlpatterns as pages

SLICES: Final = (
    "gatepost.console.views",
    "gatepost.console.phone_views",
    "gatepost.console.mailbox_views",
    "gatepost.messages.views",
    "gatepost.messages.views_where",
    "gatepost.dispatch.views_message",
    "gatepost.dispatch.views_doubts",
    "gatepost.dispatch.views_nodes",
    "gatepost.dispatch.views_trial",
    "gatepost.gateways.views",
    "gatepost.routing.views",
    "gatepost.routing.views_health",
    "gatepost.dispatch.views_queue",
    "gatepost.inbox.views",
    "gatepost.audience.views",
    "gatepost.texts.views",
    "gatepost.channels.views",
    "gatepost.links.views",
    "gatepost.campaigns.views",
)
"""Modules whose import declares pages."""

for _module in SLICES:
    import_module(_module)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", entrance.index, name="index"),
    path("sign-in/<str:token>", entrance.sign_in_by_link, name="sign-in-link"),
    path("portal/", include("gatepost.channels.portal_urls")),
    *pages(),
]
