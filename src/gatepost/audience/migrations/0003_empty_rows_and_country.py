from django.db import migrations, models

# Tables that are on their way are read on as they were begun.
AS_BEFORE = """
    update contact_import set country = workspace.default_country from workspace where workspace.id = workspace_id
"""


class Migration(migrations.Migration):
    dependencies = [("audience", "0002_imports")]

    operations = [
        migrations.AddField("import", "empty", models.IntegerField(default=0)),
        migrations.AddField("import", "country", models.CharField(blank=True, default="", max_length=2)),
        migrations.RunSQL(AS_BEFORE, migrations.RunSQL.noop),
    ]
