import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0001_initial"),
        ("workspaces", "0003_sessions_and_counts"),
    ]

    operations = [
        migrations.CreateModel(
            name="MessageLink",
            fields=[
                ("code", models.CharField(db_collation="C", max_length=9, primary_key=True, serialize=False)),
                ("message_id", models.BigIntegerField()),
                ("url", models.CharField(db_collation="C", max_length=2000)),
                ("clicks", models.IntegerField(db_default=0)),
                ("first_at", models.DateTimeField(null=True)),
                ("last_at", models.DateTimeField(null=True)),
                (
                    "workspace",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "db_table": "message_link",
                "indexes": [models.Index(fields=["message_id"], name="message_link_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("url__regex", "^https?://")), name="message_link_is_of_the_web"
                    )
                ],
            },
        ),
    ]
