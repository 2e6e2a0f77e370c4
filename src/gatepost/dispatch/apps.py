from django.apps import AppConfig


class DispatchConfig(AppConfig):
    name = "gatepost.dispatch"
    label = "dispatch"
