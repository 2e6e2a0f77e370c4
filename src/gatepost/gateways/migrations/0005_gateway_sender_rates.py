import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gateways", "0004_gateway_slowed_to"),
    ]

    operations = [
        migrations.AddField(
            model_name="gateway",
            name="sender_rates",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40), blank=True, default=list, size=None
            ),
        ),
    ]
