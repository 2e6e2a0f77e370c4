from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "gatepost.workspaces"
    label = "workspaces"

    def ready(self) -> None:
        from gatepost.workspaces import trail

        assert trail
