"""Contacts as CSV, row by row, safe to open in a spreadsheet, and fit to be imported again."""

import csv
from collections.abc import Iterator

from django.db.models import QuerySet

from gatepost.audience.contacts import as_said_each, chunks
from gatepost.audience.models import Contact, Import
from gatepost.audience.values import FIELDS
from gatepost.audience.vocabulary import Vocabulary
from gatepost.messages.export import MARK, cell


def lines(contacts: QuerySet[Contact], vocabulary: Vocabulary) -> Iterator[str]:
    """The lines of the file, oldest contact first; any size of it takes the same memory."""
    columns = [*FIELDS, *(f"custom.{key}" for key in vocabulary.custom)]
    yield MARK + _line([name.removeprefix("custom.") for name in columns])
    for ids in chunks(contacts):
        rows = list(contacts.filter(pk__in=ids).order_by("pk"))
        yield "".join(_line([_text(said[name]) for name in columns]) for said in as_said_each(rows, vocabulary))


def fault_lines(row: Import) -> Iterator[str]:
    """The rows of an import that could not be taken, with what is wrong, so that they can be put right."""
    names = row.columns if row.has_header else [f"column {place + 1}" for place in range(len(row.columns))]
    yield MARK + _line(["row", "problem", *names])
    for fault in row.faults.order_by("id").iterator(chunk_size=1000):
        yield _line([fault.row, fault.words, *fault.cells])


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def _line(cells: list[object] | list[str]) -> str:
    return str(csv.writer(_Echo(), quoting=csv.QUOTE_ALL).writerow([cell(one) for one in cells]))


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text
