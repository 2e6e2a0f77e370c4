from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "gatepost.campaigns"
    label = "campaigns"
