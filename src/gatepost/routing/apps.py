from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "gatepost.routing"
    label = "routing"

    def ready(self) -> None:
        from gatepost.gateways import deletion
        from gatepost.routing.services import DEPENDANT

        deletion.register(DEPENDANT)
