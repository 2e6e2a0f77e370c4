import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import gatepost.gateways.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("workspaces", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Gateway",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("provider", models.CharField(max_length=40)),
                ("description", models.TextField(blank=True)),
                ("sign_up_url", models.URLField(blank=True)),
                ("settings", models.JSONField(default=dict)),
                ("settings_version", models.PositiveIntegerField(default=1)),
                ("is_active", models.BooleanField(default=True)),
                ("sending_enabled", models.BooleanField(default=True)),
                ("sender", models.CharField(blank=True, max_length=20)),
                ("fallback_sender", models.CharField(blank=True, max_length=20)),
                (
                    "pattern",
                    models.CharField(
                        choices=[("batch", "Batch"), ("loop", "Loop (one request each)")], default="batch", max_length=5
                    ),
                ),
                ("requests_per_second", models.FloatField(blank=True, null=True)),
                ("parallel", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("max_segments", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("await_delivery_s", models.PositiveIntegerField(default=0)),
                ("days_to_expire", models.PositiveSmallIntegerField(default=3)),
                ("verify_tls", models.BooleanField(default=True)),
                ("debug", models.BooleanField(default=False)),
                ("shorten_links", models.BooleanField(default=False)),
                (
                    "prefers_duplicate",
                    models.BooleanField(
                        default=False, help_text="Send again after an unknown outcome, at the risk of a duplicate."
                    ),
                ),
                ("only_verified_senders", models.BooleanField(default=False)),
                (
                    "verified_senders",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                ("only_verified_phones", models.BooleanField(default=False)),
                (
                    "verified_phones",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), blank=True, default=list, size=None
                    ),
                ),
                (
                    "send_ips",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=50), blank=True, default=list, size=None
                    ),
                ),
                (
                    "callback_ips",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=50), blank=True, default=list, size=None
                    ),
                ),
                (
                    "callback_token",
                    models.CharField(default=gatepost.gateways.models.new_token, max_length=64, unique=True),
                ),
                ("fixed_callbacks", models.BooleanField(default=False)),
                ("inbound_number", models.CharField(blank=True, max_length=20)),
                (
                    "prefixes_to_remove",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=8), blank=True, default=list, size=None
                    ),
                ),
                ("inbound_active", models.BooleanField(default=True)),
                ("paused_reason", models.TextField(blank=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "workspaces",
                    models.ManyToManyField(
                        db_table="gateway_workspace", related_name="gateways", to="workspaces.workspace"
                    ),
                ),
            ],
            options={
                "db_table": "gateway",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="GatewaySecret",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=50)),
                ("token", models.BinaryField()),
                ("set_at", models.DateTimeField(auto_now=True)),
                ("expires_at", models.DateTimeField(blank=True, help_text="When the certificate runs out.", null=True)),
                (
                    "gateway",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="secrets", to="gateways.gateway"
                    ),
                ),
            ],
            options={
                "db_table": "gateway_secret",
            },
        ),
        migrations.CreateModel(
            name="SenderId",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sender", models.CharField(max_length=20)),
                (
                    "status",
                    models.CharField(
                        choices=[("requested", "Requested"), ("approved", "Approved"), ("refused", "Refused")],
                        default="requested",
                        max_length=10,
                    ),
                ),
                ("is_default", models.BooleanField(default=False)),
                ("reason", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "gateway",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sender_ids",
                        to="gateways.gateway",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sender_ids",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "db_table": "sender_id",
            },
        ),
        migrations.CreateModel(
            name="SettingsVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("settings", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "gateway",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="gateways.gateway"
                    ),
                ),
            ],
            options={
                "db_table": "gateway_settings_version",
            },
        ),
        migrations.AddConstraint(
            model_name="gateway",
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower("name"), name="gateway_name_once"),
        ),
        migrations.AddConstraint(
            model_name="gatewaysecret",
            constraint=models.UniqueConstraint(fields=("gateway", "name"), name="gateway_secret_once"),
        ),
        migrations.AddConstraint(
            model_name="senderid",
            constraint=models.UniqueConstraint(
                fields=("workspace", "gateway", "sender"), name="sender_id_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="senderid",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)), fields=("workspace",), name="sender_id_one_default"
            ),
        ),
        migrations.AddConstraint(
            model_name="settingsversion",
            constraint=models.UniqueConstraint(fields=("gateway", "version"), name="settings_version_once"),
        ),
    ]
