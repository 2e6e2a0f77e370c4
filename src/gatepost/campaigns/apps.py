from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "gatepost.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        from gatepost.audience import segments
        from gatepost.campaigns import people

        segments.register(segments.Use(people.waiting_for, people.outdate))
