"""An import survives its worker: every row exactly once."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from tests.support.installation import installation, wait_until

from gatepost.audience import importing
from gatepost.audience.models import Contact, Import

pytestmark = pytest.mark.faults

ROWS = 30_000


def test_a_killed_worker_takes_every_row_of_an_import_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_setup: None, django_db_blocker: Any
) -> None:
    monkeypatch.setattr(settings, "FILES_DIR", tmp_path / "files")
    with django_db_blocker.unblock(), installation(tmp_path) as running:
        lines = (f"{n},Person {n},+48600{n:06}\n" for n in range(ROWS))
        content = "id,name,phone\n" + "".join(lines)
        row = importing.upload(running.workspace, "people.csv", [content.encode()], actor="test")
        # Without a key to find a contact by, a row that is taken twice is there twice.
        importing.configure(row, row.mapping, has_header=True, by="", known="update")
        importing.start(row)

        def done() -> int:
            row.refresh_from_db()
            return row.rows

        for share in (0.1, 0.5):
            worker = running.start_worker()
            wait_until(lambda share=share: done() > ROWS * share, 60, "the import to get on")
            worker.kill()
            assert row.state == Import.State.RUNNING, "the import was over before the kill"
        running.start_worker()
        wait_until(lambda: done() == ROWS and row.state == Import.State.DONE, 90, "the import to end")
        assert (row.created, row.failed) == (ROWS, 0)
        assert Contact.objects.count() == ROWS
        assert Contact.objects.values("external_id").distinct().count() == ROWS
