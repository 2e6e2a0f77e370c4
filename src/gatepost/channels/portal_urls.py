"""The addresses of the customer portal."""

from typing import Final

from django.urls import URLPattern, path

from gatepost.channels import portal_pages

urlpatterns: Final[list[URLPattern]] = [
    path("unsubscribe/<str:token>", portal_pages.unsubscribe, name="portal-unsubscribe"),
    path("<int:workspace>/", portal_pages.door, name="portal-door"),
    path("<int:workspace>/enter/<str:token>", portal_pages.enter, name="portal-enter"),
    path("<int:workspace>/leave/", portal_pages.leave, name="portal-leave"),
    path("<int:workspace>/messages/", portal_pages.messages, name="portal-list"),
    path("<int:workspace>/messages/<str:ref>/", portal_pages.message, name="portal-read"),
    path("<int:workspace>/messages/<str:ref>/files/<str:key>", portal_pages.file, name="portal-file"),
]
