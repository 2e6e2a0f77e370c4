from django.apps import AppConfig


class AudienceConfig(AppConfig):
    name = "gatepost.audience"
    label = "audience"
