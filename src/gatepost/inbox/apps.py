from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "gatepost.inbox"
    label = "inbox"
