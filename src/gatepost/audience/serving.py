"""Giving files back: for keeping, never for looking at in the browser."""

from typing import Protocol

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from gatepost.audience import files


class Kept(Protocol):
    """A file of the slice: what people call it, and where it is."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...


def served(row: Kept) -> HttpResponse:
    """The file, which is small enough to be read at once. Raises Problem `not_found` where it is gone."""
    with files.read(row.path) as file:
        answer = HttpResponse(file.read(), content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(True, row.name) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
