import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0002_gateway_health"),
    ]

    operations = [
        migrations.AddField(
            model_name="routingchange",
            name="seen_by",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None),
        ),
        migrations.AlterField(
            model_name="routingchange",
            name="kind",
            field=models.CharField(
                choices=[
                    ("rule", "Rule changed"),
                    ("default", "Default changed"),
                    ("gateway", "Gateway changed"),
                    ("down", "Gateway down"),
                    ("trial", "Gateway tried again"),
                    ("up", "Gateway back"),
                    ("cause", "Health changed"),
                    ("moved", "Queue moved"),
                ],
                max_length=10,
            ),
        ),
    ]
