from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "gatepost.routing"
    label = "routing"

    def ready(self) -> None:
        from gatepost.gateways import deletion, evidence
        from gatepost.routing import changes, health_store
        from gatepost.routing.services import DEPENDANT
        from gatepost.workspaces import ways

        deletion.register(DEPENDANT)
        evidence.register_scorer(health_store.shown)
        ways.register(changes.keep)
