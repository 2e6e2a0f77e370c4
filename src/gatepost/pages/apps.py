from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "gatepost.pages"
    label = "pages"
