"""Imports: a table is uploaded, its columns are matched with fields, and a job makes contacts of its rows.

The job works in chunks: contacts, faults, counts and the place in the file are one transaction, which begins by locking
the import at the place that it expects. So every row is taken exactly once, whichever process dies or wakes up when.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate, islice
from typing import Any, Final, cast

from django.db import connection, transaction
from django.utils import timezone

from gatepost.audience import files, guesses, saving, tables, values
from gatepost.audience.documents import file_name
from gatepost.audience.models import Import, ImportFault, Kind
from gatepost.audience.saving import BYS, By, Known, Result
from gatepost.audience.tables import Shape, TableRow
from gatepost.audience.values import FIELDS, Draft
from gatepost.audience.vocabulary import LONGEST_NAME, Vocabulary, load
from gatepost.jobs.app import JobAborted, Work, defer
from gatepost.messages.export import uncell
from gatepost.problems import Fault, Problem
from gatepost.sms.dialling import dialled_countries
from gatepost.workspaces.models import Workspace
from gatepost.workspaces.services import audit

FOLDER: Final = "imports"
JOB: Final = "audience.import"
CHUNK: Final = 2000
CHUNK_BYTES: Final = 8 * 1024 * 1024
"""Of the file: rows may be as long as tables.LONGEST_ROW, and so many of them would not fit into memory."""
PREVIEW: Final = 5
GUESSED_BY: Final = 200
"""So many rows are looked at to tell what people are found by, and how their phones are written."""
MOST_FAULTS: Final = 10_000
"""So many rows are kept for the list of errors; the rest is counted."""
LONGEST_CELL: Final = 1000
UNSTARTED: Final = timedelta(days=7)
"""So long a table waits for somebody to say what its columns are."""

Running = Import.State.RUNNING


@dataclass(frozen=True, slots=True)
class Sample:
    """A row of the preview: its cells, what is made of them, and what is wrong."""

    cells: list[str]
    draft: Draft


def upload(workspace: Workspace, name: str, content: Iterable[bytes], *, actor: str) -> Import:
    """Keep the table and guess what its columns are. Raises Problem `file_unfit` or `body_too_large`."""
    path, _ = files.keep(FOLDER, workspace.pk, content, limit=tables.LIMIT)
    try:
        whole = files.whole(path)
        vocabulary = load(workspace)
        shape = tables.prepare(whole, lambda cells: len([one for one in guesses.guess(cells, vocabulary) if one]))
        beginning = [one.cells for one in _bounded(tables.rows(whole, shape), GUESSED_BY, CHUNK_BYTES)]
        if not beginning:
            raise tables.unfit("file_empty", "The table has no rows.")
        columns = [cell[:LONGEST_NAME].replace("\x00", "").strip() for cell in beginning[0]]
        has_header = guesses.looks_like_header(columns, vocabulary)
        mapping = guesses.guess(columns, vocabulary) if has_header else [""] * len(columns)
        beginning = beginning[int(has_header) :]
        with transaction.atomic():
            row = Import.objects.create(
                workspace=workspace,
                actor=actor,
                name=_called(name, shape),
                path=path,
                size=whole.stat().st_size,
                encoding=shape.encoding,
                delimiter=shape.delimiter,
                columns=columns,
                has_header=has_header,
                mapping=mapping,
                by=_guessed_by(mapping, beginning),
                country=_guessed_country(mapping, beginning, vocabulary),
            )
            audit(actor, "import.upload", row, workspace)
    except BaseException:
        files.forget([path])
        raise
    row.refresh_from_db()
    return row


def _guessed_by(mapping: Sequence[str], beginning: Sequence[Sequence[str]]) -> str:
    """What people that are known can be found by: of what the table has, what most of its first rows say."""
    places = {by: mapping.index(field) for by in BYS if (field := {"phone": "phones"}.get(by, by)) in mapping}
    filled = {by: len(_column(n, beginning)) for by, n in places.items()}
    return max(filled, key=lambda by: filled[by], default="")


def _guessed_country(mapping: Sequence[str], beginning: Sequence[Sequence[str]], vocabulary: Vocabulary) -> str:
    phones = _column(mapping.index("phones"), beginning) if "phones" in mapping else []
    return guesses.country_of_phones(phones, vocabulary.default_country)


def _column(place: int, rows: Sequence[Sequence[str]]) -> list[str]:
    """What stands in the column, empty cells aside."""
    return [cell for cells in rows for cell in cells[place : place + 1] if cell.strip()]


def _called(name: str, shape: Shape) -> str:
    """The file's name, with the sheet of a workbook that has several."""
    called = file_name(name, "csv").removesuffix(".csv")
    return (f"{called[:90]} ({shape.sheet[:57]})" if shape.sheet else called)[:150]


def find(workspace: Workspace, import_id: int) -> Import:
    """One of the workspace's. Raises Problem `not_found`."""
    row = Import.objects.filter(workspace=workspace, pk=import_id).select_related("workspace").first()
    if row is None:
        raise Problem("not_found", "The workspace has no such import.")
    return row


def configure(
    row: Import,
    mapping: Sequence[str],
    *,
    has_header: bool,
    by: str,
    known: str,
    kind: str = Kind.CUSTOMER.value,
    list_name: str = "",
    country: str = "",
) -> None:
    """Say what the columns are and what becomes of contacts that are known.

    Raises Problem `invalid`, or `already_decided` for an import that was started before.
    """
    if row.state != Import.State.NEW:
        raise Problem("already_decided")
    allowed = {"", *FIELDS, *(f"custom.{key}" for key in load(row.workspace).custom)}
    faults = [
        Fault(f"column-{n}", "bad_choice", "Choose a field.") for n, one in enumerate(mapping) if one not in allowed
    ]
    used = [one for one in mapping if one]
    faults += [
        Fault(f"column-{n}", "twice", "Another column fills this field, too.")
        for n, one in enumerate(mapping)
        if one and one in mapping[:n]
    ]
    if len(mapping) != len(row.columns) or not {*used} & {"external_id", "login", "full_name", "email", "phones"}:
        words = "Choose at least one of name, login, external id, e-mail and phones."
        faults.append(Fault("mapping", "required", words))
    if by not in {"", *BYS} or (by and {"phone": "phones"}.get(by, by) not in used):
        faults.append(Fault("by", "bad_choice", "No column is chosen for this field."))
    if known not in ("update", "skip") or kind not in Kind.values:
        faults.append(Fault("known", "bad_choice", "Choose what is offered."))
    if country and country not in dialled_countries():
        faults.append(Fault("country", "bad_country", "Write a two-letter country code such as PL, or none."))
    if faults:
        raise Problem("invalid", faults=faults)
    row.country = country
    row.mapping, row.has_header, row.by, row.known, row.kind = list(mapping), has_header, by, known, kind
    row.list_name = " ".join(list_name.replace("\x00", "").split())[:LONGEST_NAME]
    row.save(update_fields=["mapping", "has_header", "by", "known", "kind", "list_name", "country"])


def preview(row: Import) -> list[Sample]:
    """The first rows as they would be taken."""
    vocabulary = _vocabulary(row)
    found = islice(_rows(row, 0), int(row.has_header), PREVIEW + int(row.has_header))
    return [Sample(one.cells, draft_of(row, one.cells, vocabulary)) for one in found]


def start(row: Import) -> None:
    """Have the job done. Raises Problem `already_decided` for an import that was started before."""
    with transaction.atomic():
        if not Import.objects.filter(pk=row.pk, state=Import.State.NEW).update(state=Running):
            raise Problem("already_decided")
        audit(row.actor, "import.start", row, row.workspace)
        defer(JOB, lock=f"import {row.pk}", import_id=row.pk)


def cancel(row: Import, *, actor: str) -> None:
    """Stop it after the present chunk; what was taken stays."""
    waiting = (Import.State.NEW, Running)
    with transaction.atomic():
        stopped = Import.objects.filter(pk=row.pk, state__in=waiting)
        if stopped.update(state=Import.State.CANCELLED, ended_at=timezone.now()):
            audit(actor, "import.cancel", row, row.workspace)
            transaction.on_commit(lambda: files.forget([row.path]))


def forget_unstarted() -> None:
    """Cancel those that nobody has started for some days, so that their files go."""
    waiting = Import.objects.filter(state=Import.State.NEW, created_at__lt=timezone.now() - UNSTARTED)
    for row in waiting.select_related("workspace"):
        cancel(row, actor=f"Gatepost (not started for {UNSTARTED.days} days)")


def run(work: Work, import_id: int) -> None:
    """The job: from where the last one got to, to the end, or until it is cancelled."""
    row = Import.objects.select_related("workspace").filter(pk=import_id, state=Running).first()
    if row is None:
        return
    try:
        _run(work, row)
    except Problem as problem:
        _end(row, Import.State.FAILED, problem.detail)
    except JobAborted:
        raise
    except Exception:
        if work.is_last_attempt:
            _end(row, Import.State.FAILED, "Something went wrong on our side; the log of the server says more.")
        raise


def _vocabulary(row: Import) -> Vocabulary:
    return replace(load(row.workspace), default_country=row.country)


def _run(work: Work, row: Import) -> None:
    vocabulary = _vocabulary(row)
    coming = _rows(row, row.offset)
    while chunk := list(_bounded(coming, CHUNK, row.offset + CHUNK_BYTES)):
        work.check()
        is_begun = row.offset > 0
        before = row.rows + row.empty + int(row.has_header and is_begun)
        numbers = list(accumulate((1 + one.gap for one in chunk), initial=before))[1:]
        is_header = row.has_header and not is_begun
        taken = [(number, one.cells) for number, one in zip(numbers, chunk, strict=True)][int(is_header) :]
        drafts = [draft_of(row, cells, vocabulary) for _, cells in taken]
        with transaction.atomic():
            locked = Import.objects.select_for_update().get(pk=row.pk)
            if locked.state != Running or locked.offset != row.offset:
                return
            results = saving.save(
                vocabulary, drafts, by=cast("By | None", row.by or None), known=cast("Known", row.known)
            )
            _keep_faults(row, vocabulary, taken, results)
            _count(row, results, chunk)
    _end(row, Import.State.DONE)
    with connection.cursor() as cursor:
        # Filters of what has just come in large numbers would be planned as if it were not there.
        cursor.execute("analyze contact")


def _bounded(coming: Iterator[TableRow], most: int, until: int) -> Iterator[TableRow]:
    """The next rows, so many at most, and none after the one that passes that byte."""
    for one in islice(coming, most):
        yield one
        if one.end >= until:
            return


def draft_of(row: Import, cells: Sequence[str], vocabulary: Vocabulary) -> Draft:
    """What the row says. A column that is not there says nothing, and neither does an empty cell."""
    said: dict[str, Any] = {
        field: uncell(cell) for field, cell in zip(row.mapping, cells, strict=False) if field and cell.strip()
    }
    if "kind" not in row.mapping:
        said["kind"] = row.kind
    draft = values.read(said, vocabulary)
    if row.list_name:
        draft.names.setdefault("lists", []).append(row.list_name)
    return draft


def _rows(row: Import, offset: int) -> Iterator[TableRow]:
    try:
        yield from tables.rows(files.whole(row.path), Shape(row.encoding, row.delimiter), offset)
    except FileNotFoundError:
        raise Problem("not_found", "The uploaded file is not there any more.") from None


def _keep_faults(
    row: Import, vocabulary: Vocabulary, taken: Sequence[tuple[int, list[str]]], results: Sequence[Result]
) -> None:
    room = max(0, MOST_FAULTS - row.failed)
    wrong = ((one, result) for one, result in zip(taken, results, strict=True) if result.what == "failed")
    ImportFault.objects.bulk_create(
        ImportFault(
            contact_import=row,
            row=number,
            words=" ".join(f"{values.title(fault.field, vocabulary)}: {fault.detail}" for fault in result.faults),
            cells=[cell[:LONGEST_CELL].replace("\x00", "") for cell in cells],
        )
        for (number, cells), result in islice(wrong, room)
    )


def _count(row: Import, results: Sequence[Result], chunk: Sequence[TableRow]) -> None:
    row.offset = chunk[-1].end
    row.rows += len(results)
    row.empty += sum(one.gap for one in chunk)
    names = ("created", "updated", "unchanged", "skipped", "failed")
    for name in names:
        setattr(row, name, getattr(row, name) + sum(result.what == name for result in results))
    row.save(update_fields=["offset", "rows", "empty", *names])


def _end(row: Import, state: Import.State, trouble: str = "") -> None:
    with transaction.atomic():
        ended = Import.objects.filter(pk=row.pk, state=Running)
        if ended.update(state=state, trouble=trouble[:300], ended_at=timezone.now()):
            audit(row.actor, f"import.{state}", row, row.workspace, created=row.created, updated=row.updated)
            transaction.on_commit(lambda: files.forget([row.path]))
