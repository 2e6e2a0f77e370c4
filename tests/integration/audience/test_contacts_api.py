"""Contacts over the API: batches, single ones, filters, segments, documents, and that tenants never meet."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from tests.support.tenants import Tenant, tenant

from gatepost.audience.models import Contact, Document, TariffPlan
from gatepost.workspaces.models import AuditEntry

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.4 not much"


def batch(send: Any, *said: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = send("POST", "/contacts/batch", {"contacts": list(said), **more})
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_a_batch_adds_changes_and_leaves_alone(send: Any, north: Tenant) -> None:
    one = {"external_id": "1", "full_name": "Anna", "phones": ["600 100 200"], "tags": ["VIP"], "custom": {"debt": 5}}
    assert [r["what"] for r in batch(send, one, {"external_id": "2", "login": "bo"})] == ["created", "created"]
    assert [r["what"] for r in batch(send, one, {"external_id": "2", "status": "blocked"})] == ["unchanged", "updated"]
    [changed] = batch(send, {"external_id": "1", "tags": ["New"], "custom": {"node": "West", "debt": None}})
    shown = send("GET", f"/contacts/{changed['id']}").json()
    assert shown["phones"] == ["+48600100200"]
    assert shown["tags"] == ["New", "VIP"]
    assert shown["custom"] == {"node": "West"}
    assert Contact.objects.filter(workspace=north.workspace).count() == 2


def test_what_does_not_fit_is_told_at_its_place_and_the_others_are_saved(send: Any, north: Tenant) -> None:
    results = batch(
        send,
        {"external_id": "1", "phones": ["12"], "email": "nobody"},
        {"external_id": "2", "login": "bo"},
        {"external_id": "3", "login": "BO"},
        {"login": "no-key"},
        {"external_id": "4", "status": "asleep", "custom": {"moon": 1, "grade": "Iron", "contract_end": "soon"}},
    )
    assert [r["what"] for r in results] == ["failed", "created", "failed", "failed", "failed"]
    assert {(e["field"], e["code"]) for r in results for e in r["errors"]} == {
        ("phones", "number_too_short"),
        ("email", "bad_email"),
        ("login", "taken"),
        ("external_id", "required"),
        ("status", "bad_choice"),
        ("custom.moon", "unknown_field"),
        ("custom.grade", "bad_choice"),
        ("custom.contract_end", "bad_date"),
    }
    assert [one.login for one in Contact.objects.filter(workspace=north.workspace)] == ["bo"]


def test_the_same_contact_twice_in_a_batch_is_one(send: Any, north: Tenant) -> None:
    results = batch(send, {"external_id": "1", "login": "a"}, {"external_id": "1", "full_name": "Anna"})
    assert [r["what"] for r in results] == ["created", "updated"]
    assert results[0]["id"] == results[1]["id"]
    [row] = Contact.objects.filter(workspace=north.workspace)
    assert (row.login, row.full_name) == ("a", "Anna")


@pytest.mark.parametrize(
    ("match", "first", "again"),
    [
        ("login", {"login": "Anna"}, {"login": "ANNA", "full_name": "New"}),
        ("phone", {"full_name": "A", "phones": ["600100200", "600100201"]}, {"phones": ["+48600100201"], "login": "x"}),
        ("email", {"email": "a@ex.pl"}, {"email": "A@EX.PL", "full_name": "New"}),
    ],
)
def test_a_contact_is_found_again_by_the_chosen_key(
    send: Any, north: Tenant, match: str, first: dict[str, Any], again: dict[str, Any]
) -> None:
    [made] = batch(send, first, match=match)
    [changed] = batch(send, again, match=match)
    assert (changed["what"], changed["id"]) == ("updated", made["id"])


def test_names_are_made_only_where_that_is_wanted(send: Any, north: Tenant) -> None:
    [result] = batch(send, {"external_id": "1", "plans": ["Fibre"]}, create_names=False)
    assert [(e["field"], e["code"]) for e in result["errors"]] == [("plans", "unknown_name")]
    batch(send, {"external_id": "1", "plans": ["Fibre", "FIBRE"]})
    assert [plan.name for plan in TariffPlan.objects.filter(workspace=north.workspace)] == ["Fibre"]


def test_a_thousand_and_one_are_too_many(send: Any) -> None:
    answer = send("POST", "/contacts/batch", {"contacts": [{"external_id": str(n)} for n in range(1001)]})
    assert answer.status_code == 422


def test_one_contact_is_made_changed_and_deleted(send: Any, north: Tenant) -> None:
    answer = send("POST", "/contacts", {"full_name": "Anna", "tags": ["A", "B"], "partner": "Main"})
    assert answer.status_code == 201, answer.content
    address = f"/contacts/{answer.json()['id']}"
    changed = send("PATCH", address, {"tags": ["B"], "partner": None, "full_name": "Anna Żak"}).json()
    assert (changed["tags"], changed["partner"], changed["full_name"]) == (["B"], "", "Anna Żak")
    assert send("PATCH", address, {"email": "nobody"}).json()["errors"][0]["field"] == "email"
    assert send("DELETE", address).status_code == 204
    assert send("GET", address).status_code == 404
    actions = set(AuditEntry.objects.filter(workspace=north.workspace).values_list("action", flat=True))
    assert {"contact.add", "contact.change", "contact.delete"} <= actions


def test_somebody_needs_to_be_somebody(send: Any) -> None:
    answer = send("POST", "/contacts", {"status": "active"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "nobody")


def test_lists_are_searched_filtered_and_paged(send: Any) -> None:
    batch(send, *({"external_id": str(n), "full_name": f"Person {n}", "phones": [f"60010020{n}"]} for n in range(5)))
    first = send("GET", "/contacts?limit=3").json()
    rest = send("GET", f"/contacts?limit=3&cursor={first['next_cursor']}").json()
    assert [c["external_id"] for c in first["items"] + rest["items"]] == ["4", "3", "2", "1", "0"]
    assert [c["external_id"] for c in send("GET", "/contacts?q=PERSON%204").json()["items"]] == ["4"]
    assert [c["external_id"] for c in send("GET", "/contacts?q=600100203").json()["items"]] == ["3"]
    assert [c["external_id"] for c in send("GET", "/contacts?q=%2B48600100203").json()["items"]] == ["3"]
    assert send("GET", "/contacts?q=%00").status_code == 400
    filter_ = '{"field":"full_name","op":"contains","value":["1","2"]}'
    assert [c["external_id"] for c in send("GET", f"/contacts?filter={filter_}").json()["items"]] == ["2", "1"]
    assert send("POST", "/contacts/count", {"filter": {"any": []}}).json() == {"count": 0}
    for wrong in ("{", '{"field":"moon"}', '{"field":"login","op":"is","value":"\\ud800"}', "[" * 5000):
        answer = send("GET", f"/contacts?filter={wrong}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_segments_are_saved_once_and_checked(send: Any, north: Tenant) -> None:
    filter_ = {"field": "status", "op": "is", "value": ["active"]}
    made = send("POST", "/segments", {"name": "Active", "filter": filter_})
    assert (made.status_code, made.json()["filter"]) == (201, filter_)
    assert send("POST", "/segments", {"name": "Active", "filter": {}}).json()["code"] == "name_taken"
    assert send("POST", "/segments", {"name": "Odd", "filter": {"field": "moon"}}).status_code == 422
    assert [one["name"] for one in send("GET", "/segments").json()["items"]] == ["Active"]
    one = f"/segments/{made.json()['id']}"
    other = send("POST", "/segments", {"name": "New", "filter": {"field": "status", "op": "is", "value": "new"}}).json()
    assert send("PATCH", one, {"name": " Still  active "}).json()["name"] == "Still active"
    assert send("PATCH", one, {"filter": other["filter"]}).json() == made.json() | {
        "name": "Still active",
        "filter": other["filter"],
    }
    assert send("PATCH", one, {"name": "New"}).json()["code"] == "name_taken"
    for odd in ({"name": ""}, {"filter": {"field": "moon"}}, {"colour": "red"}):
        assert send("PATCH", one, odd).status_code == 422
    assert send("GET", "/segments").json()["items"][1]["filter"] == other["filter"]
    assert tenant("South").api().patch(f"/api/v1{one}", {}, content_type="application/json").status_code == 404
    assert send("DELETE", one).status_code == 204


def upload(client: Any, contact: int, content: bytes, **said: str) -> Any:
    form = {"kind": "invoice", "number": "1/26", "date": "2026-01-31", "amount": "49,99", "currency": "pln"} | said
    file = SimpleUploadedFile("../../etc/in voice.exe", content)
    return client.post(f"/api/v1/contacts/{contact}/documents", {**form, "file": file})


def test_documents_come_and_go_with_their_files(
    send: Any, north: Tenant, files_dir: Path, django_capture_on_commit_callbacks: Any
) -> None:
    [made] = batch(send, {"external_id": "1"})
    client = north.api()
    answer = upload(client, made["id"], PDF)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["name"], shown["amount"], shown["currency"]) == ("in voice.exe.pdf", "49.99", "PLN")
    assert shown["size"] == len(PDF)
    row = Document.objects.get()
    assert (files_dir / row.path).read_bytes() == PDF
    assert (files_dir / row.path).stat().st_mode & 0o777 == 0o600
    back = client.get(f"/api/v1/contacts/{made['id']}/documents/{shown['id']}/file")
    assert back.content == PDF
    assert back["Content-Disposition"].startswith("attachment")
    with django_capture_on_commit_callbacks(execute=True):
        assert send("DELETE", f"/contacts/{made['id']}").status_code == 204
    assert not (files_dir / row.path).exists()


@pytest.mark.parametrize(
    ("content", "said", "code"),
    [
        (b"", {}, "file_unfit"),
        (b"MZ not a document", {}, "file_unfit"),
        (b"<html>", {}, "file_unfit"),
        (PDF + b"x" * (10 * 1024 * 1024), {}, "body_too_large"),
        (PDF, {"kind": "love letter"}, "invalid"),
        (PDF, {"date": "yesterday"}, "invalid"),
        (PDF, {"amount": "1e99"}, "invalid"),
        (PDF, {"amount": "NaN"}, "invalid"),
        (PDF, {"currency": "€€€"}, "invalid"),
    ],
)
def test_what_is_no_document_leaves_nothing(
    send: Any, north: Tenant, files_dir: Path, content: bytes, said: dict[str, str], code: str
) -> None:
    [made] = batch(send, {"external_id": "1"})
    assert upload(north.api(), made["id"], content, **said).json()["code"] == code
    assert not Document.objects.exists()
    assert not [path for path in files_dir.rglob("*") if path.is_file()]


def test_a_stranger_meets_nobody(send: Any, north: Tenant) -> None:
    [made] = batch(send, {"external_id": "1", "login": "anna"})
    stranger = tenant("South")
    client = stranger.api()
    assert client.get(f"/api/v1/contacts/{made['id']}").status_code == 404
    assert client.get("/api/v1/contacts?external_id=1").json()["items"] == []
    assert upload(client, made["id"], PDF).status_code == 404
    own = client.post(
        "/api/v1/contacts/batch", {"contacts": [{"external_id": "1", "login": "anna"}]}, "application/json"
    )
    assert own.json()["results"][0]["what"] == "created"
