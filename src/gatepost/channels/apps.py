from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "gatepost.channels"
    label = "channels"

    def ready(self) -> None:
        from gatepost.channels.base import register
        from gatepost.channels.sms import Sms

        register(Sms())
