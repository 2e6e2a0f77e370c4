from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_campaign_peer"),
    ]

    operations = [
        migrations.AlterField(
            model_name="campaign",
            name="subject",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                F("workspace"),
                Coalesce("started_at", "created_at").desc(),
                F("id").desc(),
                name="campaign_by_time",
            ),
        ),
    ]
