"""Where each part of the installation answers. Health, accept path and callbacks are served before Django."""

from django.urls import URLPattern, URLResolver, path

from gatepost.api.assembly import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", api.urls),
]
