from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "gatepost.messages"
    label = "sms_messages"

    def ready(self) -> None:
        from gatepost.gateways import evidence
        from gatepost.messages.evidence import count

        evidence.register(count)
