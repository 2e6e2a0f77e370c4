from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audience", "0002_imports")]

    operations = [migrations.AddField("import", "empty", models.IntegerField(default=0))]
