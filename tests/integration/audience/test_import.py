"""Imports: files as people have them, what becomes of each row, and that each becomes it once."""

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.utils import timezone
from procrastinate.exceptions import JobAborted
from tests.support.tenants import ACTOR, Tenant

from gatepost.audience import importing, tables, workbooks
from gatepost.audience.export import fault_lines, lines
from gatepost.audience.models import Contact, Import, ImportFault
from gatepost.audience.tables import TableRow
from gatepost.audience.vocabulary import load
from gatepost.problems import Problem

pytestmark = pytest.mark.django_db

MESSY = (
    "Numer klienta;Imię i nazwisko;Telefon komórkowy;E-mail;Miasto;Taryfa;Uwagi\r\n"
    '1;Łucja Żak;"600 100 200, 600-100-201";lucja@ex.pl;Łódź;Światło 300;"dwie\r\nlinie; i średnik"\r\n'
    ";;;;;;\r\n"
    "2;Zły Numer;12;a@ex.pl;Łódź;;\r\n"
    "3;Ćma;+48 600 100 202;not-a-mail;Kraków;;\r\n"
    "1;Łucja Nowak;;;;;\r\n"
    "4;Krótki wiersz\r\n"
    "5;'=1+1;600100203;e@ex.pl;;;;;;zbyt;wiele;komórek\r\n"
)


class Uninterrupted:
    """A job's surroundings in which nothing happens."""

    is_last_attempt = True

    def check(self) -> None:
        return


class Interrupted(Uninterrupted):
    """Surroundings that stop the job at the second of its steps, whichever attempt it is."""

    def __init__(self) -> None:
        self.steps = 0

    def check(self) -> None:
        self.steps += 1
        if self.steps > 1:
            raise JobAborted


def uploaded(owner: Tenant, content: bytes, name: str = "klienci.csv") -> Import:
    return importing.upload(owner.workspace, name, [content[:7], content[7:]] if content else [], actor=ACTOR)


def imported(row: Import, work: Any = None, **more: Any) -> Import:
    chosen: dict[str, Any] = {"has_header": row.has_header, "by": row.by, "known": "update", "country": row.country}
    chosen |= more
    importing.configure(row, chosen.pop("mapping", row.mapping), **chosen)
    importing.start(row)
    importing.run(work or Uninterrupted(), row.pk)  # type: ignore[arg-type]
    row.refresh_from_db()
    return row


def counts(row: Import) -> tuple[str, int, int, int, int, int]:
    return row.state, row.rows, row.created, row.updated, row.skipped, row.failed


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1250"])
def test_a_messy_table_is_read_in_every_encoding(north: Tenant, encoding: str) -> None:
    row = uploaded(north, MESSY.encode(encoding))
    assert row.mapping == ["external_id", "full_name", "phones", "email", "location", "plans", ""]
    assert (row.has_header, row.by, row.delimiter) == (True, "external_id", ";")
    [first, *_] = importing.preview(row)
    assert first.draft.columns["phones"] == ["48600100200", "48600100201"]
    assert counts(imported(row, list_name="Import")) == ("done", 6, 3, 1, 0, 2)
    people = {one.external_id: one for one in Contact.objects.filter(workspace=north.workspace)}
    assert people["1"].full_name == "Łucja Nowak"
    assert people["1"].phones == ["48600100200", "48600100201"]
    assert str(people["1"].location) == "Łódź"
    assert people["4"].full_name == "Krótki wiersz"
    assert {len(one.labels) for one in people.values()} == {1}
    faults = {fault.row: fault.words for fault in ImportFault.objects.all()}
    assert sorted(faults) == [4, 5], "as a spreadsheet counts, which shows empty rows"
    assert faults[4].startswith("Phones: The phone number is too short")
    assert "not an e-mail address" in faults[5]


def test_russian_in_windows_1251_and_commas(north: Tenant) -> None:
    text = "Логин,ФИО,Телефон,Статус,Тип оплаты\nivan,Иван Щукин,+79161234567,Активный,Предоплата\n"
    row = imported(uploaded(north, text.encode("cp1251")))
    assert counts(row) == ("done", 1, 1, 0, 0, 0)
    person = Contact.objects.get(workspace=north.workspace)
    assert (person.full_name, person.status, person.billing) == ("Иван Щукин", "active", "prepaid")


def test_a_table_without_names_of_columns(north: Tenant) -> None:
    row = uploaded(north, b"600100200;Anna\n600100201;Bo\n")
    assert not row.has_header
    assert counts(imported(row, mapping=["phones", "full_name"], by="phone")) == ("done", 2, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("known", "expected"), [("update", ("done", 2, 0, 2, 0, 0)), ("skip", ("done", 2, 0, 0, 2, 0))]
)
def test_known_contacts_are_changed_or_skipped(north: Tenant, known: str, expected: tuple[Any, ...]) -> None:
    imported(uploaded(north, b"login,name\na,Anna\nb,Bo\n"))
    row = imported(uploaded(north, b"login,name\nA,Anna Nowak\nB,Bo Nowak\n"), known=known)
    assert counts(row) == expected
    assert Contact.objects.filter(full_name="Anna Nowak").exists() == (known == "update")


def test_an_empty_cell_leaves_what_is_known(north: Tenant) -> None:
    imported(uploaded(north, b"login,name,email\na,Anna,a@ex.pl\n"))
    imported(uploaded(north, b"login,name,email\na,,b@ex.pl\n"))
    person = Contact.objects.get(workspace=north.workspace)
    assert (person.full_name, person.email) == ("Anna", "b@ex.pl")


def test_a_workbook(north: Tenant) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Customer ID", "Name", "Phone", "Contract end", "Paperless", "Debt"])
    sheet.append([7, "Anna", 48600100200, date(2026, 1, 31), True, 12.5])
    content = io.BytesIO()
    book.save(content)
    row = imported(uploaded(north, content.getvalue(), "klienci.xlsx"))
    assert counts(row) == ("done", 1, 1, 0, 0, 0)
    person = Contact.objects.get(workspace=north.workspace)
    assert (person.external_id, person.phones) == ("7", ["48600100200"])
    assert person.custom == {"contract_end": "2026-01-31", "paperless": True, "debt": 12.5}


@pytest.mark.parametrize(
    ("cells", "meant"),
    [(["Exported in May"], "People, sheet 3 of 4"), (["id", "name", "phone"], "First, sheet 2 of 4")],
)
def test_of_several_sheets_the_one_with_known_columns_is_read(north: Tenant, cells: list[str], meant: str) -> None:
    book = openpyxl.Workbook()
    rows = {"Hidden": ["id", "name", "phone", "email"], "First": cells, "People": ["login", "name"], "Empty": []}
    for name, first in rows.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name == "Hidden" else "visible"
        sheet.append(first)
    book.remove(book["Sheet"])
    content = io.BytesIO()
    book.save(content)
    assert uploaded(north, content.getvalue(), "klienci.xlsx").name == f"klienci.xlsx ({meant})"


def test_what_was_exported_is_taken_again(north: Tenant) -> None:
    """Cells that a spreadsheet would take for formulas, as all phones are, have an apostrophe in front."""
    table = b"login;name;phones;debt\na;=Anna;+48600100200, +48600100201;-12.5\nb;'Bo;+48600100202;\n"
    imported(uploaded(north, table))
    people = Contact.objects.filter(workspace=north.workspace)
    before = list(people.order_by("pk").values())
    exported = "".join(lines(people, load(north.workspace)))
    assert "'+48600100200" in exported
    row = imported(uploaded(north, exported.encode()))
    assert row.by == "login", "which is what all have"
    assert (counts(row), row.unchanged) == (("done", 2, 0, 0, 0, 0), 2)
    assert list(people.order_by("pk").values()) == before


def test_rows_with_errors_are_taken_once_they_are_put_right(north: Tenant) -> None:
    row = imported(uploaded(north, b"login,name,phone,email\na,-Anna,+48600100200,none\n"))
    right = "".join(fault_lines(row)).replace('"none"', '"a@ex.pl"')
    again = uploaded(north, right.encode())
    assert again.mapping == ["", "", "login", "full_name", "phones", "email"]
    assert counts(imported(again)) == ("done", 1, 1, 0, 0, 0)
    assert Contact.objects.get(workspace=north.workspace).full_name == "-Anna"


@pytest.mark.parametrize(
    ("home", "cells", "country", "number"),
    [
        ("GB", ("48600100200", "48600100201", "7700900123"), "", "48600100200"),
        ("GB", ("7700900123", "07700900124", "48600100200"), "GB", "447700900123"),
        ("PL", ("600100200", "+447700900123", "48600100201"), "PL", "48600100200"),
        ("", ("48600100200",), "", "48600100200"),
    ],
)
def test_a_column_of_numbers_has_lost_its_plus(
    north: Tenant, home: str, cells: tuple[str, ...], country: str, number: str
) -> None:
    north.workspace.default_country = home
    row = uploaded(north, b"phone\n" + "\n".join(cells).encode())
    assert row.country == country
    imported(row)
    assert Contact.objects.filter(workspace=north.workspace, phones=[number]).exists()


def test_where_phones_are_dialled_is_chosen(north: Tenant) -> None:
    imported(uploaded(north, b"phone\n7700900123\n"), country="GB")
    assert Contact.objects.get(workspace=north.workspace).phones == ["447700900123"]
    with pytest.raises(Problem) as refused:
        imported(uploaded(north, b"phone\n7700900123\n"), country="XX")
    assert [fault.field for fault in refused.value.faults] == ["country"]


@pytest.mark.parametrize("cell", ["48600100200.0", "600100200,00", "+48600100200.00"])
def test_decimals_of_a_column_of_numbers_are_no_part_of_a_phone(north: Tenant, cell: str) -> None:
    imported(uploaded(north, f"login;phone\na;{cell}\n".encode()))
    assert Contact.objects.get(workspace=north.workspace).phones == ["48600100200"]


@pytest.mark.parametrize("cell", ["4.86001E+10", "4,86E+10", "5e10"])
def test_a_phone_that_a_spreadsheet_rounded_is_told(north: Tenant, cell: str) -> None:
    row = imported(uploaded(north, f"login;phone\na;{cell}\n".encode()))
    assert row.failed == 1
    assert "has rounded this number" in ImportFault.objects.get(contact_import=row).words


def archive(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as inside:
        inside.writestr(name, content)
    return made.getvalue()


def far_out() -> bytes:
    """A workbook of a few kilobytes with a cell in the last row and column."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["XFD1048576"] = "Name", "Anna"
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"  \r\n \r\n", "file_empty"),
        (b";;;\n;;\n", "file_empty"),
        (b"%PDF-1.7 klienci.csv", "bad_type"),
        (b"\x89PNG\r\n\x1a\n", "bad_type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "bad_type"),
        (b"PK\x03\x04 not a zip", "bad_type"),
        (archive("word/document.xml", b"<x/>"), "bad_type"),
        (archive("xl/workbook.xml", b"<x/>"), "bad_type"),
        (archive("xl/workbook.xml", b"\0" * (tables.SHEET_LIMIT + 1)), "too_large"),
        (b"a;b\0c\n1;2\n", "bad_type"),
        (b"name" * 400_000, "bad_row"),
        (far_out(), "too_large"),
        (b'"a\n' + b'","'.join([b"\n"] * 1_200_000) + b'"\n', "bad_row"),
    ],
)
def test_what_is_no_table_is_told_and_leaves_nothing(north: Tenant, files_dir: Path, content: bytes, code: str) -> None:
    with pytest.raises(Problem) as problem:
        uploaded(north, content)
    assert [fault.code for fault in problem.value.faults] == [code]
    assert not Import.objects.exists()
    assert not [path for path in files_dir.rglob("*") if path.is_file()]


def test_a_workbook_is_turned_away_while_another_is_read(north: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "PATIENCE_S", 0.01)
    with workbooks._one_at_a_time, pytest.raises(Problem) as problem:
        uploaded(north, far_out())
    assert (problem.value.code, problem.value.headers) == ("too_many_requests", {"Retry-After": "20"})
    assert not Import.objects.exists()


def test_a_quote_that_never_closes_ends_the_import_in_words(north: Tenant) -> None:
    content = b"login,name\n" + b"".join(b"u%d,n\n" % n for n in range(2500)) + b'x,"' + b"open\n" * 30_000
    row = imported(uploaded(north, content))
    assert (row.state, row.created) == ("failed", 1999)
    assert "quote" in row.trouble


@pytest.mark.parametrize(
    ("mapping", "by", "field"),
    [
        (["login", "moon"], "", "column-1"),
        (["login", "login"], "", "column-1"),
        (["status", ""], "", "mapping"),
        (["login"], "", "mapping"),
        (["login", "full_name"], "email", "by"),
        (["login", "custom.moon"], "", "column-1"),
    ],
)
def test_columns_that_do_not_fit_are_told(north: Tenant, mapping: list[str], by: str, field: str) -> None:
    row = uploaded(north, b"login,name\na,Anna\n")
    with pytest.raises(Problem) as problem:
        importing.configure(row, mapping, has_header=True, by=by, known="update")
    assert field in [fault.field for fault in problem.value.faults]


def test_an_interrupted_import_goes_on_where_it_was(north: Tenant) -> None:
    content = b"login,name\n" + b"".join(b'u%d,"name\n%d"\n' % (n, n) for n in range(4500))
    content += b"u4500,%s\n" % (b"x" * 2000)
    row = uploaded(north, content)
    importing.configure(row, row.mapping, has_header=True, by="login", known="update")
    importing.start(row)
    for _ in range(2):
        with pytest.raises(JobAborted):
            importing.run(Interrupted(), row.pk)  # type: ignore[arg-type]
    importing.run(Uninterrupted(), row.pk)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert counts(row) == ("done", 4501, 4500, 0, 0, 1)
    assert Contact.objects.filter(workspace=north.workspace).count() == 4500
    assert ImportFault.objects.get().row == 4502


def test_a_process_that_wakes_up_late_changes_nothing(north: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    row = uploaded(north, b"login\na\n")
    importing.configure(row, row.mapping, has_header=True, by="", known="update")
    importing.start(row)
    sleeper = Import.objects.get(pk=row.pk)
    importing.run(Uninterrupted(), row.pk)  # type: ignore[arg-type]
    monkeypatch.setattr(importing, "_rows", lambda *_: iter([TableRow(6, 0, ["login"]), TableRow(8, 0, ["a"])]))
    importing._run(Uninterrupted(), sleeper)  # type: ignore[arg-type]
    assert Contact.objects.filter(workspace=north.workspace).count() == 1


def test_a_table_that_nobody_starts_is_forgotten_after_some_days(
    north: Tenant, files_dir: Path, django_capture_on_commit_callbacks: Any
) -> None:
    old, young = (uploaded(north, b"login,name\na,Anna\n") for _ in range(2))
    Import.objects.filter(pk=old.pk).update(created_at=timezone.now() - importing.UNSTARTED - timedelta(hours=1))
    with django_capture_on_commit_callbacks(execute=True):
        importing.forget_unstarted()
    assert dict(Import.objects.values_list("pk", "state")) == {old.pk: "cancelled", young.pk: "new"}
    assert [path.name for path in files_dir.rglob("*") if path.is_file()] == [Path(young.path).name]


def test_a_cancelled_import_stops_and_forgets_its_file(
    north: Tenant, files_dir: Path, django_capture_on_commit_callbacks: Any
) -> None:
    row = uploaded(north, b"login,name\na,Anna\n")
    importing.configure(row, row.mapping, has_header=True, by="login", known="update")
    importing.start(row)
    with pytest.raises(Problem):
        importing.start(row)
    with django_capture_on_commit_callbacks(execute=True):
        importing.cancel(row, actor=ACTOR)
    importing.run(Uninterrupted(), row.pk)  # type: ignore[arg-type]
    row.refresh_from_db()
    assert (row.state, Contact.objects.count()) == ("cancelled", 0)
    assert not [path for path in files_dir.rglob("*") if path.is_file()]
