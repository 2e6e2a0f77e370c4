"""Whatever is sent, the answer is a problem with a code, a sentence and a remedy, and never a 5xx."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from tests.support.acme import Acme
from tests.support.tenants import Tenant, tenant

from gatepost import problems
from gatepost.api import errors
from gatepost.gateways import catalogue

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Tenant:
    return tenant("North")


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["type"] == f"urn:gatepost:problem:{code}"
    assert all(body[name] for name in ("title", "detail", "remedy"))
    return body


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/json", 422, "invalid"),
        (b"{", "application/json", 400, "bad_json"),
        (b'{"name": NaN}', "application/json", 400, "bad_json"),
        (b'{"name": 1e999}', "application/json", 400, "bad_json"),
        (b'{"name": "\\u0000"}', "application/json", 400, "bad_json"),
        (b'{"name": "\\ud800"}', "application/json", 400, "bad_json"),
        (b'{"\\udfff": 1}', "application/json", 400, "bad_json"),
        (b'{"name": "a", "name": "b"}', "application/json", 400, "bad_json"),
        (b'{"name": "\xff"}', "application/json", 400, "bad_json"),
        (b"[" * 100_000, "application/json", 400, "bad_json"),
        (b"1" * 10_000, "application/json", 400, "bad_json"),
        (b"[]", "application/json", 422, "invalid"),
        (b"null", "application/json", 422, "invalid"),
        (b'"text"', "application/json", 422, "invalid"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "not_json"),
        (b"{}", "text/plain", 415, "not_json"),
        (b"{}", "multipart/form-data; boundary=x", 415, "not_json"),
        (b'"' + b"x" * 2**20 + b'"', "application/json", 413, "body_too_large"),
        (b'{"name": "K", "scopes": ["messages:fly"]}', "application/json", 422, "invalid"),
        (b'{"name": "K", "scopes": ["messages:send"], "is_admin": true}', "application/json", 422, "invalid"),
        (
            b'{"name": "K", "scopes": ["messages:send"], "expires_at": "2020-01-01T00:00:00Z"}',
            "application/json",
            422,
            "invalid",
        ),
        (
            b'{"name": "K", "scopes": ["messages:send"], "expires_at": "2099-01-01T00:00:00"}',
            "application/json",
            422,
            "invalid",
        ),
        (
            b'{"name": "K", "scopes": ["messages:send"], "expires_at": "9999-12-31T23:59:59-01:00"}',
            "application/json",
            422,
            "invalid",
        ),
        (b'{"name": "  ", "scopes": ["messages:send"]}', "application/json", 422, "invalid"),
    ],
)
def test_a_bad_body_is_explained(north: Tenant, body: bytes, content_type: str, status: int, code: str) -> None:
    answer = north.api().generic("POST", "/api/v1/keys", body, content_type)
    found = problem(answer, status, code)
    if status == 422:
        assert all(set(fault) == {"field", "code", "detail"} for fault in found["errors"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v2/keys", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("PUT", "/api/v1/keys", 405, "method_not_allowed"),
        ("GET", "/api/v1/gateways/0", 404, "not_found"),
        ("GET", "/api/v1/gateways/99999999999999999999999", 404, "not_found"),
        ("GET", "/api/v1/gateways/abc", 404, "not_found"),
        ("GET", "/api/v1/gateways/9223372036854775807", 404, "not_found"),
        ("GET", "/api/v1/providers/nobody", 404, "not_found"),
        ("GET", "/api/v1/keys?cursor=%00", 400, "bad_request"),
        ("GET", "/api/v1/keys?cursor=xyz", 400, "bad_cursor"),
        ("GET", "/api/v1/keys?cursor=" + "9" * 99, 400, "bad_cursor"),
        ("GET", "/api/v1/keys?cursor=%ff%fe", 400, "bad_cursor"),
        ("GET", "/api/v1/keys?limit=0", 422, "invalid"),
        ("GET", "/api/v1/keys?limit=201", 422, "invalid"),
        ("GET", "/api/v1/keys?limit=many", 422, "invalid"),
        ("GET", "/api/v1/keys?" + "&".join(f"a{n}=1" for n in range(1100)), 400, "bad_request"),
    ],
)
def test_a_bad_address_or_query_is_explained(north: Tenant, method: str, path: str, status: int, code: str) -> None:
    answer = north.api().generic(method, path)
    problem(answer, status, code)
    assert ("Allow" in answer) == (status == 405)


def test_a_refusal_never_repeats_what_was_typed(north: Tenant, acme: Acme) -> None:
    body = {
        "provider": acme.slug,
        "name": "X",
        "settings": {"api_key": "canary\nline", "mode": "canary-mode"},
        "sender": 7,
    }
    answer = north.api().post("/api/v1/gateways", body, "application/json")
    assert answer.status_code == 422
    assert b"canary" not in answer.content
    body["sender"] = "Acme"
    answer = north.api().post("/api/v1/gateways", body, "application/json")
    found = problem(answer, 422, "invalid_settings")
    assert {fault["field"] for fault in found["errors"]} == {"settings.api_key", "settings.mode"}
    assert b"canary" not in answer.content


def test_any_offset_of_a_time_is_understood(north: Tenant) -> None:
    body = {"name": "K", "scopes": ["messages:send"], "expires_at": "9110-06-08T14:28:33+23:48"}
    answer = north.api().post("/api/v1/keys", body, "application/json")
    assert (answer.status_code, answer.json()["expires_at"]) == (201, "9110-06-07T14:40:33Z")


def test_an_unexpected_fault_is_logged_and_told_without_its_text(
    north: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("inner words")

    monkeypatch.setattr(catalogue, "entries", broken)
    answer = north.api().get("/api/v1/providers")
    problem(answer, 500, "internal_error")
    assert b"inner words" not in answer.content
    assert "inner words" in caplog.text


def test_a_database_that_is_away_asks_for_patience(north: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(catalogue, "entries", away)
    answer = north.api().get("/api/v1/providers")
    problem(answer, 503, "unavailable")
    assert int(answer["Retry-After"]) > 0


def test_an_unknown_key_is_challenged() -> None:
    answer = Client().get("/api/v1/workspace", headers={"Authorization": "Bearer nonsense"})
    problem(answer, 401, "invalid_key")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_pages_follow_one_another_without_gap_or_repeat(north: Tenant) -> None:
    client = north.api("keys:read")
    for _ in range(6):
        north.key("messages:read")
    seen: list[int] = []
    cursor = ""
    while True:
        page = client.get("/api/v1/keys", {"limit": 3, "cursor": cursor}).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
        north.key("messages:read")
    assert len(seen) == 7
    assert seen == sorted(set(seen), reverse=True)


def test_every_code_that_is_raised_stands_in_the_table_and_the_other_way_round() -> None:
    source = Path(problems.__file__).parent
    code = "\n".join(file.read_text("utf-8") for file in source.rglob("*.py") if file != Path(problems.__file__))
    assert set(re.findall(r'\bProblem\(\s*"([a-z_]+)"', code)) <= set(problems.KINDS)
    assert {name for name in problems.KINDS if f'"{name}"' not in code} == set()


def test_the_page_of_codes_lists_them_all() -> None:
    page = errors.reference()
    assert all(f"| `{code}` | {kind.status} |" in page for code, kind in problems.KINDS.items())


def test_a_document_is_json_with_what_the_occurrence_adds() -> None:
    told = problems.document(
        problems.Problem("invalid", faults=[problems.Fault("to", "bad", "No.")], more={"affected": []})
    )
    assert json.loads(json.dumps(told))["errors"] == [{"field": "to", "code": "bad", "detail": "No."}]
    assert told["affected"] == []
