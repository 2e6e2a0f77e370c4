from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("channels", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="portalrequest",
            name="trouble",
            field=models.TextField(blank=True, db_default=""),
        ),
    ]
