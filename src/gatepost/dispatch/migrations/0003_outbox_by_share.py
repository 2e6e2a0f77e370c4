import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0002_sequences"),
        ("gateways", "0002_balance_reading"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="outbox",
            name="outbox_due",
        ),
        migrations.RemoveIndex(
            model_name="outbox",
            name="outbox_expiry",
        ),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                models.F("gateway"),
                models.F("lane"),
                models.F("workspace_id"),
                django.db.models.functions.comparison.Coalesce("campaign_id", models.Value(0)),
                models.F("due_at"),
                models.F("message_id"),
                condition=models.Q(("held__isnull", True)),
                name="outbox_by_share",
            ),
        ),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(
                condition=models.Q(("held__isnull", False)),
                fields=["gateway", "held", "workspace_id"],
                name="outbox_held",
            ),
        ),
        migrations.AddIndex(
            model_name="outbox",
            index=models.Index(fields=["gateway", "expires_at"], name="outbox_by_expiry"),
        ),
        migrations.AddIndex(
            model_name="statusquery",
            index=models.Index(fields=["gateway", "until"], name="status_query_end"),
        ),
    ]
