from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "gatepost.workspaces"
    label = "workspaces"
