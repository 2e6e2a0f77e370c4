from django.apps import AppConfig


class DispatchConfig(AppConfig):
    name = "gatepost.dispatch"
    label = "dispatch"

    def ready(self) -> None:
        from gatepost.dispatch.moving import DEPENDANT
        from gatepost.gateways import deletion

        deletion.register(DEPENDANT)
