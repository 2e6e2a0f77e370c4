from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0001_initial")]

    operations = [
        migrations.RunSQL("create sequence node_number as integer maxvalue 4095 cycle", "drop sequence node_number"),
        # A provider may take a repeated serial for a repeated request and swallow it, so every installation (and every
        # restored copy that is migrated anew) starts somewhere else.
        migrations.RunSQL(
            """
            create sequence submission_serial as integer cycle;
            select setval('submission_serial', (1 + random() * 2000000000)::bigint);
            """,
            "drop sequence submission_serial",
        ),
    ]
