from django.apps import AppConfig


class GatewaysConfig(AppConfig):
    name = "gatepost.gateways"
    label = "gateways"
