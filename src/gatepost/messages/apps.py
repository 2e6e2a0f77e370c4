from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "gatepost.messages"
    label = "sms_messages"
