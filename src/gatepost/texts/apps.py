from django.apps import AppConfig


class TextsConfig(AppConfig):
    name = "gatepost.texts"
    label = "texts"
