"""Contacts and what is known of them. Bulk paths write `contact` with statements of their own (store.py).

Text that is searched has a second column with the same text folded (`words.fold`), compared byte by byte, so that
finding does not depend on the locale of the database. What a contact has several of stands in arrays with a GIN index:
one row per contact is what keeps filters fast over a million of them.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from gatepost.workspaces.models import User, Workspace


class Kind(models.TextChoices):
    """What a contact is to the workspace."""

    CUSTOMER = "customer", "Customer"
    LEAD = "lead", "Lead"


class Status(models.TextChoices):
    NEW = "new", "New"
    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"
    BLOCKED = "blocked", "Blocked"


class Category(models.TextChoices):
    PERSON = "person", "Private person"
    COMPANY = "company", "Company"


class Billing(models.TextChoices):
    """Type of billing; a contact without one is found by All only."""

    RECURRING = "recurring", "Recurring payments"
    PREPAID = "prepaid", "Prepaid (Custom)"


class Service(models.TextChoices):
    INTERNET = "internet", "Internet"
    VOICE = "voice", "Voice"
    RECURRING = "recurring", "Recurring"
    BUNDLE = "bundle", "Bundle"


def _key(length: int) -> "models.CharField[str, str]":
    return models.CharField(max_length=length, blank=True, default="", db_collation="C")


class Partner(models.Model):
    """Who serves the customer; an editable list of the workspace."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="partners")
    name = models.CharField(max_length=100)

    class Meta:
        db_table = "partner"
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="partner_once")]

    def __str__(self) -> str:
        return self.name


class Location(models.Model):
    """Where the customer is; an editable list of the workspace."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="locations")
    name = models.CharField(max_length=100)

    class Meta:
        db_table = "location"
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="location_once")]

    def __str__(self) -> str:
        return self.name


class TariffPlan(models.Model):
    """What the customer pays for; an editable list of the workspace."""

    class Kind(models.TextChoices):
        INTERNET = "internet", "Internet"
        VOICE = "voice", "Voice"
        CUSTOM = "custom", "Custom"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="tariff_plans")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.CUSTOM)

    class Meta:
        db_table = "tariff_plan"
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="tariff_plan_once")]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """A list that contacts are put on, for sending, or a tag that they carry, for telling them apart."""

    class Kind(models.TextChoices):
        LIST = "list", "List"
        TAG = "tag", "Tag"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="labels")
    kind = models.CharField(max_length=4, choices=Kind.choices)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "contact_label"
        constraints = [models.UniqueConstraint(fields=["workspace", "kind", "name"], name="contact_label_once")]

    def __str__(self) -> str:
        return self.name


class CustomField(models.Model):
    """A field of the workspace's own. `key` and `type` never change: values and filters rely on them."""

    class Type(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        FLAG = "flag", "Yes or no"
        CHOICE = "choice", "Choice"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="custom_fields")
    key = models.CharField(max_length=40)
    label = models.CharField(max_length=100)
    type = models.CharField(max_length=6, choices=Type.choices)
    choices = ArrayField(models.CharField(max_length=100), default=list, blank=True)

    class Meta:
        db_table = "custom_field"
        ordering = ["label", "id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="custom_field_once")]

    def __str__(self) -> str:
        return self.label


class Contact(models.Model):
    """A customer or lead. `phones` are E.164 digits, the first is the primary one. `custom` holds the workspace's own
    fields by key, only those that have a value; `custom_keys` the same with folded texts."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="contacts", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.CUSTOMER)
    external_id = models.CharField(max_length=100, blank=True, default="", db_collation="C")
    login = models.CharField(max_length=100, blank=True, default="")
    login_key = _key(300)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.NEW)
    full_name = models.CharField(max_length=200, blank=True, default="")
    name_key = _key(600)
    email = models.CharField(max_length=254, blank=True, default="")
    email_key = _key(762)
    billing_email = models.CharField(max_length=254, blank=True, default="")
    billing_email_key = _key(762)
    phones = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    category = models.CharField(max_length=7, choices=Category.choices, default=Category.PERSON)
    billing = models.CharField(max_length=9, choices=Billing.choices, blank=True, default="")
    location = models.ForeignKey(Location, null=True, blank=True, on_delete=models.SET_NULL, db_index=False)
    partner = models.ForeignKey(Partner, null=True, blank=True, on_delete=models.SET_NULL, db_index=False)
    plans = ArrayField(models.BigIntegerField(), default=list, blank=True)
    services = ArrayField(models.CharField(max_length=9, choices=Service.choices), default=list, blank=True)
    labels = ArrayField(models.BigIntegerField(), default=list, blank=True)
    language = models.CharField(max_length=2, blank=True, default="")
    time_zone = models.CharField(max_length=40, blank=True, default="")
    custom = models.JSONField(default=dict, blank=True)
    custom_keys = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "contact"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "external_id"], condition=~Q(external_id=""), name="contact_external_id_once"
            ),
            models.UniqueConstraint(
                fields=["workspace", "login_key"], condition=~Q(login_key=""), name="contact_login_once"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="contact_list"),
            models.Index(fields=["workspace", "kind", "status", "id"], name="contact_by_status"),
            models.Index(fields=["workspace", "login_key"], name="contact_by_login"),
            models.Index(fields=["workspace", "name_key"], name="contact_by_name"),
            models.Index(fields=["workspace", "email_key"], name="contact_by_email"),
            models.Index(
                fields=["workspace", "billing_email_key"],
                name="contact_by_billing_email",
                condition=~Q(billing_email_key=""),
            ),
            models.Index(fields=["location"], name="contact_by_location", condition=Q(location__isnull=False)),
            models.Index(fields=["partner"], name="contact_by_partner", condition=Q(partner__isnull=False)),
            GinIndex(fields=["phones"], name="contact_by_phone"),
            GinIndex(fields=["plans"], name="contact_by_plan"),
            GinIndex(fields=["labels"], name="contact_by_label"),
            GinIndex(fields=["custom_keys"], name="contact_by_custom", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return self.full_name or self.login or f"Contact {self.pk}"

    @property
    def phone(self) -> str:
        """The primary number as digits; empty where there is none."""
        return self.phones[0] if self.phones else ""


class Document(models.Model):
    """A financial document of a contact. `path` leads to its file below the folder of files (files.py)."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice"
        PROFORMA = "proforma", "Pro-forma invoice"
        PAYMENT = "payment", "Payment"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="documents")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="documents", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    number = models.CharField(max_length=60)
    date = models.DateField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, blank=True, default="")
    name = models.CharField(max_length=150)
    content_type = models.CharField(max_length=60)
    size = models.PositiveIntegerField()
    path = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "contact_document"
        ordering = ["-date", "-id"]
        indexes = [models.Index(fields=["workspace", "kind", "date", "contact"], name="contact_document_period")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"


class Segment(models.Model):
    """A saved filter, in its JSON form (filters.py): whoever fits it now is in it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="segments")
    name = models.CharField(max_length=100)
    filter = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "segment"
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="segment_once")]

    def __str__(self) -> str:
        return self.name


class Import(models.Model):
    """A table that becomes contacts. `offset`: how many bytes of it are done, committed with the rows that they hold;
    `rows`: how many these are, without the one that names the columns, and `empty`: how many more that hold nothing.

    `columns`: the cells of its first row; `mapping`: for each column the field that it fills, empty for none;
    `country`: where phones without + are dialled (ISO 3166), empty where they begin with their country code.
    """

    class State(models.TextChoices):
        NEW = "new", "Not started"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="imports")
    actor = models.CharField(max_length=200)
    name = models.CharField(max_length=150)
    path = models.CharField(max_length=100)
    size = models.BigIntegerField()
    encoding = models.CharField(max_length=20)
    delimiter = models.CharField(max_length=1)
    columns = models.JSONField(default=list)
    has_header = models.BooleanField(default=True)
    mapping = models.JSONField(default=list)
    by = models.CharField(max_length=11, blank=True, default="")
    known = models.CharField(max_length=6, default="update")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.CUSTOMER)
    list_name = models.CharField(max_length=100, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    state = models.CharField(max_length=9, choices=State.choices, default=State.NEW)
    offset = models.BigIntegerField(default=0)
    rows = models.IntegerField(default=0)
    empty = models.IntegerField(default=0)
    created = models.IntegerField(default=0)
    updated = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    trouble = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "contact_import"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name

    @property
    def share_done(self) -> int:
        """In percent."""
        return 100 if self.state == self.State.DONE else min(99, 100 * self.offset // max(1, self.size))


class ImportFault(models.Model):
    """A row that could not be taken, and why. `row` counts from 1 as a spreadsheet does."""

    contact_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="faults")
    row = models.IntegerField()
    words = models.TextField()
    cells = models.JSONField(default=list)

    class Meta:
        db_table = "contact_import_fault"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"row {self.row}"
