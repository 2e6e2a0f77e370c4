from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("texts", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="template",
            name="default",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="default",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
    ]
