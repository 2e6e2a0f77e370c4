"""Imports over the API: upload, what is guessed, start, progress, the rows with errors."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.integration.audience.test_import import MESSY, Uninterrupted
from tests.support.tenants import Tenant, tenant

from gatepost.audience import importing
from gatepost.audience.models import Contact, Import

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files_dir")]


def upload(owner: Tenant, content: bytes, name: str = "klienci.csv") -> Any:
    return owner.api().post("/api/v1/contacts/imports", {"file": SimpleUploadedFile(name, content)})


def test_a_table_is_uploaded_started_and_watched(send: Any, north: Tenant) -> None:
    answer = upload(north, MESSY.encode("cp1250"))
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert shown["mapping"] == ["external_id", "full_name", "phones", "email", "location", "plans", ""]
    assert (shown["state"], shown["by"], shown["has_header"]) == ("new", "external_id", True)
    path = f"/contacts/imports/{shown['id']}"
    mapping = ["external_id", "full_name", "phones", "", "", "", ""]
    started = send("POST", f"{path}/start", {"mapping": mapping, "list_name": "Spring"})
    assert (started.status_code, started.json()["state"]) == (200, "running"), started.content
    importing.run(Uninterrupted(), shown["id"])  # type: ignore[arg-type]
    done = send("GET", path).json()
    assert (done["state"], done["share_done"], done["rows"], done["created"], done["failed"]) == ("done", 100, 6, 4, 1)
    assert Contact.objects.filter(workspace=north.workspace, email="").count() == 4
    errors = b"".join(send("GET", f"{path}/errors").streaming_content).decode()
    assert "The phone number is too short" in errors
    assert [one["id"] for one in send("GET", "/contacts/imports").json()["items"]] == [shown["id"]]


def test_what_does_not_fit_is_said_and_can_be_put_right(send: Any, north: Tenant) -> None:
    path = f"/contacts/imports/{upload(north, MESSY.encode()).json()['id']}"
    wrong = send("POST", f"{path}/start", {"mapping": ["login", "login"]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")
    assert send("POST", f"{path}/start", {"by": "phone"}).status_code == 200
    again = send("POST", f"{path}/start", {})
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")


def test_what_is_no_table_leaves_nothing(north: Tenant) -> None:
    assert upload(north, b"").status_code == 422
    assert north.api().post("/api/v1/contacts/imports", {}).json()["code"] == "no_file"
    assert not Import.objects.exists()


def test_a_cancelled_import_cannot_be_started(send: Any, north: Tenant) -> None:
    path = f"/contacts/imports/{upload(north, MESSY.encode()).json()['id']}"
    assert send("POST", f"{path}/cancel", {}).json()["state"] == "cancelled"
    assert send("POST", f"{path}/start", {}).json()["code"] == "already_decided"


def test_tenants_never_meet(north: Tenant) -> None:
    number = upload(north, MESSY.encode()).json()["id"]
    south = tenant("South").api()
    for method, end in (("get", ""), ("post", "/start"), ("post", "/cancel"), ("get", "/errors")):
        answer = getattr(south, method)(
            f"/api/v1/contacts/imports/{number}{end}",
            *([{}, "application/json"] if method == "post" else []),
        )
        assert answer.status_code == 404, (method, end)
    assert south.get("/api/v1/contacts/imports").json()["items"] == []
