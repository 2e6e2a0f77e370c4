from django.apps import AppConfig


class LinksConfig(AppConfig):
    name = "gatepost.links"
    label = "links"
