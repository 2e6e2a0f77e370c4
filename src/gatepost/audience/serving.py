"""Giving files back: for keeping, never for looking at in the browser."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from gatepost.audience import files
from gatepost.audience.models import Document


def served(row: Document) -> HttpResponse:
    """The document's file, which is small enough to be read at once. Raises Problem `not_found` where it is gone."""
    with files.read(row.path) as file:
        answer = HttpResponse(file.read(), content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(True, row.name) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
