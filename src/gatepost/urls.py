"""Where each part of the installation answers. Health, accept path and callbacks are served before Django."""

from django.urls import URLPattern, URLResolver, include, path

from gatepost.api.assembly import api
from gatepost.console.site import urlpatterns as console

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", api.urls),
    path("accounts/", include("gatepost.console.account_urls")),
    *console,
]
