"""The price list: what a segment costs, by the beginning of the number and by gateway; entered, or from a table."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from gatepost.campaigns.models import Price
from gatepost.gateways.models import Gateway
from gatepost.messages.export import cell
from gatepost.problems import Fault, Problem
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

MOST: Final = 10_000
LARGEST: Final = Decimal(10_000)
STEP: Final = Decimal("0.000001")
COLUMNS: Final = ("prefix", "price", "currency", "gateway")
LONGEST_TABLE: Final = 2 * 1024 * 1024
MOST_FAULTS: Final = 20


@dataclass(frozen=True)
class PriceList:
    """All prices of a workspace, for asking often."""

    entries: Mapping[tuple[int | None, str], tuple[Decimal, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lengths", sorted({len(prefix) for _, prefix in self.entries}, reverse=True))

    def of(self, gateway_id: int | None, digits: str) -> tuple[Decimal, str] | None:
        """What a segment to that number costs by the gateway, and the currency; None where no price is known.

        A price of the gateway goes before one of all gateways, and then the longest prefix.
        """
        lengths: list[int] = getattr(self, "_lengths")  # noqa: B009 - it is made after the fields
        for one in (gateway_id, None) if gateway_id is not None else (None,):
            for length in lengths:
                found = self.entries.get((one, digits[:length])) if length <= len(digits) else None
                if found is not None:
                    return found
        return None


def load(workspace_id: int) -> PriceList:
    """The list as it is now."""
    rows = Price.objects.filter(workspace=workspace_id).values_list("gateway_id", "prefix", "amount", "currency")
    return PriceList({(gateway, prefix): (amount, currency) for gateway, prefix, amount, currency in rows})


def own(workspace: Workspace) -> QuerySet[Price]:
    """The prices of the workspace."""
    return Price.objects.filter(workspace=workspace).select_related("gateway")


def listed(workspace: Workspace) -> QuerySet[Price]:
    """The same by prefix, and for each what holds for every gateway first."""
    return own(workspace).order_by("prefix", F("gateway__name").asc(nulls_first=True), "pk")


def plain(amount: Decimal) -> str:
    """An amount without noughts at its end: 0.032."""
    return f"{amount.normalize():f}"


def find(workspace: Workspace, price_id: int) -> Price:
    """One of them. Raises Problem `not_found`."""
    row = own(workspace).filter(pk=price_id).first()
    if row is None:
        raise Problem("not_found", "The workspace has no such price.")
    return row


def save(
    workspace: Workspace, *, prefix: str, amount: Any, currency: str, gateway_id: int | None = None, actor: str
) -> Price:
    """Set the price of a prefix; one that there was is replaced. Raises Problem `invalid`."""
    said, faults = _read(workspace, {"prefix": prefix, "price": amount, "currency": currency}, _gateways(workspace))
    if gateway_id is not None and not workspace.gateways.filter(pk=gateway_id).exists():
        faults.append(Fault("gateway", "unknown_gateway", "The workspace has no such gateway."))
    if faults:
        raise Problem("invalid", faults=faults)
    try:
        with transaction.atomic():
            gateway = workspace.gateways.get(pk=gateway_id) if gateway_id is not None else None
            row, _ = Price.objects.update_or_create(
                workspace=workspace,
                gateway=gateway,
                prefix=said["prefix"],
                defaults={"amount": said["amount"], "currency": said["currency"]},
            )
            audit(actor, "price.save", row, workspace)
    except IntegrityError:
        raise Problem("invalid", faults=[Fault("prefix", "taken", "Somebody else set this price just now.")]) from None
    return row


def delete(row: Price, *, actor: str) -> None:
    """Forget it."""
    with transaction.atomic():
        audit(actor, "price.delete", row, row.workspace)
        row.delete()


def read_table(workspace: Workspace, content: bytes, *, replace: bool = False, actor: str) -> int:
    """Set the prices of a CSV table with the columns prefix, price, currency and (if wanted) gateway; how many.

    `replace`: the list then holds these alone. All of it is taken or nothing. Raises Problem `invalid` with the lines
    that do not fit, or `file_unfit`.
    """
    lines = _lines(content)
    gateways = _gateways(workspace)
    rows: dict[tuple[int | None, str], Price] = {}
    places: dict[tuple[int | None, str], int] = {}
    faults: list[Fault] = []
    for number, line in lines:
        said, wrong = _read(workspace, line, gateways)
        key = said["gateway_id"], said["prefix"]
        if key in rows and not wrong and not _is_alike(rows[key], said):
            wrong.append(Fault("prefix", "twice", f"Line {places[key]} has another price for this prefix and gateway."))
        faults += [Fault(f"line {number}", fault.code, f"Line {number}: {fault.detail}") for fault in wrong]
        if not wrong:
            rows[key] = Price(workspace=workspace, **said)
            places.setdefault(key, number)
    if faults:
        raise Problem("invalid", faults=faults[:MOST_FAULTS])
    if len(rows) > MOST:
        raise Problem("invalid", f"A price list has at most {MOST} lines.")
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        old = Price.objects.filter(workspace=workspace)
        if not replace:
            known = {(row.gateway_id, row.prefix): row.pk for row in old}
            old = old.filter(pk__in=[known[key] for key in rows if key in known])
        old.delete()
        Price.objects.bulk_create(rows.values(), batch_size=1000)
        audit(actor, "price.import", workspace, workspace, count=len(rows), replaced=replace)
    return len(rows)


def _is_alike(price: Price, said: Mapping[str, Any]) -> bool:
    return (price.amount, price.currency) == (said["amount"], said["currency"])


def _lines(content: bytes) -> Iterable[tuple[int, dict[str, str]]]:
    """The lines that are not empty by the names of their columns, with their numbers in the file."""
    if len(content) > LONGEST_TABLE:
        raise Problem("body_too_large", "A price list has at most 2 MiB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        head = [cell.strip().casefold() for cell in next(reader, [])]
        if not {"prefix", "price"} <= {*head}:
            raise Problem(
                "file_unfit",
                faults=[Fault("file", "no_columns", "The first line must name the columns prefix and price.")],
                remedy=f"Its columns are {', '.join(COLUMNS)}; the last two may be left out.",
            )
        return [
            (reader.line_num, dict(zip(head, cells, strict=False)))
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error:
        raise Problem("file_unfit", faults=[Fault("file", "bad_csv", "This is not a CSV table.")]) from None


def _gateways(workspace: Workspace) -> Mapping[str, int]:
    named = {name.casefold(): pk for pk, name in Gateway.objects.filter(workspaces=workspace).values_list("pk", "name")}
    exported = {cell(name): pk for name, pk in named.items()}
    return {str(pk): pk for pk in named.values()} | exported | named


def _read(
    workspace: Workspace, line: Mapping[str, Any], gateways: Mapping[str, int]
) -> tuple[dict[str, Any], list[Fault]]:
    """The values of one price, and what does not fit."""
    faults = []
    prefix = str(line.get("prefix") or "").strip().removeprefix("+").removeprefix("00").replace(" ", "")
    if prefix and not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 15):
        faults.append(Fault("prefix", "bad_prefix", "A prefix is the first digits of numbers, such as 48 or 4860."))
    amount = _amount(line.get("price"))
    if amount is None:
        faults.append(Fault("price", "bad_number", f"A price is a number such as 0.032, below {LARGEST}."))
    currency = str(line.get("currency") or currency_of(workspace)).strip().upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        faults.append(Fault("currency", "bad_currency", "A currency has three letters, such as EUR."))
    wanted = str(line.get("gateway") or "").strip().casefold()
    gateway_id = gateways.get(wanted)
    if wanted and gateway_id is None:
        faults.append(Fault("gateway", "unknown_gateway", "The workspace has no gateway of this name."))
    return {"prefix": prefix, "amount": amount, "currency": currency, "gateway_id": gateway_id}, faults


def _amount(value: Any) -> Decimal | None:
    try:
        amount = Decimal(str(value).strip().replace(",", "."))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < LARGEST:
        return None
    return amount.quantize(STEP)


def currency_of(workspace: Workspace) -> str:
    """What the list is in already, where that is one currency."""
    found = list(Price.objects.filter(workspace=workspace).values_list("currency", flat=True).distinct()[:2])
    return found[0] if len(found) == 1 else "EUR"
