from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gateways", "0003_gateway_is_draining_gateway_named_fails_over"),
    ]

    operations = [
        migrations.AddField(
            model_name="gateway",
            name="slowed_to",
            field=models.FloatField(blank=True, help_text="Per second, while the provider asks for less.", null=True),
        ),
    ]
