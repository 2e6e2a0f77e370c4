from django.db import migrations, models


class Migration(migrations.Migration):
    """The table is that of Django's database cache. It counts attempts to sign in, which no crash needs to preserve."""

    dependencies = [("workspaces", "0002_default_gateway")]

    operations = [
        migrations.AddField(
            "user",
            "sessions_ended",
            models.PositiveIntegerField(default=0, help_text="How often all sessions were ended."),
        ),
        migrations.RunSQL(
            """
            CREATE UNLOGGED TABLE cache_entry (
                cache_key varchar(255) NOT NULL PRIMARY KEY,
                value text NOT NULL,
                expires timestamptz NOT NULL
            );
            CREATE INDEX cache_entry_expires ON cache_entry (expires);
            """,
            "DROP TABLE cache_entry",
        ),
    ]
