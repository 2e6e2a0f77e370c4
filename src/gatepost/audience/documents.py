"""Financial documents of contacts: which files are taken, and how they are kept and given back."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.db import transaction

from gatepost.audience import files, values
from gatepost.audience.models import Contact, Document
from gatepost.audience.values import Unfit
from gatepost.problems import Fault, Problem
from gatepost.workspaces.services import audit

LIMIT: Final = 10 * 1024 * 1024
"""Bytes: what mail servers still take."""
MOST: Final = 1000
FOLDER: Final = "documents"
MAX_AMOUNT: Final = Decimal(10**12)
BEGINNINGS: Final = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
)
"""How the files begin that are taken; what their sender says of them decides nothing."""


def add_document(
    contact: Contact,
    *,
    kind: str,
    number: Any,
    day: Any,
    amount: Any,
    name: str,
    content: Iterable[bytes],
    currency: str = "",
    actor: str,
) -> Document:
    """A new document with its file. Raises Problem `invalid`, `file_unfit` or `body_too_large`."""
    said = _checked(kind, number, day, amount, currency)
    if Document.objects.filter(contact=contact).count() >= MOST:
        raise Problem("invalid", f"A contact has at most {MOST} documents.")
    path, size = files.keep(FOLDER, contact.workspace_id, content, limit=LIMIT)
    try:
        content_type, ending = _type_of(path)
        with transaction.atomic():
            row = Document.objects.create(
                contact=contact,
                workspace_id=contact.workspace_id,
                name=file_name(name, ending),
                content_type=content_type,
                size=size,
                path=path,
                **said,
            )
            audit(actor, "document.add", row, contact.workspace, contact=contact.pk)
    except BaseException:
        files.forget([path])
        raise
    return row


def delete_document(row: Document, *, actor: str) -> None:
    """Delete it with its file."""
    with transaction.atomic():
        audit(actor, "document.delete", row, row.workspace, contact=row.contact_id)
        row.delete()
        transaction.on_commit(lambda: files.forget([row.path]))


def file_name(name: str, ending: str) -> str:
    """A name that every system takes, with the ending of what the file really is."""
    stem = re.sub(r"[^\w .()-]", "_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    stem = stem.removesuffix(f".{ending}")[: 140 - len(ending)]
    return f"{stem or 'document'}.{ending}"


def _checked(kind: str, number: Any, day: Any, amount: Any, currency: str) -> dict[str, Any]:
    faults: list[Fault] = []
    said: dict[str, Any] = {"kind": kind}
    if kind not in Document.Kind.values:
        faults.append(Fault("kind", "bad_choice", f"Choose one of {', '.join(Document.Kind.values)}."))
    readers = {"number": (number, _number), "date": (day, _day), "amount": (amount, _amount)}
    readers["currency"] = (currency, _currency)
    for name, (value, reader) in readers.items():
        try:
            said[name] = reader(value)
        except Unfit as unfit:
            faults.append(Fault(name, unfit.code, unfit.words))
    if faults:
        raise Problem("invalid", faults=faults)
    return said


def _number(value: Any) -> str:
    written = values.text(value if value is not None else "", 60)
    if not written:
        raise Unfit("required", "Write the number of the document.")
    return written


def _day(value: Any) -> date:
    return date.fromisoformat(values.date_of(value))


def _amount(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value).replace(" ", "").replace(",", ".")).quantize(Decimal("0.01"))
    except InvalidOperation:
        raise Unfit("bad_number", "Write an amount such as 49.99.") from None
    if not amount.is_finite() or abs(amount) >= MAX_AMOUNT:
        raise Unfit("bad_number", "The amount is too large.")
    return amount


def _currency(value: str) -> str:
    code = value.strip().upper()
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise Unfit("bad_currency", "Write the three letters of the currency, such as EUR.")
    return code


def _type_of(path: str) -> tuple[str, str]:
    with files.read(path) as file:
        beginning = file.read(16)
    for magic, content_type, ending in BEGINNINGS:
        if beginning.startswith(magic):
            return content_type, ending
    raise Problem("file_unfit", faults=[Fault("file", "bad_type", "Only PDF, PNG and JPEG files are taken.")])
