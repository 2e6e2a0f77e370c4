from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "gatepost.channels"
    label = "channels"

    def ready(self) -> None:
        from gatepost.audience import timeline
        from gatepost.channels import accounts, listing, moments
        from gatepost.channels.base import register
        from gatepost.channels.mail import Email
        from gatepost.channels.portal import CustomerPortal
        from gatepost.channels.sms import Sms
        from gatepost.gateways import listing as gateways
        from gatepost.gateways import secrets

        for channel in (Sms(), Email(), CustomerPortal()):
            register(channel)
        for source in (moments.mails, moments.portal_messages):
            timeline.register(source)
        gateways.register(listing.email_accounts)
        secrets.register_rotation(accounts.rotate_passwords)
