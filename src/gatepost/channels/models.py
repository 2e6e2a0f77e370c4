"""E-mail accounts, the mails that leave by them, and the customer portal."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Lower, Now

from gatepost.audience.models import Contact
from gatepost.messages.models import Kind, Lane
from gatepost.sms.states import State
from gatepost.workspaces.models import Workspace


class EmailAccount(models.Model):
    """An account at a mail server. The password is encrypted, bound to the row, and never shown.

    `version` grows with every change, so that kept connections know that they are old. `trouble`: why the server could
    not be used last time; until `retry_at` nobody tries again.
    """

    class Tls(models.TextChoices):
        STARTTLS = "starttls", "STARTTLS"
        TLS = "tls", "TLS from the start"
        NONE = "none", "None"

    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, db_default="")
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=587)
    tls = models.CharField(max_length=8, choices=Tls.choices, default=Tls.STARTTLS)
    verify_tls = models.BooleanField(default=True)
    login = models.CharField(max_length=200, blank=True, db_default="")
    password_token = models.BinaryField(null=True)
    password_set_at = models.DateTimeField(null=True)
    from_name = models.CharField(max_length=100, blank=True, db_default="")
    from_address = models.CharField(max_length=254)
    reply_to = models.CharField(max_length=254, blank=True, db_default="")
    bounce_address = models.CharField(max_length=254, blank=True, db_default="")
    workspaces = models.ManyToManyField(Workspace, related_name="email_accounts", db_table="email_account_workspace")
    is_active = models.BooleanField(default=True)
    mails_per_second = models.FloatField(null=True)
    days_to_expire = models.PositiveSmallIntegerField(default=3)
    version = models.PositiveIntegerField(default=1)
    trouble = models.TextField(blank=True, db_default="")
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "email_account"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(Lower("name"), name="email_account_name_once")]

    def __str__(self) -> str:
        return self.name


class EmailDefault(models.Model):
    """The account that takes what names none, by workspace."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="+")
    account = models.ForeignKey(EmailAccount, on_delete=models.CASCADE, related_name="default_of")

    class Meta:
        db_table = "email_default"

    def __str__(self) -> str:
        return f"{self.account} of {self.workspace}"


class Attachment(models.Model):
    """A file that mails and portal messages name by its id. `path` leads to it below the folder of files."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=150)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    path = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "attachment"

    def __str__(self) -> str:
        return self.name


class Mail(models.Model):
    """One e-mail to one address. `submitting` is committed before its content leaves, and is unknown after a crash.

    `next_at`: not before; later than `due_at` when it is tried again. `held`: why it waits, null when it does not.
    """

    id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    account = models.ForeignKey(
        EmailAccount, null=True, on_delete=models.SET_NULL, db_constraint=False, db_index=False, related_name="mails"
    )
    kind = models.CharField(max_length=6, choices=Kind.choices, db_default=Kind.SINGLE)
    lane = models.SmallIntegerField(choices=Lane.choices, db_default=Lane.NORMAL)
    state = models.CharField(max_length=12, db_default=State.QUEUED.value)
    state_at = models.DateTimeField(db_default=Now())
    held = models.CharField(max_length=40, null=True)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()
    next_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    campaign_id = models.BigIntegerField(null=True)
    contact_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    api_key_id = models.BigIntegerField(null=True)
    to_address = models.CharField(max_length=254)
    subject = models.CharField(max_length=250)
    body = models.TextField()
    attachments = ArrayField(models.BigIntegerField(), default=list)
    documents = ArrayField(models.BigIntegerField(), default=list)
    tag = models.CharField(max_length=40, blank=True, db_default="")
    attempts = models.SmallIntegerField(db_default=0)
    submitted_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=20, blank=True, db_default="")
    words = models.TextField(blank=True, db_default="")

    class Meta:
        db_table = "mail"
        indexes = [
            models.Index(fields=["workspace", "-id"], name="mail_log"),
            models.Index(fields=["workspace", "-id"], name="mail_one_off", condition=~Q(kind="mass")),
            models.Index(fields=["workspace", "to_address", "-id"], name="mail_by_address"),
            models.Index(fields=["contact_id", "-id"], name="mail_by_contact"),
            models.Index(fields=["campaign_id", "state"], name="mail_of_campaign", condition=Q(campaign_id__gt=0)),
            models.Index(
                "account",
                "lane",
                "workspace",
                Coalesce("campaign_id", 0),
                "next_at",
                "id",
                name="mail_queue",
                condition=Q(state="queued", held=None),
            ),
            models.Index(fields=["expires_at"], name="mail_expiry", condition=Q(state="queued")),
            models.Index(fields=["account"], name="mail_under_way", condition=Q(state="submitting")),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk}"


class MailEvent(models.Model):
    """Whatever happened to a mail besides the plain way; append-only. `words`: the server's."""

    mail_id = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())
    what = models.CharField(max_length=40)
    code = models.CharField(max_length=20, blank=True, db_default="")
    words = models.TextField(blank=True, db_default="")

    class Meta:
        db_table = "mail_event"
        indexes = [models.Index(fields=["mail_id"], name="mail_event_of")]

    def __str__(self) -> str:
        return f"{self.what} of {self.mail_id}"


class EmailSuppression(models.Model):
    """An address that gets no more mass mails of a workspace. `address` in lower case."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="email_suppressions")
    address = models.CharField(max_length=254)
    source = models.CharField(max_length=20)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "email_suppression"
        constraints = [models.UniqueConstraint(fields=["workspace", "address"], name="email_suppression_once")]

    def __str__(self) -> str:
        return f"e-mail suppression {self.pk}"


class Portal(models.Model):
    """The customer portal of a workspace; without a row it is closed."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="portal")
    is_open = models.BooleanField(default=False)
    title = models.CharField(max_length=100, blank=True, db_default="")
    welcome = models.TextField(blank=True, db_default="")

    class Meta:
        db_table = "portal"

    def __str__(self) -> str:
        return self.title or str(self.workspace)


class PortalMessage(models.Model):
    """A message that waits in the portal for its contact, who sees it from `due_at` on."""

    id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, db_index=False, related_name="portal_messages")
    kind = models.CharField(max_length=6, choices=Kind.choices, db_default=Kind.SINGLE)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()
    is_held = models.BooleanField(db_default=False)
    cancelled_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    campaign_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    api_key_id = models.BigIntegerField(null=True)
    subject = models.CharField(max_length=250)
    body = models.TextField()
    attachments = ArrayField(models.BigIntegerField(), default=list)
    documents = ArrayField(models.BigIntegerField(), default=list)
    tag = models.CharField(max_length=40, blank=True, db_default="")

    class Meta:
        db_table = "portal_message"
        indexes = [
            models.Index(fields=["workspace", "-id"], name="portal_message_log"),
            models.Index(fields=["workspace", "-id"], name="portal_message_one_off", condition=~Q(kind="mass")),
            models.Index(fields=["contact", "-id"], name="portal_message_of_contact"),
            models.Index(fields=["campaign_id"], name="portal_message_of_campaign", condition=Q(campaign_id__gt=0)),
        ]

    def __str__(self) -> str:
        return f"portal message {self.pk}"


class PortalRequest(models.Model):
    """Somebody asked for a sign-in link. `wanted`: the number or e-mail address as it was written. `trouble`: why the
    link could not be sent."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_index=False)
    wanted = models.CharField(max_length=254)
    peer = models.CharField(max_length=45)
    asked_at = models.DateTimeField(db_default=Now())
    trouble = models.TextField(blank=True, db_default="")

    class Meta:
        db_table = "portal_request"
        indexes = [models.Index(fields=["asked_at"], name="portal_request_age")]

    def __str__(self) -> str:
        return f"portal request {self.pk}"


class PortalLink(models.Model):
    """A sign-in link. The row is what makes it single use: redeeming sets `used_at` once. Only its hash is kept."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="portal_links")
    hash = models.BinaryField(unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "portal_link"

    def __str__(self) -> str:
        return f"portal link {self.pk}"


class PortalSession(models.Model):
    """A browser in which a contact is signed in to the portal; apart from the console's sessions."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="portal_sessions")
    hash = models.BinaryField(unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "portal_session"

    def __str__(self) -> str:
        return f"portal session {self.pk}"
