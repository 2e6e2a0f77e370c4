from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "gatepost.inbox"
    label = "inbox"

    def ready(self) -> None:
        from gatepost.audience import timeline
        from gatepost.inbox.timeline import of_contact

        timeline.register(of_contact)
