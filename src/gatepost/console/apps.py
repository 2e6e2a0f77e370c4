from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "gatepost.console"
    label = "console"
