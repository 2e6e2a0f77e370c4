from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sms_messages", "0003_one_off"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="peer",
            field=models.CharField(
                help_text="The client's address, where a gateway lists some.", max_length=45, null=True
            ),
        ),
    ]
